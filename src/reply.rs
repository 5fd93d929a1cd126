//! Where a request's reply waits for its outcome: a handler leaves it, core says whether it counts,
//! and the caller has both.
//!
//! Apart so that `tests/interleavings` can try each order in which the three may meet.

use std::task::{Context, Poll, Waker};

use ebbtide_core::Outcome;

use crate::sync::{AtomicU64, Mutex, Ordering};

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) attempts: u32,
}

/// Where a request's reply waits for its outcome, and its caller for both.
pub(crate) struct ReplySlot<R> {
    /// The message's present call.
    call: AtomicU64,
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
            call: AtomicU64::new(0),
            state: Mutex::new(ReplyState {
                offered: None,
                ending: None,
                waker: None,
            }),
        }
    }
}

impl<R> ReplySlot<R> {
    /// Who is to be woken, if nobody else knows of it yet.
    pub(crate) fn await_by(&mut self, waker: Waker) {
        self.state.get_mut().waker = Some(waker);
    }

    /// The message's `call`-th call starts: only that one's reply counts from here on.
    pub(crate) fn begin(&self, call: u64) {
        self.call.store(call, Ordering::Release);
    }

    /// A call's handler has its reply ready; whether it counts is core's to say. The reply of
    /// a call that is no longer the message's present one is dropped.
    pub(crate) fn offer(&self, call: u64, reply: R) {
        let mut state = self.state.lock();
        if self.call.load(Ordering::Acquire) == call {
            state.offered = Some(reply);
        }
    }

    /// The message has its outcome; whoever is to be woken for it.
    pub(crate) fn finish(&self, ending: Ending) -> Option<Waker> {
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
