//! What every handle, worker and handler of one broker shares: the lock, the clock, and the
//! ways to reach its tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ebbtide_core::LateSettle;
use ebbtide_core::message::LeaseId;
use ebbtide_policies::units::{Duration, Time};
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::admission::Arrival;
use crate::alarm::Alarm;
use crate::clock::Clock;
use crate::crew::WorkerLink;
use crate::errands::Errands;
use crate::floor::{Floor, Phase};
use crate::metrics::Monitors;
use crate::porch::Porch;
use crate::worker::Worker;

/// The number of the next broker started by this process: each has one from 1, so that a request made by one's handler
/// to another inherits nothing.
static BROKERS: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Shared {
    /// Before the floor.
    pub(crate) porch: Porch<Arrival>,
    floor: Mutex<Floor>,
    pub(crate) clock: Clock,
    pub(crate) number: u64,
    /// Sleeps until the broker's next timer.
    pub(crate) alarm: Alarm,
    /// Tells that the broker is closed, and that a worker's task has ended.
    pub(crate) ended: Notify,
    /// Workers' tasks that have begun and not ended.
    working: AtomicUsize,
    /// It has been closed for so long that nobody waits for those any more.
    last_chance_is_over: AtomicBool,
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
            porch: Porch::default(),
            floor: Mutex::new(floor),
            alarm: Alarm::by(&clock),
            clock,
            number: BROKERS.fetch_add(1, Ordering::Relaxed),
            ended: Notify::new(),
            working: AtomicUsize::new(0),
            last_chance_is_over: AtomicBool::new(false),
            patience,
            monitors: Monitors::of(&runtime),
            runtime,
        }
    }

    /// Takes the floor for `work`, and runs the errands after.
    pub(crate) fn on_floor<T>(self: &Arc<Self>, work: impl FnOnce(&mut Floor) -> T) -> T {
        let mut floor = self.hold(self.clock.now(), Arrivals::Stop);
        let result = work(&mut floor);
        self.let_go(floor);
        result
    }

    /// Takes the floor, at `now`; until [`Self::let_go`].
    #[inline]
    pub(crate) fn hold(&self, now: Time, arrivals: Arrivals) -> MutexGuard<'_, Floor> {
        let mut floor = self.floor.lock();
        floor.open(now);
        self.let_in(&mut floor, arrivals);
        floor
    }

    /// Lets in what was left on the porch.
    #[inline]
    fn let_in(&self, floor: &mut Floor, arrivals: Arrivals) {
        let closes = arrivals == Arrivals::Stop;
        self.porch.clear(&mut floor.arrivals, closes);
        if !floor.arrivals.is_empty() {
            floor.let_in(self.patience);
        }
    }

    /// Gives the floor back, and runs the errands.
    #[inline]
    pub(crate) fn let_go(self: &Arc<Self>, mut floor: MutexGuard<'_, Floor>) {
        floor.close(self);
        while !self.porch.lend(floor.free_places()) {
            self.let_in(&mut floor, Arrivals::Stop);
            floor.close(self);
        }
        if floor.errands.is_empty() || floor.tells_later() {
            return;
        }
        let errands = std::mem::replace(&mut floor.errands, Errands::list());
        drop(floor);
        errands.run(self);
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

    /// Every message has its outcome.
    pub(crate) fn is_closed(&self) -> bool {
        self.armed().is_none()
    }

    /// Workers' tasks that have begun and not ended.
    pub(crate) fn working(&self) -> usize {
        self.working.load(Ordering::Acquire)
    }

    /// Whether workers whose handlers block their thread have had their last chance.
    pub(crate) fn last_chance_is_over(&self) -> bool {
        self.last_chance_is_over.load(Ordering::Acquire)
    }

    /// Workers whose handlers block their thread are not waited for any longer.
    pub(crate) fn end_last_chance(&self) {
        self.last_chance_is_over.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Waits until it is so: closed, or its workers have ended.
    pub(crate) async fn until(&self, so: impl Fn(&Self) -> bool) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if so(self) {
                return;
            }
            ended.await;
        }
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Starts a worker's task.
    pub(crate) fn hire(self: &Arc<Self>, link: Arc<WorkerLink>) {
        let task = self.monitors.watch(Worker::hired(link));
        self.spawn(task);
    }
}

/// Whether messages are left on the porch while the floor is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrivals {
    GoOn,
    /// Whoever holds the floor sees all there is, and what it changes holds for all that come.
    Stop,
}

/// A worker's task, as long as it runs.
pub(crate) struct AtWork(Arc<Shared>);

impl AtWork {
    pub(crate) fn begin(shared: Arc<Shared>) -> Self {
        shared.working.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.0.working.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
