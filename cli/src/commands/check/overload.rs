//! Which of a plan's policies have less capacity than their load, and what would help.
//!
//! The first policy is warned of: thresholds bind it. Others are often in a plan to be seen to
//! drown, so they are told and not warned of.

use ebbtide_policies::counted::Counted;
use std::fmt::Write as _;

use ebbtide_sim::files::Files;
use ebbtide_sim::plan::Contender;
use ebbtide_sim::{Plan, Scenario};

use super::capacity::{Capacity, Pool};
use super::load::Load;
use crate::error::Fault;
use crate::output::number;

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
        }
        Some(Trial {
            policy: String::new(),
            largest,
            best,
            is_elastic: pool.is_elastic,
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
        if self.best.workers < self.largest.workers {
            return "give that agent more capacity; more workers do not help".to_owned();
        }
        if let Some(binding) = &self.best.binding {
            return format!(
                "{} ({}) binds at {}/s; more workers will not help",
                binding.path,
                binding.limit,
                number::significant(binding.messages_per_s)
            );
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
    let fault = || {
        let largest = number::significant(trial.largest.messages_per_s);
        Fault::warning(format!(
            "{label}: {}, but no more than {largest}/s with {}: an agent slows down as calls \
             crowd in",
            trial.delivery(),
            workers(&trial.largest)
        ))
        .with_help("lower broker.max_workers, or limit the calls in flight at that agent")
    };
    (trial.best.workers < trial.largest.workers).then(fault)
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
