//! A worker: one task, a number of slots, a call in each; take → call → settle in one loop.
//!
//! A slot is filled again as soon as its own call has ended. What ends at one poll is settled
//! at once and together, and in the same hold of the lock new calls are taken: that, and
//! polling only the handlers that asked for it, is what makes a message cheap. A handler's
//! panic stays in its slot; a handler that blocks its thread stops the worker, which is then
//! found by its lost leases and replaced.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::iter::once_with;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use ebbtide_core::message::LeaseId;

use crate::alarm;
use crate::contained::{discard, outlive, panic_text};
use crate::context::{Ambient, CallControl};
use crate::crew::{LostCall, Mood, SlotWaker, WorkerLink};
use crate::floor::Floor;
use crate::pace::Pace;
use crate::runner::{CallFuture, Done, Load, Runner, idle_future};
use crate::shared::{Arrivals, AtWork};
use crate::way::Way;

/// Calls that a worker starts before it lets other tasks run.
const CALLS_A_TURN: usize = 256;

/// Turns that other tasks get at an instant of paused time before a worker takes what may be
/// taken then: takes come last of all, after the alarm's own turns.
const TURNS: u32 = alarm::TURNS + 1;

/// How often a worker puts a settle off for takes of the same instant: each of the others has so many
/// turns to take in, and nobody is waited for without end.
const MOST_PUT_OFF: u32 = 10_000;

/// A worker's task.
pub(crate) struct Worker {
    link: Arc<WorkerLink>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Calls that have ended and are not settled.
    ended: Vec<(LeaseId, Done)>,
    /// It has started calls since it last asked: it asks again before it rests.
    asks_again: bool,
    /// It has found nothing to do, and was not nudged since.
    rests: bool,
    way: Way,
    pace: Pace,
    /// Calls that it started in this turn.
    started: usize,
    /// Turns that it gave others at this instant of paused time.
    turns: u32,
    /// How often it put a settle off.
    put_off: u32,
    // Lists that are used again.
    /// Slots whose calls are to be started.
    begun: Vec<u32>,
    lost: Vec<LostCall>,
    woken: Vec<u32>,
}

/// Room for one call.
struct Slot {
    future: CallFuture,
    /// The call's lease; `None`: the slot is free.
    lease: Option<LeaseId>,
    control: Arc<CallControl>,
    /// For the next call, or filled for it. Each call gives its own back, unless it panics or is
    /// dropped.
    load: Option<Box<Load>>,
    /// Whom the next call calls.
    runner: Option<Arc<dyn Runner>>,
    /// What requests made by the handler inherit.
    ambient: Ambient,
    waker: Waker,
}

impl Worker {
    /// The task of a worker that is ready.
    pub(crate) async fn hired(link: Arc<WorkerLink>) {
        let _at_work = AtWork::begin(link.shared.clone());
        let mut watch = DeathWatch(Some(link.clone()));
        Self::new(link).await;
        watch.0 = None;
    }

    fn new(link: Arc<WorkerLink>) -> Self {
        let count = link.slots;
        let slot = |index| {
            let waker = Arc::new(SlotWaker {
                worker: link.clone(),
                slot: index,
            });
            Slot {
                future: idle_future(),
                lease: None,
                control: Arc::new(CallControl::new(link.clone())),
                load: None,
                runner: None,
                ambient: Ambient::default(),
                waker: Waker::from(waker),
            }
        };
        Self {
            slots: (0..count).map(slot).collect(),
            free: (0..count).rev().collect(),
            ended: Vec::new(),
            asks_again: false,
            rests: false,
            way: Way::default(),
            pace: Pace::default(),
            started: 0,
            turns: 0,
            put_off: 0,
            begun: Vec::new(),
            lost: Vec::new(),
            woken: Vec::new(),
            link,
        }
    }

