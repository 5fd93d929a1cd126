//! Which calls start in the twin: `core/src/take.rs` and `protect.rs` over its own lists;
//! which goes first is core's own `pick.rs`.

use std::cmp::Reverse;

use ebbtide_core::message::Lane;
use ebbtide_core::parts::{Breaker, LOOKED_AT, Pick, Rank, Waiting, is_late};
use ebbtide_policies::objective::Measure;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{CallItem, Started};

use super::Twin;
use super::agent::{Agent, Queued};
use super::settle::{Members, Running};

/// As in core: far below a slot, far above a rounding error.
const ROUNDING: f64 = 1e-6;

impl Waiting for Twin<'_> {
    fn front(&self, agent: u32, lane: Lane) -> Option<(Rank, u32)> {
        let front = self.agents[agent as usize].front(lane)?;
        Some((front.rank(), front.id))
    }

    fn offer(&self, agent: u32, lane: Lane) -> Option<(Rank, u32)> {
        let front = self.front(agent, lane);
        let agent = &self.agents[agent as usize];
        if self.batch_rule(agent).is_none() {
            return front;
        }
        let oldest = agent
            .oldest()
            .filter(|_| agent.lanes().next() == Some(lane));
        Some((oldest?.rank(), front?.1))
    }

    fn may_start(&self, agent: u32, lane: Lane) -> bool {
        let agent = &self.agents[agent as usize];
        let ranked = agent.units.is_none() || self.first_ranked(agent).0 == lane;
        ranked && self.unblocks_at(agent) == Some(self.now)
    }
}

