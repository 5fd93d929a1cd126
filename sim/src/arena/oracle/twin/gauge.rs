//! What a search reads off a twin in the middle of its run: what its backlog will still cost, and
//! whether it stands where another one stood.

use ebbtide_core::message::Lane;
use ebbtide_core::parts::WorkerState;
use ebbtide_policies::objective::Measure;
use ebbtide_policies::units::{Duration, Time};

use super::Twin;
use super::agent::Agent;
use super::settle::Running;

/// Messages of each lane that a backlog is judged by.
const SAMPLES: usize = 8;

impl Twin<'_> {
    /// Messages that wait or are delayed.
    pub(crate) fn queued(&self) -> u64 {
        self.queued
    }

    /// Late work to be expected of what is in the broker now, if it is served in order by the
    /// workers there are: for calls under way it is known, for the backlog a fluid guess.
    pub(crate) fn debt(&self) -> f64 {
        let called: f64 = self.calls.iter().map(|call| self.debt_of(call)).sum();
        if self.queued == 0 {
            return called;
        }
        let slots = self.path.config.delivery_parallelism * self.setting.workers.max(1);
        let parallelism = f64::from(self.path.config.delivery_parallelism);
        let agents = self.agents.iter().zip(&self.path.work);
        let slot_seconds = |(agent, work): (&Agent, &f64)| {
            let own = f64::from(slots.min(agent.limit));
            agent.takeable as f64 * work * parallelism / own
        };
        let drain = agents.clone().map(slot_seconds).sum::<f64>();
        let lanes = agents.flat_map(|(agent, work)| Lane::ALL.map(|lane| (agent, *work, lane)));
        called
            + lanes
                .map(|(agent, work, lane)| self.debt_in(agent, work, lane, drain))
                .sum::<f64>()
    }

    fn debt_of(&self, call: &Running) -> f64 {
        let Some(ends) = call.plan.as_ref().and_then(|plan| plan.ends) else {
            return 0.0;
        };
        let late = |id| {
            let message = self.message(id);
            self.path.beyond(Measure::Sojourn, ends.since(message.sent)) * self.work(&message)
        };
        call.members().iter().map(|member| late(member.id)).sum()
    }

    /// The same of one lane, by some of its messages, if the backlog is gone in `drain` seconds.
    fn debt_in(&self, agent: &Agent, work: f64, lane: Lane, drain: f64) -> f64 {
        let queue = agent.queue(lane);
        let samples = queue.len().min(SAMPLES);
        let sum: f64 = (0..samples)
            .map(|sample| {
                let share = (sample as f64 + 0.5) / samples as f64;
                let sent = self
                    .message(queue[(share * queue.len() as f64) as usize].id)
                    .sent;
                let ends = self.now + Duration::from_secs_f64(drain * share);
                self.path.beyond_either(ends.since(sent))
            })
            .sum();
        sum * work * queue.len() as f64 / samples.max(1) as f64
    }

    /// The same number for two twins of a path that go on alike, as far as can be told cheaply;
    /// `None` while a worker starts.
    pub(crate) fn standing(&self) -> Option<u64> {
        let mut sum = mix(self.next as u64) ^ mix(self.queued.wrapping_add(1 << 40));
        for worker in self.workers.iter() {
            if worker.state == WorkerState::Starting {
                return None;
            }
            // One more than nothing, which would mix to nothing.
            let draining = u64::from(worker.state == WorkerState::Draining);
            sum = sum.wrapping_add(mix((u64::from(worker.calls) << 1 | draining) + 1));
        }
        for (index, agent) in (0_u64..).zip(&self.agents) {
            let paused = agent.paused_until.max(self.now).as_nanos();
            let limit = u64::from(agent.most_in_flight());
            sum = sum.wrapping_add(mix(index ^ paused.rotate_left(8) ^ limit.rotate_left(40)));
            for id in agent.waiting() {
                sum = sum.wrapping_add(mix(u64::from(id) << 2 | 1));
            }
        }
        for call in &self.calls {
            let ends = call
                .plan
                .as_ref()
                .and_then(|plan| plan.ends)
                .unwrap_or(Time::MAX);
            for member in call.members() {
                let word = ends.as_nanos().rotate_left(20) ^ u64::from(member.id);
                sum = sum.wrapping_add(mix(word << 2 | 2));
            }
        }
        Some(sum)
    }
}

/// Mixes all bits: the finaliser of `SplitMix64`, Stafford's variant 13.
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