    /// Goes on as long as there is something to do, within reason.
    fn take_a_turn(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let waits = match self.link.shared.clock.is_runtime() {
            true => !self.lets_others_go_first(cx),
            false => self.gives_way(cx),
        };
        if waits {
            return Poll::Pending;
        }
        self.started = 0;
        loop {
            self.poll_woken();
            if self.ended.is_empty() && !self.asks_again && !self.link.bell.take_nudge() {
                self.rests = true;
                return Poll::Pending;
            }
            if !self.visit_floor() {
                return Poll::Ready(());
            }
            self.way.found(self.begun.len());
            self.part_with_lost();
            self.pace.begin(|| self.link.shared.clock.now());
            self.start_calls();
            let ended_at_once = !self.ended.is_empty() && self.link.shared.clock.is_runtime();
            if ended_at_once || self.started >= CALLS_A_TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Who was at rest and is nudged goes behind the tasks that are ready to run: where one sender
    /// woke it others are about to send, and it finds the messages of all of them.
    fn gives_way(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let gives_way = self.rests && self.link.bell.is_nudged() && self.way.gives();
        self.rests = false;
        if gives_way {
            cx.waker().wake_by_ref();
        }
        gives_way
    }

    /// Polls the handlers that asked for it.
    fn poll_woken(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        self.link.bell.take_woken(&mut woken);
        for slot in woken.drain(..) {
            self.poll_slot(slot);
        }
        self.woken = woken;
    }

    fn poll_slot(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        let Some(lease) = slot.lease else { return };
        self.link.bell.go_on();
        let mut context = TaskContext::from_waker(&slot.waker);
        let future = &mut slot.future;
        let polled = slot.ambient.within(self.link.shared.number, || {
            catch_unwind(AssertUnwindSafe(|| future.poll(&mut context)))
        });
        let done = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready((done, load))) => {
                slot.load = Some(load);
                done
            }
            Err(panic) => {
                slot.empty();
                let done = Done::panicked(panic_text(&*panic));
                discard(panic);
                done
            }
        };
        slot.lease = None;
        self.free.push(index);
        self.ended.extend(once_with(|| (lease, done)));
    }

    /// Where time passes only when everybody waits, an instant has an order: what ends and what
    /// is sent at it comes before what is taken at it; what a take starts and is over at once ends
    /// when all have taken, and the order runs again. Settles what has ended; `true` once all others
    /// have had their turns.
    fn lets_others_go_first(&mut self, cx: &mut TaskContext<'_>) -> bool {
        self.poll_woken();
        if !self.ended.is_empty() {
            // Which slot a call is in is chance.
            self.ended.sort_unstable_by_key(|(lease, _)| *lease);
            self.settle();
        }
        if self.ended.is_empty() && !self.asks_again && !self.link.bell.is_nudged() {
            return true;
        }
        if self.turns == TURNS {
            self.turns = 0;
            return true;
        }
        self.turns += 1;
        // Woken when everybody else has had a turn.
        let yielded = std::pin::pin!(tokio::task::yield_now()).poll(cx);
        debug_assert!(yielded.is_pending(), "whoever yields is not done at once");
        false
    }

    /// Settles what has ended, to take later at the same instant; not while others take.
    fn settle(&mut self) {
        let link = self.link.clone();
        let mut floor = link.shared.hold(link.shared.clock.now(), Arrivals::Stop);
        self.put_off += 1;
        if self.put_off > MOST_PUT_OFF || !floor.takes_go_on(&link.shared) {
            self.put_off = 0;
            floor.taking_at = None;
            self.hand_in(&mut floor);
        }
        floor.crew.set_mood(link.id, Mood::Awake);
        link.shared.let_go(floor);
        self.asks_again = true;
    }

    fn hand_in(&mut self, floor: &mut Floor) {
        for (lease, done) in self.ended.drain(..) {
            // A late settle is core's to count.
            if floor.driver.settle(lease, &done).is_err() {
                floor.end_grace(lease);
            }
        }
    }

    /// Settles what has ended, unless time stands still, and takes what may be taken. `false`: the worker
    /// is gone.
    fn visit_floor(&mut self) -> bool {
        let link = self.link.clone();
        let now = link.shared.clock.now();
        self.pace.end(now, self.free.len() == self.slots.len());
        let mut floor = link.shared.hold(now, Arrivals::GoOn);
        if !link.shared.clock.is_runtime() {
            self.hand_in(&mut floor);
        }
        floor.hear(&link.shared);
        let stays = floor.crew.knows(link.id);
        if stays {
            floor.crew.take_lost(link.id, &mut self.lost);
            self.take(&mut floor);
        }
        link.shared.let_go(floor);
        stays
    }

