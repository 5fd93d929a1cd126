//! The control tick, one function: observe, decide, govern, apply.
//!
//! Tick k runs at k times the interval and sees what happened since the tick before. A
//! decision may ask for an early one, tested on a grid of a tenth of the interval; the regular
//! ticks stay where they are.

use ebbtide_policies::decision::EarlyTick;
use ebbtide_policies::governor::{Applied, Governor, GovernorConfig};
use ebbtide_policies::latency::LatencyHistogram;
use ebbtide_policies::observation::{
    AgentObservation, Bounds, Flow, Observation, QueueState, Setting, SlotTime, WorkerCounts,
};
use ebbtide_policies::units::{Duration, Time};
use ebbtide_policies::{Decision, Policy};
use serde::{Deserialize, Serialize};

use crate::agents::Agent;
use crate::config::{BrokerConfig, Checked};
use crate::event::{DecisionRecord, Listener, What, Withheld, Withholding};
use crate::protect::Block;
use crate::state::{BrokerState, Wake};
use crate::workers::WorkerState;

/// Points of the early ticks' grid in an interval.
const GRID: u64 = 10;

/// The controller: the policy, its governor, and what is in force.
#[derive(Serialize, Deserialize)]
pub(crate) struct Control {
    /// Not saved: it is rebuilt from what it has seen.
    #[serde(skip, default = "crate::journal::no_policy")]
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) governor: Governor,
    pub(crate) bounds: Bounds,
    /// Workers that there may be, draining ones included: the bound, or what there was when it
    /// was narrowed.
    pub(crate) most_workers: u32,
    pub(crate) setting: Setting,
    /// Workers that the user wants, whatever the policy decides.
    pub(crate) pinned: Option<u32>,
    /// Decisions are made and not applied.
    pub(crate) dry_run: bool,
    interval: Duration,
    next: Time,
    pub(crate) early: Option<EarlyTick>,
    /// The grid's next point. [`Time::MAX`]: no early tick is asked for, or its condition can
    /// only come true by an event, which sets it.
    pub(crate) next_early: Time,
    /// The last time whose timers have run.
    pub(crate) advanced: Time,
    /// Nothing happens and nothing is there: ticks may be run late, when something does happen.
    pub(crate) rests: bool,
    ticks: u64,
    keep_observations: bool,
    /// What the policy saw last; kept, so that a tick allocates next to nothing.
    pub(crate) observation: Observation,
}

impl Control {
    pub(crate) fn new(config: &Checked<BrokerConfig>, policy: Box<dyn Policy>) -> Self {
        let interval = config.control_interval();
        let config = room_for(config, &*policy);
        let setting = Setting {
            workers: config.num_workers,
            batch_size: config.batch_size,
            batch_timeout: config.batch_timeout(),
        };
        let bounds = bounds(&config);
        Self {
            policy,
            governor: Governor::new(pace(&config)),
            bounds,
            most_workers: bounds.max_workers,
            setting,
            pinned: None,
            dry_run: false,
            interval,
            next: Time::ZERO + interval,
            early: None,
            next_early: Time::MAX,
            advanced: Time::ZERO,
            rests: false,
            ticks: 0,
            keep_observations: false,
            observation: blank_observation(&config, setting, bounds),
        }
    }

    /// What is in force after a decision, with what was let through and not applied.
    fn govern(&mut self, now: Time, decision: &Decision) -> (Applied, Option<Withheld>) {
        let (present, bounds) = (self.setting, &self.bounds);
        if !self.dry_run && self.pinned.is_none() {
            return (self.governor.apply(now, present, bounds, decision), None);
        }
        let governed = self.governor.would_apply(now, present, bounds, decision);
        let let_through = if self.dry_run {
            present
        } else {
            governed.setting
        };
        let setting = Setting {
            workers: self.pinned.unwrap_or(let_through.workers),
            ..let_through
        };
        let by = if self.dry_run {
            Withholding::DryRun
        } else {
            Withholding::Pinned
        };
        let withheld = Withheld {
            by,
            setting: governed.setting,
        };
        (
            Applied {
                setting,
                ..governed
            },
            Some(withheld),
        )
    }

