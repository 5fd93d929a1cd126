//! How messages enter and leave the queue: the one place that moves them between waiting,
//! delayed and leased, so that lists, books and ordering keys always agree.

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::agents::Agent;
use crate::config::BrokerConfig;
use crate::event::{Account, Listener, Requeue, What, Whereabouts};
use crate::lanes::{Lanes, Rank};
use crate::leases::LeaseState;
use crate::message::{AgentId, DeadReason, MessageId, Outcome};
use crate::messages::{Message, Place, Standing};
use crate::probe::is_late;
use crate::state::{BrokerState, Wake};
use crate::table::Table;

/// Once above its warning threshold, the queue must fall below this share of it before it
/// counts as below: a queue that hovers warns once.
const CLEAR_SHARE: f64 = 0.9;

/// Between which the queue warns, and whether it was last said to be above.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WarningLevels {
    warn_at: u64,
    clear_at: u64,
    above: bool,
}

impl WarningLevels {
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        let warn_at = config.queue_warning_threshold * config.max_queue_size as f64;
        Self {
            warn_at: (warn_at.ceil() as u64).max(1),
            clear_at: ((warn_at * CLEAR_SHARE).ceil() as u64).max(1),
            above: false,
        }
    }

    /// Other levels from now on; what was last said stays said.
    pub(crate) fn reconfigure(&mut self, config: &BrokerConfig) {
        let above = self.above;
        *self = Self {
            above,
            ..Self::new(config)
        };
    }
}

