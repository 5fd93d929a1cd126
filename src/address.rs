//! Where messages go: a handle to one agent, with its types.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use ebbtide_core::message::AgentId;

use crate::broker::Open;
use crate::context::Ambient;
use crate::error::SendError;
use crate::options::Options;
use crate::request::Request;
use crate::send::Event;

/// A handle to an agent. Cheap to clone, and keeps the broker alive.
///
/// ```
/// use ebbtide::{AgentRef, Broker, Lane};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder()
///     .agent("length", async |text: &String| Ok(text.len()))
///     .start()
///     .await?;
/// let length: AgentRef<String, usize> = broker.agent("length")?;
/// assert_eq!(length.request("four".to_owned()).lane(Lane::High).await?, 4);
/// # Ok(())
/// # }
/// ```
pub struct AgentRef<M, R> {
    pub(crate) broker: Arc<Open>,
    pub(crate) id: AgentId,
    name: Arc<str>,
    of: PhantomData<fn(M) -> R>,
}

impl<M: Send + Sync + 'static, R: Send + 'static> AgentRef<M, R> {
    pub(crate) fn new(broker: Arc<Open>, id: AgentId, name: Arc<str>) -> Self {
        Self {
            broker,
            id,
            name,
            of: PhantomData,
        }
    }

    /// The agent's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The agent, as events and statistics name it.
    #[must_use]
    pub fn id(&self) -> AgentId {
        self.id
    }

    /// A request: to be awaited, for the reply.
    ///
    /// Nothing is sent before it is awaited. It waits while the queue is full; dropping it
    /// cancels it, wherever it is, and frees its place.
    pub fn request(&self, message: M) -> Request<'_, M, R> {
        Request::new(self, message, self.options())
    }

    /// An event: to be awaited until it is accepted. It waits while the queue is full.
    ///
    /// ```
    /// # use ebbtide::Broker;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = Broker::builder().start().await?;
    /// let log = broker.add_agent("log", async |line: &String| {
    ///     eprintln!("{line}");
    ///     Ok(())
    /// })?;
    /// log.send("started".to_owned()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(&self, message: M) -> Event<'_, M, R> {
        Event::new(self, message, self.options())
    }

    /// Sends an event, if the queue has room for it.
    ///
    /// # Errors
    /// [`SendError`], which gives the message back.
    pub fn try_send(&self, message: M) -> Result<(), SendError<M>> {
        self.send(message).try_now()
    }

    fn options(&self) -> Options {
        Options::of::<M>(Ambient::current(self.broker.shared.number))
    }
}

impl<M, R> Clone for AgentRef<M, R> {
    fn clone(&self) -> Self {
        Self {
            broker: self.broker.clone(),
            id: self.id,
            name: self.name.clone(),
            of: PhantomData,
        }
    }
}

impl<M, R> fmt::Debug for AgentRef<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("AgentRef");
        it.field("name", &self.name).field("id", &self.id).finish()
    }
}
