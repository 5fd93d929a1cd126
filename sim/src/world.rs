//! The simulated world: one replication of one policy, from its first message to its last.
//!
//! It is a shell around core like the live one, with a calendar for a clock: it hands in what
//! happens at an instant in the order of `semantics.md`, starts the calls that core gives
//! out, and asks the agents' models how they end. Whatever core says goes to the recorder.
//! Deliberately absent: any rule of the broker.

mod audience;
mod calls;
mod grain;
mod line;
mod patience;
mod senders;

pub(crate) use audience::Audience;
pub use audience::{Ended, OutcomeSink};

use std::collections::BTreeMap;

use ebbtide_core::Journaled;
use ebbtide_core::message::{LeaseId, WorkerId};
use ebbtide_measure::{Run, RunEnd, Unfinished};
use ebbtide_policies::units::Time;

use crate::agents::{AgentModel, CallItem, CallPlan, Service};
use crate::calendar::{Calendar, Entry};
use crate::monitor::Monitor;
use crate::plan::Plan;
use crate::streams::{MessageKey, Streams};
use crate::traffic::{Arrival, Traffic};

use audience::Concern;
use calls::Running;
use line::Line;
use patience::Patience;

/// Events between two looks at the monitor.
const GLANCE: u64 = 4_096;

/// Is told of each message as it is sent.
pub type ArrivalSink<'a> = Box<dyn FnMut(&Arrival) + Send + 'a>;

/// A message as core carries it: by its name all of its luck is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tag {
    key: MessageKey,
    /// How long a call for it takes. Drawn as it is sent, it is at hand when the call starts, whose
    /// end decides what happens next.
    service: Service,
}

/// One replication of one policy.
pub(crate) struct World<'p> {
    plan: &'p Plan,
    state: Journaled<Tag, Audience>,
    traffic: Traffic<'p>,
    agents: Vec<AgentModel>,
    calendar: Calendar,
    patience: Patience,
    /// The first worker that is ordered rather than there from the start.
    first_ordered: u32,
    /// Calls under way, by lease slot.
    running: Vec<Running>,
    /// Calls that the broker gave up and whose remote side works on, by slot and turn.
    given_up: BTreeMap<(u32, u32), (u32, CallPlan)>,
    /// Copies without an outcome of broadcasts that callers wait for.
    copies: BTreeMap<u64, usize>,
    /// Messages that wait for room, by source.
    blocked: Vec<Line>,
    blocked_count: usize,
    /// Whether some of them entered in the last round: what they bring about is yet to come.
    has_entered: bool,
    streams: Streams,
    arrival_sink: Option<ArrivalSink<'p>>,
    outcome_sink: Option<OutcomeSink<'p>>,
    /// Whether outcomes bring new messages about.
    has_callers: bool,
    now: Time,
    events: u64,
    items: Vec<CallItem>,
}

impl<'p> World<'p> {
    /// A world before its first instant. The broker is new, with the plan's agents.
    pub(crate) fn new(
        plan: &'p Plan,
        mut state: Journaled<Tag, Audience>,
        streams: Streams,
    ) -> Self {
        for agent in &plan.agents {
            let added = state.add_agent(Time::ZERO, agent.config());
            added.expect("a plan's agents have different names");
        }
        let mut calendar = Calendar::default();
        for (death, index) in plan.worker_deaths.iter().zip(0..) {
            calendar.enter(death.at, Entry::Death(index));
        }
        Self {
            traffic: Traffic::new(plan, streams),
            agents: plan.agent_models(streams),
            calendar,
            patience: Patience::default(),
            first_ordered: state.setting().workers,
            running: Vec::new(),
            given_up: BTreeMap::new(),
            copies: BTreeMap::new(),
            blocked: (0..plan.sources.len().max(1))
                .map(|_| Line::default())
                .collect(),
            blocked_count: 0,
            has_entered: false,
            has_callers: plan.has_callers(),
            streams,
            arrival_sink: None,
            outcome_sink: None,
            now: Time::ZERO,
            events: 0,
            items: Vec::new(),
            plan,
            state,
        }
    }

