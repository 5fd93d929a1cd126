//! The agents by their number: those registered, and removed ones as long as anything of theirs
//! is in the broker.
//!
//! A number is never given twice: whoever still holds a removed agent's must not reach another
//! with it. Of one that is gone the eight bytes of a row stay that is empty.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::agents::Agent;
use crate::message::AgentId;

/// Why an agent that a message, a call or a lane names has a row.
const PRESENT: &str = "an agent is not gone while anything of its is in the broker";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub(crate) struct Roster {
    /// By [`AgentId`]; empty where an agent is gone.
    rows: Vec<Option<Box<Agent>>>,
    /// Those that are not gone, in the order of registration, which is that of their numbers.
    present: Vec<u32>,
    /// Those of them that are removed.
    leaving: Vec<u32>,
    /// Names of those that are not removed: thousands are registered one after another, and none is to
    /// be compared with all before it.
    #[serde(skip)]
    names: BTreeSet<String>,
}

/// What of it is saved.
#[derive(Deserialize)]
struct Saved {
    rows: Vec<Option<Box<Agent>>>,
    present: Vec<u32>,
    leaving: Vec<u32>,
}

impl From<Saved> for Roster {
    fn from(saved: Saved) -> Self {
        let registered = saved.rows.iter().flatten().filter(|it| !it.removed);
        Self {
            names: registered.map(|it| it.config.name.clone()).collect(),
            rows: saved.rows,
            present: saved.present,
            leaving: saved.leaving,
        }
    }
}

impl Roster {
    /// Whether an agent that is not removed has that name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(crate) fn enter(&mut self, agent: Agent) -> AgentId {
        let at = u32::try_from(self.rows.len()).expect("fewer than 2^32 agents");
        self.names.insert(agent.config.name.clone());
        self.rows.push(Some(Box::new(agent)));
        self.present.push(at);
        AgentId(at)
    }

    /// `None`: none of that number is here.
    pub(crate) fn get(&self, id: AgentId) -> Option<&Agent> {
        self.rows.get(id.0 as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: AgentId) -> Option<&mut Agent> {
        self.rows.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// Numbers of those that are not gone, in the order of registration.
    pub(crate) fn present(&self) -> &[u32] {
        &self.present
    }

    /// Those that are not gone, in the order of registration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.numbered().map(|(_, agent)| agent)
    }

    /// The same, with their numbers.
    #[inline(always)]
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Agent)> {
        (self.present.iter()).map(|&at| (at, &self[at as usize]))
    }

    /// Nothing new enters for it, and nothing calls it again: it has neither pause nor breaker. What
    /// there is is still here.
    pub(crate) fn remove(&mut self, id: AgentId) {
        let agent = &mut self[id.0 as usize];
        agent.removed = true;
        agent.paused_until = Time::ZERO;
        agent.breaker = None;
        let name = agent.config.name.clone();
        self.names.remove(&name);
        self.leaving.push(id.0);
    }

    /// Removed agents of which nothing is left are gone. Not in the midst of what ends a call: its
    /// messages may have yet to be told where they go.
    pub(crate) fn let_go(&mut self) {
        let Self {
            rows,
            present,
            leaving,
            ..
        } = self;
        leaving.retain(|&at| {
            let row = &mut rows[at as usize];
            let stays = row.as_ref().is_some_and(|agent| !agent.is_idle());
            if !stays {
                *row = None;
                if let Ok(place) = present.binary_search(&at) {
                    present.remove(place);
                }
            }
            stays
        });
    }
}

impl Index<usize> for Roster {
    type Output = Agent;

    #[inline(always)]
    fn index(&self, at: usize) -> &Agent {
        self.rows[at].as_deref().expect(PRESENT)
    }
}

impl IndexMut<usize> for Roster {
    #[inline(always)]
    fn index_mut(&mut self, at: usize) -> &mut Agent {
        self.rows[at].as_deref_mut().expect(PRESENT)
    }
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::fixed::Fixed;
    use ebbtide_policies::units::{Duration, Time};

    use crate::message::{AgentId, WorkerId};
    use crate::{AgentConfig, BrokerConfig, BrokerState, Checked, Refusal, Settlement, Submission};
    use crate::{Outcome, Verdict};

    fn broker() -> BrokerState<()> {
        let config = Checked::new(BrokerConfig::default()).expect("the defaults are sound");
        BrokerState::new(config, Box::new(Fixed::at_start_setting()))
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn a_removed_agent_is_gone_when_nothing_of_it_is_left() {
        let (mut state, mut calls) = (broker(), Vec::new());
        let first = state.add_agent(at(0), AgentConfig::new("first"));
        let first = first.expect("a new name");
        for _ in 0..2 {
            let submitted = state.submit(at(0), Submission::new(first, at(0), ()));
            submitted.expect("there is room");
        }
        state.take(at(0), WorkerId(0), 1, &mut calls);
        // A timer of its own, which goes off when it is gone.
        state.pause_agent(at(0), first, at(1_050));
        assert!(state.remove_agent(at(1), first));
        assert_eq!(state.agents.present(), [0], "a call of it is under way");
        let settlement = Settlement::All(Verdict::Failed);
        assert!(state.settle(at(2), calls[0].lease, settlement).is_ok());
        let dead = Outcome::DeadLettered(crate::message::DeadReason::AgentRemoved);
        assert_eq!(state.books().outcomes[dead.index()], 2);

        let second = state.add_agent(at(3), AgentConfig::new("first"));
        let second = second.expect("the name is free");
        state.advance(at(1_000));
        assert_eq!(state.agents.present(), [1], "a tick finds it idle");
        assert_ne!(
            first, second,
            "whoever has the old one does not reach the new one"
        );
        let refused = state.submit(at(1_003), Submission::new(first, at(1_003), ()));
        let reason = refused.expect_err("it is gone").reason;
        assert_eq!(reason, Refusal::UnknownAgent(first));
        assert!(!state.remove_agent(at(1_003), first));
        state.pause_agent(at(1_003), first, at(1_060));
        state.resume_agent(at(1_003), first);
        state.advance(at(1_100));
        state.check();
    }

    #[test]
    fn a_broker_that_is_restored_knows_which_names_are_taken() {
        let mut state = broker();
        for name in ["kept", "removed"] {
            state.add_agent(at(0), AgentConfig::new(name)).expect(name);
        }
        assert!(state.remove_agent(at(0), AgentId(1)));
        let policy = Box::new(Fixed::at_start_setting());
        let mut state = BrokerState::<()>::restore(&state.save(), policy).expect("it was saved");
        let mut add = |name| state.add_agent(at(1), AgentConfig::new(name));
        add("kept").expect_err("the name is taken");
        add("removed").expect("the name is free");
        add("removed").expect_err("it is no longer");
    }

    #[test]
    fn agents_that_come_and_go_are_nowhere_looked_for() {
        let mut state = broker();
        for number in 0..1000 {
            let topics = vec![format!("topic {number}")];
            let config = AgentConfig {
                topics,
                ..AgentConfig::new("agent")
            };
            let agent = state.add_agent(at(0), config).expect("a new name");
            assert!(state.remove_agent(at(0), agent));
        }
        assert!(state.agents.present().is_empty() && state.agents.leaving.is_empty());
        assert!(state.topics.is_empty());
        let kept = state.agents.rows.iter().flatten().count();
        assert_eq!(kept, 0, "a row of one that is gone owns nothing");
    }
}
