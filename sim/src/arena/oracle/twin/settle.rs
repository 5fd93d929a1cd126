//! How calls end in the twin: `core/src/settle.rs` over its own lists.

use std::cmp::Reverse;

use ebbtide_core::message::{Verdict, WorkerId};
use ebbtide_core::parts::{Ended, Health, Retry, is_late};
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{CallPlan, CallResult, Cancelled};
use crate::calendar::Entry;

use super::agent::Queued;
use super::{Finish, Twin};

/// As in core: whoever says "too many requests" at once is not called again at once.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// What befell a message; most have nothing of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setbacks {
    /// Calls that ended without an outcome.
    pub(super) calls: u32,
    /// Attempts spent.
    attempts: u32,
}

/// A call, or what is left of the slot's last one.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) agent: u32,
    pub(super) worker: WorkerId,
    pub(super) turn: u32,
    pub(super) members: Members,
    /// `None`: it waits for one of the remote side's servers.
    pub(super) plan: Option<CallPlan>,
    pub(super) probe: bool,
    /// The agent's calls in flight at its start, itself included.
    pub(super) in_flight: u32,
    pub(super) row: u32,
    pub(super) started: Time,
    pub(super) expires: Time,
    pub(super) is_open: bool,
}

/// The messages of a call.
#[derive(Clone)]
pub(super) enum Members {
    One(Queued),
    Many(Vec<Queued>),
}

impl Members {
    pub(super) fn as_slice(&self) -> &[Queued] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Running {
    /// Its messages, while it is under way.
    pub(super) fn members(&self) -> &[Queued] {
        if self.is_open {
            self.members.as_slice()
        } else {
            &[]
        }
    }
}

impl Twin<'_> {
    /// The remote side works on a call from now on.
    pub(super) fn runs(&mut self, slot: u32, plan: CallPlan) {
        let call = &mut self.calls[slot as usize];
        let (turn, expires) = (call.turn, call.expires);
        let ends = plan.ends;
        let waited = call.started != self.now;
        call.plan = Some(plan);
        if let Some(ends) = ends {
            self.calendar.enter(ends, Entry::CallEnds { slot, turn });
        }
        if !waited && ends.is_none_or(|ends| ends > expires) {
            self.expect_timeout(slot);
        }
    }

    /// A call's lease runs out if nothing else ends it; entered once for calls that may come to
    /// that.
    pub(super) fn expect_timeout(&mut self, slot: u32) {
        let call = &self.calls[slot as usize];
        let (turn, expires) = (call.turn, call.expires);
        self.calendar
            .enter(expires, Entry::GraceOver { slot, turn });
    }

    /// A call's end has come; unless it was given up before, it is settled.
    pub(super) fn end_call(&mut self, slot: u32, turn: u32) {
        let call = &mut self.calls[slot as usize];
        if call.turn != turn || !call.is_open {
            if let Some((agent, plan)) = self.given_up.remove(&(slot, turn)) {
                self.remote_end(agent, &plan);
            }
            return;
        }
        let plan = call.plan.take().expect("a call that ends has run");
        self.settle(slot, &plan.result);
        let agent = self.calls[slot as usize].agent;
        self.remote_end(agent, &plan);
    }

    /// A lease has run out.
    pub(super) fn lease_ends(&mut self, slot: u32, turn: u32) {
        let call = &mut self.calls[slot as usize];
        if call.turn != turn || !call.is_open {
            return;
        }
        let plan = call.plan.take();
        self.settle(slot, &CallResult::All(Verdict::Failed));
        self.give_up(slot, plan);
    }

    /// The broker works on a call no longer: does the remote side?
    fn give_up(&mut self, slot: u32, plan: Option<CallPlan>) {
        let call = &self.calls[slot as usize];
        let (agent, turn) = (call.agent, call.turn);
        let model = &mut self.agents[agent as usize].model;
        match (model.cancel(self.now, slot, plan.as_ref()), plan) {
            (Cancelled::WorksOn, Some(plan)) => {
                self.given_up.insert((slot, turn), (agent, plan));
            }
            (Cancelled::Stopped(Some((next, plan))), _) => self.runs(next, plan),
            (Cancelled::WorksOn | Cancelled::Stopped(None), _) => {}
        }
    }

    fn remote_end(&mut self, agent: u32, plan: &CallPlan) {
        let next = self.agents[agent as usize].model.end(self.now, plan);
        if let Some((slot, plan)) = next {
            self.runs(slot, plan);
        }
    }

