//! What the broker's lock guards: core, and what the shell keeps beside it.
//!
//! Whoever holds it does its verbs, then leaves through [`Floor::close`], which hears core's
//! events, lets waiting senders in, sees to it that somebody takes what may be taken, and sets
//! the alarm. What would be slow under a lock (waking, replying, dropping messages, starting
//! tasks) is written on a list of [`Errands`], to be run when the lock is free again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::thread::available_parallelism;

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::Checked;
use ebbtide_core::error::ReconfigureError;
use ebbtide_core::event::WorkerChange;
use ebbtide_core::message::{AgentId, LeaseId, WorkerId};
use ebbtide_policies::fixed::Fixed;
use ebbtide_policies::units::{Duration, Time};

use crate::admission::Arrival;
use crate::crew::{Crew, LostCall, Mood, WorkerLink};
use crate::driver::Driver;
use crate::ear::News;
use crate::errands::Errands;
use crate::health::{AHEAD, Escalation, Health, RestartLimit};
use crate::notice::Happening;
use crate::room::WaitingRoom;
use crate::runner::Runner;
use crate::shared::Shared;
use crate::shutdown::Closed;

/// How long something may be left to take in the trust that a worker who is awake takes it. One
/// whose handler keeps its thread busy for longer is not waited for.
const TRUST: Duration = Duration::from_millis(1);

/// Everything under the lock, in cache lines of its own: those who wait for the lock look at it again
/// and again, and are not to slow down whoever holds it.
#[repr(align(128))]
pub(crate) struct Floor {
    pub(crate) driver: Driver,
    pub(crate) crew: Crew,
    pub(crate) room: WaitingRoom,
    /// Whoever holds the floor asked for calls and got none.
    pub(crate) took_nothing: bool,
    /// When calls were last taken, unless there was nothing more to take then or calls ended since.
    pub(crate) taking_at: Option<Time>,
    /// Whoever was woken last found several messages: others are about to send, and leave theirs on the porch.
    pub(crate) is_crowded: bool,
    /// Whoever holds the floor is back in no time, and tells then how messages ended.
    pub(crate) is_back_soon: bool,
    /// Whether this process may run on more than one processor.
    pub(crate) has_cores: bool,
    /// What was left on the porch and is being let in.
    pub(crate) arrivals: Vec<Arrival>,
    /// Bytes of the largest message so far.
    pub(crate) largest: u32,
    /// Senders that were let in and do not know it yet.
    admitted: Vec<Waker>,
    /// By [`AgentId`]. `None` once one is removed or the broker is closed: a handler may hold what
    /// holds the broker. Calls under way have it still.
    pub(crate) runners: Vec<Option<Arc<dyn Runner>>>,
    /// Those that are not removed.
    pub(crate) names: HashMap<Arc<str>, AgentId>,
    /// Removed ones that have figures of their own, as something of theirs is still here.
    pub(crate) leaving: Vec<AgentId>,
    /// Handlers with a grace, first to end first.
    graces: VecDeque<(Time, WorkerId, LeaseId)>,
    /// Workers that take their time to be ready, first to be first.
    starts: VecDeque<(Time, Arc<WorkerLink>)>,
    pub(crate) health: Health,
    /// Workers ordered now are ready no sooner.
    held_back_until: Time,
    /// When the alarm goes off.
    armed: Time,
    /// The floor is held by the alarm itself, which looks when to go off next.
    alarm_is_here: bool,
    luck: u64,
    pub(crate) phase: Phase,
    /// Why it is not open, once it is not.
    pub(crate) closed_by: Closed,
    pub(crate) errands: Box<Errands>,
}

/// How far a broker's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// Shutting down: what was accepted is seen to its end.
    Closing,
    /// Every message has its outcome; workers and alarm end.
    Closed,
}

impl Floor {
    pub(crate) fn new(driver: Driver, limit: RestartLimit) -> Self {
        let interval = Duration::from_secs(driver.config().worker_health_check_interval_sec);
        let health = Health::new(limit, interval);
        Self {
            driver,
            crew: Crew::default(),
            room: WaitingRoom::default(),
            took_nothing: false,
            taking_at: None,
            is_crowded: false,
            is_back_soon: false,
            has_cores: available_parallelism().is_ok_and(|cores| cores.get() > 1),
            arrivals: Vec::new(),
            largest: 0,
            admitted: Vec::new(),
            runners: Vec::new(),
            names: HashMap::new(),
            leaving: Vec::new(),
            graces: VecDeque::new(),
            starts: VecDeque::new(),
            health,
            held_back_until: Time::ZERO,
            armed: Time::MAX,
            alarm_is_here: false,
            luck: 0,
            phase: Phase::Open,
            closed_by: Closed::ShutDown,
            errands: Box::default(),
        }
    }

