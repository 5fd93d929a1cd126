//! Events: a message for one agent that is not answered.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ebbtide_core::message::Kind;

use crate::address::AgentRef;
use crate::admission::{Admitted, IfFull};
use crate::error::{NotAccepted, SendError};
use crate::options::{Options, message_options};
use crate::parcel::{Letter, Notes, Parcel};
use crate::room::{Ticket, Turn};

/// An event on its way to be sent; await it until it is accepted.
#[must_use = "an event is sent when it is awaited"]
pub struct Event<'a, M, R> {
    agent: &'a AgentRef<M, R>,
    message: M,
    options: Options,
}

message_options!('a, M, R; Event<'a, M, R>);

impl<'a, M: Send + Sync + 'static, R: Send + 'static> Event<'a, M, R> {
    pub(crate) fn new(agent: &'a AgentRef<M, R>, message: M, options: Options) -> Self {
        Self {
            agent,
            message,
            options,
        }
    }

    /// Sends it now, if the queue has room for it.
    ///
    /// # Errors
    /// [`SendError`], which gives the message back.
    pub fn try_now(self) -> Result<(), SendError<M>> {
        match self.submit(IfFull::Refuse) {
            Admitted::Refused(reason, parcel) => Err(send_error(reason, parcel)),
            Admitted::Accepted(_) | Admitted::Waits(..) => Ok(()),
        }
    }

    fn submit(mut self, if_full: IfFull) -> Admitted {
        let headers = self.options.take_headers();
        let letter = Letter {
            message: self.message,
            headers,
            notes: Notes::default(),
        };
        let shared = &self.agent.broker.shared;
        let submission = self.options.submission(
            self.agent.id,
            Kind::Event,
            shared.clock.now(),
            Arc::new(letter),
        );
        shared.submit(if_full, submission)
    }
}

impl<'a, M: Send + Sync + 'static, R: Send + 'static> IntoFuture for Event<'a, M, R> {
    type Output = Result<(), SendError<M>>;
    type IntoFuture = Sending<'a, M, R>;

    fn into_future(self) -> Sending<'a, M, R> {
        Sending(Stage::Unsent(self))
    }
}

/// An event being sent. Dropped before it is accepted, it is not sent.
#[must_use = "an event is sent when it is awaited"]
pub struct Sending<'a, M: Send + Sync + 'static, R: Send + 'static>(Stage<'a, M, R>);

enum Stage<'a, M, R> {
    Unsent(Event<'a, M, R>),
    Waits(&'a AgentRef<M, R>, Ticket, Arc<Turn>),
    Over,
}

/// The message is moved, never polled in place.
impl<M: Send + Sync + 'static, R: Send + 'static> Unpin for Sending<'_, M, R> {}

impl<M: Send + Sync + 'static, R: Send + 'static> Future for Sending<'_, M, R> {
    type Output = Result<(), SendError<M>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if matches!(self.0, Stage::Unsent(_))
            && let Stage::Unsent(event) = std::mem::replace(&mut self.0, Stage::Over)
        {
            let agent = event.agent;
            match event.submit(IfFull::Wait) {
                Admitted::Accepted(_) => return Poll::Ready(Ok(())),
                Admitted::Refused(reason, parcel) => {
                    return Poll::Ready(Err(send_error(reason, parcel)));
                }
                Admitted::Waits(ticket, turn) => {
                    self.0 = Stage::Waits(agent, ticket, turn);
                }
            }
        }
        let Stage::Waits(_, _, turn) = &self.0 else {
            panic!("polled after it was over");
        };
        let told = ready!(turn.poll(cx));
        self.0 = Stage::Over;
        Poll::Ready(match told {
            Ok(_) => Ok(()),
            Err((reason, parcel)) => Err(send_error(reason, parcel)),
        })
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> Drop for Sending<'_, M, R> {
    fn drop(&mut self) {
        if let Stage::Waits(agent, ticket, turn) = &self.0 {
            agent.broker.shared.leave(*ticket, turn);
        }
    }
}

fn send_error<M: Send + Sync + 'static>(reason: NotAccepted, parcel: Parcel) -> SendError<M> {
    let letter = parcel.into_any().downcast::<Letter<M>>().ok();
    let letter = letter.and_then(Arc::into_inner);
    let message = letter.expect("a refused message is nobody else's").message;
    SendError { reason, message }
}

impl<M, R> fmt::Debug for Event<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Event");
        it.field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> fmt::Debug for Sending<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
