//! Limits that calls to an agent overrun by themselves: a class's deadline and patience, a call's timeout.
//!
//! By the agents' own times, without waiting: what is too short there no pool can mend.

use ebbtide_policies::units::Duration;
use ebbtide_sim::agents::Agent;
use ebbtide_sim::distribution::Distribution;
use ebbtide_sim::traffic::{Class, To};
use ebbtide_sim::{Plan, Scenario};

use super::load::Load;
use crate::error::Fault;
use crate::output::number;

/// From this share of the calls on it is worth a warning.
const MANY: f64 = 0.05;

/// What a call may take.
struct Limit {
    /// Where it stands, and whose it is.
    place: String,
    time: Distribution,
    /// What overruns it, one and many.
    what: [&'static str; 2],
    /// What becomes of that.
    fate: &'static str,
    remedy: &'static str,
}

/// A warning for each limit and agent, unless a trace says how long calls take.
pub(crate) fn warnings(label: &str, scenario: &Scenario, plan: &Plan, load: &Load) -> Vec<Fault> {
    if load.brings_call_times {
        return Vec::new();
    }
    let of_agent = |agent| {
        let limits = of_classes(scenario, agent).into_iter();
        let limits = limits.chain(call_timeout(plan, agent));
        limits.filter_map(move |limit| limit.warning(label, agent))
    };
    scenario.agents.iter().flat_map(of_agent).collect()
}

fn of_classes(scenario: &Scenario, agent: &Agent) -> Vec<Limit> {
    let sources = scenario.traffic.iter().enumerate();
    let classes = sources.flat_map(|(source, it)| {
        let classes = it.classes.iter().enumerate();
        classes.map(move |(class, it)| (format!("traffic[{source}].classes[{class}]"), it))
    });
    let heard = classes.filter(|(_, class)| hears(class, agent));
    let limits = heard.flat_map(|(path, it)| of_class(&path, it));
    limits.flatten().collect()
}

/// Whether messages of `class` may go to `agent`.
pub(super) fn hears(class: &Class, agent: &Agent) -> bool {
    match &class.to {
        To::Agent(name) => agent.name == *name,
        To::Agents(weighed) => weighed.iter().any(|(_, name)| agent.name == *name),
        To::Topic(topic) => agent.protect.topics.contains(topic),
    }
}

fn of_class(path: &str, class: &Class) -> [Option<Limit>; 2] {
    let place = |field| format!("{path}.{field} (class {})", class.name);
    let deadline = class.deadline.map(|deadline| Limit {
        place: place("deadline"),
        time: Distribution::Constant(deadline),
        what: ["message to it", "messages to it"],
        fate: "expire",
        remedy: "raise the deadline",
    });
    let patience = class.patience.clone().map(|patience| Limit {
        place: place("patience"),
        time: patience,
        what: ["caller of it", "callers of it"],
        fate: "give up",
        remedy: "let callers wait longer",
    });
    [deadline, patience]
}

/// Its own, or the broker's under the first policy, which thresholds bind.
fn call_timeout(plan: &Plan, agent: &Agent) -> Option<Limit> {
    let config = &plan.contenders.first()?.config;
    let (place, timeout) = match agent.protect.call_timeout {
        Some(timeout) => (
            format!("agents.{}.protect.call_timeout", agent.name),
            timeout,
        ),
        None => ("broker.call_timeout_ms".to_owned(), config.call_timeout()),
    };
    Some(Limit {
        place,
        time: Distribution::Constant(timeout),
        what: ["call to it", "calls to it"],
        fate: "time out",
        remedy: "raise the timeout",
    })
}

impl Limit {
    fn warning(&self, label: &str, agent: &Agent) -> Option<Fault> {
        let (least, share) = (agent.least_call_time(), agent.share_beyond(&self.time));
        let shown = |time: Duration| number::seconds(time.as_secs_f64());
        let Self { place, fate, .. } = self;
        let ([one, many], name) = (self.what, &agent.name);
        let limit = match &self.time {
            Distribution::Constant(limit) => shown(*limit),
            drawn => format!("{} on average", number::seconds(drawn.mean() / 1e9)),
        };
        let told = match &self.time {
            Distribution::Constant(limit) if *limit < least => format!(
                "below the {} that any call to agent {name} takes: every {one} will {fate}",
                shown(least)
            ),
            _ if share >= MANY => format!(
                "and about {:.0} % of the calls to agent {name} take longer: as many {many} will {fate}",
                share * 100.0
            ),
            _ => return None,
        };
        let call = if agent.is_batch() { "per_call" } else { "call" };
        let remedy = self.remedy;
        Some(Fault::warning(format!("{label}: {place} is {limit}, {told}")).with_help(format!(
            "{remedy}, or make agents.{name}.{call} shorter; more workers do not make a call shorter"
        )))
    }
}
