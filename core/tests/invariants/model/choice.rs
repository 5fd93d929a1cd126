//! Who may be called, and what goes first.

use std::collections::BTreeSet;

use ebbtide_core::config::Discipline;
use ebbtide_core::parts::LOOKED_AT;
use ebbtide_policies::units::Duration;

use super::reference::{At, Call, MS, NEVER, Phase, Place, Reference, Stage};

/// A lane's pass grows by this over its weight for each message started.
const PASS_UNIT: u64 = 48;

/// What an agent puts forward, least first: pass and lane, rank, agent, message.
type Offer = (u64, usize, (At, u64), usize, usize);

/// How an agent's batches close.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    size: u64,
    timeout: At,
}

impl Reference {
    /// Whether nothing but its agent stands in a message's way: it waits, its lane is not
    /// paused, and its ordering key is its own.
    pub(crate) fn is_takeable(&self, message: usize) -> bool {
        let it = &self.messages[message];
        it.place == Place::Waiting
            && self.lanes_paused_until[it.lane] == 0
            && it
                .key
                .is_none_or(|key| self.owner(it.agent, key) == Some(message))
    }

    /// Whether a message waits behind another of its key.
    pub(crate) fn is_behind(&self, message: usize) -> bool {
        let it = &self.messages[message];
        it.place == Place::Waiting
            && it
                .key
                .is_some_and(|key| self.owner(it.agent, key) != Some(message))
    }

    /// Of each agent: messages behind another of their key now and keys that have any, messages
    /// that came there ever and moved up ever. The last is not told where all that wait may fail
    /// at one instant: in which order they do is nobody's business.
    pub(crate) fn behind(&self) -> Vec<(u64, usize, u64, Option<u64>)> {
        let told = self.setup.tells_order();
        let behind = |agent: usize| {
            let it = &self.agents[agent];
            let all = (0..self.messages.len()).filter(|&message| {
                self.messages[message].agent == agent && self.is_behind(message)
            });
            let keys: BTreeSet<_> = all
                .clone()
                .map(|message| self.messages[message].key)
                .collect();
            let now = all.count() as u64;
            let moved_up = it.came_behind - it.ended_behind - now;
            (now, keys.len(), it.came_behind, told.then_some(moved_up))
        };
        let present = (0..self.agents.len()).filter(|&agent| !self.agents[agent].removed);
        present.map(behind).collect()
    }

    /// Whose an ordering key is: of the messages with it that ever became due, and that have
    /// no outcome or had a call whose slot is not free, the one that first became due first.
    fn owner(&self, agent: usize, key: u64) -> Option<usize> {
        let has_slot = |message: usize| {
            self.calls
                .iter()
                .any(|call| call.stage != Stage::Gone && call.members.contains(&message))
        };
        let with_key = (0..self.messages.len()).filter(|&message| {
            let it = &self.messages[message];
            it.agent == agent && it.key == Some(key) && it.first_due.is_some()
        });
        with_key
            .filter(|&message| self.is_live(message) || has_slot(message))
            .min_by_key(|&message| self.messages[message].first_due)
    }

    pub(crate) fn takeables(&self, agent: usize) -> Vec<usize> {
        let of_agent = |&message: &usize| self.messages[message].agent == agent;
        (0..self.messages.len())
            .filter(of_agent)
            .filter(|&message| self.is_takeable(message))
            .collect()
    }

    /// First due first, then in the order of becoming due.
    fn rank(&self, message: usize) -> (At, u64) {
        (self.messages[message].due, self.messages[message].turn)
    }

    fn first(&self, messages: impl IntoIterator<Item = usize>) -> Option<usize> {
        messages
            .into_iter()
            .min_by_key(|&message| self.rank(message))
    }

    fn is_overdue(&self, message: usize, at: At) -> bool {
        self.overdue_from(message).is_some_and(|from| from <= at)
    }

    fn overdue_from(&self, message: usize) -> Option<At> {
        let broker = &self.setup.broker;
        let it = &self.messages[message];
        broker.lane_max_wait_ms[it.lane]
            .filter(|_| broker.discipline == Discipline::Weighted)
            .map(|most| it.due + most * MS + 1)
    }

