//! What waits and what runs, counted as policies that know no batches count it.

use std::collections::BTreeMap;

use crate::observation::{AgentObservation, Observation};
use crate::units::Duration;

/// Messages that one call to `agent` may carry.
#[must_use]
pub fn per_call(agent: &AgentObservation, observation: &Observation) -> u32 {
    if !agent.is_batch {
        return 1;
    }
    let size = observation.setting.batch_size;
    agent.max_batch.unwrap_or(size).min(size).max(1)
}

/// Calls in flight, of all agents: busy slots.
#[must_use]
pub fn calls_in_flight(observation: &Observation) -> u64 {
    let in_flight = observation.agents.iter().map(|a| u64::from(a.in_flight));
    in_flight.fold(0, u64::saturating_add)
}

/// Calls that it takes to clear what waits, if each batch is full.
#[must_use]
pub fn calls_waiting(observation: &Observation) -> u64 {
    let calls = |a: &AgentObservation| a.waiting.div_ceil(per_call(a, observation).into());
    observation
        .agents
        .iter()
        .map(calls)
        .fold(0, u64::saturating_add)
}

/// Workers that have `slots` slots: rounded up. Not finite stays so ("keep").
#[must_use]
pub fn workers(slots: f64, observation: &Observation) -> f64 {
    (slots / f64::from(observation.parallelism.max(1))).ceil()
}

/// Calls that started and ended, which an observation shows only in part.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallFlow {
    in_flight: u64,
}

impl CallFlow {
    /// Calls that started and that ended in the interval: what ended was counted, what started
    /// is that and the change of what is in flight.
    pub fn observe(&mut self, observation: &Observation) -> (u64, u64) {
        let calls = observation.agents.iter().map(|agent| agent.calls);
        let ended = calls.fold(0_u64, |sum, calls| {
            let all = [calls.succeeded, calls.failed, calls.rate_limited];
            all.into_iter().fold(sum, u64::saturating_add)
        });
        let before = std::mem::replace(&mut self.in_flight, calls_in_flight(observation));
        let started = (ended.saturating_add(self.in_flight)).saturating_sub(before);
        (started, ended)
    }
}

/// Slot-time that a message takes, by agent: the call time of late over its messages.
///
/// An average over calls, in which older intervals fade with a time constant; an agent that
/// was idle is remembered as it was.
#[derive(Clone, Debug)]
pub struct ServiceTimes {
    memory: Duration,
    agents: BTreeMap<String, Calls>,
}

/// Faded sums of an agent's calls.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    time_s: f64,
    messages: f64,
}

impl ServiceTimes {
    /// Remembers for about `memory`.
    #[must_use]
    pub fn new(memory: Duration) -> Self {
        Self {
            memory,
            agents: BTreeMap::new(),
        }
    }

    /// Takes in the calls of an interval.
    pub fn observe(&mut self, observation: &Observation) {
        let memory_s = self.memory.as_secs_f64().max(1e-9);
        let kept = (-observation.interval.as_secs_f64() / memory_s).exp();
        for agent in &observation.agents {
            if agent.calls.messages == 0 {
                continue;
            }
            if !self.agents.contains_key(&agent.name) {
                self.agents.insert(agent.name.clone(), Calls::default());
            }
            if let Some(sums) = self.agents.get_mut(&agent.name) {
                sums.time_s = sums.time_s * kept + agent.calls.time.as_secs_f64();
                sums.messages = sums.messages * kept + agent.calls.messages as f64;
            }
        }
    }

    /// Slot-seconds a message of this agent; `None` before its first call ended.
    #[must_use]
    pub fn of(&self, agent: &AgentObservation) -> Option<f64> {
        let sums = self.agents.get(&agent.name)?;
        Some(sums.time_s / sums.messages)
    }

    /// Slot-seconds that `messages` of each agent take together; an agent of which nothing is
    /// known yet counts as the mean of the others, or as nothing.
    pub fn work(
        &self,
        observation: &Observation,
        messages: impl Fn(&AgentObservation) -> u64,
    ) -> f64 {
        let mean = self.mean().unwrap_or(0.0);
        let work = |a: &AgentObservation| messages(a) as f64 * self.of(a).unwrap_or(mean);
        observation.agents.iter().map(work).sum()
    }

    /// Slot-seconds a message, over all agents.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let sum = |of: fn(&Calls) -> f64| self.agents.values().map(of).sum::<f64>();
        let messages = sum(|calls| calls.messages);
        (messages > 0.0).then(|| sum(|calls| calls.time_s) / messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, observation};
    use crate::units::Time;

    #[test]
    fn batch_agents_count_in_full_calls() {
        let mut seen = observation(Time::ZERO);
        seen.agents = vec![agent("one"), agent("rank"), agent("small")];
        for (agent, waiting) in seen.agents.iter_mut().zip([7, 41, 11]) {
            agent.waiting = waiting;
            agent.in_flight = 2;
        }
        seen.agents[1].is_batch = true;
        seen.agents[2].is_batch = true;
        seen.agents[2].max_batch = Some(5);
        assert_eq!(calls_waiting(&seen), 7 + 3 + 3);
        assert_eq!(calls_in_flight(&seen), 6);
    }

    #[test]
    fn work_is_call_time_over_messages_of_each_agent() {
        let mut seen = observation(Time::ZERO);
        seen.agents = vec![agent("one"), agent("rank"), agent("new")];
        seen.agents[0].calls.messages = 10;
        seen.agents[0].calls.time = Duration::from_secs(1);
        seen.agents[1].calls.messages = 30;
        seen.agents[1].calls.time = Duration::from_secs(1);
        let mut times = ServiceTimes::new(Duration::from_secs(30));
        assert_eq!(times.work(&seen, |_| 1), 0.0);
        times.observe(&seen);
        assert_eq!(times.of(&seen.agents[0]), Some(0.1));
        let expected = 60.0 * 0.1 + 60.0 / 30.0 + 60.0 * 2.0 / 40.0;
        assert!((times.work(&seen, |_| 60) - expected).abs() < 1e-9);
    }
}
