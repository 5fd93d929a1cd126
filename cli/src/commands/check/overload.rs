//! Which of a plan's policies have less capacity than their load, and what would help.
//!
//! The first policy is warned of: thresholds bind it. Others are often in a plan to be seen to
//! drown, so they are told and not warned of.

use ebbtide_policies::counted::Counted;
use std::fmt::Write as _;

use ebbtide_sim::agents::Agent;
use ebbtide_sim::files::Files;
use ebbtide_sim::plan::Contender;
use ebbtide_sim::{Plan, Scenario};

use super::binding::Binding;
use super::capacity::{Capacity, Pool};
use super::load::{Load, to_agent};
use crate::error::Fault;
use crate::output::number;

/// From this factor on a smaller pool delivers more: a run knows its rate to about 1 %.
const MORE: f64 = 1.03;

/// What the pool of one policy can do.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// The policy's or profile's name, as it was asked for.
    policy: String,
    /// What its largest pool does.
    largest: Capacity,
    /// What the pool that delivers most does, of those that it may choose.
    pub(crate) best: Capacity,
    /// Whether it may choose.
    is_elastic: bool,
    /// Agents that slow down as calls crowd in.
    crowded: Vec<String>,
    /// Whether the broker limits the calls in flight at each of them.
    is_crowd_limited: bool,
}

/// The policies of a plan, tried when they are asked for: two with the same pool are tried once.
pub(crate) struct Trials<'a> {
    scenario: &'a Scenario,
    plan: &'a Plan,
    files: &'a Files,
    load: &'a Load,
    tried: Vec<(Pool, Option<Trial>)>,
}

impl<'a> Trials<'a> {
    /// Of `plan`, nothing tried yet.
    pub(crate) fn of(
        scenario: &'a Scenario,
        plan: &'a Plan,
        files: &'a Files,
        load: &'a Load,
    ) -> Self {
        Self {
            scenario,
            plan,
            files,
            load,
            tried: Vec::new(),
        }
    }

    /// Of the first policy; `None` if nothing came of it.
    pub(crate) fn first(&mut self) -> Option<Trial> {
        let plan = self.plan;
        self.trial(plan.contenders.first()?)
    }

    /// The further policies whose load is too much for them, a line each.
    pub(crate) fn overloaded_besides(&mut self) -> String {
        let mut text = String::new();
        if self.load.brings_call_times {
            return text;
        }
        let plan = self.plan;
        for contender in plan.contenders.iter().skip(1) {
            let trial = self.trial(contender);
            if let Some(trial) = trial.filter(|trial| !self.load.is_served_by(&trial.best)) {
                let _ = writeln!(text, "  overloaded: {}", trial.delivery());
            }
        }
        text
    }

    fn trial(&mut self, contender: &Contender) -> Option<Trial> {
        let pool = Pool::largest(&contender.config);
        let known = self.tried.iter().find(|(other, _)| *other == pool);
        let trial = match known {
            Some((_, trial)) => trial.clone(),
            None => {
                let trial = self.measured(&pool);
                self.tried.push((pool, trial.clone()));
                trial
            }
        };
        trial.map(|trial| Trial {
            policy: contender.name.clone(),
            ..trial
        })
    }

    fn measured(&self, pool: &Pool) -> Option<Trial> {
        let measure = |pool: &Pool| pool.measure(self.scenario, self.plan, self.files);
        let largest = measure(pool)?;
        let mut best = largest.clone();
        if !self.load.is_served_by(&largest) && !self.load.brings_call_times {
            for other in pool.smaller().filter_map(|pool| measure(&pool)) {
                if other.messages_per_s > best.messages_per_s {
                    best = other;
                }
            }
            if best.messages_per_s < MORE * largest.messages_per_s {
                best = largest.clone();
            }
        }
        let slows = |agent: &&Agent| agent.slowdown.is_some() || agent.servers.is_some();
        let crowded = || self.scenario.agents.iter().filter(slows);
        if best.binding.is_none() && crowded().next().is_none() {
            // The mix is the same, and so is the agent's part of it.
            let factor = best.messages_per_s / largest.messages_per_s;
            best.binding = largest.binding.clone().map(|binding| Binding {
                messages_per_s: binding.messages_per_s * factor,
                ..binding
            });
        }
        Some(Trial {
            policy: String::new(),
            largest,
            best,
            is_elastic: pool.is_elastic,
            crowded: crowded().map(|agent| agent.name.clone()).collect(),
            is_crowd_limited: crowded().all(|agent| agent.protect.in_flight_limit.is_some()),
        })
    }
}

impl Trial {
    /// "adaptive delivers 2,460/s with 10 workers".
    pub(crate) fn delivery(&self) -> String {
        let rate = number::significant(self.best.messages_per_s);
        format!(
            "{} delivers {rate}/s with {}",
            self.policy,
            workers(&self.best)
        )
    }