    /// A worker is lost and not replaced: one fewer is wanted, until a decision wants more.
    pub(crate) fn want_one_fewer(&mut self) {
        let fewer = self.setting.workers.saturating_sub(1);
        self.setting.workers = fewer.max(self.bounds.min_workers);
    }

    /// When the first tick is due.
    pub(crate) fn first_tick(&self) -> Time {
        self.next
    }

    /// When the next tick is due, regular or early.
    pub(crate) fn next_tick(&self) -> Time {
        self.next.min(self.next_early)
    }

    /// Ticks come at the multiples of another interval.
    pub(crate) fn set_interval(&mut self, now: Time, interval: Duration) {
        self.interval = interval;
        self.next = Self::after(now, interval.as_nanos());
        if self.early.is_some() {
            self.next_early = Self::after(now, self.grid());
        }
    }

    fn grid(&self) -> u64 {
        (self.interval.as_nanos() / GRID).max(1)
    }

    /// The first point of a grid of `step` after `now`.
    fn after(now: Time, step: u64) -> Time {
        Time::from_nanos(
            (now.as_nanos() / step)
                .saturating_add(1)
                .saturating_mul(step),
        )
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Whether decision records carry the observation that led to them. Off at the start.
    pub fn keep_observations(&mut self, keep: bool) {
        self.control.keep_observations = keep;
    }

    /// When the next tick is due, regular or early; `None` once shut down.
    pub(crate) fn next_tick(&self) -> Option<Time> {
        let running = self.shutdown != crate::shutdown::Shutdown::Over;
        running.then(|| self.control.next_tick())
    }

    /// Ticks that were missed before `now` merge into the last of them.
    pub(crate) fn skip_missed_ticks(&mut self, now: Time) {
        let interval = self.control.interval.as_nanos();
        let last = (now.as_nanos() - 1) / interval * interval;
        self.control.next = self.control.next.max(Time::from_nanos(last));
        if self.control.early.is_some() {
            let grid = self.control.grid();
            let last = (now.as_nanos() - 1) / grid * grid;
            self.control.next_early = self.control.next_early.max(Time::from_nanos(last));
        }
    }

    /// Runs the tick if it is due.
    pub(crate) fn run_tick(&mut self) {
        let now = self.now;
        if self.next_tick().is_none_or(|next| next > now) {
            return;
        }
        if self.control.next <= now {
            self.control.next = Control::after(now, self.control.interval.as_nanos());
            self.tick(false);
        } else if self.wants_early_tick() {
            self.tick(true);
        }
        // With nothing waiting only an arrival or a retry brings an early tick about.
        let may_come = self.control.early.is_some() && self.books.waiting > 0;
        self.control.next_early = if may_come {
            Control::after(now, self.control.grid())
        } else {
            Time::MAX
        };
    }

    /// Something came that may bring an early tick about: the grid's next point is looked at,
    /// which is this instant if it is one and its timers have yet to run.
    #[inline]
    pub(crate) fn may_tick_early(&mut self) {
        if self.control.early.is_some() && self.control.next_early == Time::MAX {
            self.look_at_grid();
        }
    }

    #[cold]
    fn look_at_grid(&mut self) {
        let (control, now) = (&mut self.control, self.now.as_nanos());
        let passed = if control.advanced == self.now {
            now
        } else {
            now.saturating_sub(1)
        };
        control.next_early = Control::after(Time::from_nanos(passed), control.grid());
        self.timers.sooner(control.next_early, Wake::Tick);
    }

    fn wants_early_tick(&self) -> bool {
        let Some(early) = self.control.early else {
            return false;
        };
        let older = |limit| self.oldest_wait().is_some_and(|oldest| oldest > limit);
        let more = |limit| self.tally.flow.arrivals > limit;
        early.oldest_wait.is_some_and(older) || early.arrivals.is_some_and(more)
    }

    /// Observe, decide, govern, apply.
    fn tick(&mut self, early: bool) {
        self.agents.let_go();
        self.observe(early);
        let control = &mut self.control;
        let decision = control.policy.decide(&control.observation);
        let before = control.setting;
        let (governed, withheld) = control.govern(self.now, &decision);
        control.setting = governed.setting;
        control.early = decision.early_tick;
        control.ticks += 1;
        let would_change = |it: Withheld| it.by == Withholding::DryRun && it.setting != before;
        self.books.dry_changes += u64::from(withheld.is_some_and(would_change));
        control.rests = before == control.setting
            && control.observation.is_quiet()
            && control.policy.rests(&control.observation);
        if control.rests {
            // No call is under way: the bound on their ends is a stale one.
            self.timers.leases = Time::MAX;
        }
        self.resize(governed.setting.workers);
        self.log(decision, before, governed.cool_down, withheld);
    }

    fn log(
        &mut self,
        decision: Decision,
        before: Setting,
        cool_down: Duration,
        withheld: Option<Withheld>,
    ) {
        let seen = &self.control.observation;
        let record = DecisionRecord {
            number: self.control.ticks - 1,
            at: self.now,
            policy: self.control.policy.name().to_owned(),
            observation: self.control.keep_observations.then(|| seen.clone()),
            decision,
            before,
            applied: self.control.setting,
            cool_down,
            withheld,
        };
        self.emit(What::Decided(Box::new(record)));
    }

    /// Closes the interval: what happened since the tick before.
    fn observe(&mut self, early: bool) {
        let (workers, oldest_wait) = (self.worker_counts(), self.oldest_wait());
        let (tally, seen) = (&mut self.tally, &mut self.control.observation);
        seen.at = self.now;
        seen.interval = self.now.since(tally.since);
        seen.early = early;
        seen.setting = self.control.setting;
        seen.bounds = self.control.bounds;
        seen.workers = workers;
        seen.slots = std::mem::take(&mut tally.slots);
        seen.flow = std::mem::take(&mut tally.flow);
        seen.queue = QueueState {
            waiting: self.books.waiting,
            delayed: self.books.delayed,
            bytes: self.books.bytes,
            oldest_wait,
            max_size: self.config.max_queue_size,
        };
        std::mem::swap(&mut seen.wait, &mut tally.wait);
        std::mem::swap(&mut seen.sojourn, &mut tally.sojourn);
        tally.wait.clear();
        tally.sojourn.clear();
        tally.since = self.now;
        seen.agents
            .resize_with(self.registered as usize, AgentObservation::default);
        let mut rows = seen.agents.iter_mut();
        for at in 0..self.agents.present().len() {
            let at = self.agents.present()[at];
            let agent = &mut self.agents[at as usize];
            if !agent.removed {
                observe_agent(rows.next().expect("one each"), agent, self.now);
            }
        }
    }

    fn worker_counts(&self) -> WorkerCounts {
        let mut counts = WorkerCounts {
            wanted: self.control.setting.workers,
            ..WorkerCounts::default()
        };
        for worker in self.workers.iter() {
            counts.busy += u32::from(worker.calls > 0);
            *match worker.state {
                WorkerState::Starting => &mut counts.starting,
                WorkerState::Ready => &mut counts.ready,
                WorkerState::Draining => &mut counts.draining,
            } += 1;
        }
        counts
    }

    /// Time since sending, the longest among the messages next in line: the first in each
    /// agent's lanes and behind each ordering key. Not of all that wait: a retry behind fresh
    /// messages is old, and says nothing of how long those wait.
    fn oldest_wait(&self) -> Option<Duration> {
        let waiting = self.agents.iter().filter(|agent| agent.waiting > 0);
        let firsts = waiting.flat_map(|agent| {
            let fronts = agent.queues.iter().chain(&agent.held);
            let fronts = fronts.filter_map(|queue| queue.front(&self.messages));
            let fronts = fronts.map(|(_, index)| index);
            fronts.chain(agent.keys.first_behind())
        });
        firsts
            .map(|index| self.now.since(self.messages[index].sent))
            .max()
    }

    /// Slot-time from the state that held since the last call.
    #[inline(always)]
    pub(crate) fn book_slot_time(&mut self, passed: Duration) {
        self.tally.slots.with_call += passed * self.workers.taken_slots();
        let free = self.workers.free_slots();
        if free == 0 {
            return;
        }
        if self.books.waiting > 0 {
            self.book_blocked_slot_time(passed, free);
        } else {
            self.tally.slots.idle += passed * free;
        }
    }

    #[inline(never)]
    fn book_blocked_slot_time(&mut self, passed: Duration, mut free: u64) {
        let mut behind = self.lanes.behind;
        if self.lanes.any_takeable() || behind > 0 {
            for at in 0..self.agents.present().len() {
                let agent = &self.agents[self.agents.present()[at] as usize];
                let Some((block, messages)) = self.kept_back(agent) else {
                    continue;
                };
                behind -= messages - agent.takeable;
                let size = self.batch_rule(agent).map_or(1, |rule| rule.size);
                let slots = messages.div_ceil(u64::from(size)).min(free);
                free -= slots;
                let by = &mut self.tally.slots.blocked;
                *match block {
                    Block::Paused => &mut by.paused,
                    Block::Breaker => &mut by.breaker,
                    Block::Limit => &mut by.limit,
                    Block::Bulkhead => &mut by.bulkhead,
                    Block::RateLimit => &mut by.rate_limit,
                    Block::OpenBatch => &mut by.open_batch,
                } += passed * slots;
            }
        }
        // Of a paused lane's messages those behind their key are among `behind`: that is what they wait for
        // first, and whether a key or a pause is named, no worker helps.
        let held = self.lanes.held.min(free);
        let behind = behind.min(free - held);
        self.tally.slots.blocked.paused += passed * held;
        self.tally.slots.blocked.key += passed * behind;
        self.tally.slots.idle += passed * (free - held - behind);
    }
}

/// A configuration with room for what `policy` starts with, if that is no more than any
/// configuration may ask for.
pub(crate) fn room_for(
    config: &Checked<BrokerConfig>,
    policy: &dyn Policy,
) -> Checked<BrokerConfig> {
    let wanted = BrokerConfig::clone(config).under(policy);
    Checked::new(wanted).unwrap_or_else(|_| config.clone())
}

pub(crate) fn bounds(config: &BrokerConfig) -> Bounds {
    Bounds {
        min_workers: config.min_workers,
        max_workers: config.max_workers,
        min_batch_size: config.min_batch_size,
        max_batch_size: config.max_batch_size,
        max_batch_timeout: config.max_batch_timeout(),
    }
}

pub(crate) fn pace(config: &BrokerConfig) -> GovernorConfig {
    GovernorConfig {
        shrink_window: config.shrink_window(),
        cool_down: config.cool_down(),
    }
}

fn blank_observation(config: &BrokerConfig, setting: Setting, bounds: Bounds) -> Observation {
    Observation {
        at: Time::ZERO,
        interval: Duration::ZERO,
        early: false,
        setting,
        bounds,
        objective: config.objective,
        prices: config.prices(),
        parallelism: config.delivery_parallelism,
        worker_start: config.worker_start(),
        workers: WorkerCounts::default(),
        slots: SlotTime::default(),
        queue: QueueState::default(),
        flow: Flow::default(),
        wait: LatencyHistogram::default(),
        sojourn: LatencyHistogram::default(),
        agents: Vec::new(),
    }
}

fn observe_agent(it: &mut AgentObservation, agent: &mut Agent, now: Time) {
    if it.name != agent.config.name {
        it.name.clone_from(&agent.config.name);
    }
    it.is_batch = agent.config.batch;
    it.max_batch = agent.config.max_batch;
    it.limit = (agent.limit != u32::MAX).then_some(agent.limit);
    it.call_rate = agent.config.call_rate.map(|limit| limit.rate);
    it.unit_rate = agent.config.unit_rate.map(|limit| limit.rate);
    let breaker = agent.breaker.as_ref().map(crate::breaker::Breaker::state);
    it.breaker = breaker.unwrap_or_default();
    it.paused = agent.paused_until > now;
    it.waiting = agent.waiting;
    it.behind = agent.keys.behind;
    it.contended_keys = agent.keys.contended;
    it.in_flight = agent.in_flight;
    agent.tally.close(it);
}
