//! What stands in the way of calling an agent, and what a free slot could start now.

use ebbtide_policies::units::{Duration, Time};

use crate::agents::Agent;
use crate::event::Listener;
use crate::lanes::Rank;
use crate::message::{AgentId, Lane, Submission};
use crate::state::BrokerState;

/// A share times a number of slots may come out a little below the whole number that it is
/// (0.29 × 100): this much is far below a slot and far above the error.
const ROUNDING: f64 = 1e-6;

/// Why an agent with takeable messages is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Paused,
    Breaker,
    Limit,
    Bulkhead,
    RateLimit,
    OpenBatch,
}

/// The batch rule in force for an agent. Tested at each take, never latched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchRule {
    pub(crate) size: u32,
    pub(crate) timeout: Duration,
}

/// Calls that free slots could start now, and the bytes that they would carry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Startable {
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
}

/// What a message on its way in means for the calls that may start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer {
    lane: Lane,
    /// Whether it may be taken at once, its agent and its ordering key permitting.
    is_due: bool,
    ordering_key: Option<u64>,
    size: u32,
    units: u32,
}

impl Agent {
    /// What keeps it from being called at `now`, whichever of its messages were first.
    #[inline(always)]
    pub(crate) fn outage(&self, now: Time) -> Option<Block> {
        if self.paused_until > now {
            return Some(Block::Paused);
        }
        (self.in_flight >= self.breaker_limit()).then_some(Block::Breaker)
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Size and timeout of the agent's batches; `None` if its calls carry one message each.
    #[inline]
    pub(crate) fn batch_rule(&self, agent: &Agent) -> Option<BatchRule> {
        if !agent.config.batch || !self.config.enable_batching || agent.is_probing() {
            return None;
        }
        self.rule_of_batches(agent)
    }

    #[inline(never)]
    fn rule_of_batches(&self, agent: &Agent) -> Option<BatchRule> {
        let setting = &self.control.setting;
        let size = setting
            .batch_size
            .min(agent.config.max_batch.unwrap_or(u32::MAX));
        let timeout = setting.batch_timeout;
        let timeout = agent
            .config
            .max_batch_timeout
            .map_or(timeout, |most| timeout.min(most));
        let timeout = if self.shutdown.is_on() {
            Duration::ZERO
        } else {
            timeout
        };
        (size > 1).then_some(BatchRule { size, timeout })
    }

    /// What keeps `agent`, which has takeable messages, from being called at `now`.
    #[inline(always)]
    pub(crate) fn block(&self, agent: &Agent, now: Time) -> Option<Block> {
        let outage = agent.outage(now);
        if outage.is_some() {
            return outage;
        }
        if agent.in_flight >= agent.limit {
            return Some(Block::Limit);
        }
        if u64::from(agent.in_flight) >= self.bulkhead_slots(agent) {
            return Some(Block::Bulkhead);
        }
        if agent.calls.as_ref().is_some_and(|calls| !calls.has(now, 1)) {
            return Some(Block::RateLimit);
        }
        if self
            .batch_closes_at(agent)
            .is_some_and(|closes| closes > now)
        {
            return Some(Block::OpenBatch);
        }
        let units = agent.units.as_ref();
        let needed = || u64::from(self.messages[self.first_ranked(agent, now).1].units);
        units
            .is_some_and(|units| !units.has(now, needed()))
            .then_some(Block::RateLimit)
    }

    /// What keeps messages of `agent` from free slots now, and how many. An outage keeps those that stand behind
    /// their ordering key too: nothing would come of their turn.
    pub(crate) fn kept_back(&self, agent: &Agent) -> Option<(Block, u64)> {
        if let Some(outage) = agent.outage(self.now) {
            return Some((outage, agent.takeable + agent.keys.behind));
        }
        let block = (agent.takeable > 0).then(|| self.block(agent, self.now));
        Some((block.flatten()?, agent.takeable))
    }

    /// When `agent`, with takeable messages, may be called if nothing but time passes; `None`
    /// if something must happen first (which then has a timer or a call of its own).
    pub(crate) fn unblocks_at(&self, agent: &Agent, now: Time) -> Option<Time> {
        let full = u64::from(agent.in_flight) >= self.bulkhead_slots(agent);
        let limit = agent.breaker_limit().min(agent.limit);
        if agent.paused_until > now || agent.in_flight >= limit || full {
            return None;
        }
        let calls = agent
            .calls
            .as_ref()
            .map_or(now, |calls| calls.ready_at(now, 1));
        let batch = self.batch_closes_at(agent).unwrap_or(now);
        let from = calls.max(batch).max(now);
        Some(self.units_ready_at(agent, from))
    }

    /// The first instant from `from` on at which the units of the message that is then first
    /// are there: another becomes first by becoming overdue.
    fn units_ready_at(&self, agent: &Agent, from: Time) -> Time {
        let Some(units) = &agent.units else {
            return from;
        };
        let mut at = from;
        loop {
            let first = self.first_ranked(agent, at).1;
            let ready = units.ready_at(at, u64::from(self.messages[first].units));
            match self.next_overdue(agent, at) {
                Some(change) if change <= ready => at = change,
                _ => return ready,
            }
        }
    }

    /// When after `at` the next first message of a lane becomes overdue.
    fn next_overdue(&self, agent: &Agent, at: Time) -> Option<Time> {
        let from = agent.lanes().filter_map(|lane| {
            let ((due, _), _) = agent.queues[lane.index()].front(&self.messages)?;
            self.lanes.overdue_from(lane, due)
        });
        from.filter(|&from| from > at).min()
    }

    /// The earliest time at which a free slot may find something to take, as things stand; what
    /// must happen first has a timer or a call of its own.
    #[must_use]
    #[inline(always)]
    pub fn takeable_at(&self) -> Option<Time> {
        if !self.may_take() {
            return None;
        }
        let at = |agent| self.unblocks_at(&self.agents[agent as usize], self.now);
        self.lanes.waiting().filter_map(at).min()
    }

    /// When the agent's open batch closes; `None` if there is no batch to wait for: it is
    /// full, or its calls carry one message each.
    #[inline]
    fn batch_closes_at(&self, agent: &Agent) -> Option<Time> {
        self.closes_at(agent, self.batch_rule(agent)?)
    }

    #[inline(never)]
    fn closes_at(&self, agent: &Agent, rule: BatchRule) -> Option<Time> {
        let open = agent.takeable < u64::from(rule.size);
        open.then(|| self.oldest(agent))
            .flatten()
            .map(|((due, _), _)| due + rule.timeout)
    }

    /// The agent's oldest takeable message.
    pub(crate) fn oldest(&self, agent: &Agent) -> Option<(Rank, u32)> {
        agent
            .queues
            .iter()
            .filter_map(|queue| queue.front(&self.messages))
            .min()
    }

    /// The message of `agent` that goes first: the oldest overdue one, else the first of the
    /// lane whose turn comes first (of a batch: of its highest lane).
    pub(crate) fn first_ranked(&self, agent: &Agent, now: Time) -> (Lane, u32) {
        let fronts = || {
            agent.lanes().filter_map(|lane| {
                let (rank, index) = agent.queues[lane.index()].front(&self.messages)?;
                Some((lane, rank, index))
            })
        };
        let overdue = fronts().filter(|&(lane, (due, _), _)| self.lanes.is_overdue(lane, due, now));
        let batch = self.batch_rule(agent).is_some();
        let turn = |lane| {
            if batch {
                (0, lane)
            } else {
                self.lanes.turn(lane)
            }
        };
        overdue
            .min_by_key(|&(_, rank, _)| rank)
            .or_else(|| fronts().min_by_key(|&(lane, ..)| turn(lane)))
            .map(|(lane, _, index)| (lane, index))
            .expect("asked only of agents with takeable messages")
    }

    /// Slots that one agent's calls may fill: all, unless there are others to protect.
    pub(crate) fn bulkhead_slots(&self, agent: &Agent) -> u64 {
        match agent.bulkhead {
            Some(share) if self.registered > 1 => {
                let slots = share * self.workers.ready_slots() as f64;
                ((slots + ROUNDING).floor() as u64).max(1)
            }
            _ => u64::MAX,
        }
    }

    /// The limit beyond which a recovering breaker's own no longer binds, however many workers
    /// the policy orders meanwhile for what has piled up.
    pub(crate) fn breaker_bound(&self, agent: &Agent) -> u32 {
        let most_workers = self.control.bounds.max_workers;
        let slots = most_workers.saturating_mul(self.workers.parallelism());
        agent.limit.min(slots.max(1))
    }

    /// What `submission` is once it has entered.
    #[inline(always)]
    pub(crate) fn newcomer<P>(&self, submission: &Submission<P>) -> Newcomer {
        Newcomer {
            lane: submission.lane,
            is_due: submission.due.is_none_or(|due| due <= self.now)
                && !self.lanes.is_paused(submission.lane),
            ordering_key: submission.ordering_key,
            size: submission.size,
            units: submission.units,
        }
    }

    /// What free slots could start now, as far as it is `asked` for, if one more message each to
    /// `more` had entered: the agents of the highest lane first, each agent's highest lanes first. Where
    /// that would take a trial, what is certain counts: of a batch agent's messages full batches,
    /// or the one that has closed; of an agent with a unit limit one call. This is asked for each
    /// submission to a full queue: neither the messages of thousands of free slots are walked through for
    /// it, nor thousands of agents without messages.
    pub(crate) fn startable(
        &self,
        newcomer: Newcomer,
        more: &[AgentId],
        asked: Startable,
    ) -> Startable {
        let mut found = Startable::default();
        let mut free = self.workers.free_slots();
        let is_empty = |agent: &u32| self.agents[*agent as usize].takeable == 0;
        let joining = more.iter().map(|agent| agent.0).filter(is_empty);
        for index in self.waiting_agents().chain(joining) {
            if free == 0 || (found.calls >= asked.calls && found.bytes >= asked.bytes) {
                break;
            }
            let agent = &self.agents[index as usize];
            let stands_behind = |key| agent.keys.is_held(key);
            let joins = newcomer.is_due
                && more.contains(&AgentId(index))
                && !newcomer.ordering_key.is_some_and(stands_behind);
            let joining = joins.then_some(newcomer);
            let calls = self.startable_calls(agent, joining).min(free);
            if calls > 0 {
                free -= calls;
                found.calls += calls;
                let missing = asked.bytes.saturating_sub(found.bytes);
                found.bytes += self.bytes_of_first(agent, calls, joining, missing);
            }
        }
        found
    }

    /// Agents with takeable messages, those of the highest lane first; each once, by its highest.
    fn waiting_agents(&self) -> impl Iterator<Item = u32> {
        self.lanes.filled().flat_map(move |lane| {
            let first =
                move |agent: &u32| self.agents[*agent as usize].lanes().next() == Some(lane);
            self.lanes.agents(lane).iter().copied().filter(first)
        })
    }

    fn startable_calls(&self, agent: &Agent, joining: Option<Newcomer>) -> u64 {
        let now = self.now;
        let first_units = self.first_units(agent, joining);
        if (agent.units.as_ref()).is_some_and(|units| !units.has(now, first_units)) {
            return 0;
        }
        let blocked = if agent.takeable > 0 {
            self.block(agent, now)
        } else {
            self.block_of_an_empty_queue(agent, now)
        };
        if blocked.is_some() && blocked != Some(Block::OpenBatch) {
            return 0;
        }
        let takeable = agent.takeable + u64::from(joining.is_some());
        let calls = match self.batch_rule(agent) {
            None => takeable,
            Some(rule) if rule.timeout.is_zero() => takeable.div_ceil(u64::from(rule.size)),
            Some(rule) => {
                let has_closed = agent.takeable > 0 && blocked.is_none();
                (takeable / u64::from(rule.size)).max(u64::from(has_closed))
            }
        };
        let limit = agent.limit.min(agent.breaker_limit()) - agent.in_flight;
        let bulkhead = self.bulkhead_slots(agent) - u64::from(agent.in_flight);
        let call_tokens = agent.calls.as_ref();
        let tokens = call_tokens.map_or(u64::MAX, |calls| calls.whole_tokens(now));
        let units = if agent.units.is_some() { 1 } else { u64::MAX };
        let most = u64::from(limit).min(bulkhead).min(tokens).min(units);
        calls.min(most)
    }

    /// Units of the message that goes first once `joining` has entered.
    fn first_units(&self, agent: &Agent, joining: Option<Newcomer>) -> u64 {
        let queued = (agent.takeable > 0).then(|| self.first_ranked(agent, self.now));
        let units = match (queued, joining) {
            (Some((lane, index)), Some(joining)) => {
                let first = &self.messages[index];
                let overdue = self.lanes.is_overdue(lane, first.due, self.now);
                if joining.lane < lane && !overdue {
                    joining.units
                } else {
                    first.units
                }
            }
            (Some((_, index)), None) => self.messages[index].units,
            (None, joining) => joining.map_or(0, |joining| joining.units),
        };
        u64::from(units)
    }

    /// As [`Self::block`], for an agent whose first message is only on its way in.
    fn block_of_an_empty_queue(&self, agent: &Agent, now: Time) -> Option<Block> {
        if agent.paused_until > now {
            return Some(Block::Paused);
        }
        let limit = agent.breaker_limit().min(agent.limit);
        let full = u64::from(agent.in_flight) >= self.bulkhead_slots(agent);
        (agent.in_flight >= limit || full).then_some(Block::Limit)
    }

    /// Bytes of the messages that so many calls carry, as far as `most`, the highest lanes' first: which
    /// lane's turn it is, and what goes in place of a late message, is not tried out.
    fn bytes_of_first(
        &self,
        agent: &Agent,
        calls: u64,
        joining: Option<Newcomer>,
        most: u64,
    ) -> u64 {
        let each = self.batch_rule(agent).map_or(1, |rule| rule.size);
        let messages = usize::try_from(calls * u64::from(each)).unwrap_or(usize::MAX);
        let queued = agent
            .lanes()
            .flat_map(|lane| agent.queues[lane.index()].iter(&self.messages));
        let sizes = queued
            .map(|index| self.messages[index].size)
            .chain(joining.map(|joining| joining.size));
        let mut bytes = 0;
        for size in sizes.take(messages) {
            if bytes >= most {
                break;
            }
            bytes += u64::from(size);
        }
        bytes
    }
}
