//! Which settings matter, and when.
//!
//! Most brokers need none: workers and batches are the controller's to choose, within the bounds
//! of [`BrokerConfig`](crate::BrokerConfig). What the controller cannot know is what you want, and
//! what your agents bear.
//!
//! # Say what is fast enough
//!
//! ```
//! use ebbtide::BrokerConfig;
//!
//! let config = BrokerConfig {
//!     objective: Some("p95(sojourn) < 500ms".parse()?),
//!     max_workers: 20,
//!     ..BrokerConfig::default()
//! };
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without an objective `adaptive` steers for short waits at little cost. With one it weighs what
//! workers cost against lateness beyond the limit, at `price_late`: raise it where lateness hurts
//! and there shall be workers in reserve, lower it where workers are dear.
//!
//! # Say what your agents bear
//!
//! `in_flight_limit`, `call_rate` and `unit_rate` of an [`AgentConfig`](crate::AgentConfig) are cheaper
//! than a 429: a message that waits in the queue costs nothing, one that is refused costs a call.
//! Where the agent says 429 all the same, hand it on
//! ([`Failure::too_many_requests`](crate::Failure::too_many_requests)).
//!
//! # Workers and slots
//!
//! A worker is a task with `delivery_parallelism` slots; a slot carries one call and takes the next
//! as soon as that ends. For agents that wait (remote calls) slots are what counts, and a
//! worker has ten. For agents that compute, a worker's slots share one thread at a time: set
//! `delivery_parallelism` low, and let workers be the unit.
//!
//! # The queue
//!
//! `max_queue_size` is patience: ten seconds' worth of traffic is a good bound. A longer queue does
//! not deliver more, it delivers later. `max_queue_bytes` counts the size of a message's type;
//! say [`size`](crate::Request::size) where messages own much memory.
//!
//! # Timeouts
//!
//! `call_timeout_ms` should be a little more than the slowest call that still ends well. Much longer,
//! and a hung agent holds its slots; shorter, and work is done twice. A handler that takes
//! long and knows that it lives says [`progress`](crate::Context::progress).
//!
//! # Batches
//!
//! Only batch agents have them. The policy sets size and timeout within `max_batch_size`,
//! `max_batch_timeout_ms` and the agent's own caps; an agent whose calls cost little beyond their
//! items gains nothing from waiting, and the fitted call cost says so to the controller.
//!
//! # Try it first
//!
//! The `ebbtide` command simulates a configuration on the very state machine that runs in here:
//! `ebbtide simulate FILE` for the figures, `ebbtide explain` for why the pool had the size it had.
//! A [decision log](crate::Builder::decision_log) says the same of a live broker, and
//! [`set_dry_run`](crate::Broker::set_dry_run) lets a policy decide without applying anything.