    /// A call's messages get their outcome or go back, and its slot is free.
    fn settle(&mut self, slot: u32, result: &CallResult) {
        let call = &mut self.calls[slot as usize];
        call.is_open = false;
        let empty = Members::Many(Vec::new());
        let members = std::mem::replace(&mut call.members, empty);
        let (agent, worker, probe) = (call.agent, call.worker, call.probe);
        let health = match result {
            CallResult::All(Verdict::Delivered) | CallResult::Each(_) => Health::Good,
            CallResult::All(Verdict::Failed) => Health::Bad,
            CallResult::All(_) => Health::Neutral,
        };
        self.tell_breaker(slot, health);
        for (at, member) in members.as_slice().iter().enumerate() {
            if self.is_over(member.id) {
                continue;
            }
            let verdict = match result {
                CallResult::All(verdict) => *verdict,
                CallResult::Each(verdicts) => verdicts[at],
            };
            self.apply(*member, verdict, probe);
        }
        self.release(slot, agent, worker);
    }

    fn release(&mut self, slot: u32, agent: u32, worker: WorkerId) {
        self.agents[agent as usize].in_flight -= 1;
        if self.workers.free_slot(worker) {
            self.workers.remove(worker);
        }
        self.free.push(slot);
    }

    fn tell_breaker(&mut self, slot: u32, health: Health) {
        let config = self.path.config;
        let slots = config
            .max_workers
            .saturating_mul(config.delivery_parallelism);
        let call = &self.calls[slot as usize];
        let agent = &mut self.agents[call.agent as usize];
        let bound = agent.limit.min(slots.max(1));
        let ended = Ended {
            health,
            in_a_row: agent.call_ended(self.now, call.row, health),
            probe: call.probe,
            in_flight: call.in_flight,
        };
        if let Some(breaker) = &mut agent.breaker {
            breaker.call_ended(self.now, ended, bound);
        }
    }

    fn apply(&mut self, member: Queued, verdict: Verdict, probe: bool) {
        if verdict == Verdict::Delivered {
            self.setbacks.remove(&member.id);
            return self.finish_message(member.id, &self.message(member.id), Finish::Delivered);
        }
        let setbacks = self.setbacks.entry(member.id).or_default();
        setbacks.calls += 1;
        match verdict {
            Verdict::Failed if probe => self.become_due(member.id),
            Verdict::RateLimited(pause) => {
                let agent = self.message(member.id).agent as usize;
                let agent = &mut self.agents[agent];
                let pause = pause.unwrap_or(agent.retry.first_backoff());
                let until = self.now + pause.max(LEAST_PAUSE);
                let paused = &mut agent.paused_until;
                *paused = (*paused).max(until);
                self.enlist(member);
            }
            _ => {
                setbacks.attempts += 1;
                let attempts = setbacks.attempts;
                self.fail(member.id, attempts);
            }
        }
    }

    /// An attempt is spent: once more, or never again.
    fn fail(&mut self, id: u32, attempts: u32) {
        let message = self.message(id);
        let rule = &self.agents[message.agent as usize].retry;
        match self.retries.decide(rule, attempts, message.key.mixed()) {
            Retry::After(backoff) if backoff.is_zero() => self.become_due(id),
            Retry::After(backoff) => {
                self.queued += 1;
                let (due, turn) = (self.now + backoff, 0);
                self.delayed.push(Reverse(Queued { due, turn, id }));
            }
            Retry::AttemptsSpent | Retry::BudgetSpent => {
                self.setbacks.remove(&id);
                self.finish_message(id, &message, Finish::Lost);
            }
        }
    }

    /// A message's deadline is over: it leaves its lane, and a call that works for nobody else
    /// ends.
    pub(super) fn expire_message(&mut self, id: u32) {
        let message = self.message(id);
        let lane = self.path.lane(&message);
        self.finish_message(id, &message, Finish::Lost);
        self.setbacks.remove(&id);
        if let Some(emptied) = self.agents[message.agent as usize].remove(lane, id) {
            self.queued -= 1;
            if emptied {
                self.lanes.drain(lane, message.agent);
            }
            return;
        }
        let works_for = |call: &Running| call.members().iter().any(|member| member.id == id);
        let Some(slot) = self.calls.iter().position(works_for) else {
            return;
        };
        let call = &self.calls[slot];
        if call.members().iter().all(|member| self.is_over(member.id)) {
            let (agent, worker, started) = (call.agent, call.worker, call.started);
            let deadline = self.deadline(id);
            let last = call.members().iter().find(|member| member.id == id);
            let health = match last.is_some_and(|it| is_late(started, it.due, deadline)) {
                true => Health::Late,
                false => Health::Bad,
            };
            self.tell_breaker(slot as u32, health);
            let call = &mut self.calls[slot];
            call.is_open = false;
            let plan = call.plan.take();
            self.release(slot as u32, agent, worker);
            self.give_up(slot as u32, plan);
        }
    }
}
