//! What the world around a live broker sleeps by.
//!
//! On a paused clock the runtime's own timers. On a running one they end on whole milliseconds,
//! and up to another one late, which is more than an agent of a millisecond takes and nothing
//! that a remote agent's reply would do: it comes by a socket, at any time. So a thread of its
//! own wakes whoever sleeps, some tens of microseconds late; how late is measured, and simulated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::thread;

use ebbtide::Duration;
use hdrhistogram::Histogram;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::live::Pace;

/// Wakes whoever sleeps.
#[derive(Clone)]
pub(crate) enum Timer {
    Runtime,
    Thread(Arc<Bell>),
}

/// A thread that wakes sleepers, until it is dropped.
pub(crate) struct Bell {
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    sleepers: Mutex<Sleepers>,
    changed: Condvar,
}

#[derive(Default)]
struct Sleepers {
    heap: BinaryHeap<Reverse<Sleeper>>,
    slept: u64,
    lateness: Lateness,
    is_over: bool,
}

/// How late sleepers were woken.
#[derive(Clone, Debug)]
pub struct Lateness(Histogram<u64>);

impl Default for Lateness {
    fn default() -> Self {
        Self(Histogram::new(2).expect("two digits are few enough"))
    }
}

/// By their time, then as they came.
struct Sleeper {
    key: (Instant, u64),
    wakes: oneshot::Sender<()>,
}

impl Timer {
    pub(crate) fn of(pace: Pace) -> Self {
        match pace {
            Pace::Paused => Self::Runtime,
            Pace::Wall => Self::Thread(Arc::new(Bell::new())),
        }
    }

    pub(crate) async fn sleep_until(&self, at: Instant) {
        match self {
            Self::Runtime => sleep_until(at).await,
            Self::Thread(bell) => bell.watch.sleep_until(at).await,
        }
    }

    /// How late sleepers were; nothing is known of the runtime's, which are never late where the
    /// clock is paused.
    pub(crate) fn lateness(&self) -> Lateness {
        match self {
            Self::Runtime => Lateness::default(),
            Self::Thread(bell) => bell.watch.sleepers.lock().lateness.clone(),
        }
    }
}

impl Lateness {
    fn record(&mut self, late: Duration) {
        // It grows as it must.
        let _ = self.0.record(late.as_nanos());
    }

    /// Adds those of another replication.
    pub(crate) fn add(&mut self, other: &Self) {
        let _ = self.0.add(&other.0);
    }

    /// Their mean; zero if nobody slept.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// A quantile (0–1); zero if nobody slept.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(q))
    }
}

impl Bell {
    fn new() -> Self {
        let watch = Arc::<Watch>::default();
        let watched = watch.clone();
        thread::spawn(move || watched.keep());
        Self { watch }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.watch.sleepers.lock().is_over = true;
        self.watch.changed.notify_one();
    }
}

impl Watch {
    async fn sleep_until(&self, at: Instant) {
        if Instant::now() >= at {
            return;
        }
        let (wakes, woken) = oneshot::channel();
        {
            let mut sleepers = self.sleepers.lock();
            let key = (at, sleepers.slept);
            sleepers.slept += 1;
            let first = sleepers
                .heap
                .peek()
                .is_none_or(|Reverse(first)| key < first.key);
            sleepers.heap.push(Reverse(Sleeper { key, wakes }));
            if first {
                self.changed.notify_one();
            }
        }
        // Once the thread is gone nobody wakes anybody, and the run is over.
        if woken.await.is_err() {
            std::future::pending().await
        }
        let late = Instant::now().saturating_duration_since(at);
        self.sleepers.lock().lateness.record(late.into());
    }

    /// The thread.
    fn keep(&self) {
        let mut sleepers = self.sleepers.lock();
        while !sleepers.is_over {
            let now = Instant::now();
            match sleepers.heap.peek() {
                None => self.changed.wait(&mut sleepers),
                Some(Reverse(next)) if next.key.0 > now => {
                    let at = next.key.0.into_std();
                    self.changed.wait_until(&mut sleepers, at);
                }
                Some(_) => {
                    let Reverse(next) = sleepers.heap.pop().expect("it was just there");
                    // Whoever sleeps no longer was given up.
                    let _ = next.wakes.send(());
                }
            }
        }
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Sleeper {}
