//! A fast twin of the simulator, for searches that run it thousands of times.
//!
//! Its own small loop over messages that were drawn beforehand, with core's own parts
//! (`ebbtide_core::parts`) where something is decided and the simulator's own agents. It can be
//! cloned at any tick, so that a search branches there. Left out: ordering keys, impatient
//! senders, `worker_deaths`, `time_grain`, bytes and the critical reserve, `fail_fast`, the grace of cancelled
//! handlers, broadcasts from closed loops; blocked senders' messages enter at once. No events, no histograms, no policy:
//! what it finds the core re-scores.

mod agent;
mod gauge;
mod settle;
mod take;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use ebbtide_core::message::WorkerId;
use ebbtide_core::parts::{Lanes, Retries, Worker, WorkerState, Workers};
use ebbtide_measure::Cost;
use ebbtide_policies::objective::Measure;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::CallPlan;
use crate::calendar::{Calendar, Entry};
use crate::traffic::{Callers, WhenFull};

use super::path::{Message, Path};
use agent::{Agent, Queued};
use settle::{Running, Setbacks};

/// A broker in the middle of its run.
#[derive(Clone)]
pub(crate) struct Twin<'p> {
    path: &'p Path<'p>,
    now: Time,
    setting: Setting,
    agents: Vec<Agent>,
    lanes: Lanes,
    workers: Workers,
    /// The first worker that is ordered rather than there from the start.
    first_ordered: u32,
    calendar: Calendar,
    /// By slot.
    calls: Vec<Running>,
    free: Vec<u32>,
    /// Calls that timed out and whose remote side works on, by slot and turn.
    given_up: BTreeMap<(u32, u32), (u32, CallPlan)>,
    delayed: BinaryHeap<Reverse<Queued>>,
    /// Messages that wait or are delayed.
    queued: u64,
    /// Messages that became due.
    turns: u32,
    /// The open sources' next message.
    next: usize,
    callers: Vec<Callers>,
    /// What each caller asked last.
    asked: Vec<Message>,
    /// Nothing more is sent at this instant.
    closed: Time,
    /// The next of each class to expire.
    expiring: Vec<usize>,
    /// Messages with an outcome, a bit each; kept only where messages expire.
    over: Vec<u64>,
    setbacks: BTreeMap<u32, Setbacks>,
    retries: Retries,
    /// When what may not be taken now may be.
    wake: Time,
    sums: Cost,
}

impl<'p> Twin<'p> {
    /// Before the first instant, with `start` in force and its workers ready.
    pub(crate) fn new(path: &'p Path<'p>, start: Setting) -> Self {
        let config = path.config;
        let mut workers = Workers::new(config.delivery_parallelism);
        for _ in 0..start.workers {
            let id = workers.order();
            workers.set_state(id, WorkerState::Ready);
        }
        let places = path.callers.last().map_or(0, |(first, callers)| {
            *first as usize + callers.count() as usize - path.messages.len()
        });
        let over = if path.has_deadlines() {
            vec![0; (path.messages.len() + places).div_ceil(64)]
        } else {
            Vec::new()
        };
        let agents = path.plan.agents.iter().zip(&path.models);
        Self {
            now: Time::ZERO,
            setting: start,
            agents: agents
                .map(|(agent, model)| Agent::new(agent, model.clone(), config))
                .collect(),
            lanes: Lanes::new(config),
            workers,
            first_ordered: start.workers,
            calendar: Calendar::default(),
            calls: Vec::new(),
            free: Vec::new(),
            given_up: BTreeMap::new(),
            delayed: BinaryHeap::new(),
            queued: 0,
            turns: 0,
            next: 0,
            callers: path.callers.iter().map(|(_, it)| it.clone()).collect(),
            asked: Vec::with_capacity(places),
            closed: Time::ZERO,
            expiring: vec![0; path.expiring.len()],
            over,
            setbacks: BTreeMap::new(),
            retries: Retries::new(config),
            wake: Time::MAX,
            sums: Cost::default(),
            path,
        }
    }

    /// Runs until the tick at `until`: everything of that instant has happened but the tick and
    /// what is taken after it.
    pub(crate) fn run_until(&mut self, until: Time) {
        loop {
            self.take();
            let next = self.next_instant();
            if next > until {
                return self.pass(until);
            }
            self.pass(next);
            self.happen();
            if self.now == until {
                return;
            }
        }
    }

