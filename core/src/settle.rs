//! How calls end: settled, timed out, lost with their worker, or left with nobody waiting.
//! Retries, replies and dead letters are decided here and nowhere else (the arithmetic of a
//! retry is in `retry.rs`).

use ebbtide_policies::units::{Duration, Time};

use crate::breaker::{Ended, Health};
use crate::error::LateSettle;
use crate::event::{CallEnd, Listener, Requeue, What, Whereabouts};
use crate::history::SetbackKind;
use crate::leases::{LeaseState, OpenCall};
use crate::message::{AgentId, DeadReason, LeaseId, Outcome, Settlement, Verdict};
use crate::messages::{Message, Place};
use crate::retry::Retry;
use crate::state::{BrokerState, Wake};

/// A message that was in the calls of this many lost workers is no longer given another.
const WORKERS_LOST_MOST: u32 = 5;

/// An agent that answers "too many requests" or "not now" at once, or fails at once with no
/// backoff and no end of attempts, would otherwise be called again and again at one instant.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Hands in a call's result: each message gets its outcome or goes back, and the slot is
    /// free. With [`Settlement::Each`], messages without a verdict count as failed.
    ///
    /// # Errors
    ///
    /// [`LateSettle`] for a stale lease: nothing is changed, but for a cancelled handler's
    /// slot, which is free now (invariant 3).
    #[inline(always)]
    pub fn settle(
        &mut self,
        now: Time,
        lease: LeaseId,
        settlement: Settlement<'_>,
    ) -> Result<(), LateSettle> {
        self.enter(now);
        let Some(open) = self.leases.active(lease) else {
            return Err(self.late(lease));
        };
        open.state = LeaseState::Closing;
        if open.size == 1 && matches!(settlement, Settlement::All(Verdict::Delivered)) {
            // How most calls end. The one message is live, or its lease were not active.
            let call = open.call(lease.slot);
            open.live = 0;
            let index = open.members[0].index;
            self.end_call(call, CallEnd::Succeeded);
            self.books.leased -= 1;
            self.conclude(index, Outcome::Delivered, Whereabouts::Leased);
            self.let_go(call);
        } else {
            self.settle_each(lease.slot, settlement);
        }
        debug_assert!(self.books.balance(), "invariant 1: {:?}", self.books);
        Ok(())
    }

    #[inline(never)]
    fn settle_each(&mut self, slot: u32, settlement: Settlement<'_>) {
        let call = self.leases.call(slot);
        let (agent, probe) = (call.agent as usize, call.probe);
        let end = match settlement {
            // Of an active lease some message is live.
            Settlement::All(verdict) => end_by(verdict),
            Settlement::Each(verdicts) => self.end_of_each(slot, verdicts),
            Settlement::Panicked => CallEnd::Failed,
        };
        self.end_call(call, end);
        let mut limited = false;
        for at in 0..call.size as usize {
            if let Some(index) = self.live_member(slot, at) {
                let verdict = verdict_at(settlement, at);
                limited |= matches!(verdict, Verdict::RateLimited(_));
                if let Some(how) = setback(settlement, verdict) {
                    self.set_back(index, slot, how);
                }
                self.apply_verdict(index, verdict, probe);
            }
        }
        self.agents[agent].tally.calls.rate_limited += u64::from(limited);
        self.let_go(call);
        self.note_queue_level();
    }

    /// The handler is making progress: its lease ends a call timeout from now.
    ///
    /// # Errors
    ///
    /// [`LateSettle`] when the lease is lost: the handler works for nobody.
    pub fn extend(&mut self, now: Time, lease: LeaseId) -> Result<Time, LateSettle> {
        self.enter(now);
        if !self.leases.is_active(lease) {
            self.books.late += 1;
            self.emit(What::LateSettle { lease });
            return Err(LateSettle);
        }
        let agent = self.leases[lease.slot].agent;
        let expires = self.now + self.agents[agent as usize].call_timeout;
        self.leases[lease.slot].expires = expires;
        self.timers.lease_until(expires);
        Ok(expires)
    }

    /// A call fails when it delivers nothing and something failed; 429, snooze, reject and
    /// discard apart.
    #[inline(never)]
    fn end_of_each(&self, slot: u32, verdicts: &[Verdict]) -> CallEnd {
        let all = 0..self.leases[slot].size as usize;
        let live = all.filter(|&at| self.live_member(slot, at).is_some());
        let ends = live.map(|at| end_by(verdict_at(Settlement::Each(verdicts), at)));
        let first = [CallEnd::Succeeded, CallEnd::Failed];
        let any = |end: &CallEnd| ends.clone().any(|one| one == *end);
        first.into_iter().find(any).unwrap_or(CallEnd::Declined)
    }

    #[cold]
    fn late(&mut self, lease: LeaseId) -> LateSettle {
        self.books.late += 1;
        self.emit(What::LateSettle { lease });
        if self.leases.get(lease).is_some() {
            // Its handler has just ended: no need to wait for the grace to end.
            self.release(lease.slot);
        }
        LateSettle
    }

    /// A lease has run out: the attempt has failed, and the handler is told.
    pub(crate) fn time_out(&mut self, slot: u32) {
        self.lose_call(slot, CallEnd::TimedOut);
        self.tell_handler(slot);
    }

    /// A call's worker is lost, and its slot with it.
    pub(crate) fn lose_worker_call(&mut self, slot: u32) {
        if self.leases[slot].state == LeaseState::Active {
            self.lose_call(slot, CallEnd::WorkerLost);
        }
        self.release(slot);
    }

    fn lose_call(&mut self, slot: u32, end: CallEnd) {
        self.leases[slot].state = LeaseState::Closing;
        let call = self.leases.call(slot);
        self.end_call(call, end);
        for at in 0..call.size as usize {
            let Some(index) = self.live_member(slot, at) else {
                continue;
            };
            if end == CallEnd::WorkerLost {
                self.set_back(index, slot, SetbackKind::WorkerLost);
                self.lose_worker_under(index);
            } else {
                self.set_back(index, slot, SetbackKind::TimedOut);
                self.apply_verdict(index, Verdict::Failed, call.probe);
            }
        }
    }

    /// Every member has its outcome, the last one this, while the call goes on: it works for
    /// nobody. `late`: the call began too late for that one to speak against the agent.
    pub(crate) fn abandon(&mut self, slot: u32, last: Outcome, late: bool) {
        self.leases[slot].state = LeaseState::Closing;
        let (end, health) = match last == Outcome::Expired {
            true if late => (CallEnd::Expired, self.late_says(slot)),
            true => (CallEnd::Expired, Health::Bad),
            false => (CallEnd::Abandoned, Health::Neutral),
        };
        self.book_end(self.leases.call(slot), end, health);
        self.tell_handler(slot);
    }

    /// The handler is told that nobody waits, and dropped when its grace is over.
    fn tell_handler(&mut self, slot: u32) {
        let OpenCall { lease, worker, .. } = self.leases.call(slot);
        self.emit(What::Abandoned { lease, worker });
        if self.config.cancel_grace_ms == 0 {
            return self.release(slot);
        }
        let over = self.now + self.config.cancel_grace();
        self.timers.graces.push(over, lease);
        self.timers.sooner(over, Wake::Agent);
    }

    /// Where the `at`-th message of a call is, unless it has its outcome.
    #[inline]
    fn live_member(&self, slot: u32, at: usize) -> Option<u32> {
        let member = self.leases[slot].members[at];
        self.is_live(member).then_some(member.index)
    }

    /// Books a call's end with its agent and the agent's breaker.
    #[inline(always)]
    fn end_call(&mut self, call: OpenCall, end: CallEnd) {
        let health = match end {
            CallEnd::Succeeded => Health::Good,
            CallEnd::Failed | CallEnd::TimedOut | CallEnd::WorkerLost | CallEnd::Expired => {
                Health::Bad
            }
            CallEnd::Declined | CallEnd::Abandoned => Health::Neutral,
        };
        self.book_end(call, end, health);
    }

    #[inline(always)]
    fn book_end(&mut self, call: OpenCall, end: CallEnd, health: Health) {
        let now = self.now;
        let (at, started, size) = (call.agent, call.started, call.size);
        let in_flight = call.in_flight_at_start;
        let agent = &mut self.agents[at as usize];
        match end {
            CallEnd::Succeeded => agent.tally.succeeded(size, in_flight, now.since(started)),
            CallEnd::Failed | CallEnd::TimedOut | CallEnd::WorkerLost | CallEnd::Expired => {
                agent.tally.calls.failed += 1;
            }
            CallEnd::Declined | CallEnd::Abandoned => {}
        }
        let in_a_row = agent.call_ended(now, call.row, health);
        let breaker = agent.breaker.as_mut();
        let unmoved = breaker.is_none_or(|it| it.stays_closed(now, health, in_flight));
        self.emit(What::Ended {
            lease: call.lease,
            agent: AgentId(at),
            started,
            size,
            how: end,
        });
        if !unmoved {
            let ended = Ended {
                health,
                in_a_row,
                probe: call.probe,
                in_flight,
            };
            self.tell_breaker(at, ended);
        }
    }

    #[cold]
    fn tell_breaker(&mut self, at: u32, ended: Ended) {
        let bound = self.breaker_bound(&self.agents[at as usize]);
        let Some(breaker) = &mut self.agents[at as usize].breaker else {
            return;
        };
        if !breaker.call_ended(self.now, ended, bound) {
            return;
        }
        let (state, until, fails_fast) =
            (breaker.state(), breaker.open_until(), breaker.fails_fast());
        let agent = AgentId(at);
        self.emit(What::Breaker { agent, state });
        if let Some(until) = until {
            self.timers.agents.push(until, agent);
            self.timers.sooner(until, Wake::Agent);
        }
        if fails_fast {
            let waiting = |place| place == Whereabouts::Waiting;
            self.finish_all(
                agent,
                waiting,
                Outcome::DeadLettered(DeadReason::BreakerOpen),
            );
        }
    }

    /// Gives the messages of an agent that are in one of these places their outcome.
    pub(crate) fn finish_all(
        &mut self,
        agent: AgentId,
        places: impl Fn(Whereabouts) -> bool,
        outcome: Outcome,
    ) {
        let affected =
            |message: &Message<M>| message.account.agent == agent && places(message.whereabouts());
        let all = self
            .messages
            .iter()
            .filter(|(_, message)| affected(message));
        let indices: Vec<u32> = all.map(|(index, _)| index).collect();
        for index in indices {
            self.finish(index, outcome);
        }
    }

    fn apply_verdict(&mut self, index: u32, verdict: Verdict, probe: bool) {
        match verdict {
            Verdict::Delivered => self.finish(index, Outcome::Delivered),
            Verdict::Rejected => self.finish(index, Outcome::Rejected),
            Verdict::Discarded => self.finish(index, Outcome::Discarded),
            // To the tail: at its place it would be the next probe again, and a message that
            // always fails would keep its agent from ever recovering.
            Verdict::Failed if probe => self.try_again_at(index, self.now, Requeue::Probe),
            Verdict::Failed => self.fail(index),
            Verdict::Snoozed(until) => {
                self.messages[index].snoozes += 1;
                let until = until.max(self.now + LEAST_PAUSE);
                self.try_again_at(index, until, Requeue::Snooze);
            }
            Verdict::RateLimited(pause) => {
                let agent = self.messages[index].account.agent;
                let rule = &self.agents[agent.0 as usize].retry;
                let pause = pause.unwrap_or(rule.first_backoff());
                let until = self.now + pause.max(LEAST_PAUSE);
                self.pause_until(agent, until);
                self.put_back(index, Requeue::RateLimited);
            }
        }
    }

    /// An attempt is spent: once more, or never again.
    fn fail(&mut self, index: u32) {
        let message = &mut self.messages[index];
        message.attempts += 1;
        let rule = &self.agents[message.account.agent.0 as usize].retry;
        match self.retries.decide(rule, message.attempts, message.luck) {
            Retry::After(backoff) => {
                let mut due = self.now + backoff;
                if rule.is_unlimited()
                    && let Place::Leased(slot) = self.messages[index].place
                {
                    due = due.max(self.leases[slot].started + LEAST_PAUSE);
                }
                self.try_again_at(index, due, Requeue::Retry);
            }
            Retry::AttemptsSpent => {
                self.finish(index, Outcome::DeadLettered(DeadReason::AttemptsSpent));
            }
            Retry::BudgetSpent => {
                self.finish(index, Outcome::DeadLettered(DeadReason::RetryBudgetSpent));
            }
        }
    }

    fn lose_worker_under(&mut self, index: u32) {
        let message = &mut self.messages[index];
        message.workers_lost += 1;
        if message.workers_lost >= WORKERS_LOST_MOST {
            self.finish(index, Outcome::DeadLettered(DeadReason::WorkersLost));
        } else {
            self.put_back(index, Requeue::WorkerLost);
        }
    }

    /// The keys that a call held may go to those behind.
    #[cold]
    fn let_go_of_keys(&mut self, slot: u32) {
        let at = self.leases[slot].agent as usize;
        for held in 0..self.leases[slot].held_keys.len() {
            let key = self.leases[slot].held_keys[held];
            let next = self.agents[at].keys.call_gone(key);
            self.pass_key_to(next);
        }
    }

    /// The call's slot and its place at the agent are free again.
    pub(crate) fn release(&mut self, slot: u32) {
        self.let_go(self.leases.call(slot));
    }

    #[inline(always)]
    fn let_go(&mut self, call: OpenCall) {
        let (slot, worker, at, replica) = (call.lease.slot, call.worker, call.agent, call.replica);
        if !self.leases[slot].held_keys.is_empty() {
            self.let_go_of_keys(slot);
        }
        self.leases.close(slot);
        self.agents[at as usize].call_gone(replica);
        self.emit(What::SlotFreed {
            worker,
            agent: AgentId(at),
        });
        if self.workers.free_slot(worker) {
            self.dismiss(worker);
        }
    }
}

