//! Calls as the remote side has them: begun, at their end, given up.

use ebbtide_core::message::{AgentId, LeaseId, Verdict, WorkerId};
use ebbtide_core::{Call, Member, Settlement};
use ebbtide_policies::units::Time;

use crate::agents::{CallItem, CallPlan, CallResult, Cancelled, Started};
use crate::calendar::Entry;

use super::{Tag, World};

/// A call under way, or what is left of the slot's last one.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) lease: LeaseId,
    pub(super) worker: WorkerId,
    pub(super) agent: u32,
    /// Calls that the slot had before.
    pub(super) turn: u32,
    pub(super) state: CallState,
}

#[derive(Clone, Debug)]
pub(super) enum CallState {
    /// Over, as far as the broker is concerned.
    Gone,
    /// Waits for one of the remote side's servers.
    Waits,
    /// The remote side works on it, and delivers all of it then: how most calls go.
    Delivers(Time),
    /// The remote side works on it.
    Runs(CallPlan),
}

/// A message of a call, as the remote side sees it.
#[inline(always)]
fn item(member: Member<'_, Tag>) -> CallItem {
    CallItem {
        key: member.payload.key,
        attempt: member.calls - 1,
        units: member.units,
        service: member.payload.service,
    }
}

impl World<'_> {
    /// Free slots take what they may, one call at a time in the idlest worker.
    #[inline(always)]
    pub(super) fn start_calls(&mut self) {
        while let Some(call) = self.state.take_next(self.now) {
            self.begin_call(call);
            if !self.state.may_take() {
                return;
            }
        }
    }

    #[inline(always)]
    fn begin_call(&mut self, call: Call) {
        // Words are handed on, not the call: it need not be made in memory.
        let Call {
            lease,
            worker,
            agent: AgentId(agent),
            size,
            first,
            ..
        } = call;
        let first = self.state.member(first).map(item);
        let model = &mut self.agents[agent as usize];
        let plain = first.filter(|_| size == 1);
        match plain.and_then(|item| model.start_plain(self.now, &item)) {
            Some(ends) => {
                let state = CallState::Delivers(ends);
                self.set_running(lease, worker, agent, Some(ends), state);
            }
            None => self.begin_any_call(lease, worker, agent),
        }
    }

    #[inline(never)]
    fn begin_any_call(&mut self, lease: LeaseId, worker: WorkerId, agent: u32) {
        self.items.clear();
        let items = self.state.members_of(lease).map(item);
        self.items.extend(items);
        let model = &mut self.agents[agent as usize];
        let (ends, state) = match model.start(self.now, lease.slot(), &self.items) {
            Started::Runs(plan) => (plan.ends, CallState::Runs(plan)),
            Started::Waits => (None, CallState::Waits),
        };
        self.set_running(lease, worker, agent, ends, state);
    }

    #[inline(always)]
    fn set_running(
        &mut self,
        lease: LeaseId,
        worker: WorkerId,
        agent: u32,
        ends: Option<Time>,
        state: CallState,
    ) {
        let slot = lease.slot();
        let mut running = Running {
            lease,
            worker,
            agent,
            turn: 0,
            state,
        };
        let turn = match self.running.get_mut(slot as usize) {
            Some(last) => {
                running.turn = last.turn.wrapping_add(1);
                *last = running;
                last.turn
            }
            None => {
                self.running.push(running);
                0
            }
        };
        self.expect_end(slot, turn, ends);
    }

    #[inline(always)]
    fn expect_end(&mut self, slot: u32, turn: u32, ends: Option<Time>) {
        if let Some(ends) = ends {
            let at = self.grain(ends).max(self.now);
            self.calendar.enter(at, Entry::CallEnds { slot, turn });
        }
    }

    /// The remote side works on a call from now on that waited for one of its servers.
    fn runs(&mut self, slot: u32, plan: CallPlan) {
        let turn = self.running[slot as usize].turn;
        self.expect_end(slot, turn, plan.ends);
        self.running[slot as usize].state = CallState::Runs(plan);
    }

    /// A call's end has come; unless the broker gave it up before, it is settled.
    #[inline(never)]
    pub(super) fn end_call(&mut self, slot: u32, turn: u32) {
        let call = &mut self.running[slot as usize];
        if call.turn != turn || !matches!(call.state, CallState::Delivers(_)) {
            return self.end_any_call(slot, turn);
        }
        call.state = CallState::Gone;
        let (lease, agent) = (call.lease, call.agent);
        let delivered = Settlement::All(Verdict::Delivered);
        // A late settle is core's to count.
        let _ = self.state.settle(self.now, lease, delivered);
        self.remote_end(agent, &CallPlan::delivered(self.now));
    }

    #[inline(never)]
    fn end_any_call(&mut self, slot: u32, turn: u32) {
        let call = &mut self.running[slot as usize];
        if call.turn == turn
            && let CallState::Runs(plan) = std::mem::replace(&mut call.state, CallState::Gone)
        {
            let settlement = match &plan.result {
                CallResult::All(verdict) => Settlement::All(*verdict),
                CallResult::Each(verdicts) => Settlement::Each(verdicts),
            };
            let (lease, agent) = (call.lease, call.agent);
            let _ = self.state.settle(self.now, lease, settlement);
            self.remote_end(agent, &plan);
        } else if let Some((agent, plan)) = self.given_up.remove(&(slot, turn)) {
            self.remote_end(agent, &plan);
        }
    }

    fn remote_end(&mut self, agent: u32, plan: &CallPlan) {
        if let Some((slot, plan)) = self.agents[agent as usize].end(self.now, plan) {
            self.runs(slot, plan);
        }
    }

    /// The broker has dropped the call's handler.
    pub(super) fn give_up(&mut self, slot: u32) {
        let call = &mut self.running[slot as usize];
        let (agent, turn) = (call.agent, call.turn);
        let plan = match std::mem::replace(&mut call.state, CallState::Gone) {
            CallState::Gone => return,
            CallState::Waits => None,
            CallState::Delivers(ends) => Some(CallPlan::delivered(ends)),
            CallState::Runs(plan) => Some(plan),
        };
        match (
            self.agents[agent as usize].cancel(self.now, slot, plan.as_ref()),
            plan,
        ) {
            (Cancelled::WorksOn, Some(plan)) => {
                self.given_up.insert((slot, turn), (agent, plan));
            }
            (Cancelled::Stopped(Some((slot, plan))), _) => self.runs(slot, plan),
            (Cancelled::WorksOn | Cancelled::Stopped(None), _) => {}
        }
    }
}
