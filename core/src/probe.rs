//! What an agent is called with while it is in doubt, and which deadlines speak against an agent.
//!
//! Behind an overload the oldest messages are about to expire. Calls for them end with their deadlines however
//! well the agent is: a breaker that took that for failure, or that waited for success and was shown nothing else,
//! would keep the agent from its messages for as long as they come faster than a probe at a time. So such a call
//! says nothing by itself, and until the breaker is closed what has most time left goes first where the first in
//! order is that late.
//!
//! An agent that answers nothing has such a backlog too, and no call for it would ever speak. So the same holds
//! while a breaker is closed, once as many calls in a row as would open it were late: a healthy agent then
//! delivers, which ends it, and of a dead one the deadlines speak.
//!
//! With few ordering keys what has most time left stands behind its key, and each call is late. So from then on
//! the late ones speak too, while anything stands there. Not those of a half-open breaker: it protects the agent
//! as it is, and behind a key that is late again after each open time it would never be anything else.

use std::cmp::Reverse;

use ebbtide_policies::units::Time;

use crate::breaker::{Breaker, Health};
use crate::event::Listener;
use crate::state::BrokerState;

/// The last messages of a lane, among which the one with most time left is sought: a lane may hold
/// millions, and with deadlines of one length it is the last.
pub const LOOKED_AT: usize = 64;

/// Whether a call at `at` is too late to say anything of its agent by not ending before the
/// deadline: the message, due at `due`, has waited for longer than it has left.
#[must_use]
pub fn is_late(at: Time, due: Time, deadline: Time) -> bool {
    deadline.since(at) < at.since(due)
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// What a call to `agent` carries in place of `first`, the first of its lane: `first`, unless the breaker
    /// keeps no order and `first` is late. Then it is, of `first` and the [last](LOOKED_AT) of the lane that are no
    /// dearer, the one with most time left.
    #[inline(always)]
    pub(crate) fn worth_a_call(&self, agent: u32, first: u32) -> u32 {
        match self.agents[agent as usize].keeps_order() {
            true => first,
            false => self.with_most_time(agent, first),
        }
    }

    /// What a late call's end says of its agent. It went although late: nothing else had more time left. Unless
    /// there was still an order to keep when it began, that is for the ordering keys.
    #[cold]
    pub(crate) fn late_says(&self, slot: u32) -> Health {
        let call = self.leases.call(slot);
        let agent = &self.agents[call.agent as usize];
        let unordered = |breaker: &Breaker| breaker.follows_a_late_run(call.started);
        match agent.keys.behind > 0 && agent.breaker.as_ref().is_some_and(unordered) {
            true => Health::Bad,
            false => Health::Late,
        }
    }

    #[cold]
    fn with_most_time(&self, agent: u32, first: u32) -> u32 {
        let front = &self.messages[first];
        if !is_late(self.now, front.due, front.deadline) {
            return first;
        }
        let agent = &self.agents[agent as usize];
        let queue = &agent.queues[front.account.lane.index()];
        let payable =
            |&index: &u32| agent.units.is_none() || self.messages[index].units <= front.units;
        let last = queue.backwards(&self.messages).take(LOOKED_AT);
        let candidates = last.filter(payable).chain([first]);
        let by_time = |&index: &u32| {
            let message = &self.messages[index];
            (Reverse(message.deadline), message.rank())
        };
        candidates.min_by_key(by_time).unwrap_or(first)
    }
}
