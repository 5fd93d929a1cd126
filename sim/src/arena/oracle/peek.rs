//! What is sent to whom and when, for a policy that is told of it: the default, told the arrivals
//! of the next moments, shows what no forecast can take away.

use ebbtide_core::config::{BrokerConfig, Checked};
use ebbtide_policies::units::Time;

use crate::plan::Plan;

use super::path::Path;

/// The arrivals of one replication, by agent.
#[derive(Clone, Debug)]
pub struct Arrivals {
    /// In order of time, by the agent's index.
    times: Vec<Vec<Time>>,
}

impl Arrivals {
    /// What open sources send in replication `number`; what callers of closed loops will send
    /// depends on what becomes of their messages, and nobody can tell it.
    #[must_use]
    pub fn new(plan: &Plan, config: &Checked<BrokerConfig>, number: u32) -> Self {
        let mut times = vec![Vec::new(); plan.agents.len()];
        for message in Path::new(plan, config, number).messages {
            times[message.agent as usize].push(message.sent);
        }
        Self { times }
    }

    /// How many messages an agent gets after `from` and until `until`.
    #[must_use]
    pub fn count(&self, agent: usize, from: Time, until: Time) -> u64 {
        let Some(times) = self.times.get(agent) else {
            return 0;
        };
        let before = |at: Time| times.partition_point(|time| *time <= at) as u64;
        before(until).saturating_sub(before(from))
    }
}