    /// Each message's own random word: a Weyl sequence, which core mixes.
    pub(crate) fn next_luck(&mut self) -> u64 {
        self.luck = self.luck.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.luck
    }

    /// The handler of an agent that is called still.
    pub(crate) fn runner(&self, agent: AgentId) -> Option<Arc<dyn Runner>> {
        self.runners.get(agent.0 as usize)?.clone()
    }

    /// The name of an agent that is, or was, registered.
    pub(crate) fn name(&self, agent: AgentId) -> Option<&Arc<str>> {
        self.driver.ear().notices.name(agent)
    }

    /// When the alarm is to go off.
    pub(crate) fn armed(&self) -> Time {
        self.armed
    }

    /// The alarm has gone off: whatever is due happens.
    pub(crate) fn wake_up(&mut self, shared: &Arc<Shared>) {
        let now = self.driver.now();
        self.health.see(now, self.crew.turns());
        // Before its leases run out: calls that nobody could poll spend no attempt.
        for worker in self.driver.expire_by(now + AHEAD) {
            if self.health.blocked_since(now, worker).is_some() {
                self.lose_worker(worker);
            }
        }
        self.hear(shared);
        self.driver.advance();
        for worker in self.health.look(now) {
            self.lose_worker(worker);
        }
        self.room.expire(now, &mut self.errands.wakers);
        self.errands.wakers.append(&mut self.admitted);
        self.hear(shared);
        self.armed = Time::MAX;
        self.alarm_is_here = true;
        // Until a worker comes, who may be long.
        self.is_crowded = false;
        // Whoever has been awake since the last alarm and left something is not waited for.
        if self.driver.takeable_at().is_some_and(|at| at <= now) {
            self.call_a_hand();
        }
    }

    /// A worker's task has ended, or its thread is blocked. It is replaced, unless the
    /// configuration says otherwise; at once, unless too many were lost of late.
    pub(crate) fn lose_worker(&mut self, worker: WorkerId) {
        if self.phase == Phase::Closed || !self.crew.knows(worker) {
            return;
        }
        let now = self.driver.now();
        let too_many = self.health.lost(now);
        let ear = self.driver.ear_mut();
        ear.figures.workers_lost += 1;
        ear.notices.tell(now, || Happening::WorkerLost { worker });
        if let Some((lost, until)) = too_many {
            self.escalate(lost, until);
        }
        self.driver.worker_lost(worker);
    }

    /// Replacing workers mends nothing.
    fn escalate(&mut self, lost: u32, until: Time) {
        let now = self.driver.now();
        let notices = &self.driver.ear().notices;
        match self.health.escalation() {
            Escalation::HoldBack => {
                notices.tell(now, || Happening::RestartsHeldBack { lost, until });
                self.held_back_until = until;
            }
            Escalation::ShutDown(within) if self.phase == Phase::Open => {
                notices.tell(now, || Happening::RestartsGivenUp { lost });
                self.closed_by = Closed::RestartLimit { lost };
                self.phase = Phase::Closing;
                self.driver.shutdown(within);
            }
            Escalation::ShutDown(_) => {}
        }
    }

    /// A worker's start-up is over: its task comes to the floor by itself.
    fn worker_ready(&mut self, link: Arc<WorkerLink>) {
        self.driver.worker_ready(link.id);
        self.crew.set_mood(link.id, Mood::Awake);
        self.errands.hires.push(link);
    }

    /// Replaces the configuration, core's and what the shell has worked out from it.
    pub(crate) fn reconfigure(
        &mut self,
        config: Checked<BrokerConfig>,
    ) -> Result<(), ReconfigureError> {
        let interval = Duration::from_secs(config.worker_health_check_interval_sec);
        let (before, start) = (self.driver.config().worker_start(), config.worker_start());
        self.driver.reconfigure(config)?;
        self.health.look_every(self.driver.now(), interval);
        for (over, _) in &mut self.starts {
            *over = over.before(before) + start;
        }
        Ok(())
    }