    /// Hands each message that is sent on to `sink`.
    pub(crate) fn with_arrival_sink(mut self, sink: Option<ArrivalSink<'p>>) -> Self {
        self.arrival_sink = sink;
        self
    }

    /// Tells `sink` of each outcome that its [`Audience`] hands on.
    pub(crate) fn with_outcome_sink(mut self, sink: Option<OutcomeSink<'p>>) -> Self {
        self.outcome_sink = sink;
        self
    }

    /// Runs until every message has its outcome, or the tail is over. `None` if `monitor`
    /// says stop.
    pub(crate) fn run(self, monitor: &Monitor) -> Option<Run> {
        if self.plan.is_plain() && self.arrival_sink.is_none() {
            self.run_rounds::<true>(monitor)
        } else {
            self.run_rounds::<false>(monitor)
        }
    }

    /// A plain world is what most runs are, and most of their time: what none of its messages can
    /// bring about is not asked for in each round.
    fn run_rounds<const PLAIN: bool>(mut self, monitor: &Monitor) -> Option<Run> {
        let length = self.plan.end();
        let limit = length + self.plan.run.tail;
        let (mut glance, mut reported) = (GLANCE, Time::ZERO);
        self.heed_events();
        while let Some(next) = self.next_round::<PLAIN>(length, limit) {
            self.now = next;
            self.round::<PLAIN>(monitor)?;
            if self.events >= glance {
                glance = self.events + GLANCE;
                if monitor.is_stopped() {
                    return None;
                }
                monitor.passed(next.min(length).since(reported));
                reported = next;
            }
        }
        monitor.passed(length.since(reported));
        Some(self.finish(length, limit))
    }

    /// When something happens next, which may be at this instant; `None` when the run is over.
    #[inline(always)]
    fn next_round<const PLAIN: bool>(&self, length: Time, limit: Time) -> Option<Time> {
        if !PLAIN && self.has_entered {
            return Some(self.now);
        }
        let arrival = self.traffic.peek();
        let entry = self.calendar.next();
        let take = self.state.takeable_at().unwrap_or(Time::MAX);
        let wake = take.min(self.state.next_timer());
        let other = if PLAIN {
            arrival.min(wake)
        } else {
            self.patience.next().min(self.grain(arrival.min(wake)))
        };
        let next = entry.min(other);
        if next > length && entry.min(arrival) > self.now {
            let done = self.state.is_idle() && arrival == Time::MAX && self.blocked_count == 0;
            if done || next > limit {
                return None;
            }
        }
        Some(next.max(self.now))
    }

    /// Everything that happens now, in the order of `semantics.md`; what a call or an outcome
    /// of this instant brings about at the same instant happens in another round. `None` if
    /// `monitor` says stop, which an instant without an end must heed as well.
    #[inline(always)]
    fn round<const PLAIN: bool>(&mut self, monitor: &Monitor) -> Option<()> {
        self.events += 1;
        if PLAIN || self.plan.time_grain.is_zero() {
            while self.calendar.next() <= self.now {
                let entry = self.calendar.pop();
                self.happen(entry);
            }
        } else {
            self.happen_by_worker();
        }
        if !PLAIN {
            if self.has_callers {
                // Callers hear of what was settled, and send, before the arrivals are over.
                self.heed_events();
            }
            // Whoever waits for room comes before whoever comes now.
            self.admit_blocked();
        }
        while self.traffic.peek() <= self.now {
            let arrival = self.traffic.send();
            self.counts_on(monitor)?;
            if PLAIN {
                let _ = self.state.submit(self.now, self.submission(arrival));
            } else {
                self.arrive(arrival);
            }
        }
        if !PLAIN {
            self.traffic.close(self.now);
            self.give_up_due();
        }
        self.state.advance(self.now);
        if !PLAIN {
            self.admit_blocked();
        }
        if self.state.may_take() {
            // A remote side hears that a call was given up before the next one starts.
            self.heed_events();
            self.start_calls();
        }
        self.heed_events();
        if !PLAIN {
            self.has_entered = self.admit_blocked();
        }
        Some(())
    }

    /// Counts an event; `None` if `monitor` says stop.
    #[inline]
    fn counts_on(&mut self, monitor: &Monitor) -> Option<()> {
        self.events += 1;
        (!self.events.is_multiple_of(GLANCE) || !monitor.is_stopped()).then_some(())
    }

