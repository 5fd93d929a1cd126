//! Which calls start: the next message whose agent may be called, or the next closed batch.

use ebbtide_policies::units::Time;

use crate::event::{Listener, What};
use crate::lanes::Rank;
use crate::leases::LeaseState;
use crate::message::{AgentId, Call, Lane, LeaseId, MessageId, WorkerId};
use crate::messages::Place;
use crate::pick::{Pick, Waiting};
use crate::protect::BatchRule;
use crate::state::BrokerState;

impl<M, L: Listener<M>> Waiting for BrokerState<M, L> {
    #[inline(always)]
    fn front(&self, agent: u32, lane: Lane) -> Option<(Rank, u32)> {
        self.agents[agent as usize].queues[lane.index()].front(&self.messages)
    }

    fn offer(&self, agent: u32, lane: Lane) -> Option<(Rank, u32)> {
        let front = self.front(agent, lane);
        let agent = &self.agents[agent as usize];
        if self.batch_rule(agent).is_none() {
            return front;
        }
        if agent.lanes().next() != Some(lane) {
            return None;
        }
        let ((rank, _), (_, index)) = (self.oldest(agent)?, front?);
        Some((rank, index))
    }

    /// An agent with a unit limit is called only for the message that it ranks first, so that a
    /// dear message is not starved by cheap ones behind it.
    #[inline(always)]
    fn may_start(&self, agent: u32, lane: Lane) -> bool {
        let agent = &self.agents[agent as usize];
        self.block(agent, self.now).is_none()
            && (agent.units.is_none() || self.first_ranked(agent, self.now).0 == lane)
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Starts up to `at_most` calls in `worker`'s free slots, each under a lease, appending
    /// them to `calls`. When there is nothing (more) to take, [`next_wake`](Self::next_wake)
    /// tells when there may be.
    pub fn take(&mut self, now: Time, worker: WorkerId, at_most: u32, calls: &mut Vec<Call>) {
        self.advance(now);
        // Nothing but calls that start comes in between: it stays at its place, and ready.
        let Some(place) = self.workers.with_room(worker) else {
            return;
        };
        for _ in 0..at_most.min(self.workers.room_at(place)) {
            let Some(call) = self.start_in(place) else {
                return;
            };
            calls.push(call);
        }
    }

    /// As [`take`](Self::take), of one call.
    #[inline]
    pub fn take_one(&mut self, now: Time, worker: WorkerId) -> Option<Call> {
        self.advance(now);
        self.start_in(self.workers.with_room(worker)?)
    }

    /// As [`take_one`](Self::take_one), in the [least busy](Self::least_busy_worker) worker.
    #[inline(always)]
    pub fn take_next(&mut self, now: Time) -> Option<Call> {
        self.advance(now);
        self.start_in(self.workers.idlest()?)
    }

    /// Starts the next call in the worker at a place, which has a free slot.
    #[inline(always)]
    fn start_in(&mut self, place: usize) -> Option<Call> {
        let pick = self.lanes.pick(self.now, self)?;
        let call = self.start(place, pick);
        debug_assert!(self.books.balance(), "invariant 1: {:?}", self.books);
        Some(call)
    }

    #[inline(always)]
    fn start(&mut self, place: usize, pick: Pick) -> Call {
        let now = self.now;
        if let Some(lane) = pick.turn {
            self.lanes.turn_comes(lane);
        }
        let slot = self.leases.open();
        let (size, units) = match self.batch_rule(&self.agents[pick.agent as usize]) {
            None => {
                let index = self.worth_a_call(pick.agent, pick.index);
                (1, self.lease_message(index, slot))
            }
            Some(rule) => self.fill_batch(pick, rule, slot),
        };
        let worker = self.workers.take_slot(place);
        let agent = &mut self.agents[pick.agent as usize];
        let probe = agent.is_probing();
        let replica = agent.call_started();
        let row = agent.row.call_started(now);
        if let Some(breaker) = &mut agent.breaker {
            breaker.call_started(now);
        }
        agent.tally.units += units;
        if let Some(calls) = &mut agent.calls {
            calls.take(now, 1);
        }
        if let Some(bucket) = &mut agent.units {
            bucket.take(now, units);
        }
        let (in_flight, expires) = (agent.in_flight, now + agent.call_timeout);
        let lease = &mut self.leases[slot];
        lease.state = LeaseState::Active;
        lease.agent = pick.agent;
        lease.replica = replica;
        lease.worker = worker;
        lease.started = now;
        lease.number = self.books.calls;
        lease.expires = expires;
        lease.in_flight_at_start = in_flight;
        lease.row = row;
        lease.probe = probe;
        lease.size = size;
        lease.live = size;
        let first = lease.members[0];
        let lease = LeaseId {
            slot,
            epoch: lease.epoch,
        };
        self.books.calls += 1;
        self.tally.flow.started += u64::from(size);
        self.timers.lease_until(expires);
        let agent = AgentId(pick.agent);
        self.emit(What::Started {
            lease,
            agent,
            worker,
            size,
        });
        self.note_queue_level();
        Call {
            lease,
            agent,
            replica,
            worker,
            size,
            first,
            in_flight,
            expires,
        }
    }

    /// A waiting message leaves the queue for the call of lease `slot`. Returns its units.
    #[inline(always)]
    fn lease_message(&mut self, index: u32, slot: u32) -> u64 {
        let now = self.now;
        let (generation, message) = self.messages.named(index);
        let id = MessageId { index, generation };
        let (account, stood) = (message.account, message.standing());
        message.place = Place::Leased(slot);
        message.calls += 1;
        self.books.leased += 1;
        let first = message.started == Time::MAX;
        if first {
            message.started = now;
            self.tally.wait.record(now.since(message.sent));
        }
        let (sent, key) = (message.sent, message.ordering_key);
        let (size, units) = (u64::from(message.size), u64::from(message.units));
        self.delist(index, account, stood);
        let lease = &mut self.leases[slot];
        lease.members.push(id);
        if let Some(key) = key {
            lease.held_keys.push(key);
            self.agents[account.agent.0 as usize].keys.call_started(key);
        }
        self.books.bytes -= size;
        self.lanes.charge(account.lane);
        self.emit(What::Taken {
            message: id,
            account,
            sent,
            first,
        });
        units
    }

    /// Fills a closed batch: overdue messages first, oldest first, then lane by lane, as far
    /// as the units reach. Returns how many messages it carries, and their units.
    fn fill_batch(&mut self, pick: Pick, rule: BatchRule, slot: u32) -> (u32, u64) {
        let units_left = self.units_left(pick.agent);
        let (mut size, mut units) = (0, 0_u64);
        let (mut first_due, mut last_due) = (self.now, Time::ZERO);
        while size < rule.size {
            let agent = &self.agents[pick.agent as usize];
            if agent.takeable == 0 {
                break;
            }
            let (_, first) = self.first_ranked(agent, self.now);
            let index = self.worth_a_call(pick.agent, first);
            let message = &self.messages[index];
            let (more, due) = (u64::from(message.units), message.due);
            if size > 0 && units + more > units_left {
                break;
            }
            size += 1;
            units += more;
            first_due = first_due.min(due);
            last_due = last_due.max(due);
            self.lease_message(index, slot);
        }
        let in_time = first_due + rule.timeout;
        let closed = match size == rule.size {
            true => in_time.min(last_due),
            false => in_time,
        };
        self.book_batch_wait(slot, closed.min(self.now));
        (size, units)
    }

    /// What the members waited for the closing of their batch: those that came later did not, and what
    /// they waited after it is not the batch's.
    fn book_batch_wait(&mut self, slot: u32, closed: Time) {
        for member in &self.leases[slot].members {
            self.tally.flow.batch_wait += closed.since(self.messages[member.index].due);
        }
    }

    fn units_left(&self, agent: u32) -> u64 {
        let units = self.agents[agent as usize].units.as_ref();
        units.map_or(u64::MAX, |units| units.whole_tokens(self.now))
    }
}