    /// The first thing done under the lock: it is `now`, and graces and starts that are over by now have
    /// ended before anybody asks which slots are free.
    #[inline]
    pub(crate) fn open(&mut self, now: Time) {
        self.driver.stamp(now);
        self.took_nothing = false;
        self.is_back_soon = false;
        while let Some(&(over, worker, lease)) = self.graces.front()
            && over <= self.driver.now()
        {
            self.graces.pop_front();
            self.lose_call(worker, lease, true);
        }
        let now = self.driver.now();
        while let Some((_, link)) = self.starts.pop_front_if(|(over, _)| *over <= now) {
            self.worker_ready(link);
        }
    }

    /// The last thing done under the lock.
    #[inline]
    pub(crate) fn close(&mut self, shared: &Arc<Shared>) {
        self.hear(shared);
        if !self.room.is_empty() && !self.takes_go_on(shared) {
            while self.admit_first() {
                self.took_nothing = false;
                self.hear(shared);
            }
        }
        let mut alarm = self.driver.next_timer();
        if self.crew.is_awake() {
            if self.driver.may_take() {
                alarm = alarm.min(self.driver.now() + TRUST);
            }
        } else if let Some(at) = self.driver.takeable_at() {
            if at > self.driver.now() {
                alarm = alarm.min(at);
            } else if self.took_nothing {
                // What looks takeable was not to be had just now: nobody is sent in circles.
                alarm = alarm.min(self.driver.now() + TRUST);
            } else {
                self.call_a_hand();
            }
        }
        if self.is_back_soon || self.lends() {
            alarm = alarm.min(self.driver.now() + TRUST);
        }
        alarm = alarm.min(self.wake_senders());
        self.arm(alarm);
        if self.phase == Phase::Closing && self.is_through() {
            self.end(shared);
        }
    }

    /// Where time stands still an instant has an order: all take what there is before anybody enters by
    /// the room that takes have made, and before what a take has started ends at the same instant.
    pub(crate) fn takes_go_on(&self, shared: &Shared) -> bool {
        let now = self.driver.now();
        shared.clock.is_runtime()
            && self.taking_at == Some(now)
            && self.driver.takeable_at().is_some_and(|at| at <= now)
    }

    /// Whether everything has had its end, and handlers that were told have had their grace.
    fn is_through(&self) -> bool {
        self.driver.is_idle() && self.room.is_empty() && self.graces.is_empty()
    }

    /// Every message has its outcome, and no other enters.
    fn end(&mut self, shared: &Arc<Shared>) {
        self.driver.shutdown(Duration::ZERO);
        self.driver.advance();
        self.hear(shared);
        self.phase = Phase::Closed;
        self.driver.close_journal();
        for runner in self.runners.iter_mut().filter_map(Option::take) {
            self.errands.gone.push(Box::new(runner));
        }
        self.errands.nudges.extend(self.crew.dismiss_all());
        self.starts.clear();
        self.errands.alarm = true;
        self.errands.closed = true;
    }

    /// A handler has ended within its grace, if it has one.
    pub(crate) fn end_grace(&mut self, lease: LeaseId) {
        if let Some(at) = self.graces.iter().position(|grace| grace.2 == lease) {
            self.graces.remove(at);
        }
    }

    pub(crate) fn admit_first(&mut self) -> bool {
        self.room.admit_first(&mut self.driver, &mut self.admitted)
    }

    /// Tells senders whose messages were let in, soon: not one by one while workers make room,
    /// which would cost more than the messages do. The latest time to come back to it.
    fn wake_senders(&mut self) -> Time {
        if self.admitted.is_empty() {
            return Time::MAX;
        }
        let half = self.driver.config().max_queue_size / 2;
        if self.crew.is_up() && self.driver.books().queued() > half {
            return self.driver.now() + TRUST;
        }
        self.errands.wakers.append(&mut self.admitted);
        Time::MAX
    }

    /// Whether how messages ended is told later, and with it that of others: callers that are woken
    /// together send together, and a runtime wakes another thread for them but once.
    pub(crate) fn tells_later(&self) -> bool {
        self.is_back_soon && self.errands.can_wait()
    }

    fn call_a_hand(&mut self) {
        let driver = &self.driver;
        let least_busy = driver.least_busy_worker();
        let woken = self
            .crew
            .wake_one(|worker| Some(worker) == least_busy)
            .or_else(|| self.crew.wake_one(|worker| driver.has_free_slot(worker)));
        self.errands.nudges.extend(woken);
    }

