//! Agents: what handles messages. A type with an `async fn`, or a closure (`handler.rs`).

use std::future::Future;
use std::marker::PhantomData;

use crate::context::Context;
use crate::failure::Failure;
use crate::parcel::typed;
use crate::runner::Member;

/// A type that handles messages one at a time.
///
/// The handler borrows its message, which stays with the broker until it has its outcome: a
/// panic, a hang or a lost worker costs the attempt, never the message. Calls run at the same
/// time, up to the agent's limits, so the agent is shared.
///
/// ```
/// use ebbtide::{Agent, Broker, Context, Failure};
///
/// struct Greeter {
///     greeting: String,
/// }
///
/// impl Agent for Greeter {
///     type Message = String;
///     type Reply = String;
///
///     async fn handle(&self, name: &String, _: &Context) -> Result<String, Failure> {
///         Ok(format!("{}, {name}!", self.greeting))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder().start().await?;
/// let greeter = broker.add_agent("greeter", Greeter { greeting: "Good morning".into() })?;
/// assert_eq!(greeter.request("Ada".to_owned()).await?, "Good morning, Ada!");
/// # Ok(())
/// # }
/// ```
pub trait Agent: Send + Sync + 'static {
    /// What it is sent.
    type Message: Send + Sync + 'static;
    /// What a request gets back.
    type Reply: Send + 'static;

    /// Handles one message. An error says what is to follow: see [`Failure`].
    fn handle(
        &self,
        message: &Self::Message,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Reply, Failure>> + Send;
}

/// A type that handles a whole batch of messages in one call.
///
/// A batch closes when it is full or its timeout ends; size and timeout are the policy's to
/// set, within the broker's and the agent's bounds.
///
/// ```
/// use ebbtide::{Batch, BatchAgent, Broker, Context, Failure};
///
/// struct Doubler;
///
/// impl BatchAgent for Doubler {
///     type Message = u32;
///     type Reply = u32;
///
///     async fn handle(&self, batch: Batch<'_, u32>, _: &Context) -> Vec<Result<u32, Failure>> {
///         batch.iter().map(|number| Ok(number * 2)).collect()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder().start().await?;
/// let doubler = broker.add_agent("doubler", Doubler)?;
/// let both = tokio::join!(doubler.request(1), doubler.request(2));
/// assert_eq!((both.0?, both.1?), (2, 4));
/// # Ok(())
/// # }
/// ```
pub trait BatchAgent: Send + Sync + 'static {
    /// What it is sent.
    type Message: Send + Sync + 'static;
    /// What each request gets back.
    type Reply: Send + 'static;

    /// Handles a batch: one result each, in the order of the batch. A message without a result
    /// counts as failed.
    fn handle(
        &self,
        batch: Batch<'_, Self::Message>,
        context: &Context,
    ) -> impl Future<Output = Vec<Result<Self::Reply, Failure>>> + Send;
}

/// The messages of one call to a batch agent; at least one.
#[derive(Debug)]
pub struct Batch<'a, M> {
    members: &'a [Member],
    of: PhantomData<&'a M>,
}

impl<M> Clone for Batch<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Batch<'_, M> {}

impl<'a, M: Send + Sync + 'static> Batch<'a, M> {
    pub(crate) fn new(members: &'a [Member]) -> Self {
        Self {
            members,
            of: PhantomData,
        }
    }

    /// How many messages it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Never: a batch holds at least one message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The messages, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a M> + use<'a, M> {
        self.members.iter().map(|member| typed(&*member.parcel))
    }
}
