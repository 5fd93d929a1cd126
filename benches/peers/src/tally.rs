//! What consumers do with a message: add its number up.
//!
//! A sum a thread, so that consumers on two cores do not wait for each other's cache line: the
//! work is the same for every peer, whether its consumers have state of their own or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::cases::Payload;

const THREADS: usize = 16;

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = NEXT_THREAD.fetch_add(1, Ordering::Relaxed) % THREADS;
}

/// The sum of the numbers of all messages consumed. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<[Sum; THREADS]>);

/// A sum with cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Sum(AtomicU64);

impl Tally {
    /// Consumes a message.
    pub fn add(&self, message: &Payload) {
        let thread = THREAD.with(|thread| *thread);
        self.0[thread].0.fetch_add(message[7], Ordering::Relaxed);
    }

    /// The sum so far; complete once all consumers have ended.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let sums = self.0.iter();
        sums.map(|sum| sum.0.load(Ordering::Acquire)).sum()
    }
}