    fn arm(&mut self, timer: Time) {
        // Where nobody has a call, or is stuck in an old one, there is nobody's health to look at.
        let is_still = self.driver.rests() && self.crew.turns().is_empty();
        let look = (!is_still).then(|| self.health.next_look());
        let mut at = look.map_or(timer, |look| timer.min(look));
        at = at.min(Health::look_ahead(
            self.driver.now(),
            self.driver.first_expiry(),
        ));
        if let Some(&(over, ..)) = self.graces.front() {
            at = at.min(over);
        }
        if let Some(&(over, _)) = self.starts.front() {
            at = at.min(over);
        }
        if let Some(deadline) = self.room.first_deadline() {
            at = at.min(deadline);
        }
        if at < self.armed {
            self.armed = at;
            self.errands.alarm = !self.alarm_is_here;
        }
        self.alarm_is_here = false;
    }

    /// Heeds what core said, in order.
    #[inline]
    pub(crate) fn hear(&mut self, shared: &Arc<Shared>) {
        let ear = self.driver.ear_mut();
        if self.errands.endings.is_empty() {
            std::mem::swap(&mut self.errands.endings, &mut ear.endings);
        } else {
            self.errands.endings.append(&mut ear.endings);
        }
        if !ear.drops.is_empty() {
            self.errands.drops.append(&mut ear.drops);
        }
        if !ear.gone.is_empty() {
            self.errands.gone.append(&mut ear.gone);
        }
        if !ear.news.is_empty() {
            self.heed(shared);
        }
    }

    /// What is heeded may bring more about.
    fn heed(&mut self, shared: &Arc<Shared>) {
        loop {
            let news = std::mem::take(&mut self.driver.ear_mut().news);
            if news.is_empty() {
                return;
            }
            for news in news {
                match news {
                    News::Abandoned(worker, lease, timed_out) => {
                        if timed_out && let Some(link) = self.crew.link(worker) {
                            self.health.suspect(self.driver.now(), link);
                        }
                        self.abandon(worker, lease);
                    }
                    News::PolicyPanicked => {
                        let fixed = Box::new(Fixed::at_start_setting());
                        let gone = self.driver.switch_policy(fixed);
                        self.errands.gone.push(Box::new(gone));
                    }
                    News::Worker(worker, state) => self.worker(worker, state, shared),
                }
            }
        }
    }

    /// A handler works for nobody: it is told, and dropped after its grace.
    fn abandon(&mut self, worker: WorkerId, lease: LeaseId) {
        let grace = self.driver.config().cancel_grace();
        if !grace.is_zero() {
            let over = self.driver.now() + grace;
            let place = self.graces.partition_point(|&(other, ..)| other <= over);
            self.graces.insert(place, (over, worker, lease));
        }
        self.lose_call(worker, lease, grace.is_zero());
    }

    fn lose_call(&mut self, worker: WorkerId, lease: LeaseId, over: bool) {
        let link = self.crew.lose_call(worker, LostCall { lease, over });
        self.errands.nudges.extend(link);
    }

    fn worker(&mut self, worker: WorkerId, state: WorkerChange, shared: &Arc<Shared>) {
        // Core still resizes its pool for whoever asks: nobody is hired for it.
        if self.phase == Phase::Closed {
            return;
        }
        match state {
            WorkerChange::Starting => {
                let config = self.driver.config();
                let slots = config.delivery_parallelism;
                let held_back = self.held_back_until.since(self.driver.now());
                let mut start = config.worker_start() + held_back;
                // Those that are there from the start are ready, however long others take.
                if self.driver.has_free_slot(worker) {
                    start = Duration::ZERO;
                }
                let link = Arc::new(WorkerLink::new(shared.clone(), worker, slots));
                self.crew.hire(link.clone());
                if start.is_zero() {
                    self.worker_ready(link);
                } else {
                    let over = self.driver.now() + start;
                    let place = self.starts.partition_point(|&(other, _)| other <= over);
                    self.starts.insert(place, (over, link));
                }
            }
            WorkerChange::Gone => {
                self.starts.retain(|(_, link)| link.id != worker);
                self.errands.nudges.extend(self.crew.dismiss(worker));
            }
            WorkerChange::Ready | WorkerChange::Draining => {}
        }
    }
}
