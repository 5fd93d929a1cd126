//! The policy under test, and a run of it.

use std::sync::{Arc, Mutex, PoisonError};

use ebbtide_measure::summary::samples;
use ebbtide_measure::threshold::Relation;
use ebbtide_measure::{Detail, Run, Selector, Threshold};
use ebbtide_policies::policy::Policy;
use ebbtide_policies::registry;
use ebbtide_policies::units::Duration;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::WarmUp;
use ebbtide_sim::{Monitor, Plan, Sinks};

use crate::property::Property;
use crate::scene::Scene;
use crate::watch::{Lapse, Seen, Watched};

/// Steps of making a counterexample smaller: a second or two.
const SHRINK_STEPS: u32 = 100;

/// Makes a fresh policy.
pub(crate) type Make = Arc<dyn Fn() -> Box<dyn Policy> + Send + Sync>;

/// A policy under test, and how thoroughly it is tested.
#[derive(Clone)]
pub struct Subject {
    pub(crate) make: Make,
    pub(crate) name: String,
    /// Seed of all that is drawn.
    pub(crate) seed: u64,
    /// Scenes that each property draws.
    pub(crate) cases: u32,
    /// Steps of making a counterexample smaller.
    pub(crate) shrink_steps: u32,
}

/// A run that was watched.
pub(crate) struct Watch {
    pub(crate) run: Run,
    pub(crate) seen: Seen,
    pub(crate) limits: Vec<Threshold>,
}

impl Subject {
    pub(crate) fn new(make: impl Fn() -> Box<dyn Policy> + Send + Sync + 'static) -> Self {
        let name = make().name().to_owned();
        Self {
            make: Arc::new(make),
            name,
            seed: crate::SEED,
            cases: crate::CASES,
            shrink_steps: SHRINK_STEPS,
        }
    }

    /// The name that a scenario can have it by, if the registry knows it.
    pub(crate) fn registered(&self) -> Option<&str> {
        let known = registry::build(&self.name).is_ok();
        known.then_some(self.name.as_str())
    }

    /// The plan of a scenario with this policy as its only contender, and where to find what was
    /// seen of it.
    pub(crate) fn plan(&self, ron: &str) -> Result<(Plan, Arc<Mutex<Seen>>), String> {
        let mut plan = Plan::new(ron, Files::default()).map_err(|error| error.to_string())?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (make, kept) = (Arc::clone(&self.make), Arc::clone(&seen));
        let watched = plan.contender(move || Box::new(Watched::new(make(), Arc::clone(&kept))));
        plan.contenders = vec![watched.map_err(|error| error.to_string())?];
        Ok((plan, seen))
    }

    /// The first replication of a scenario.
    pub(crate) fn watch(&self, ron: &str) -> Result<Watch, String> {
        let (plan, seen) = self.plan(ron)?;
        let warm_up = match plan.run.warm_up {
            WarmUp::Fixed(length) => length,
            WarmUp::Auto => Duration::ZERO,
        };
        let (sinks, monitor) = (Sinks::default(), Monitor::default());
        let run = replicate(&plan, 0, 0, warm_up, Detail::Summary, &sinks, &monitor);
        let run = run.ok_or("the run was stopped")?;
        let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        let limits = plan.expect;
        Ok(Watch { run, seen, limits })
    }

    /// A scene with limits of its own, in the place of those beside the untroubled one.
    pub(crate) fn resolve(&self, scene: &Scene) -> Result<Scene, String> {
        let Some(untroubled) = &scene.untroubled else {
            return Ok(scene.clone());
        };
        let watch = self.watch(&untroubled.ron(None, 1))?;
        let mut resolved = scene.clone();
        for limit in &mut resolved.limits {
            let figure = figure(&watch.run, limit.figure())?;
            *limit = limit.resolved(figure.unwrap_or(0.0));
        }
        Ok(resolved)
    }

    /// Whether `property` holds in a scenario.
    ///
    /// # Errors
    ///
    /// What it broke, in a sentence.
    pub(crate) fn judge(&self, property: Property, ron: &str) -> Result<(), String> {
        let watch = self.watch(ron)?;
        let lapses = |counts: fn(&Lapse) -> bool| {
            let first = watch.seen.lapses.iter().find(|lapse| counts(lapse));
            first.map_or(Ok(()), |lapse| Err(lapse.text().to_owned()))
        };
        match property {
            Property::WithinBounds => lapses(|lapse| matches!(lapse, Lapse::OutOfBounds(_))),
            Property::Finite => lapses(|lapse| !matches!(lapse, Lapse::OutOfBounds(_))),
            Property::Deterministic => {
                same(&watch.seen.decisions, &self.watch(ron)?.seen.decisions)
            }
            Property::Survives => {
                lapses(|_| true)?;
                within_limits(&watch)
            }
            Property::IdlesDown
            | Property::Recovers
            | Property::NoLimitCycle
            | Property::NoEcho
            | Property::Bottleneck
            | Property::OrderingKeys => {
                lapses(|lapse| matches!(lapse, Lapse::Panic(_)))?;
                within_limits(&watch)
            }
        }
    }
}

/// Whether two runs decided the same.
fn same(one: &[String], other: &[String]) -> Result<(), String> {
    let differ = one.iter().zip(other).position(|(one, other)| one != other);
    match differ {
        Some(at) => Err(format!(
            "decision {} is not the same in a second run: {} and {}",
            at + 1,
            one[at],
            other[at]
        )),
        None if one.len() != other.len() => Err(format!(
            "{} decisions in one run, {} in a second one",
            one.len(),
            other.len()
        )),
        None => Ok(()),
    }
}

/// Whether a run keeps within its limits.
fn within_limits(watch: &Watch) -> Result<(), String> {
    for threshold in &watch.limits {
        let value = samples(std::slice::from_ref(&watch.run), &threshold.selector);
        let value = value.first().and_then(|sample| sample.value);
        let holds = threshold.relation == Relation::AtMost
            && value.is_some_and(|value| value <= threshold.limit);
        if !holds {
            let value = value.map_or("unknown".to_owned(), |value| format!("{value:.2}"));
            let (figure, limit) = (&threshold.selector, threshold.limit);
            return Err(format!(
                "{figure} is {value}, allowed are at most {limit:.2}"
            ));
        }
    }
    Ok(())
}

/// A figure of a run; `None` if it has no value.
fn figure(run: &Run, name: &str) -> Result<Option<f64>, String> {
    let selector: Selector = name.parse().map_err(|error| format!("{name}: {error}"))?;
    let found = samples(std::slice::from_ref(run), &selector);
    Ok(found.first().and_then(|sample| sample.value))
}
