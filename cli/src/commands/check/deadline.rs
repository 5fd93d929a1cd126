//! Classes whose messages are worth nothing before a call to their agent can be over.
//!
//! By the agents' own times, without waiting: what is too short there no pool can mend.

use ebbtide_policies::units::Duration;
use ebbtide_sim::Scenario;
use ebbtide_sim::agents::Agent;
use ebbtide_sim::traffic::{Class, To};

use super::load::Load;
use crate::error::Fault;
use crate::output::number;

/// A warning for each class and agent, unless a trace says how long calls take.
pub(crate) fn too_short(label: &str, scenario: &Scenario, load: &Load) -> Vec<Fault> {
    if load.brings_call_times {
        return Vec::new();
    }
    let sources = scenario.traffic.iter().enumerate();
    let classes = sources.flat_map(|(source, it)| {
        let classes = it.classes.iter().enumerate();
        classes.map(move |(class, it)| (format!("traffic[{source}].classes[{class}].deadline"), it))
    });
    let warnings = classes.flat_map(|(path, class)| {
        let agents = scenario.agents.iter().filter(|agent| hears(class, agent));
        agents.filter_map(move |agent| warning(label, &path, class, agent))
    });
    warnings.collect()
}

fn hears(class: &Class, agent: &Agent) -> bool {
    match &class.to {
        To::Agent(name) => agent.name == *name,
        To::Agents(weighed) => weighed.iter().any(|(_, name)| agent.name == *name),
        To::Topic(topic) => agent.protect.topics.contains(topic),
    }
}

fn warning(label: &str, path: &str, class: &Class, agent: &Agent) -> Option<Fault> {
    let deadline = class.deadline?;
    let (least, mean) = (agent.least_call_time(), agent.mean_call_time(1.0));
    let shown = |time: Duration| number::seconds(time.as_secs_f64());
    let name = &agent.name;
    let told = if deadline < least {
        let least = shown(least);
        format!(
            "below the {least} that any call to agent {name} takes: every message to it will expire"
        )
    } else if deadline < mean {
        let mean = shown(mean);
        format!(
            "below the {mean} that a call to agent {name} takes on average: many messages to it will expire"
        )
    } else {
        return None;
    };
    let deadline = shown(deadline);
    let call = if agent.is_batch() { "per_call" } else { "call" };
    let warning = format!(
        "{label}: {path} (class {}) is {deadline}, {told}",
        class.name
    );
    Some(Fault::warning(warning).with_help(format!(
        "raise the deadline, or make agents.{name}.{call} shorter; more workers do not make a call shorter"
    )))
}