    /// The tick puts `setting` in force.
    pub(crate) fn set(&mut self, setting: Setting) {
        if setting == self.setting {
            return;
        }
        self.setting = setting;
        let draining = |worker: &&Worker| worker.state == WorkerState::Draining;
        let mut kept = self.workers.iter().filter(|it| !draining(it)).count() as u32;
        while kept < setting.workers {
            let back = self.workers.iter().find(draining).map(|worker| worker.id);
            match back {
                Some(worker) => {
                    self.workers.set_state(worker, WorkerState::Ready);
                }
                None => self.order_worker(),
            }
            kept += 1;
        }
        while kept > setting.workers {
            self.let_one_go();
            kept -= 1;
        }
    }

    /// Runs until every message has its outcome or the tail is over, and gives what the whole
    /// run came to.
    pub(crate) fn finish(mut self) -> Cost {
        let limit = self.path.plan.end() + self.path.plan.run.tail;
        self.run_until(limit);
        self.take();
        let mut sums = self.sums;
        for (message, measures) in self.unfinished() {
            let age = limit.since(message.sent);
            let late: f64 = measures.iter().map(|it| self.path.beyond(*it, age)).sum();
            sums.lateness_s += late;
            sums.late_work += late * self.work(&message);
        }
        sums
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// What it came to so far.
    pub(crate) fn sums(&self) -> Cost {
        self.sums
    }

    /// It came to `now` where it stands, rather than to `then`.
    pub(crate) fn came_to(&mut self, now: Cost, then: Cost) {
        self.sums.worker_seconds += now.worker_seconds - then.worker_seconds;
        self.sums.lateness_s += now.lateness_s - then.lateness_s;
        self.sums.late_work += now.late_work - then.late_work;
        self.sums.calls += now.calls - then.calls;
    }

    fn order_worker(&mut self) {
        let worker = self.workers.order();
        let plan = self.path.plan;
        let start = self.path.config.worker_start();
        let order = u64::from(worker.0 - self.first_ordered);
        let drawn = plan.worker_start(self.path.streams, order);
        let ready = self.now + drawn.unwrap_or(start);
        self.calendar.enter(ready, Entry::WorkerReady(worker));
    }

    fn let_one_go(&mut self) {
        let Some(worker) = self.workers.next_to_go() else {
            return;
        };
        if worker.calls == 0 {
            self.workers.remove(worker.id);
        } else {
            self.workers.set_state(worker.id, WorkerState::Draining);
        }
    }

    fn next_instant(&self) -> Time {
        let open = self.path.messages.get(self.next);
        let open = open.map_or(Time::MAX, |message| message.sent);
        let asked = self.callers.iter().filter_map(Callers::next).min();
        let due = self.delayed.peek().map_or(Time::MAX, |it| it.0.due);
        let first = open.min(self.calendar.next()).min(due).min(self.wake);
        let first = first.min(asked.unwrap_or(Time::MAX));
        first.min(self.next_expiry()).max(self.now)
    }

    /// Time goes by; workers cost while messages arrive.
    fn pass(&mut self, to: Time) {
        let end = self.path.plan.end();
        let paid = to.min(end).since(self.now.min(end));
        let alive = self.workers.iter().count() as f64;
        self.sums.worker_seconds += paid.as_secs_f64() * alive;
        self.now = to;
    }

    /// Everything that happens now before the tick.
    fn happen(&mut self) {
        while self.calendar.next() <= self.now {
            match self.calendar.pop() {
                Entry::CallEnds { slot, turn } => self.end_call(slot, turn),
                Entry::WorkerReady(worker) => self.worker_ready(worker),
                Entry::GraceOver { slot, turn } => self.lease_ends(slot, turn),
                Entry::Death(_) => {}
            }
        }
        while let Some(Reverse(due)) = self.delayed.peek().filter(|it| it.0.due <= self.now) {
            let id = due.id;
            self.delayed.pop();
            self.queued -= 1;
            if !self.is_over(id) {
                self.become_due(id);
            }
        }
        while let Some(message) = self.path.messages.get(self.next)
            && message.sent <= self.now
        {
            let id = self.next as u32;
            self.next += 1;
            self.arrive(id, *message);
        }
        for index in 0..self.callers.len() {
            self.ask(index);
        }
        self.closed = self.now;
        self.expire();
    }

    fn worker_ready(&mut self, worker: WorkerId) {
        let starting = |it: &Worker| it.id == worker && it.state == WorkerState::Starting;
        if self.workers.iter().any(starting) {
            self.workers.set_state(worker, WorkerState::Ready);
        }
    }

    /// Callers whose thinking is over send.
    fn ask(&mut self, index: usize) {
        while self.callers[index].next().is_some_and(|at| at <= self.now) {
            let key = self.callers[index].send();
            let Some(message) = self.path.asked(self.now, key) else {
                continue;
            };
            let id = self.path.callers[index].0 + key.caller();
            let place = id as usize - self.path.messages.len();
            self.asked.resize(self.asked.len().max(place + 1), message);
            self.asked[place] = message;
            if !self.over.is_empty() {
                self.over[id as usize / 64] &= !(1 << (id % 64));
            }
            self.arrive(id, message);
        }
    }

    /// A message is sent: it enters, or is lost where the queue is full.
    fn arrive(&mut self, id: u32, message: Message) {
        let config = self.path.config;
        let source = self.path.plan.sources.get(message.key.source() as usize);
        let waits = source.is_some_and(|source| source.when_full == WhenFull::Block);
        let startable = self.workers.free_slots();
        if !waits && self.queued >= config.max_queue_size.saturating_add(startable) {
            return self.finish_message(id, &message, Finish::Lost);
        }
        self.retries.arrived();
        self.become_due(id);
    }

    /// A message that is in no place becomes due, now, at its lane's tail.
    fn become_due(&mut self, id: u32) {
        self.turns += 1;
        let queued = Queued {
            due: self.now,
            turn: self.turns,
            id,
        };
        self.enlist(queued);
    }

    fn next_expiry(&self) -> Time {
        if self.over.is_empty() {
            return Time::MAX;
        }
        let classes = self.expiring.iter().zip(&self.path.expiring).enumerate();
        let expiry = |(class, (next, all)): (usize, (&usize, &Vec<u32>))| {
            let message = self.path.messages[*all.get(*next)? as usize];
            Some(message.sent + self.path.plan.classes[class].deadline?)
        };
        classes.filter_map(expiry).min().unwrap_or(Time::MAX)
    }

    /// Messages whose deadline is over have their outcome, wherever they are.
    fn expire(&mut self) {
        if self.next_expiry() > self.now {
            return;
        }
        for class in 0..self.expiring.len() {
            let Some(deadline) = self.path.plan.classes[class].deadline else {
                continue;
            };
            while let Some(&id) = self.path.expiring[class].get(self.expiring[class])
                && self.path.messages[id as usize].sent + deadline <= self.now
            {
                self.expiring[class] += 1;
                if !self.is_over(id) {
                    self.expire_message(id);
                }
            }
        }
    }

    /// A message has its outcome.
    fn finish_message(&mut self, id: u32, message: &Message, how: Finish) {
        if let Some(word) = self.over.get_mut(id as usize / 64) {
            *word |= 1 << (id % 64);
        }
        let took = self.now.since(message.sent);
        let late = match how {
            Finish::Delivered => self.path.beyond(Measure::Sojourn, took),
            Finish::Lost => self.path.beyond_when_lost(message, took),
        };
        self.late(message, late);
        if let Some(index) = self.callers_of(id) {
            let earliest = if self.closed == self.now {
                self.now + Duration::from_nanos(1)
            } else {
                self.now
            };
            let open = earliest..self.path.plan.end();
            self.callers[index].think(self.now, message.key, message.sent, open);
        }
    }

    fn late(&mut self, message: &Message, seconds: f64) {
        self.sums.lateness_s += seconds;
        self.sums.late_work += seconds * self.work(message);
    }

    fn callers_of(&self, id: u32) -> Option<usize> {
        let first = |(first, _): &(u32, Callers)| *first <= id;
        self.path.callers.iter().rposition(first)
    }

    fn is_over(&self, id: u32) -> bool {
        let word = self.over.get(id as usize / 64);
        word.is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    fn message(&self, id: u32) -> Message {
        match self.path.messages.get(id as usize) {
            Some(message) => *message,
            None => self.asked[id as usize - self.path.messages.len()],
        }
    }

    fn work(&self, message: &Message) -> f64 {
        self.path.work[message.agent as usize]
    }

    /// Messages that are somewhere in the broker, and what of their times is not over.
    fn unfinished(&self) -> impl Iterator<Item = (Message, &'static [Measure])> + '_ {
        let waiting = self.agents.iter().flat_map(Agent::waiting);
        let called = self.calls.iter().flat_map(Running::members);
        let called = called.map(|member| member.id);
        let called = called.chain(self.delayed.iter().map(|it| it.0.id));
        let measures = |id| match self.setbacks.contains_key(&id) {
            true => &[Measure::Sojourn][..],
            false => &[Measure::Wait, Measure::Sojourn][..],
        };
        let waiting = waiting.map(move |id| (id, measures(id)));
        let all = waiting.chain(called.map(|id| (id, &[Measure::Sojourn][..])));
        let open = all.filter(|(id, _)| !self.is_over(*id));
        open.map(|(id, measures)| (self.message(id), measures))
    }
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finish {
    Delivered,
    /// Refused, expired, or dead.
    Lost,
}
