//! Requests: a message that is answered.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ebbtide_core::message::{Kind, MessageId};

use crate::address::AgentRef;
use crate::admission::{Accepted, Admitted, IfFull, Told};
use crate::error::{NoReply, NotAccepted, RequestError, SendError};
use crate::options::{Options, message_options};
use crate::parcel::{Inquiry, Parcel};
use crate::reply::Ending;
use crate::room::{Ticket, Turn};

/// A request on its way to be sent; await it for the reply.
#[must_use = "a request is sent when it is awaited"]
pub struct Request<'a, M, R> {
    agent: &'a AgentRef<M, R>,
    /// Where message and reply stay: they are moved no more.
    inquiry: Arc<Inquiry<M, R>>,
    options: Options,
}

message_options!('a, M, R; Request<'a, M, R>);

impl<'a, M: Send + Sync + 'static, R: Send + 'static> Request<'a, M, R> {
    pub(crate) fn new(agent: &'a AgentRef<M, R>, message: M, options: Options) -> Self {
        Self {
            agent,
            inquiry: Inquiry::new(message),
            options,
        }
    }

    /// Sends it now, if the queue has room for it; the reply is to be awaited.
    ///
    /// # Errors
    /// [`SendError`], which gives the message back.
    pub fn try_now(self) -> Result<Reply<'a, M, R>, SendError<M>> {
        let mut reply = self.into_future();
        match reply.submit(IfFull::Refuse) {
            Some(reason) => Err(SendError {
                reason,
                message: reply
                    .take_back()
                    .expect("a refused message is nobody else's"),
            }),
            None => Ok(reply),
        }
    }
}

impl<'a, M: Send + Sync + 'static, R: Send + 'static> IntoFuture for Request<'a, M, R> {
    type Output = Result<R, RequestError<M>>;
    type IntoFuture = Reply<'a, M, R>;

    fn into_future(mut self) -> Reply<'a, M, R> {
        if let Some(headers) = self.options.take_headers() {
            self.inquiry.address(headers);
        }
        Reply {
            agent: self.agent,
            options: self.options,
            inquiry: Some(self.inquiry),
            progress: Progress::Unsent,
        }
    }
}

/// A request's reply, to be awaited. Dropped before it is there, it cancels the request.
#[must_use = "dropping a reply cancels its request"]
pub struct Reply<'a, M: Send + Sync + 'static, R: Send + 'static> {
    agent: &'a AgentRef<M, R>,
    options: Options,
    /// `None` once it is over.
    inquiry: Option<Arc<Inquiry<M, R>>>,
    progress: Progress,
}

enum Progress {
    Unsent,
    /// It waits for room.
    Waits(Ticket, Arc<Turn>),
    Accepted(MessageId),
    /// It was left on the porch.
    Left,
    Over,
}

impl<M: Send + Sync + 'static, R: Send + 'static> Reply<'_, M, R> {
    /// Sends the request; why not, if it is refused.
    fn submit(&mut self, if_full: IfFull) -> Option<NotAccepted> {
        let inquiry = self.inquiry.as_ref().expect("it is not over");
        let inquiry = || inquiry.clone() as Parcel;
        let AgentRef { broker, id, .. } = self.agent;
        let kind = Kind::Request;
        if (broker.shared).leave_on_porch(*id, kind, &self.options, inquiry) {
            self.progress = Progress::Left;
            return None;
        }
        let (now, options) = (broker.shared.clock.now(), &mut self.options);
        match (broker.shared).send(if_full, now, *id, kind, options, inquiry()) {
            Admitted::Told(told) => return self.told(told),
            Admitted::Waits(ticket, turn) => self.progress = Progress::Waits(ticket, turn),
        }
        None
    }

    /// Learns whether it was accepted; why not, if it was refused.
    fn told(&mut self, told: Told) -> Option<NotAccepted> {
        match told {
            Ok(Accepted::Message(message)) => {
                self.progress = Progress::Accepted(message);
                None
            }
            Ok(Accepted::Left) => {
                self.progress = Progress::Left;
                None
            }
            Ok(Accepted::Copies(_)) => unreachable!("a request is no broadcast"),
            Err((reason, _)) => {
                self.progress = Progress::Over;
                Some(reason)
            }
        }
    }

    fn take_back(&mut self) -> Option<M> {
        let inquiry = self.inquiry.take().and_then(Arc::into_inner);
        inquiry.map(|inquiry| inquiry.message.into_inner())
    }

    fn fail(&mut self, reason: NoReply) -> Result<R, RequestError<M>> {
        self.progress = Progress::Over;
        // Of other ends a handler has said nothing.
        let said = matches!(
            reason,
            NoReply::Rejected | NoReply::Discarded | NoReply::DeadLettered { .. }
        );
        let inquiry = self.inquiry.as_ref().filter(|_| said);
        let text = inquiry.and_then(|inquiry| inquiry.notes.last());
        Err(RequestError {
            reason,
            text,
            message: self.take_back(),
        })
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, RequestError<M>>> {
        let inquiry = self.inquiry.as_ref().expect("polled after it was over");
        let (Ending { outcome, attempts }, reply) = ready!(inquiry.reply.poll(cx));
        Poll::Ready(match reply {
            Some(reply) => {
                self.progress = Progress::Over;
                self.inquiry = None;
                Ok(reply.into_inner())
            }
            None => self.fail(NoReply::of(outcome, attempts)),
        })
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> Future for Reply<'_, M, R> {
    type Output = Result<R, RequestError<M>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if matches!(this.progress, Progress::Unsent) {
            let inquiry = this.inquiry.as_mut().expect("it is not over");
            inquiry.await_by(cx.waker().clone());
            if let Some(reason) = this.submit(IfFull::Wait) {
                return Poll::Ready(this.fail(reason.into()));
            }
            if matches!(this.progress, Progress::Accepted(_) | Progress::Left) {
                return Poll::Pending;
            }
        }
        if let Progress::Waits(_, turn) = &this.progress {
            let told = ready!(turn.poll(cx));
            if let Some(reason) = this.told(told) {
                return Poll::Ready(this.fail(reason.into()));
            }
        }
        this.poll_reply(cx)
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> Drop for Reply<'_, M, R> {
    fn drop(&mut self) {
        let shared = &self.agent.broker.shared;
        match &self.progress {
            Progress::Unsent | Progress::Over => {}
            Progress::Waits(ticket, turn) => shared.leave(*ticket, turn),
            Progress::Accepted(message) => shared.cancel(*message),
            Progress::Left => {
                if let Some(inquiry) = &self.inquiry {
                    shared.cancel_left(inquiry);
                }
            }
        }
    }
}

impl<M, R> fmt::Debug for Request<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Request");
        it.field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> fmt::Debug for Reply<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Reply");
        it.field("agent", &self.agent).finish_non_exhaustive()
    }
}