impl Twin<'_> {
    /// Free slots take what they may.
    pub(super) fn take(&mut self) {
        self.wake = Time::MAX;
        while self.workers.free_slots() > 0 && self.lanes.any_takeable() {
            let now = self.now;
            self.agents.iter_mut().for_each(|agent| agent.reopen(now));
            let Some(pick) = self.lanes.pick(self.now, self) else {
                let waiting = self.agents.iter().filter(|agent| agent.takeable > 0);
                let opens = waiting.filter_map(|agent| self.unblocks_at(agent));
                self.wake = opens.min().unwrap_or(Time::MAX);
                return;
            };
            self.start(pick);
        }
    }

    /// A message joins its lane.
    pub(super) fn enlist(&mut self, queued: Queued) {
        let message = self.message(queued.id);
        let lane = self.path.lane(&message);
        self.queued += 1;
        if self.agents[message.agent as usize].insert(lane, queued) {
            self.lanes.fill(lane, message.agent);
        }
    }

    /// Size and timeout of the agent's batches; `None` if its calls carry one message each.
    fn batch_rule(&self, agent: &Agent) -> Option<(u32, Duration)> {
        if !agent.is_batch || agent.is_probing() {
            return None;
        }
        let size = self.setting.batch_size.min(agent.max_batch);
        let timeout = self.setting.batch_timeout.min(agent.max_batch_timeout);
        (size > 1).then_some((size, timeout))
    }

    /// When `agent`, with messages that wait, may be called if nothing but time passes.
    fn unblocks_at(&self, agent: &Agent) -> Option<Time> {
        let now = self.now;
        if let Some(opens) = agent.opens_at(now) {
            return Some(opens.max(now + Duration::from_nanos(1)));
        }
        let in_flight = agent.in_flight;
        if in_flight >= agent.most_in_flight() || u64::from(in_flight) >= self.share_of(agent) {
            return None;
        }
        let calls = agent.calls.as_ref();
        let calls = calls.map_or(now, |bucket| bucket.ready_at(now, 1));
        let batch = self.batch_rule(agent).and_then(|(size, timeout)| {
            let open = agent.takeable < u64::from(size);
            open.then(|| agent.oldest())
                .flatten()
                .map(|it| it.due + timeout)
        });
        let from = calls.max(batch.unwrap_or(now)).max(now);
        Some(match &agent.units {
            None => from,
            Some(units) => {
                let needed = self.message(self.first_ranked(agent).1.id).units;
                units.ready_at(from, u64::from(needed))
            }
        })
    }

    /// Slots that one agent's calls may fill.
    fn share_of(&self, agent: &Agent) -> u64 {
        match agent.bulkhead {
            Some(share) if self.agents.len() > 1 => {
                let slots = share * self.workers.ready_slots() as f64;
                ((slots + ROUNDING).floor() as u64).max(1)
            }
            _ => u64::MAX,
        }
    }

    /// The message of `agent` that goes first, and its lane.
    fn first_ranked(&self, agent: &Agent) -> (Lane, Queued) {
        let fronts = || {
            agent
                .lanes()
                .filter_map(|lane| Some((lane, agent.front(lane)?)))
        };
        let overdue = fronts().filter(|(lane, it)| self.lanes.is_overdue(*lane, it.due, self.now));
        let is_batch = self.batch_rule(agent).is_some();
        let turn = |lane| {
            if is_batch {
                (0, lane)
            } else {
                self.lanes.turn(lane)
            }
        };
        overdue
            .min_by_key(|(_, it)| it.rank())
            .or_else(|| fronts().min_by_key(|(lane, _)| turn(*lane)))
            .expect("asked only of agents with messages that wait")
    }

    fn start(&mut self, pick: Pick) {
        if let Some(lane) = pick.turn {
            self.lanes.turn_comes(lane);
        }
        let members = match self.batch_rule(&self.agents[pick.agent as usize]) {
            None => Members::One(self.lift(pick.agent, pick.lane)),
            Some((size, _)) => self.fill_batch(pick.agent, size),
        };
        let now = self.now;
        let idlest = self.workers.idlest().expect("a slot is free");
        let worker = self.workers.take_slot(idlest);
        self.sums.calls += 1.0;
        let items = self.items(&members);
        let slot = self.free.pop().unwrap_or(self.calls.len() as u32);
        let agent = &mut self.agents[pick.agent as usize];
        let probe = agent.is_probing();
        agent.in_flight += 1;
        let in_flight = agent.in_flight;
        let row = agent.row.call_started(now);
        if let Some(breaker) = &mut agent.breaker {
            breaker.call_started(now);
        }
        if let Some(calls) = &mut agent.calls {
            calls.take(now, 1);
        }
        if let Some(bucket) = &mut agent.units {
            let units = items.as_slice().iter().map(|item| u64::from(item.units));
            bucket.take(now, units.sum());
        }
        let started = agent.model.start(now, slot, items.as_slice());
        let expires = now + agent.call_timeout;
        let turn = self
            .calls
            .get(slot as usize)
            .map_or(0, |last| last.turn.wrapping_add(1));
        let running = Running {
            agent: pick.agent,
            worker,
            turn,
            members,
            plan: None,
            probe,
            in_flight,
            row,
            started: now,
            expires,
            is_open: true,
        };
        match self.calls.get_mut(slot as usize) {
            Some(last) => *last = running,
            None => self.calls.push(running),
        }
        match started {
            Started::Runs(plan) => self.runs(slot, plan),
            Started::Waits => self.expect_timeout(slot),
        }
    }

    /// A lane's first message leaves the queue for a call, or what is worth one in its place.
    fn lift(&mut self, agent: u32, lane: Lane) -> Queued {
        let first = self.agents[agent as usize].front(lane);
        let first = first.expect("picked because it has a message there");
        let lifted = self.worth_a_call(agent, lane, first);
        let it = &mut self.agents[agent as usize];
        let emptied = match lifted == first {
            true => it.pop(lane),
            false => it.remove(lane, lifted.id).expect("it waits there"),
        };
        if emptied {
            self.lanes.drain(lane, agent);
        }
        self.queued -= 1;
        self.lanes.charge(lane);
        lifted
    }

    /// As in core: while the breaker keeps no order, that of the lane with most time left in place of a late one.
    fn worth_a_call(&self, agent: u32, lane: Lane, first: Queued) -> Queued {
        let agent = &self.agents[agent as usize];
        if agent.breaker.as_ref().is_none_or(Breaker::keeps_order)
            || !is_late(self.now, first.due, self.deadline(first.id))
        {
            return first;
        }
        let units = |it: &Queued| self.message(it.id).units;
        let payable = |it: &Queued| agent.units.is_none() || units(it) <= units(&first);
        let last = agent.queue(lane).iter().rev().take(LOOKED_AT).copied();
        let candidates = last.filter(payable).chain([first]);
        let most = candidates.min_by_key(|it| (Reverse(self.deadline(it.id)), it.rank()));
        most.unwrap_or(first)
    }

    /// [`Time::MAX`]: none.
    pub(super) fn deadline(&self, id: u32) -> Time {
        let message = self.message(id);
        let within = self.path.class(message.class).deadline;
        within.map_or(Time::MAX, |within| message.sent + within)
    }

    fn fill_batch(&mut self, agent: u32, most: u32) -> Members {
        let units = self.agents[agent as usize].units.as_ref();
        let left = units.map_or(u64::MAX, |units| units.whole_tokens(self.now));
        let limited = units.is_some();
        let (mut members, mut units) = (Vec::new(), 0);
        while members.len() < most as usize && self.agents[agent as usize].takeable > 0 {
            let (lane, first) = self.first_ranked(&self.agents[agent as usize]);
            if limited {
                units += u64::from(self.message(first.id).units);
                if !members.is_empty() && units > left {
                    break;
                }
            }
            members.push(self.lift(agent, lane));
        }
        Members::Many(members)
    }

    /// What the remote side sees; each message's call is counted, and its wait ends.
    fn items(&mut self, members: &Members) -> Items {
        match members {
            Members::One(one) => Items::One([self.item(one.id)]),
            Members::Many(many) => Items::Many(many.iter().map(|it| self.item(it.id)).collect()),
        }
    }

    fn item(&mut self, id: u32) -> CallItem {
        let message = self.message(id);
        let calls = self.setbacks.get(&id).map_or(0, |setbacks| setbacks.calls);
        if calls == 0 {
            let waited = self.now.since(message.sent);
            self.late(&message, self.path.beyond(Measure::Wait, waited));
        }
        message.item(calls)
    }
}

/// The messages of a call, as the remote side sees them.
enum Items {
    One([CallItem; 1]),
    Many(Vec<CallItem>),
}

impl Items {
    fn as_slice(&self) -> &[CallItem] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }
}
