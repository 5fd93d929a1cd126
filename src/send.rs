//! Events: a message for one agent that is not answered. And what events and broadcasts have
//! in common: their passage into the queue.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ebbtide_core::message::Kind;

use crate::address::AgentRef;
use crate::admission::{Admitted, IfFull, Told};
use crate::error::{NotAccepted, SendError};
use crate::options::{Options, message_options};
use crate::parcel::{Letter, Parcel};
use crate::room::{Ticket, Turn};
use crate::shared::Shared;

/// An event on its way to be sent; await it until it is accepted.
#[must_use = "an event is sent when it is awaited"]
pub struct Event<'a, M, R> {
    agent: &'a AgentRef<M, R>,
    /// Where the message stays: it is moved no more.
    letter: Arc<Letter<M>>,
    options: Options,
}

message_options!('a, M, R; Event<'a, M, R>);

impl<'a, M: Send + Sync + 'static, R: Send + 'static> Event<'a, M, R> {
    pub(crate) fn new(agent: &'a AgentRef<M, R>, message: M, options: Options) -> Self {
        Self {
            agent,
            letter: Letter::new(message),
            options,
        }
    }

    /// Sends it now, if the queue has room for it.
    ///
    /// # Errors
    /// [`SendError`], which gives the message back.
    pub fn try_now(self) -> Result<(), SendError<M>> {
        match self.into_future().submit(IfFull::Refuse) {
            None => Ok(()),
            Some(admitted) => accepted(admitted.at_once()),
        }
    }
}

impl<'a, M: Send + Sync + 'static, R: Send + 'static> IntoFuture for Event<'a, M, R> {
    type Output = Result<(), SendError<M>>;
    type IntoFuture = Sending<'a, M, R>;

    #[inline]
    fn into_future(self) -> Sending<'a, M, R> {
        Sending {
            agent: self.agent,
            letter: Some(self.letter),
            options: self.options,
            waits: None,
        }
    }
}

/// An event being sent. Dropped before it is accepted, it is not sent.
#[must_use = "an event is sent when it is awaited"]
pub struct Sending<'a, M, R> {
    agent: &'a AgentRef<M, R>,
    /// `None` once it is handed in.
    letter: Option<Arc<Letter<M>>>,
    options: Options,
    /// It waits for room.
    waits: Option<Passage<'a>>,
}

impl<'a, M: Send + Sync + 'static, R: Send + 'static> Sending<'a, M, R> {
    /// Hands it in; `None`: it was left on the porch, as most are.
    #[inline(always)]
    fn submit(&mut self, if_full: IfFull) -> Option<Admitted> {
        let AgentRef { broker, id, .. } = self.agent;
        let letter = &mut self.letter;
        let mut letter = || letter.take().expect("polled after it was over");
        let kind = Kind::Event;
        if (broker.shared).leave_on_porch(*id, kind, &self.options, || letter()) {
            return None;
        }
        let (now, mut letter) = (broker.shared.clock.now(), letter());
        if let Some(headers) = self.options.take_headers() {
            letter.address(headers);
        }
        let options = &mut self.options;
        Some((broker.shared).send(if_full, now, *id, kind, options, letter))
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> Future for Sending<'_, M, R> {
    type Output = Result<(), SendError<M>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(passage) = &mut self.waits {
            return passage.poll(cx).map(accepted);
        }
        match self.submit(IfFull::Wait) {
            None => Poll::Ready(Ok(())),
            Some(Admitted::Told(told)) => Poll::Ready(accepted(told)),
            Some(Admitted::Waits(ticket, turn)) => {
                let shared = &self.agent.broker.shared;
                let passage = self.waits.insert(Passage::Waits(shared, ticket, turn));
                passage.poll(cx).map(accepted)
            }
        }
    }
}

#[inline]
fn accepted<M: Send + Sync + 'static>(told: Told) -> Result<(), SendError<M>> {
    match told {
        Ok(_) => Ok(()),
        Err((reason, parcel)) => Err(send_error(reason, parcel)),
    }
}

/// A message without a reply on its way into the queue. Dropped while it waits for room, it
/// does not enter.
pub(crate) enum Passage<'a> {
    Waits(&'a Arc<Shared>, Ticket, Arc<Turn>),
    /// What became of it, until that was told.
    Over(Option<Told>),
}

impl<'a> Passage<'a> {
    pub(crate) fn begin(shared: &'a Arc<Shared>, admitted: Admitted) -> Self {
        match admitted {
            Admitted::Told(told) => Self::Over(Some(told)),
            Admitted::Waits(ticket, turn) => Self::Waits(shared, ticket, turn),
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        if let Self::Waits(_, _, turn) = self {
            let told = ready!(turn.poll(cx));
            *self = Self::Over(Some(told));
        }
        match self {
            Self::Over(told) => Poll::Ready(told.take().expect("polled after it was over")),
            Self::Waits(..) => unreachable!("it has just ended"),
        }
    }
}

impl Drop for Passage<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Self::Waits(shared, ticket, turn) = self {
            shared.leave(*ticket, turn);
        }
    }
}

pub(crate) fn send_error<M: Send + Sync + 'static>(
    reason: NotAccepted,
    parcel: Parcel,
) -> SendError<M> {
    let letter = parcel.into_any().downcast::<Letter<M>>().ok();
    let letter = letter.and_then(Arc::into_inner);
    let message = letter.expect("a refused message is nobody else's").message;
    SendError {
        reason,
        message: message.into_inner(),
    }
}

impl<M, R> fmt::Debug for Event<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Event");
        it.field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl<M, R> fmt::Debug for Sending<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
