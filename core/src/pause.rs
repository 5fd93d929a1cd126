//! Pauses: of an agent, by the user or by its own "too many requests", and of a lane.
//!
//! The messages of a paused agent stay where they are and `take` passes the agent over
//! (`protect.rs`). Those of a paused lane are held apart, so that `take` never meets them.

use ebbtide_policies::units::Time;

use crate::event::{Listener, What};
use crate::message::{AgentId, Lane};
use crate::state::{BrokerState, Wake};

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Pauses an agent until then ([`Time::MAX`]: until resumed): its messages wait.
    pub fn pause_agent(&mut self, now: Time, agent: AgentId, until: Time) {
        self.disturb(now);
        self.pause_until(agent, until);
    }

    /// Ends an agent's pause, whoever asked for it.
    pub fn resume_agent(&mut self, now: Time, agent: AgentId) {
        self.disturb(now);
        let at = self.now;
        let paused = self.agents.get_mut(agent).filter(|it| it.paused_until > at);
        if let Some(paused) = paused {
            paused.paused_until = Time::ZERO;
            self.emit(What::Resumed { agent });
        }
    }

    /// A longer pause stands; a shorter one changes nothing, nor does that of a removed agent.
    pub(crate) fn pause_until(&mut self, agent: AgentId, until: Time) {
        let registered = self.agents.get_mut(agent).filter(|it| !it.removed);
        let Some(paused_until) = registered.map(|it| &mut it.paused_until) else {
            return;
        };
        if until <= *paused_until || until <= self.now {
            return;
        }
        *paused_until = until;
        self.emit(What::Paused { agent, until });
        if until != Time::MAX {
            self.timers.agents.push(until, agent);
            self.timers.sooner(until, Wake::Agent);
        }
    }

    /// Pauses a lane until then ([`Time::MAX`]: until resumed): its messages, whoever their
    /// agent is, wait, and calls under way go on. A longer pause stands. What waits behind an
    /// ordering key that a message of the lane holds waits too.
    pub fn pause_lane(&mut self, now: Time, lane: Lane, until: Time) {
        self.disturb(now);
        if until <= self.now || until <= self.lanes.paused_until(lane) {
            return;
        }
        if !self.lanes.is_paused(lane) {
            for at in 0..self.agents.present().len() {
                self.hold_lane(self.agents.present()[at], lane);
            }
        }
        self.lanes.pause(lane, until);
        self.emit(What::LanePaused { lane, until });
        self.timers.sooner(until, Wake::Agent);
    }

    /// Ends a lane's pause.
    pub fn resume_lane(&mut self, now: Time, lane: Lane) {
        self.disturb(now);
        if !self.lanes.is_paused(lane) {
            return;
        }
        self.lanes.resume(lane);
        for at in 0..self.agents.present().len() {
            self.let_go_of_lane(self.agents.present()[at], lane);
        }
        self.emit(What::LaneResumed { lane });
    }

    /// Lanes whose pause is over by now are resumed.
    pub(crate) fn resume_due_lanes(&mut self) {
        let now = self.now;
        while let Some(lane) = self.lanes.first_resumed_by(now) {
            self.resume_lane(now, lane);
        }
    }

    fn hold_lane(&mut self, at: u32, lane: Lane) {
        let agent = &mut self.agents[at as usize];
        let queue = std::mem::take(&mut agent.queues[lane.index()]);
        if queue.is_empty() {
            return;
        }
        let held = queue.iter(&self.messages).count() as u64;
        agent.takeable -= held;
        agent.held[lane.index()] = queue;
        self.lanes.drain(lane, at);
        self.lanes.held += held;
    }

    fn let_go_of_lane(&mut self, at: u32, lane: Lane) {
        let agent = &mut self.agents[at as usize];
        let queue = std::mem::take(&mut agent.held[lane.index()]);
        if queue.is_empty() {
            return;
        }
        let held = queue.iter(&self.messages).count() as u64;
        agent.takeable += held;
        agent.queues[lane.index()] = queue;
        self.lanes.fill(lane, at);
        self.lanes.held -= held;
    }
}
