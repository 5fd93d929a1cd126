//! Whether a worker's calls are so short that another worker would only get in its way: on another
//! processor each visit to the floor costs more than the calls do.
//!
//! What calls of an agent took decides about the next ones.

use ebbtide_core::message::AgentId;
use ebbtide_policies::units::{Duration, Time};

/// A call that takes no longer than this on average is brisk.
const BRISK: Duration = Duration::from_nanos(500);

/// How calls went.
#[derive(Default)]
pub(crate) struct Pace {
    /// The agent whose last calls were brisk.
    brisk: Option<AgentId>,
    /// Whose calls are under way and how many, if they are all of one agent.
    calls: Option<(AgentId, u32)>,
    began: Time,
}

impl Pace {
    /// These calls are taken. Whether they will be brisk, as far as that is known.
    pub(crate) fn takes(&mut self, mut agents: impl ExactSizeIterator<Item = AgentId>) -> bool {
        let count = agents.len() as u32;
        let Some(first) = agents.next() else {
            return false;
        };
        let all = agents.all(|agent| agent == first);
        // A lone call is not worth a look at the clock.
        self.calls = (all && count > 1).then_some((first, count));
        all && self.brisk == Some(first)
    }

    /// What was taken starts.
    pub(crate) fn begin(&mut self, now: impl FnOnce() -> Time) {
        if self.calls.is_some() {
            self.began = now();
        }
    }

    /// What was taken has ended, or not all of it.
    pub(crate) fn end(&mut self, now: Time, all: bool) {
        if let Some((agent, calls)) = self.calls.take() {
            let is_brisk = all && now.since(self.began) <= BRISK * u64::from(calls);
            self.brisk = is_brisk.then_some(agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: AgentId = AgentId(0);
    const OTHER: AgentId = AgentId(1);

    /// Ten calls of the agent that took so long in all.
    fn took(nanos: u64) -> Pace {
        let mut pace = Pace::default();
        assert!(!pace.takes([ECHO; 10].into_iter()), "nothing is known yet");
        pace.begin(|| Time::ZERO);
        pace.end(Time::from_nanos(nanos), true);
        pace
    }

    #[test]
    fn calls_are_as_brisk_as_those_before() {
        assert!(took(5_000).takes([ECHO; 3].into_iter()));
        assert!(!took(5_001).takes([ECHO; 3].into_iter()));
    }

    #[test]
    fn another_agents_calls_may_take_longer() {
        assert!(!took(100).takes([ECHO, OTHER].into_iter()));
    }

    #[test]
    fn calls_that_have_not_ended_are_not_brisk() {
        let mut pace = took(100);
        assert!(pace.takes([ECHO; 2].into_iter()));
        pace.begin(|| Time::ZERO);
        pace.end(Time::from_nanos(100), false);
        assert!(!pace.takes([ECHO; 2].into_iter()));
    }

    #[test]
    fn a_visit_that_takes_nothing_says_nothing() {
        let mut pace = took(100);
        assert!(!pace.takes(std::iter::empty()));
        pace.end(Time::from_nanos(u64::MAX), true);
        assert!(pace.takes([ECHO].into_iter()));
    }
}