impl Agent {
    /// A message that waits for nothing but its agent, which this is, gets the place that its rank
    /// gives it; in a paused lane it is held there.
    #[inline(always)]
    fn make_takeable<M>(
        &mut self,
        lanes: &mut Lanes,
        messages: &mut Table<Message<M>>,
        index: u32,
        account: Account,
        rank: Rank,
    ) {
        let lane = account.lane.index();
        if lanes.is_paused(account.lane) {
            lanes.held += 1;
            return self.held[lane].insert(messages, index, rank);
        }
        self.takeable += 1;
        let was_empty = self.queues[lane].is_empty();
        self.queues[lane].insert(messages, index, rank);
        if was_empty {
            lanes.fill(account.lane, account.agent.0);
        }
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// A message that is in no place yet becomes due, now.
    #[inline(always)]
    pub(crate) fn become_due(&mut self, index: u32) {
        let turn = self.next_turn();
        let message = &mut self.messages[index];
        message.turn = turn;
        let (account, rank) = (message.account, message.rank());
        let missing_key = message.ordering_key.filter(|_| !message.holds_key);
        self.line_up(index, account, rank, missing_key);
    }

    /// A message that has become due takes its place: behind its ordering key, if that is missing
    /// and another's, or in its lane.
    #[inline(always)]
    pub(crate) fn line_up(
        &mut self,
        index: u32,
        account: Account,
        rank: Rank,
        missing_key: Option<u64>,
    ) {
        let agent = &mut self.agents[account.agent.0 as usize];
        let fails_fast = agent.fails_fast();
        agent.waiting += 1;
        self.books.waiting += 1;
        let gets = missing_key.is_none_or(|key| agent.keys.enter(key, rank, index));
        if missing_key.is_some() {
            self.messages[index].holds_key = gets;
        }
        if gets {
            agent.make_takeable(&mut self.lanes, &mut self.messages, index, account, rank);
        } else {
            self.messages[index].place = Place::Behind;
            self.lanes.behind += 1;
            agent.tally.came_behind += 1;
        }
        if fails_fast {
            self.fail_fast(index);
        }
    }

    /// A waiting message fails at once: its agent's breaker is open, and it is set so.
    #[cold]
    fn fail_fast(&mut self, index: u32) {
        self.finish(index, Outcome::DeadLettered(DeadReason::BreakerOpen));
    }

    /// What would go back to an agent that was removed is dead instead. Whether it was.
    fn has_lost_its_agent(&mut self, index: u32) -> bool {
        let agent = self.messages[index].account.agent.0 as usize;
        let removed = self.agents[agent].removed;
        if removed {
            self.finish(index, Outcome::DeadLettered(DeadReason::AgentRemoved));
        }
        removed
    }

    /// A takeable message that stood there leaves its list, or one that is held its own.
    #[inline(always)]
    pub(crate) fn delist(&mut self, index: u32, account: Account, stood: Standing) {
        self.books.waiting -= 1;
        let agent = &mut self.agents[account.agent.0 as usize];
        agent.waiting -= 1;
        if self.lanes.is_paused(account.lane) {
            self.lanes.held -= 1;
            return agent.held[account.lane.index()].remove(&mut self.messages, index, stood);
        }
        agent.takeable -= 1;
        let queue = &mut agent.queues[account.lane.index()];
        queue.remove(&mut self.messages, index, stood);
        if queue.is_empty() {
            self.lanes.drain(account.lane, account.agent.0);
        }
    }

    /// A message that is in no place is delayed until its due time.
    pub(crate) fn delay(&mut self, index: u32) {
        let id = self.id(index);
        let message = &mut self.messages[index];
        message.place = Place::Delayed;
        let due = message.due;
        self.books.delayed += 1;
        let messages = &self.messages;
        self.timers
            .delayed
            .push_among(due, id, |due, id: MessageId| {
                messages.is_live(id.index, id.generation) && messages[id.index].due == due
            });
        self.timers.sooner(due, Wake::Due);
    }

    /// Delayed messages that are due by `now` become waiting.
    pub(crate) fn promote_due(&mut self, now: Time) {
        if self.books.delayed == 0 {
            return;
        }
        while let Some((_, id)) = self.timers.delayed.pop_due(now) {
            let is_delayed = self.is_live(id) && self.messages[id.index].place == Place::Delayed;
            if is_delayed && self.messages[id.index].due <= now {
                self.books.delayed -= 1;
                let account = self.messages[id.index].account;
                self.emit(What::Due {
                    message: id,
                    account,
                });
                self.may_tick_early();
                self.become_due(id.index);
            }
        }
    }

    /// A leased message goes back to the place that it had.
    pub(crate) fn put_back(&mut self, index: u32, why: Requeue) {
        if self.has_lost_its_agent(index) {
            return;
        }
        let due = self.messages[index].due;
        self.unlease(index, due, why);
        let message = &self.messages[index];
        let (account, rank) = (message.account, message.rank());
        let agent = &mut self.agents[account.agent.0 as usize];
        let fails_fast = agent.fails_fast();
        agent.waiting += 1;
        self.books.waiting += 1;
        agent.make_takeable(&mut self.lanes, &mut self.messages, index, account, rank);
        if fails_fast {
            self.fail_fast(index);
        }
    }

    /// A leased message goes back, to be due at `due` and then at its lane's tail.
    pub(crate) fn try_again_at(&mut self, index: u32, due: Time, why: Requeue) {
        if self.has_lost_its_agent(index) {
            return;
        }
        let due = due.max(self.now);
        self.unlease(index, due, why);
        self.messages[index].due = due;
        if due == self.now {
            self.become_due(index);
        } else {
            self.delay(index);
        }
    }

    fn unlease(&mut self, index: u32, due: Time, why: Requeue) {
        let id = self.id(index);
        let message = &self.messages[index];
        let Place::Leased(slot) = message.place else {
            unreachable!("only leased messages go back");
        };
        let (account, attempts, size) = (message.account, message.attempts, message.size);
        self.leases[slot].live -= 1;
        self.books.leased -= 1;
        self.books.bytes += u64::from(size);
        self.tally.flow.retries += 1;
        self.agents[account.agent.0 as usize].tally.retries += 1;
        self.may_tick_early();
        self.emit(What::Requeued {
            message: id,
            account,
            due: due.max(self.now),
            why,
            attempts,
        });
    }

    /// A message gets its outcome and leaves core (invariant 2: there is no way back).
    pub(crate) fn finish(&mut self, index: u32, outcome: Outcome) {
        let message = &self.messages[index];
        let (was, size) = (message.whereabouts(), message.size);
        match message.place {
            Place::Listed | Place::Sorted => {
                let (account, stood) = (message.account, message.standing());
                self.delist(index, account, stood);
            }
            Place::Behind => {
                let agent = message.account.agent.0 as usize;
                let key = message.ordering_key;
                let (key, rank) = (
                    key.expect("only keyed messages stand behind"),
                    message.rank(),
                );
                self.agents[agent].keys.leave(key, rank);
                self.lanes.behind -= 1;
                self.agents[agent].waiting -= 1;
                self.books.waiting -= 1;
            }
            Place::Delayed => self.books.delayed -= 1,
            Place::Leased(slot) => {
                let (due, deadline) = (message.due, message.deadline);
                self.leases[slot].live -= 1;
                self.books.leased -= 1;
                self.conclude(index, outcome, Whereabouts::Leased);
                let lease = &self.leases[slot];
                if lease.live == 0 && lease.state == LeaseState::Active {
                    let late = is_late(lease.started, due, deadline);
                    self.abandon(slot, outcome, late);
                }
                return;
            }
        }
        self.books.bytes -= u64::from(size);
        self.conclude(index, outcome, was);
    }

    /// A message that is in no place any more leaves core.
    #[inline(always)]
    pub(crate) fn conclude(&mut self, index: u32, outcome: Outcome, was: Whereabouts) {
        self.books.outcomes[outcome.index()] += 1;
        if matches!(outcome, Outcome::DeadLettered(_)) {
            self.tell_weight(index);
        }
        if !self.histories.is_empty() {
            self.tell_history(index);
        }
        let taken = self.messages.remove(index, |message| {
            let held_key = message.ordering_key.filter(|_| message.holds_key);
            let (started, attempts) = (message.started, message.attempts);
            (
                message.kind,
                message.account,
                message.sent,
                started,
                attempts,
                held_key,
                message.payload,
            )
        });
        let (generation, (kind, account, sent, started, attempts, held_key, payload)) = taken;
        let agent = account.agent;
        self.count_outcome(agent, sent, outcome);
        self.emit(What::Finished {
            message: MessageId { index, generation },
            kind,
            account,
            sent,
            started: Some(started).filter(|&at| at != Time::MAX),
            outcome,
            was,
            attempts,
            payload,
        });
        if let Some(key) = held_key {
            let next = self.agents[agent.0 as usize].keys.holder_done(key);
            self.pass_key_to(next);
        }
    }

    /// An ordering key may have changed hands; its new holder may be taken.
    pub(crate) fn pass_key_to(&mut self, next: Option<u32>) {
        if let Some(next) = next {
            let message = &mut self.messages[next];
            message.holds_key = true;
            let (account, rank) = (message.account, message.rank());
            let agent = &mut self.agents[account.agent.0 as usize];
            self.lanes.behind -= 1;
            agent.tally.moved_up += 1;
            agent.make_takeable(&mut self.lanes, &mut self.messages, next, account, rank);
        }
    }

    /// Says so when the queue crosses its warning threshold.
    #[inline]
    pub(crate) fn note_queue_level(&mut self) {
        let queued = self.books.queued();
        let above = queued
            >= if self.warnings.above {
                self.warnings.clear_at
            } else {
                self.warnings.warn_at
            };
        if above != self.warnings.above {
            self.warn(above, queued);
        }
    }

    #[cold]
    fn warn(&mut self, above: bool, queued: u64) {
        self.warnings.above = above;
        self.emit(What::QueueWarning { above, queued });
    }

    #[inline(always)]
    fn count_outcome(&mut self, agent: AgentId, sent: Time, outcome: Outcome) {
        let flow = &mut self.tally.flow;
        flow.completed += 1;
        match outcome {
            Outcome::Delivered => {
                flow.delivered += 1;
                self.agents[agent.0 as usize].tally.delivered += 1;
                self.tally.sojourn.record(self.now.since(sent));
            }
            Outcome::Expired => flow.expired += 1,
            Outcome::DeadLettered(_) => flow.dead_lettered += 1,
            Outcome::Rejected | Outcome::Discarded | Outcome::Cancelled | Outcome::Returned => {}
        }
    }
}
