//! What every handle, worker and handler of one broker shares: the lock, the clock, and the
//! ways to reach its tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ebbtide_core::LateSettle;
use ebbtide_core::message::LeaseId;
use ebbtide_policies::units::{Duration, Time};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::crew::WorkerLink;
use crate::floor::{Errands, Floor, Phase};
use crate::metrics::Monitors;
use crate::worker::Worker;

/// The number of the next broker started by this process: each has one from 1, so that a request made by one's handler
/// to another inherits nothing.
static BROKERS: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Shared {
    floor: Mutex<Floor>,
    pub(crate) clock: Clock,
    pub(crate) number: u64,
    /// Wakes the task that sleeps until the broker's next timer.
    pub(crate) alarm: Notify,
    /// Tells that every message has its outcome and the broker is closed.
    pub(crate) closed: Notify,
    /// After this long an unanswered request expires, unless it says otherwise.
    pub(crate) patience: Option<Duration>,
    pub(crate) monitors: Monitors,
    runtime: Handle,
}

impl Shared {
    pub(crate) fn new(
        floor: Floor,
        clock: Clock,
        patience: Option<Duration>,
        runtime: Handle,
    ) -> Self {
        Self {
            floor: Mutex::new(floor),
            clock,
            number: BROKERS.fetch_add(1, Ordering::Relaxed),
            alarm: Notify::new(),
            closed: Notify::new(),
            patience,
            monitors: Monitors::of(&runtime),
            runtime,
        }
    }

    /// Takes the floor for `work`, at the time it is now, and runs the errands after.
    #[inline]
    pub(crate) fn with_floor<T>(
        self: &Arc<Self>,
        errands: &mut Errands,
        work: impl FnOnce(&mut Floor, &mut Errands) -> T,
    ) -> T {
        let now = self.clock.now();
        let result = {
            let mut floor = self.floor.lock();
            floor.open(now, errands);
            let result = work(&mut floor, errands);
            floor.close(self, errands);
            result
        };
        errands.run(self);
        result
    }

    /// As [`Self::with_floor`], for those who take it rarely.
    pub(crate) fn on_floor<T>(self: &Arc<Self>, work: impl FnOnce(&mut Floor) -> T) -> T {
        self.with_floor(&mut Errands::default(), |floor, _| work(floor))
    }

    pub(crate) fn extend(self: &Arc<Self>, lease: LeaseId) -> Result<(), LateSettle> {
        self.on_floor(|floor| floor.driver.extend(lease).map(drop))
    }

    pub(crate) fn may_settle(&self, lease: LeaseId) -> bool {
        self.floor.lock().driver.may_settle(lease)
    }

    /// When the alarm is to go off; `None` once the broker is closed.
    pub(crate) fn armed(&self) -> Option<Time> {
        let floor = self.floor.lock();
        (floor.phase != Phase::Closed).then(|| floor.armed())
    }

    /// Starts a worker's task.
    pub(crate) fn hire(self: &Arc<Self>, link: Arc<WorkerLink>) {
        let task = self.monitors.watch(Worker::hired(link));
        self.runtime.spawn(task);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