    /// A lane's pass: never less than that of the lane whose turn came last.
    fn pass(&self, lane: usize) -> u64 {
        match self.setup.broker.discipline {
            Discipline::Weighted => self.passes[lane].max(self.reached),
            Discipline::Strict => 0,
        }
    }

    /// The rule of its batches; `None`: one message a call.
    pub(crate) fn rule(&self, agent: usize) -> Option<Rule> {
        let (config, broker) = (&self.agents[agent].config, &self.setup.broker);
        let probing = matches!(self.agents[agent].breaker.phase, Phase::HalfOpen { .. });
        let size = self
            .control
            .batch_size
            .min(config.max_batch.unwrap_or(u32::MAX));
        let most = config
            .max_batch_timeout
            .map_or(u64::MAX, |most| most.as_nanos());
        let open = self.shutdown == super::reference::Shutdown::Off;
        let timeout = if open {
            self.control.batch_timeout.min(most)
        } else {
            0
        };
        (config.batch && broker.enable_batching && !probing && size > 1).then_some(Rule {
            size: u64::from(size),
            timeout,
        })
    }

    /// Whether a call carries as much as it may, or its batch does not wait anyway.
    pub(crate) fn is_full(&self, call: &Call) -> bool {
        let full = |rule: Rule| call.members.len() as u64 >= rule.size || rule.timeout == 0;
        self.rule(call.agent).is_none_or(full)
    }

    /// When the agent's batch closes if nothing more comes.
    fn closes(&self, agent: usize, takeables: &[usize]) -> At {
        match self.rule(agent) {
            Some(rule) if (takeables.len() as u64) < rule.size => {
                let oldest = self
                    .first(takeables.iter().copied())
                    .expect("asked with messages only");
                self.messages[oldest].due + rule.timeout
            }
            _ => 0,
        }
    }

    /// The message that a call to the agent would carry first now.
    fn first_of(&self, agent: usize) -> usize {
        self.first_at(agent, self.now)
    }

    /// The message that a call to the agent would carry first at `at`.
    fn first_at(&self, agent: usize, at: At) -> usize {
        let takeables = self.takeables(agent);
        let overdue = takeables
            .iter()
            .copied()
            .filter(|&message| self.is_overdue(message, at));
        let lane_turn = |lane: usize| {
            if self.rule(agent).is_some() {
                0
            } else {
                self.pass(lane)
            }
        };
        let in_turn = || {
            takeables.iter().copied().min_by_key(|&message| {
                let lane = self.messages[message].lane;
                (lane_turn(lane), lane, self.rank(message))
            })
        };
        self.first(overdue)
            .or_else(in_turn)
            .expect("asked with messages only")
    }

    fn limit(&self, agent: usize) -> u64 {
        let config = &self.agents[agent].config;
        let own = config
            .in_flight_limit
            .map_or(u64::MAX, |each| u64::from(each * config.replicas));
        let breaker = match self.agents[agent].breaker.phase {
            Phase::Closed => u64::MAX,
            Phase::Open { .. } => 0,
            Phase::HalfOpen { .. } => 1,
            Phase::Recovering { limit, .. } => limit,
        };
        own.min(breaker).min(self.bulkhead())
    }

    /// The limit beyond which that of a recovering breaker no longer binds.
    pub(crate) fn unbroken_limit(&self, agent: usize) -> u64 {
        let config = &self.agents[agent].config;
        let own = config
            .in_flight_limit
            .map_or(u64::MAX, |each| u64::from(each * config.replicas));
        let broker = &self.setup.broker;
        let slots = broker.max_workers * broker.delivery_parallelism;
        own.min(u64::from(slots))
    }

    fn bulkhead(&self) -> u64 {
        let registered = self.agents.iter().filter(|agent| !agent.removed).count();
        match self.setup.bulkhead_percent {
            Some(percent) if registered > 1 => (percent * self.ready_slots() / 100).max(1),
            _ => u64::MAX,
        }
    }

