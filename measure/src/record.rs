//! The recorder: folds core's events into one [`Run`].
//!
//! It is fed every event of a run, five or so a message, so each is a few additions: where a
//! message is counted is found by index, levels are summed only when they change, and nothing
//! is allocated once each account was seen. Figures are made from the sums when the run is
//! over, in `closing.rs`.

use ebbtide_core::event::{Account, DecisionRecord, Event, What, Whereabouts, WorkerChange};
use ebbtide_core::message::{AgentId, Outcome, WorkerId};
use ebbtide_core::units::{Duration, Time};
use ebbtide_policies::objective::{Measure, Objective};

use crate::calls::Calls;
use crate::cost::is_lost;
use crate::ledger::{Ledger, Window};
use crate::plan::{Detail, RecordPlan};
use crate::pool::{Pool, PoolSums};
use crate::queue::{Queue, QueueSums};
use crate::run::{PoolState, Run};
use crate::timeline::Timeline;

/// Where each control decision goes besides: to a file, say.
pub type DecisionSink = Box<dyn FnMut(&DecisionRecord) + Send>;

/// Folds the events of one replication, in their order, into a [`Run`].
pub struct Recorder {
    pub(crate) plan: RecordPlan,
    sink: Option<DecisionSink>,
    pub(crate) window: Window,
    limits: Option<Limits>,
    phase: Phase,
    /// When the window next begins or ends, or a bin ends: until then events only add.
    next: Time,
    pub(crate) ledger: Ledger,
    /// By agent.
    pub(crate) calls: Vec<Calls>,
    queue: Queue,
    pool: Pool,
    /// What the levels came to in the window, once it is over, with their peaks of the whole run.
    pub(crate) sums: Option<WindowSums>,
    /// Calls started since the window began.
    pub(crate) calls_started: u64,
    /// Applied changes of the workers wanted, in the window.
    pub(crate) scale_actions: u64,
    pub(crate) timeline: Option<Timeline>,
    blocked: Vec<(Account, Time)>,
}

/// What levels came to in the window.
#[derive(Debug)]
pub(crate) struct WindowSums {
    pub(crate) queue: QueueSums,
    pub(crate) pool: PoolSums,
}

/// The objective's limit; [`Duration::MAX`] on what it does not limit.
#[derive(Clone, Copy, Debug)]
struct Limits {
    wait: Duration,
    sojourn: Duration,
}

impl Limits {
    /// How late a message is that waited and took so long.
    #[inline]
    fn beyond(self, wait: Duration, sojourn: Duration) -> Duration {
        (wait - self.wait) + (sojourn - self.sojourn)
    }

    /// How late a message is that was lost after so long: by `least` at least.
    #[inline]
    fn beyond_when_lost(self, least: Duration, took: Duration) -> Duration {
        self.beyond(took, took).max(least)
    }

    fn of(objective: Objective) -> Self {
        let of = |measure| {
            if objective.measure == measure {
                objective.limit
            } else {
                Duration::MAX
            }
        };
        Self {
            wait: of(Measure::Wait),
            sojourn: of(Measure::Sojourn),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Window,
    Tail,
}

/// What a recorder must be told when the run is over.
pub struct RunEnd<I> {
    /// When it was over.
    pub at: Time,
    /// Events that the simulator handled; `None` for a live broker.
    pub events_simulated: Option<u64>,
    /// Every message that was accepted and has no outcome.
    pub unfinished: I,
}

/// A message without an outcome when the run was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its books.
    pub account: Account,
    /// When its sender asked.
    pub sent: Time,
    /// When its first call started; `None`: none has.
    pub started: Option<Time>,
}

impl Recorder {
    /// A recorder for one replication.
    #[must_use]
    pub fn new(plan: RecordPlan) -> Self {
        let (agents, classes) = (plan.agents.len(), plan.classes.len());
        Self {
            sink: None,
            window: Window {
                from: plan.warm_up,
                to: plan.length,
            },
            limits: plan.objective.map(Limits::of),
            phase: Phase::WarmUp,
            next: Time::ZERO,
            ledger: Ledger::new(agents, classes),
            calls: plan.agents.iter().map(Calls::to).collect(),
            queue: Queue::new(agents, classes),
            pool: Pool::new(agents, plan.detail == Detail::Full),
            sums: None,
            calls_started: 0,
            scale_actions: 0,
            timeline: (plan.detail == Detail::Full).then(|| Timeline::new(&plan)),
            blocked: Vec::new(),
            plan,
        }
    }