    fn remedy(&self) -> String {
        if let Some(binding) = &self.best.binding {
            return binds(binding);
        }
        if self.best.workers < self.largest.workers {
            return match self.crowded.as_slice() {
                [] => "more workers do not help".to_owned(),
                names => format!(
                    "give {} more capacity; more workers do not help",
                    agents(names)
                ),
            };
        }
        let setting = if self.is_elastic {
            "max_workers"
        } else {
            "num_workers"
        };
        format!("raise broker.{setting}")
    }
}

/// Fewer workers deliver more.
pub(crate) fn of_crowd(label: &str, trial: &Trial) -> Option<Fault> {
    if trial.best.workers == trial.largest.workers {
        return None;
    }
    let largest = number::significant(trial.largest.messages_per_s);
    let told = format!(
        "{label}: {}, but no more than {largest}/s with {}",
        trial.delivery(),
        workers(&trial.largest)
    );
    let lower = "lower broker.max_workers";
    let (why, help) = match (trial.crowded.as_slice(), &trial.largest.binding) {
        ([], Some(binding)) => (
            format!(
                ": calls beyond {} ({}) are in vain",
                binding.path, binding.limit
            ),
            lower.to_owned(),
        ),
        ([], None) => (String::new(), lower.to_owned()),
        (names, _) => {
            let (names, slow) = (
                agents(names),
                if names.len() == 1 { "slows" } else { "slow" },
            );
            let help = match trial.is_crowd_limited {
                true => format!("{lower} or the protect.in_flight_limit of {names}"),
                false => format!("{lower}, or limit the calls in flight at {names}"),
            };
            (format!(": {names} {slow} down as calls crowd in"), help)
        }
    };
    Some(Fault::warning(told + &why).with_help(help))
}

/// "agent quotes", "agents quotes, indexer".
fn agents(names: &[String]) -> String {
    let word = if names.len() == 1 { "agent" } else { "agents" };
    format!("{word} {}", names.join(", "))
}

fn binds(binding: &Binding) -> String {
    format!(
        "{} ({}) binds at {}/s; more workers will not help",
        binding.path,
        binding.limit,
        number::significant(binding.messages_per_s)
    )
}

/// More is sent to an agent than a limit of its own lets through, which the mix of all agents' messages hides.
/// Nothing of an agent whose limit is named by `trial` for the whole load.
pub(crate) fn of_agents(
    label: &str,
    scenario: &Scenario,
    plan: &Plan,
    load: &Load,
    trial: &Trial,
) -> Vec<Fault> {
    let Some(first) = plan.contenders.first().filter(|_| !load.brings_call_times) else {
        return Vec::new();
    };
    let broker = Pool::largest(&first.config).broker;
    let told = trial
        .best
        .binding
        .as_ref()
        .filter(|_| !load.is_served_by(&trial.best));
    let of_agent = |agent: &Agent| {
        let binding = Binding::tightest(scenario, agent, &broker)?;
        let (mean, peak) = to_agent(scenario, plan, agent);
        let is_told = told.is_some_and(|told| told.path == binding.path);
        if is_told || mean.max(peak) <= binding.messages_per_s {
            return None;
        }
        let name = &agent.name;
        let text = if mean > binding.messages_per_s {
            let arrive = number::significant(mean);
            format!(
                "{label}: {arrive}/s arrive for agent {name} on average: its queue will grow until it is full"
            )
        } else {
            let arrive = number::significant(peak);
            format!("{label}: up to {arrive}/s arrive for agent {name}: a backlog will build up")
        };
        Some(Fault::warning(text).with_help(binds(&binding)))
    };
    scenario.agents.iter().filter_map(of_agent).collect()
}

/// More arrives than the policy's pool delivers.
pub(crate) fn of_load(label: &str, load: &Load, trial: &Trial) -> Option<Fault> {
    if load.brings_call_times || load.is_served_by(&trial.best) {
        return None;
    }
    let delivery = trial.delivery();
    let text = if load.mean_per_s > trial.best.messages_per_s {
        let arrive = number::significant(load.mean_per_s);
        format!(
            "{label}: {arrive}/s arrive on average, {delivery} at most: the queue will grow until \
             it is full"
        )
    } else {
        let arrive = number::significant(load.peak_per_s);
        format!("{label}: up to {arrive}/s arrive, {delivery} at most: a backlog will build up")
    };
    Some(Fault::warning(text).with_help(trial.remedy()))
}

/// "10 workers".
pub(crate) fn workers(capacity: &Capacity) -> String {
    Counted(capacity.workers.into(), "worker").to_string()
}
