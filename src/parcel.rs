//! A message on its way: what core carries, with the place for its reply.
//!
//! Core stores messages of many types in one queue, so the type is erased here and found again
//! by the agent. One allocation holds message, reply and notes, and a handler borrows the
//! message from it: the parcel outlives a panic, a lost worker and the caller.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use ebbtide_core::Outcome;
use parking_lot::Mutex;

use crate::floor::outlive;
use crate::headers::Headers;

/// What core carries.
pub(crate) type Parcel = Arc<dyn Carried>;

/// Failure texts kept by message: the last ones tell the story.
const NOTES: usize = 16;

/// A message of some type, with or without a place for a reply.
pub(crate) trait Carried: Send + Sync + 'static {
    fn message(&self) -> &(dyn Any + Send + Sync);
    fn headers(&self) -> &Headers;
    /// Its `call`-th call starts: only that one's reply counts from here on.
    fn begin(&self, call: u32);
    /// Where a reply goes: a [`ReplySlot`] of its type.
    fn reply_slot(&self) -> Option<&(dyn Any + Send + Sync)>;
    /// It has its outcome. Its sender is woken with nothing left of it here, so that it may
    /// have the message back.
    fn finish(self: Arc<Self>, ending: Ending);
    fn notes(&self) -> &Notes;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) attempts: u32,
}

/// What handlers said of their failed attempts, the latest [`NOTES`] of them.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub(crate) fn add(&self, text: String) {
        let mut notes = self.0.lock();
        if notes.len() == NOTES {
            notes.remove(0);
        }
        notes.push(text);
    }

    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().last().cloned()
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

/// A message that gets no reply.
pub(crate) struct Letter<M> {
    pub(crate) message: M,
    headers: Headers,
    notes: Notes,
}

/// A message that gets a reply.
pub(crate) struct Inquiry<M, R> {
    pub(crate) message: M,
    pub(crate) headers: Headers,
    pub(crate) notes: Notes,
    pub(crate) reply: ReplySlot<R>,
}

impl<M> Letter<M> {
    #[inline]
    pub(crate) fn new(message: M, headers: Headers) -> Self {
        Self {
            message,
            headers,
            notes: Notes::default(),
        }
    }
}

impl<M: Send + Sync + 'static> Carried for Letter<M> {
    fn message(&self) -> &(dyn Any + Send + Sync) {
        &self.message
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn begin(&self, _call: u32) {}

    fn reply_slot(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }

    fn finish(self: Arc<Self>, _ending: Ending) {}

    fn notes(&self) -> &Notes {
        &self.notes
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> Carried for Inquiry<M, R> {
    fn message(&self) -> &(dyn Any + Send + Sync) {
        &self.message
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn begin(&self, call: u32) {
        self.reply.call.store(call, Ordering::Release);
    }

    fn reply_slot(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.reply)
    }

    fn finish(self: Arc<Self>, ending: Ending) {
        let waker = self.reply.finish(ending);
        // Its sender is told even if the message panics when it is dropped.
        outlive(|| drop(self));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn notes(&self) -> &Notes {
        &self.notes
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// Where a request's reply waits for its outcome, and its caller for both.
pub(crate) struct ReplySlot<R> {
    /// The message's present call.
    call: AtomicU32,
    state: Mutex<ReplyState<R>>,
}

struct ReplyState<R> {
    offered: Option<R>,
    ending: Option<Ending>,
    waker: Option<Waker>,
}

impl<R> Default for ReplySlot<R> {
    fn default() -> Self {
        Self {
            call: AtomicU32::new(0),
            state: Mutex::new(ReplyState {
                offered: None,
                ending: None,
                waker: None,
            }),
        }
    }
}

impl<R> ReplySlot<R> {
    /// A call's handler has its reply ready; whether it counts is core's to say. The reply of
    /// a call that is no longer the message's present one is dropped.
    pub(crate) fn offer(&self, call: u32, reply: R) {
        let mut state = self.state.lock();
        if self.call.load(Ordering::Acquire) == call {
            state.offered = Some(reply);
        }
    }

    fn finish(&self, ending: Ending) -> Option<Waker> {
        let mut state = self.state.lock();
        state.ending = Some(ending);
        state.waker.take()
    }

    /// The outcome, and the reply if it is "delivered".
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<(Ending, Option<R>)> {
        let mut state = self.state.lock();
        if let Some(ending) = state.ending {
            let reply = state.offered.take();
            let counts = ending.outcome == Outcome::Delivered;
            return Poll::Ready((ending, reply.filter(|_| counts)));
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}
