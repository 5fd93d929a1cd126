//! What a handler is told besides its message, and what it can say while it works.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ebbtide_core::message::LeaseId;
use ebbtide_policies::units::{Duration, Time};
use tokio::sync::Notify;

use crate::crew::WorkerLink;
use crate::headers::Headers;

/// One call, as its handler sees it.
#[derive(Debug)]
pub struct Context {
    pub(crate) control: Arc<CallControl>,
    pub(crate) lease: LeaseId,
    pub(crate) attempt: u32,
    pub(crate) deadline: Option<Time>,
    pub(crate) headers: Headers,
}

/// The call's lease is lost: it took too long, or nobody waits for it any more. Whatever the
/// handler does from here on counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call's lease is lost")]
pub struct LeaseLost;

impl Context {
    /// Of a call of which nothing else is known.
    pub(crate) fn of(lease: LeaseId, control: Arc<CallControl>) -> Self {
        Self {
            control,
            lease,
            attempt: 0,
            deadline: None,
            headers: Headers::default(),
        }
    }

    /// Which attempt this is, from 1; of a batch, its first message's.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How much time is left until the message expires, of a batch the first to expire;
    /// `None`: it never does. Requests made by the handler inherit it.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let now = self.control.worker.shared.clock.now();
        self.deadline.map(|deadline| deadline.since(now))
    }

    /// The message's headers, of a batch its first message's.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Says that the handler is making progress: the call's lease ends a call timeout from
    /// now.
    ///
    /// # Errors
    /// [`LeaseLost`], if it had ended before.
    pub fn progress(&self) -> Result<(), LeaseLost> {
        let extended = self.control.worker.shared.extend(self.lease);
        extended.map_err(|_| LeaseLost)
    }

    /// Whether nobody waits for this call any more: its lease is lost, or its caller has gone.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.control.is_lost() || !self.control.worker.shared.may_settle(self.lease)
    }

    /// Ends when nobody waits for this call any more. The handler has `cancel_grace_ms` from
    /// then until it is dropped.
    pub async fn cancelled(&self) {
        while !self.control.is_lost() {
            let told = self.control.told.notified();
            if self.control.is_lost() {
                return;
            }
            told.await;
        }
    }
}

/// What a worker and the handler in one of its slots share.
#[derive(Debug)]
pub(crate) struct CallControl {
    pub(crate) worker: Arc<WorkerLink>,
    lost: AtomicBool,
    told: Notify,
}

impl CallControl {
    pub(crate) fn new(worker: Arc<WorkerLink>) -> Self {
        Self {
            worker,
            lost: AtomicBool::new(false),
            told: Notify::new(),
        }
    }

    /// Ready for another call: that before has ended, and its context with it.
    pub(crate) fn renew(&self) {
        self.lost.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Tells the handler that it works for nobody.
    pub(crate) fn tell(&self) {
        self.lost.store(true, Ordering::Release);
        self.told.notify_waiters();
    }
}

thread_local! {
    /// The number of the broker one of whose handlers is being polled on this thread; 0: none.
    static BROKER: Cell<u64> = const { Cell::new(0) };
    // What that handler's requests inherit.
    static DEADLINE: Cell<Option<Time>> = const { Cell::new(None) };
    static HEADERS: Cell<Headers> = const { Cell::new(Headers::NONE) };
}

/// What requests inherit that a handler makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ambient {
    pub(crate) deadline: Option<Time>,
    pub(crate) headers: Headers,
}

impl Ambient {
    /// That of the handler being polled, if it is one of this broker's.
    #[inline]
    pub(crate) fn current(broker: u64) -> Option<Self> {
        (BROKER.get() == broker).then(|| {
            let headers = HEADERS.take();
            HEADERS.set(headers.clone());
            let deadline = DEADLINE.get();
            Self { deadline, headers }
        })
    }

    /// Polls a handler of `broker` with this as the current one.
    #[inline]
    pub(crate) fn within<T>(&mut self, broker: u64, poll: impl FnOnce() -> T) -> T {
        let outer_broker = BROKER.replace(broker);
        let outer_deadline = DEADLINE.replace(self.deadline);
        // Mostly there are none, here or outside.
        let has_headers = outer_broker != 0 || self.headers != Headers::NONE;
        let outer_headers = has_headers.then(|| HEADERS.replace(std::mem::take(&mut self.headers)));
        let result = poll();
        BROKER.set(outer_broker);
        DEADLINE.set(outer_deadline);
        if let Some(outer) = outer_headers {
            self.headers = HEADERS.replace(outer);
        }
        result
    }
}