    #[inline(always)]
    fn happen(&mut self, entry: Entry) {
        self.events += 1;
        match entry {
            Entry::CallEnds { slot, turn } => self.end_call(slot, turn),
            Entry::GraceOver { slot, turn } => self.grace_over(slot, turn),
            Entry::WorkerReady(worker) => self.state.worker_ready(self.now, worker),
            Entry::Death(index) => self.kill_workers(index),
        }
    }

    #[cold]
    fn grace_over(&mut self, slot: u32, turn: u32) {
        if self.running[slot as usize].turn == turn {
            self.give_up(slot);
        }
    }

    #[cold]
    fn kill_workers(&mut self, death: u32) {
        let count = self.plan.worker_deaths[death as usize].workers;
        let ready: Vec<WorkerId> = self.state.ready_workers().take(count as usize).collect();
        for worker in ready {
            self.state.worker_lost(self.now, worker);
        }
    }

    /// What core said goes to whom it concerns besides the recorder.
    #[inline(always)]
    fn heed_events(&mut self) {
        while self.state.listener().concerns_the_world() {
            self.heed_next();
        }
    }

    #[inline(never)]
    fn heed_next(&mut self) {
        match self.state.listener_mut().next_concern() {
            Some(Concern::Ended(ended)) => {
                if let Some(sink) = &mut self.outcome_sink {
                    sink(&ended);
                }
                self.finished(ended.at, ended.key, ended.sent);
            }
            Some(Concern::Abandoned(lease)) => self.told(lease),
            Some(Concern::WorkerLost(lease)) => self.give_up(lease.slot()),
            Some(Concern::WorkerOrdered(worker)) => self.start_worker(worker),
            None => {}
        }
    }

    /// A message has its outcome, and its caller hears of it: one that sent a broadcast once no
    /// copy is left without.
    fn finished(&mut self, at: Time, key: MessageKey, sent: Time) {
        if let Some(left) = self.copies.get_mut(&key.mixed()) {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.copies.remove(&key.mixed());
        }
        self.traffic.outcome(at, key, sent);
    }

    /// A handler was told that nobody waits: it has its grace, then it is dropped.
    fn told(&mut self, lease: LeaseId) {
        let slot = lease.slot();
        let grace = self.state.config().cancel_grace();
        if grace.is_zero() {
            return self.give_up(slot);
        }
        let turn = self.running[slot as usize].turn;
        let over = self.grain(self.now + grace);
        self.calendar.enter(over, Entry::GraceOver { slot, turn });
    }

    /// Cold starts are drawn by the number of the order, whatever pool it joins; a worker's name
    /// counts them, from those on that were there from the start.
    fn start_worker(&mut self, worker: WorkerId) {
        let Some(order) = worker.0.checked_sub(self.first_ordered) else {
            return;
        };
        let drawn = self.plan.worker_start(self.streams, u64::from(order));
        let start = drawn.unwrap_or(self.state.config().worker_start());
        let at = self.grain(self.now + start).max(self.now);
        self.calendar.enter(at, Entry::WorkerReady(worker));
    }

    fn finish(mut self, length: Time, limit: Time) -> Run {
        let done = self.state.is_idle() && self.blocked_count == 0;
        let at = if done { self.now.max(length) } else { limit };
        self.state.advance(at);
        self.state.close();
        self.heed_events();
        let mut blocked = Vec::new();
        for arrival in self.blocked.iter().flat_map(Line::iter) {
            let accounts = self.accounts_of(arrival).into_iter();
            blocked.extend(accounts.map(|account| (account, arrival.at)));
        }
        let unfinished = self.state.unfinished().map(|message| Unfinished {
            account: message.account,
            sent: message.sent,
            started: message.started,
        });
        let unfinished: Vec<Unfinished> = unfinished.collect();
        let mut recorder = self.state.into_listener().recorder;
        for (account, sent) in blocked {
            recorder.blocked(account, sent);
        }
        recorder.finish(RunEnd {
            at,
            events_simulated: Some(self.events),
            unfinished,
        })
    }
}