    /// Hands every control decision on to `sink`.
    #[must_use]
    pub fn with_decision_sink(mut self, sink: DecisionSink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Folds one event. Events come in the order of time, and name only agents and classes
    /// that the plan names.
    #[inline(always)]
    pub fn record<M>(&mut self, event: &Event<M>) {
        let at = event.at;
        if at >= self.next {
            self.pass(at);
        }
        match &event.what {
            What::Accepted {
                account, sent, due, ..
            } => {
                self.queue.enter(at, account, *due);
                self.sent(*sent);
            }
            What::Refused { account, sent } => self.refused(account, *sent),
            What::Due { account, .. } => self.queue.due(at, account),
            What::Taken { account, .. } => self.queue.leave_waiting(at, account),
            What::Started {
                agent,
                worker,
                size,
                ..
            } => self.call_started(at, *agent, *worker, *size),
            What::Ended { agent, started, .. } if self.window.contains(*started) => {
                self.calls[agent.0 as usize].end(at.since(*started));
            }
            What::SlotFreed { worker, agent } => {
                self.pool.slot_freed(at, *worker, *agent);
            }
            What::Requeued { account, due, .. } => self.queue.enter(at, account, *due),
            What::Finished {
                account,
                sent,
                started,
                outcome,
                was,
                ..
            } => {
                self.left(at, account, *was);
                self.finished(at, account, *sent, *started, *outcome);
            }
            What::Worker { worker, state } => self.worker_changed(at, *worker, *state),
            What::Decided(record) => self.decided(record),
            _ => {}
        }
    }

    /// The run ends with a message whose sender is still blocked by a full queue: it was
    /// offered, neither accepted nor refused, and is as old as the run will be.
    pub fn blocked(&mut self, account: Account, sent: Time) {
        self.blocked.push((account, sent));
    }

    /// The run is over: the figures of all that was recorded.
    #[must_use]
    pub fn finish(mut self, end: RunEnd<impl IntoIterator<Item = Unfinished>>) -> Run {
        self.pass(end.at);
        self.close_window(end.at.min(self.window.to));
        self.reach_the_end(end.at);
        self.drain(end.at);
        for message in end.unfinished {
            let counts = &mut self.ledger.cell(&message.account).counts;
            counts.accepted += 1;
            counts.outcomes.unfinished += 1;
            self.still_open(&message, end.at);
        }
        for (account, sent) in std::mem::take(&mut self.blocked) {
            self.sent(sent);
            self.ledger.cell(&account).counts.blocked += 1;
            let started = None;
            let message = Unfinished {
                account,
                sent,
                started,
            };
            self.still_open(&message, end.at);
        }
        let state = self.pool_state();
        if let Some(timeline) = &mut self.timeline {
            timeline.series.finish(end.at, &self.queue, state);
        }
        self.into_run(end.at, end.events_simulated)
    }

    /// A message was sent, accepted or not.
    fn sent(&mut self, sent: Time) {
        if let Some(timeline) = &mut self.timeline {
            timeline.series.offered(sent);
        }
    }

    fn refused(&mut self, account: &Account, sent: Time) {
        self.sent(sent);
        let in_window = self.window.contains(sent);
        let cell = self.ledger.cell(account);
        cell.counts.refused += 1;
        cell.offered += u64::from(in_window);
        cell.refused += u64::from(in_window);
        if in_window && let Some(limits) = self.limits {
            let least = self.plan.classes[usize::from(account.class.0)].lost();
            let late = limits.beyond_when_lost(least, Duration::ZERO);
            cell.late(late, false);
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.series.open_bin().refused += 1;
        }
    }

    /// A message is gone from where it was.
    #[inline(always)]
    fn left(&mut self, at: Time, account: &Account, place: Whereabouts) {
        match place {
            Whereabouts::Leased => {}
            Whereabouts::Waiting => self.queue.leave_waiting(at, account),
            Whereabouts::Delayed => self.queue.leave_delayed(),
        }
    }

    /// An accepted message has its outcome. All that it counts for is booked here, once: what
    /// has none yet is booked when the run is over.
    #[inline(always)]
    fn finished(
        &mut self,
        at: Time,
        account: &Account,
        sent: Time,
        started: Option<Time>,
        outcome: Outcome,
    ) {
        let sojourn = at.since(sent);
        let in_window = self.phase == Phase::Window;
        let cell = self.ledger.cell(account);
        cell.counts.accepted += 1;
        cell.counts.outcomes.count(outcome);
        cell.delivered_in_window += u64::from(in_window && outcome == Outcome::Delivered);
        if self.window.contains(sent) {
            cell.offered += 1;
            if let Some(started) = started {
                cell.waited(started.since(sent));
            }
            cell.end(outcome, sojourn);
            if let Some(limits) = self.limits {
                let late = if is_lost(outcome) {
                    let least = self.plan.classes[usize::from(account.class.0)].lost();
                    limits.beyond_when_lost(least, sojourn)
                } else {
                    let wait = started.unwrap_or(at).since(sent);
                    limits.beyond(wait, sojourn)
                };
                cell.late(late, false);
            }
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.series.open_bin().outcomes.count(outcome);
            timeline.sojourns.ended(sent, sojourn);
        }
    }

    #[inline(always)]
    fn call_started(&mut self, at: Time, agent: AgentId, worker: WorkerId, size: u32) {
        self.pool.call_started(at, worker, agent);
        self.calls_started += u64::from(self.phase != Phase::WarmUp);
        if self.phase == Phase::Window {
            self.calls[agent.0 as usize].start(size);
        }
    }

    fn worker_changed(&mut self, at: Time, worker: WorkerId, state: WorkerChange) {
        self.pool.worker_changed(at, worker, state);
        self.pool_changed(at);
    }

    fn decided(&mut self, record: &DecisionRecord) {
        if let Some(sink) = &mut self.sink {
            sink(record);
        }
        let rescaled = record.before.workers != record.applied.workers;
        self.scale_actions += u64::from(rescaled && self.phase == Phase::Window);
        self.plan.setting = record.applied;
        if let Some(timeline) = &mut self.timeline {
            timeline.decided(record);
        }
        if record.before != record.applied {
            self.pool_changed(record.at);
        }
    }

    fn pool_changed(&mut self, at: Time) {
        let state = self.pool_state();
        if let Some(timeline) = &mut self.timeline {
            timeline.pool_changed(at, state);
        }
    }

    fn pool_state(&self) -> PoolState {
        PoolState {
            setting: self.plan.setting,
            starting: self.pool.starting,
            ready: self.pool.ready,
            draining: self.pool.draining,
        }
    }

    /// A message had no outcome when the run was over.
    fn still_open(&mut self, message: &Unfinished, end: Time) {
        let age = end.since(message.sent);
        if let Some(timeline) = &mut self.timeline {
            timeline.sojourns.unfinished(message.sent, age);
        }
        if self.window.contains(message.sent) {
            let cell = self.ledger.cell(&message.account);
            cell.offered += 1;
            match message.started {
                Some(started) => cell.waited(started.since(message.sent)),
                None => cell.still_waits(age),
            }
            cell.still_open(age);
            if let Some(limits) = self.limits {
                let wait = message.started.unwrap_or(end).since(message.sent);
                cell.late(limits.beyond(wait, age), true);
            }
        }
    }

    /// Time reaches `at`: closes the bins and turns the phases that end before.
    #[cold]
    fn pass(&mut self, at: Time) {
        if let Some(timeline) = &mut self.timeline {
            timeline.series.make_room(at);
        }
        loop {
            let bin_end = self
                .timeline
                .as_ref()
                .map_or(Time::MAX, |t| t.series.bin_end());
            let turn = self.turn();
            self.next = bin_end.min(turn);
            if at < self.next || self.next == Time::MAX {
                return;
            }
            if self.next == turn {
                self.turn_phase();
            } else {
                self.drain(bin_end);
                let state = self.pool_state();
                if let Some(timeline) = &mut self.timeline {
                    timeline.series.close_bin(&self.queue, state);
                }
            }
        }
    }

    /// The first instant of the next phase. The window's last instant is still in the window.
    fn turn(&self) -> Time {
        match self.phase {
            Phase::WarmUp => self.window.from,
            Phase::Window => self.window.to + Duration::from_nanos(1),
            Phase::Tail => Time::MAX,
        }
    }

    fn turn_phase(&mut self) {
        match self.phase {
            Phase::WarmUp => self.open_window(),
            Phase::Window => self.close_window(self.window.to),
            Phase::Tail => {}
        }
    }

    fn open_window(&mut self) {
        let from = self.window.from;
        self.drain(from);
        self.queue.restart(from);
        self.pool.restart(from);
        self.phase = Phase::Window;
    }

    fn close_window(&mut self, to: Time) {
        self.window.to = to;
        if self.phase == Phase::Window {
            self.sums = Some(WindowSums {
                queue: self.queue.since_restart(to),
                pool: self.pool.since_restart(to),
            });
            self.phase = Phase::Tail;
        }
    }

    /// What the levels were at most, they may have been in the tail.
    fn reach_the_end(&mut self, end: Time) {
        if let Some(sums) = &mut self.sums {
            sums.queue.reach(&self.queue.since_restart(end));
            sums.pool.alive.reach(self.pool.since_restart(end).alive);
        }
    }

    /// Books in the open bin what the levels came to until `at`.
    fn drain(&mut self, at: Time) {
        let (waiting, busy) = (self.queue.drain(at), self.pool.drain(at));
        if let Some(timeline) = &mut self.timeline {
            timeline.series.add_section(waiting, busy);
        }
    }
}
