//! The default, told the arrivals of the next start-up time and two seconds: what no forecast can
//! take away. And what is sent to whom and when, for any policy that is to be told of it.

use ebbtide_core::config::{BrokerConfig, Checked};
use ebbtide_measure::Cost;
use ebbtide_policies::model_predictive::Adaptive;
use ebbtide_policies::units::Time;

use crate::plan::Plan;

use super::path::Path;
use super::score;

/// What the default costs in replication `number` if it is told, at this price of lateness. `None` if
/// the broker cannot be run.
#[must_use]
pub fn cost(plan: &Plan, config: &Checked<BrokerConfig>, number: u32, price: f64) -> Option<Cost> {
    let arrivals = Arrivals::new(plan, config, number);
    let count = move |agent, from, until| arrivals.count(agent, from, until) as f64;
    let told = Adaptive::default().with_foresight(Box::new(count));
    let config = BrokerConfig {
        price_late: price,
        ..BrokerConfig::clone(config)
    };
    Some(score::policy(plan, &config, number, Box::new(told))?.0)
}

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

#[cfg(test)]
mod tests {
    use ebbtide_policies::units::Duration;

    use super::*;
    use crate::files::Files;

    #[test]
    fn what_comes_is_counted_by_agent_and_from_when_until_when() {
        let text = "(run: (length: \"10s\"), traffic: [(arrivals: Deterministic(\"2/s\"), classes: \
            [(name: \"m\", to: Agent(\"b\"))])], agents: [(name: \"a\", call: Constant(\"1s\")), \
            (name: \"b\", call: Constant(\"1s\"))])";
        let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
        let arrivals = Arrivals::new(&plan, &plan.contenders[0].config, 0);
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        assert_eq!(arrivals.count(1, at(2), at(5)), 6);
        assert_eq!(arrivals.count(0, at(2), at(5)), 0);
        assert_eq!(arrivals.count(1, at(9), at(60)), 1);
        assert_eq!(arrivals.count(7, at(0), at(60)), 0);
    }
}