fn verdict_at(settlement: Settlement<'_>, at: usize) -> Verdict {
    match settlement {
        Settlement::All(verdict) => verdict,
        Settlement::Each(verdicts) => verdicts.get(at).copied().unwrap_or(Verdict::Failed),
        Settlement::Panicked => Verdict::Failed,
    }
}

/// What a verdict short of an outcome means for its message's history.
fn setback(settlement: Settlement<'_>, verdict: Verdict) -> Option<SetbackKind> {
    match verdict {
        Verdict::Delivered | Verdict::Rejected | Verdict::Discarded => None,
        Verdict::Failed if settlement == Settlement::Panicked => Some(SetbackKind::Panicked),
        Verdict::Failed => Some(SetbackKind::Failed),
        Verdict::Snoozed(_) => Some(SetbackKind::Snoozed),
        Verdict::RateLimited(_) => Some(SetbackKind::RateLimited),
    }
}

/// How a call ends all of whose messages that count get this verdict.
fn end_by(verdict: Verdict) -> CallEnd {
    match verdict {
        Verdict::Delivered => CallEnd::Succeeded,
        Verdict::Failed => CallEnd::Failed,
        Verdict::Rejected | Verdict::Discarded | Verdict::Snoozed(_) | Verdict::RateLimited(_) => {
            CallEnd::Declined
        }
    }
}
