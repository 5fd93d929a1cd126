//! What stands in a scenario and can have no effect: agents without messages, faults after the run.

use ebbtide_policies::units::Time;
use ebbtide_sim::agents::{Agent, Fault as Trouble};
use ebbtide_sim::{Plan, Scenario};

use super::too_short::hears;
use crate::error::Fault;

/// A warning for each.
pub(crate) fn warnings(label: &str, scenario: &Scenario, plan: &Plan) -> Vec<Fault> {
    let agents = scenario.agents.iter();
    let agents = agents.filter_map(|agent| of_agent(label, scenario, agent));
    let faults = scenario.faults.iter().enumerate();
    let faults = faults.filter_map(|(index, fault)| of_fault(label, plan, index, fault));
    agents.chain(faults).collect()
}

fn of_agent(label: &str, scenario: &Scenario, agent: &Agent) -> Option<Fault> {
    let mut classes = scenario.traffic.iter().flat_map(|source| &source.classes);
    let is_idle = !classes.any(|class| hears(class, agent));
    let warning = || {
        let name = &agent.name;
        Fault::warning(format!("{label}: nobody sends to agent {name}"))
            .with_help(format!("send a class to it, or leave agents.{name} out"))
    };
    is_idle.then(warning)
}

fn of_fault(label: &str, plan: &Plan, index: usize, fault: &Trouble) -> Option<Fault> {
    let length = plan.run.length;
    let warning = || {
        let (agent, from) = (&fault.agent, fault.from);
        let text = format!(
            "{label}: faults[{index}] of agent {agent} begins at {from}, after the run of {length}"
        );
        Fault::warning(text).with_help("let it begin earlier, or raise run.length")
    };
    (fault.from >= Time::ZERO + length).then(warning)
}