    /// From when on an agent with takeable messages may be called if nothing else happens;
    /// `None`: something else must happen first.
    pub(crate) fn callable_from(&self, agent: usize) -> Option<At> {
        let takeables = self.takeables(agent);
        let it = &self.agents[agent];
        if takeables.is_empty()
            || it.paused_until > self.now
            || self.in_flight(agent) >= self.limit(agent)
        {
            return None;
        }
        let calls = it.calls.as_ref().map_or(0, |calls| calls.when(self.now, 1));
        let from = calls.max(self.closes(agent, &takeables)).max(self.now);
        let Some(units) = &it.units else {
            return Some(from);
        };
        // What goes first changes whenever something becomes overdue.
        let mut changes: Vec<At> = takeables
            .iter()
            .filter_map(|&it| self.overdue_from(it))
            .filter(|&at| at > from)
            .collect();
        changes.sort_unstable();
        changes.insert(0, from);
        (0..changes.len()).find_map(|index| {
            let first = self.first_at(agent, changes[index]);
            let ready = units.when(changes[index], self.messages[first].units);
            let next = changes.get(index + 1).copied().unwrap_or(NEVER);
            (ready < next).then_some(ready)
        })
    }

    /// What is taken next, and from whom; and the lane whose turn it was, unless the message
    /// was overdue.
    fn choose(&self) -> Option<(usize, usize, Option<usize>)> {
        let callable: Vec<usize> = (0..self.agents.len())
            .filter(|&agent| {
                self.callable_from(agent)
                    .is_some_and(|from| from <= self.now)
            })
            .collect();
        let overdue = callable
            .iter()
            .map(|&agent| self.first_of(agent))
            .filter(|&it| self.is_overdue(it, self.now));
        if let Some(message) = self.first(overdue) {
            return Some((self.messages[message].agent, message, None));
        }
        let mut offers: Vec<_> = callable
            .iter()
            .flat_map(|&agent| self.offers(agent))
            .collect();
        offers.sort();
        let &(_, lane, _, agent, message) = offers.first()?;
        Some((agent, message, Some(lane)))
    }

    /// What an agent puts forward: a batch in its highest lane, by its oldest message; else the
    /// first message of each lane (with a unit limit, only the one that goes first).
    fn offers(&self, agent: usize) -> Vec<Offer> {
        let takeables = self.takeables(agent);
        let in_lane = |lane: usize| {
            takeables
                .iter()
                .copied()
                .filter(move |&it| self.messages[it].lane == lane)
        };
        let mut firsts: Vec<usize> = (0..5)
            .filter_map(|lane| self.first(in_lane(lane)))
            .collect();
        if self.rule(agent).is_some() {
            firsts.truncate(1);
        } else if self.agents[agent].units.is_some() {
            firsts = vec![self.first_of(agent)];
        }
        let oldest = self.first(takeables.iter().copied());
        let offer = |message: usize| {
            let lane = self.messages[message].lane;
            let by = if self.rule(agent).is_some() {
                oldest.unwrap_or(message)
            } else {
                message
            };
            (self.pass(lane), lane, self.rank(by), agent, message)
        };
        firsts.into_iter().map(offer).collect()
    }

