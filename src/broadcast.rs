//! Broadcasts: a message for every agent that subscribes to a topic.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ebbtide_core::message::{AgentId, Kind};

use crate::admission::{Accepted, Admitted, Entry, IfFull};
use crate::broker::Broker;
use crate::context::Ambient;
use crate::error::{NotAccepted, SendError};
use crate::options::{Options, message_options};
use crate::parcel::{Letter, Parcel};
use crate::send::{Passage, send_error};

/// A broadcast on its way to be sent; await it for the number of agents that get it.
#[must_use = "a broadcast is sent when it is awaited"]
pub struct Broadcast<'a, M> {
    broker: &'a Broker,
    topic: Arc<str>,
    message: M,
    options: Options,
}

message_options!('a, M; Broadcast<'a, M>);

impl Broker {
    /// A broadcast to every agent that subscribes to `topic` (`AgentConfig::topics`): to be
    /// awaited until it is accepted, for all of them or for none. It counts as one message for
    /// each; they share the message, which is not cloned.
    ///
    /// ```
    /// use ebbtide::{AgentConfig, Broker};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = Broker::builder().start().await?;
    /// for name in ["mail", "audit"] {
    ///     let config = AgentConfig { topics: vec!["orders".into()], ..AgentConfig::new(name) };
    ///     broker.add_agent(config, async |order: &u32| {
    ///         eprintln!("order {order}");
    ///         Ok(())
    ///     })?;
    /// }
    /// assert_eq!(broker.broadcast("orders", 7_u32).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast<M: Send + Sync + 'static>(
        &self,
        topic: impl Into<Arc<str>>,
        message: M,
    ) -> Broadcast<'_, M> {
        Broadcast {
            broker: self,
            topic: topic.into(),
            message,
            options: Options::of::<M>(Ambient::current(self.shared().number)),
        }
    }
}

impl<'a, M: Send + Sync + 'static> Broadcast<'a, M> {
    /// Sends it now, if the queue has room for all copies; how many there are.
    ///
    /// # Errors
    /// [`SendError`], which gives the message back.
    pub fn try_now(self) -> Result<usize, SendError<M>> {
        let told = self.submit(IfFull::Refuse).at_once();
        told.map(copies).map_err(back)
    }

    fn submit(mut self, if_full: IfFull) -> Admitted {
        let mut letter = Letter::new(self.message);
        if let Some(headers) = self.options.take_headers() {
            letter.address(headers);
        }
        let shared = self.broker.shared();
        // The agent of a broadcast is not read.
        let (to, kind, now) = (AgentId(u32::MAX), Kind::Broadcast, shared.clock.now());
        let idempotency_key = self.options.take_idempotency_key();
        let entry = Entry {
            submission: self.options.submission(to, kind, now, None, letter),
            topic: Some(self.topic),
            idempotency_key,
        };
        shared.submit(if_full, now, entry)
    }
}

impl<'a, M: Send + Sync + 'static> IntoFuture for Broadcast<'a, M> {
    type Output = Result<usize, SendError<M>>;
    type IntoFuture = Broadcasting<'a, M>;

    fn into_future(self) -> Broadcasting<'a, M> {
        Broadcasting(Stage::Unsent(self))
    }
}

/// A broadcast being sent. Dropped before it is accepted, it is not sent.
#[must_use = "a broadcast is sent when it is awaited"]
pub struct Broadcasting<'a, M>(Stage<'a, M>);

enum Stage<'a, M> {
    Unsent(Broadcast<'a, M>),
    Sent(Passage<'a>),
}

/// The message is moved, never polled in place.
impl<M> Unpin for Broadcasting<'_, M> {}

impl<M: Send + Sync + 'static> Future for Broadcasting<'_, M> {
    type Output = Result<usize, SendError<M>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stage = std::mem::replace(&mut self.0, Stage::Sent(Passage::Over(None)));
        let mut passage = match stage {
            Stage::Unsent(broadcast) => {
                let shared = broadcast.broker.shared();
                Passage::begin(shared, broadcast.submit(IfFull::Wait))
            }
            Stage::Sent(passage) => passage,
        };
        let polled = passage.poll(cx);
        self.0 = Stage::Sent(passage);
        polled.map(|told| told.map(copies).map_err(back))
    }
}

fn copies(accepted: Accepted) -> usize {
    match accepted {
        Accepted::Copies(copies) => copies.len(),
        Accepted::Message(_) | Accepted::Left => 1,
    }
}

fn back<M: Send + Sync + 'static>((reason, parcel): (NotAccepted, Parcel)) -> SendError<M> {
    send_error(reason, parcel)
}

impl<M> fmt::Debug for Broadcast<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Broadcast");
        it.field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Broadcasting<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcasting").finish_non_exhaustive()
    }
}
