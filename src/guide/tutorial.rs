//! From the first message to a policy of your own.
//!
//! # An agent is a closure, or a type
//!
//! An agent has a name and a handler. The handler borrows its message, and says with a `Result`
//! what became of it. Types are found by the compiler: the handle that
//! [`add_agent`](crate::Broker::add_agent) returns takes the handler's message and gives its reply.
//!
//! ```
//! # use ebbtide::{Broker, with};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Broker::builder().start().await?;
//! let length = broker.add_agent("length", async |text: &String| Ok(text.len()))?;
//! assert_eq!(length.request("four".to_owned()).await?, 4);
//!
//! // State is an argument, so that the closure need not capture it.
//! let prefix = "Dear ".to_owned();
//! let letter = broker.add_agent(
//!     "letter",
//!     with(prefix, async |prefix: &String, name: &String| Ok(format!("{prefix}{name}"))),
//! )?;
//! assert_eq!(letter.request("Ada".to_owned()).await?, "Dear Ada");
//! # Ok(())
//! # }
//! ```
//!
//! A handler that uses a client gets it in the same way: `with` takes the client, or an `Arc` of one
//! that others use too. An async closure that *captured* it would not compile, since its future would
//! borrow from the closure. A handler that must own its message takes it
//! [`by_value`](crate::by_value()), a clone for each attempt, and one that serves many messages with one
//! call takes a [`Batch`](crate::Batch):
//!
//! ```
//! # use std::sync::Arc;
//! # use ebbtide::{Batch, Broker, Failure, by_value, with};
//! # struct Client;
//! # impl Client {
//! #     async fn ask(&self, prompt: &str) -> Result<String, std::io::Error> { Ok(prompt.to_uppercase()) }
//! # }
//! # #[derive(Clone)]
//! # struct Job { text: String }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let broker = Broker::builder().start().await?;
//! let client = Arc::new(Client);
//! let model = broker.add_agent(
//!     "model",
//!     with(client.clone(), async |client: &Arc<Client>, job: &Job| {
//!         Ok(client.ask(&job.text).await?) // an error means: try again
//!     }),
//! )?;
//! assert_eq!(model.request(Job { text: "hello".to_owned() }).await?, "HELLO");
//!
//! let owned = broker.add_agent("owned", by_value(async |job: Job| Ok(job.text)))?;
//! assert_eq!(owned.request(Job { text: "mine".to_owned() }).await?, "mine");
//!
//! // One result for each message, in their order.
//! let lengths = broker.add_agent("lengths", async |batch: Batch<'_, Job>| {
//!     batch.iter().map(|job| Ok::<_, Failure>(job.text.len())).collect()
//! })?;
//! assert_eq!(lengths.request(Job { text: "four".to_owned() }).await?, 4);
//! # Ok(())
//! # }
//! ```
//!
//! Larger agents are types that implement [`Agent`](crate::Agent) or
//! [`BatchAgent`](crate::BatchAgent). [`IntoAgent`](crate::IntoAgent) lists all forms. (A message
//! type that contains a reference, even a `&'static str`, can trip the compiler where a handler
//! holds a handle for it across an `await`: own your data.)
//!
//! # What follows from a failure is the handler's to say
//!
//! An error with `?` means "try again", within the limits of attempts and the retry budget.
//! [`Failure`](crate::Failure) says anything else: later, too many requests, reject, discard. A
//! panic is a failed attempt like any other, and the message survives it.
//!
//! ```
//! # use ebbtide::{Broker, Context, Failure};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let broker = Broker::builder().start().await?;
//! let flaky = broker.add_agent("flaky", async |text: &String, call: &Context| {
//!     if call.attempt() < 3 {
//!         panic!("the first two attempts");
//!     }
//!     Ok(text.parse::<u32>().map_err(|_| Failure::reject("not a number"))?)
//! })?;
//! assert_eq!(flaky.request("42".to_owned()).await?, 42);
//! let error = flaky.request("x".to_owned()).await.unwrap_err();
//! assert_eq!(error.to_string(), "the agent rejected the request: not a number");
//! # Ok(())
//! # }
//! ```
//!
//! # Requests, events, broadcasts
//!
//! A [request](crate::AgentRef::request) is awaited for its reply, an
//! [event](crate::AgentRef::send) until it is accepted, a [broadcast](crate::Broker::broadcast) until
//! every subscriber's copy is. All of them take a lane, a deadline, a delay, an ordering key,
//! headers and an idempotency key, and all of them wait while the queue is full; `try_now` gives
//! the message back instead. Dropping a request cancels it, wherever it is.
//!
//! ```
//! # use std::time::Duration;
//! # use ebbtide::{Broker, Lane};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let broker = Broker::builder().start().await?;
//! # let mail = broker.add_agent("mail", async |_: &String| Ok(()))?;
//! mail.request("now, please".to_owned())
//!     .lane(Lane::High)
//!     .deadline(Duration::from_secs(2))
//!     .header("traceparent", "00-4bf9-00f0-01")
//!     .await?;
//! mail.send("tonight will do".to_owned())
//!     .lane(Lane::Bulk)
//!     .delay(Duration::from_secs(3600))
//!     .idempotency_key("newsletter/2026-11")
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! A request that a handler makes inherits its own message's deadline and headers: nobody works
//! for a caller who has gone.
//!
//! # What protects an agent
//!
//! An [`AgentConfig`](crate::AgentConfig) in place of the name: calls in flight, calls and units per
//! second, replicas, timeouts. Messages wait in the queue while a limit binds, and other agents'
//! messages pass them.
//!
//! ```
//! # use ebbtide::{AgentConfig, Broker, Rate, RateLimit};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let broker = Broker::builder().start().await?;
//! let tokens = Rate::per_second(5_000.0).expect("it is not negative");
//! let model = AgentConfig {
//!     in_flight_limit: Some(4),
//!     unit_rate: Some(RateLimit { rate: tokens, burst: 10_000 }),
//!     ..AgentConfig::new("model")
//! };
//! let model = broker.add_agent(model, async |prompt: &String| Ok(prompt.to_uppercase()))?;
//! model.request("hello".to_owned()).units(12).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Watching it
//!
//! [`stats`](crate::Broker::stats) is a snapshot of one instant, [`events`](crate::Broker::events) a
//! stream of what is worth a line in a log, [`dead_letters`](crate::Broker::dead_letters) what was
//! given up. The controller's latest decision, with its reason, is in the snapshot; a
//! [decision log](crate::Builder::decision_log) keeps all of them.
//!
//! # A policy of your own
//!
//! A [`Policy`](crate::Policy) sees an [`Observation`](crate::Observation) of the last interval and asks
//! for workers, batch size and batch timeout. It is pure, so the simulator runs the same type on
//! a year of traffic in a minute, before it ships.
//!
//! ```
//! use ebbtide::{Broker, Decision, Observation, Policy, Reason};
//!
//! struct OnePerTenWaiting;
//!
//! impl Policy for OnePerTenWaiting {
//!     fn name(&self) -> &str {
//!         "one-per-ten-waiting"
//!     }
//!
//!     fn decide(&mut self, seen: &Observation) -> Decision {
//!         let wanted = seen.queue.waiting as f64 / 10.0;
//!         // Within the bounds; batches stay as they are.
//!         Decision::of_workers(wanted, seen, Reason::new("backlog", "one worker for ten messages"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Broker::builder().policy(OnePerTenWaiting).start().await?;
//! # broker.shutdown(std::time::Duration::ZERO).await;
//! # Ok(())
//! # }
//! ```