    /// Starts the next call in `worker`, if there is one.
    pub(crate) fn take_one(&mut self, worker: usize) -> bool {
        let Some((agent, first, turn)) = self.choose() else {
            return false;
        };
        if let Some(lane) = turn {
            self.reached = self.pass(lane);
        }
        let call = self.calls.len();
        let fewest = |replica: &usize| self.in_flight_at(agent, *replica);
        let replica = (0..self.agents[agent].config.replicas as usize).min_by_key(fewest);
        let rule = self.rule(agent);
        let expires = self.now + self.call_timeout(agent);
        self.calls.push(Call {
            agent,
            worker,
            replica: replica.expect("at least one"),
            members: Vec::new(),
            probe: matches!(self.agents[agent].breaker.phase, Phase::HalfOpen { .. }),
            started: self.now,
            in_flight: self.in_flight(agent) + 1,
            expires,
            stage: Stage::Open,
            outwaited: false,
        });
        self.count_started(agent, 1);
        let most = rule.map_or(1, |rule| rule.size);
        let reach = self.agents[agent]
            .units
            .as_ref()
            .map_or(u64::MAX, |units| units.whole(self.now));
        let (mut units, mut more) = (
            0,
            Some(first)
                .filter(|_| rule.is_none())
                .or_else(|| Some(self.first_of(agent))),
        );
        while let Some(first) = more {
            let message = self.worth_a_call(first);
            units += self.messages[message].units;
            self.charge(message, call);
            let full = self.calls[call].members.len() as u64 >= most;
            let next = (!full && !self.takeables(agent).is_empty()).then(|| self.first_of(agent));
            more = next.filter(|&next| units + self.messages[next].units <= reach);
        }
        let now = self.now;
        if let Some(bucket) = &mut self.agents[agent].calls {
            bucket.take(now, 1);
        }
        if let Some(bucket) = &mut self.agents[agent].units {
            bucket.take(now, units);
        }
        let members = self.calls[call]
            .members
            .iter()
            .map(|&it| self.messages[it].name.as_str());
        let (members, replica) = (
            members.collect::<Vec<_>>().join(" "),
            self.calls[call].replica,
        );
        self.say(format!(
            "call {call} agent {agent} replica {replica} worker {worker}: {members}"
        ));
        true
    }

    /// Whether a message has less time left at `at` than it has waited.
    pub(crate) fn is_late(&self, message: usize, at: At) -> bool {
        let it = &self.messages[message];
        it.deadline.saturating_sub(at) < at.saturating_sub(it.due)
    }

    /// In place of a late message, while its agent's breaker keeps no order: of it and the last of its
    /// lane that are no dearer, the one with most time left.
    fn worth_a_call(&self, first: usize) -> usize {
        let front = &self.messages[first];
        let agent = &self.agents[front.agent];
        if self.keeps_order(front.agent) || !self.is_late(first, self.now) {
            return first;
        }
        let mut lane = self.takeables(front.agent);
        lane.retain(|&it| self.messages[it].lane == front.lane);
        lane.sort_by_key(|&it| std::cmp::Reverse(self.rank(it)));
        lane.truncate(LOOKED_AT);
        lane.retain(|&it| agent.units.is_none() || self.messages[it].units <= front.units);
        let most = lane
            .into_iter()
            .chain([first])
            .min_by_key(|&it| (std::cmp::Reverse(self.messages[it].deadline), self.rank(it)));
        most.unwrap_or(first)
    }

    fn charge(&mut self, message: usize, call: usize) {
        let lane = self.messages[message].lane;
        let weight = u64::from(self.setup.broker.lane_weights[lane]);
        self.passes[lane] = self.passes[lane].max(self.reached) + PASS_UNIT / weight;
        self.messages[message].place = Place::Leased(call);
        self.calls[call].members.push(message);
    }

    /// Attempts of an agent's messages, their first backoff and the longest, in milliseconds.
    pub(crate) fn retry(&self, agent: usize) -> (Option<u32>, u64, u64) {
        let (own, broker) = (&self.agents[agent].config, &self.setup.broker);
        let millis = |own: Option<Duration>, or: u64| own.map_or(or, |it| it.as_nanos() / MS);
        (
            own.retry_max_attempts.or(broker.retry_max_attempts),
            millis(own.retry_backoff, broker.retry_backoff_ms),
            millis(own.retry_backoff_max, broker.retry_backoff_max_ms),
        )
    }

    pub(crate) fn call_timeout(&self, agent: usize) -> At {
        let own = self.agents[agent].config.call_timeout;
        own.map_or(self.setup.broker.call_timeout_ms * MS, |timeout| {
            timeout.as_nanos()
        })
    }

    /// Every free slot takes.
    pub(crate) fn take_all(&mut self) {
        while let Some(worker) = self.least_busy() {
            if !self.take_one(worker) {
                break;
            }
        }
    }

    /// The next instant at which a free slot finds something to take.
    pub(crate) fn takeable_at(&self) -> Option<At> {
        self.least_busy()?;
        (0..self.agents.len())
            .filter_map(|agent| self.callable_from(agent))
            .map(|at| at.max(self.now))
            .min()
    }
}
