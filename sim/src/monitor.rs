//! How an experiment under way is watched, and stopped, from outside.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ebbtide_policies::units::{Duration, Time};

/// Shared with whoever shows the progress; all of it may be read at any time.
#[derive(Debug, Default)]
pub struct Monitor {
    stop: AtomicBool,
    /// Simulated nanoseconds that are done, and that are to do.
    done: AtomicU64,
    total: AtomicU64,
}

impl Monitor {
    /// Asks the runs under way to stop; what they have is lost, finished runs are not.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The share that is done, 0–1; it may fall back when more runs turn out to be needed.
    #[must_use]
    pub fn progress(&self) -> f64 {
        let total = self.total.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed);
        (done as f64 / total.max(1) as f64).min(1.0)
    }

    /// So many runs of this length are to be done besides; an experiment says so itself.
    pub fn expect(&self, runs: u64, length: Time) {
        let nanos = length.as_nanos().saturating_mul(runs);
        self.total.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Counts simulated time.
    pub(crate) fn passed(&self, length: Duration) {
        self.done.fetch_add(length.as_nanos(), Ordering::Relaxed);
    }
}