    fn take(&mut self, floor: &mut Floor) {
        for at in 0..self.lost.len() {
            let LostCall { lease, over } = self.lost[at];
            // Its handler is dropped before the slot's next call starts.
            if let Some(slot) = self.slot_of(lease).filter(|_| over)
                && !self.free.contains(&slot)
            {
                self.free.push(slot);
            }
        }
        // Core's slot is free when the call in it is settled, or lost.
        let is_taken = |(lease, _): &&(LeaseId, Done)| floor.driver.may_settle(*lease);
        let free = self.free.len() - self.ended.iter().filter(is_taken).count();
        let mut is_brisk = false;
        let asked = if self.link.shared.clock.is_runtime() {
            self.take_in_turn(floor, free)
        } else {
            self.take_at_most(floor, free as u32);
            let agents = floor.driver.begun().iter().map(|call| call.agent);
            is_brisk = floor.has_cores && self.pace.takes(agents);
            floor.is_crowded = match self.begun.len() {
                0 => floor.is_crowded,
                calls => calls > 1,
            };
            free > 0
        };
        self.started += self.begun.len();
        floor.is_back_soon = is_brisk && floor.is_crowded && self.started < CALLS_A_TURN;
        self.asks_again = !self.begun.is_empty();
        floor.took_nothing = asked && self.begun.is_empty();
        let mood = match self.begun.len() {
            0 => Mood::AtRest,
            all if all == free && !is_brisk => Mood::Full,
            _ => Mood::Awake,
        };
        floor.crew.set_mood(self.link.id, mood);
    }

    /// Takes call by call as long as no other worker has fewer: where time stands still a hold of
    /// the lock costs nothing, and calls are spread evenly. On a running clock only whoever is
    /// woken is the least busy, and takes what it can. `false`: it is another worker's turn,
    /// which can be woken for it.
    fn take_in_turn(&mut self, floor: &mut Floor, free: usize) -> bool {
        let id = self.link.id;
        while self.begun.len() < free {
            match floor.driver.least_busy_worker() {
                Some(least) if least != id => return !floor.crew.is_at_rest(least),
                _ => {}
            }
            let before = self.begun.len();
            self.take_at_most(floor, 1);
            if self.begun.len() == before {
                return true;
            }
        }
        free > 0
    }

    /// Takes calls into free slots, where they are started when the lock is free again.
    fn take_at_most(&mut self, floor: &mut Floor, calls: u32) {
        floor.driver.take(self.link.id, calls);
        let takes = !floor.driver.begun().is_empty();
        floor.taking_at = takes.then(|| floor.driver.now());
        for call in floor.driver.begun() {
            let free = self.free.pop();
            let index = free.expect("no more is taken than slots are free");
            let slot = &mut self.slots[index as usize];
            let fresh = || Load::of(call.lease, slot.control.clone());
            let load = slot.load.get_or_insert_with(fresh);
            floor.driver.load(call, load);
            slot.runner = floor.runner(call.agent);
            self.begun.push(index);
        }
    }

    fn slot_of(&self, lease: LeaseId) -> Option<u32> {
        let at = self.slots.iter().position(|slot| slot.lease == Some(lease));
        at.map(|at| at as u32)
    }

    /// Handlers that work for nobody are told, or dropped.
    fn part_with_lost(&mut self) {
        while let Some(LostCall { lease, over }) = self.lost.pop() {
            let Some(index) = self.slot_of(lease) else {
                continue;
            };
            let slot = &mut self.slots[index as usize];
            slot.control.tell();
            if over {
                slot.empty();
                slot.lease = None;
            }
        }
    }

    fn start_calls(&mut self) {
        let mut begun = std::mem::take(&mut self.begun);
        for index in begun.drain(..) {
            self.slots[index as usize].start();
            self.poll_slot(index);
        }
        self.begun = begun;
    }
}

impl Future for Worker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.link.bell.register(cx.waker());
        self.link.bell.pass_turn();
        let over = self.take_a_turn(cx);
        self.link.bell.pass_turn();
        over
    }
}

/// Reports a worker lost whose task ends before the floor has let it go.
struct DeathWatch(Option<Arc<WorkerLink>>);

impl Drop for DeathWatch {
    fn drop(&mut self) {
        if let Some(link) = self.0.take() {
            link.shared.on_floor(|floor| floor.lose_worker(link.id));
        }
    }
}

impl Slot {
    /// Starts the call that was taken into it.
    fn start(&mut self) {
        let taken = self.load.take().zip(self.runner.take());
        let (load, runner) = taken.expect("no call starts for an agent that is removed");
        self.control.renew();
        let context = &load.context;
        self.lease = Some(context.lease);
        self.ambient.deadline = context.deadline;
        self.ambient.headers = context.headers.clone();
        runner.start(load, &mut self.future);
    }

    /// Drops the handler, which may panic once more.
    fn empty(&mut self) {
        let future = &mut self.future;
        outlive(|| future.set(std::future::pending()));
    }
}

/// Handlers that are dropped together, with their worker, panic one by one.
impl Drop for Slot {
    fn drop(&mut self) {
        self.empty();
    }
}
