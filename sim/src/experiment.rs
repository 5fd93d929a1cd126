//! An experiment: every contender of a plan, over as many replications as it takes.
//!
//! Replications run side by side on as many threads as there are, and are put together in
//! their order, so that the results are the same bytes on any number of threads. Whether more
//! replications are needed is decided between rounds whose size does not depend on the
//! threads either. Deliberately absent: files and the clock; decisions and arrivals go to
//! sinks, and whoever watches holds a [`Monitor`].

use rayon::prelude::*;

use ebbtide_core::Journaled;
use ebbtide_core::journal::Sink as JournalSink;
use ebbtide_measure::interval::LEVEL;
use ebbtide_measure::record::DecisionSink;
use ebbtide_measure::run::FaultBand;
use ebbtide_measure::summary::estimate;
use ebbtide_measure::{
    Comparison, Detail, PlanAgent, PlanClass, PolicyResults, RecordPlan, Recorder, Run,
    ThresholdResult, compare, summarise, warm_up,
};
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{Effect, Fault};
use crate::monitor::Monitor;
use crate::observation_fault::{Distorted, ViewSink};
use crate::plan::{Contender, Plan};
use crate::scenario::{Precision, WarmUp};
use crate::streams::Streams;
use crate::world::{ArrivalSink, Audience, OutcomeSink, World};

/// A round adds a quarter of the replications that are there already.
const ROUND: u32 = 4;

/// Where what is too long to keep goes to.
#[derive(Default)]
pub struct Sinks<'a> {
    /// Gets the first replication's decisions of a contender, by its place.
    pub decisions: Option<&'a (dyn Fn(usize) -> DecisionSink + Sync)>,
    /// Gets what a contender's policy is shown in its first replication where that is not what is true, by its place;
    /// each before the decision that follows from it.
    pub shown: Option<&'a (dyn Fn(usize) -> ViewSink + Sync)>,
    /// Gets a replication's messages as the first contender meets them.
    pub arrivals: Option<&'a (dyn Fn(u32) -> ArrivalSink<'a> + Sync)>,
    /// Gets a replication's outcomes, of a contender by its place.
    pub outcomes: Option<&'a (dyn Fn(usize, u32) -> OutcomeSink<'a> + Sync)>,
    /// Gets the journal of a contender's first replication, by its place.
    pub journal: Option<&'a (dyn Fn(usize) -> Box<dyn JournalSink> + Sync)>,
    /// Whether a contender's first replication keeps its course over time.
    pub courses: bool,
}

/// What an experiment found.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// What of each run's beginning does not count.
    pub warm_up: Duration,
    /// Each contender's results, in the plan's order; those of whom no replication was
    /// finished are missing.
    pub policies: Vec<PolicyResults>,
    /// Each one's first replication, with its course over time if that was [asked
    /// for](Sinks::courses).
    pub first_runs: Vec<Run>,
    /// Every pair of contenders.
    pub comparisons: Vec<Comparison>,
    /// What was expected of the first contender.
    pub thresholds: Vec<ThresholdResult>,
    /// Whether it was stopped before its end: the results are of what was finished.
    pub interrupted: bool,
}

impl Experiment {
    /// Runs all of `plan`, until every contender has its replications or `monitor` says stop.
    #[must_use]
    pub fn run(plan: &Plan, sinks: &Sinks<'_>, monitor: &Monitor) -> Self {
        let warm_up = warm_up_of(plan, monitor);
        let precise = plan.run.until.as_ref();
        let most = precise
            .map_or(0, |until| until.max)
            .max(plan.run.replications);
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); plan.contenders.len()];
        let mut wanted = plan.run.replications;
        loop {
            let have = runs.first().map_or(0, Vec::len) as u32;
            let fresh = round(plan, warm_up, have..wanted, sinks, monitor);
            for (all, fresh) in runs.iter_mut().zip(fresh) {
                all.extend(fresh);
            }
            let known = precise.is_none_or(|until| runs.iter().all(|runs| is_met(until, runs)));
            if monitor.is_stopped() || known || wanted >= most {
                break;
            }
            wanted = (wanted + (wanted / ROUND).max(1)).min(most);
        }
        let short = |runs: &Vec<Run>| runs.len() < wanted as usize;
        let interrupted = runs.iter().any(short);
        Self::summed_up(plan, warm_up, &runs, interrupted)
    }

    fn summed_up(plan: &Plan, warm_up: Duration, runs: &[Vec<Run>], interrupted: bool) -> Self {
        let finished = || {
            plan.contenders
                .iter()
                .zip(runs)
                .filter(|(_, runs)| !runs.is_empty())
        };
        let results = finished().map(|(contender, runs)| {
            PolicyResults::new(contender.name.clone(), runs.len() as u32, summarise(runs))
        });
        let policies: Vec<PolicyResults> = results.collect();
        let first = policies
            .first()
            .filter(|first| first.policy == plan.contenders[0].name);
        let judge = |results: &PolicyResults| {
            plan.expect
                .iter()
                .map(|threshold| threshold.judge(&results.results))
                .collect()
        };
        let names = finished().map(|(contender, runs)| (contender.name.as_str(), runs.as_slice()));
        let objective = plan.contenders[0].config.objective.as_ref();
        Self {
            warm_up,
            thresholds: first.map(judge).unwrap_or_default(),
            comparisons: compare::compare(
                &names.collect::<Vec<_>>(),
                &compare::usual_selectors(objective),
            ),
            first_runs: finished()
                .filter_map(|(_, runs)| runs.first().cloned())
                .collect(),
            policies,
            interrupted,
        }
    }
}

/// Some replications of every contender, side by side; what was stopped is left out, and what
/// would follow it too, so that each contender has its first ones without a gap.
fn round(
    plan: &Plan,
    warm_up: Duration,
    replications: std::ops::Range<u32>,
    sinks: &Sinks<'_>,
    monitor: &Monitor,
) -> Vec<Vec<Run>> {
    let jobs: Vec<(usize, u32)> = (0..plan.contenders.len())
        .flat_map(|contender| replications.clone().map(move |number| (contender, number)))
        .collect();
    monitor.expect(jobs.len() as u64, plan.end());
    let runs: Vec<Option<Run>> = jobs
        .par_iter()
        .map(|&(contender, number)| {
            let detail = if number == 0 && sinks.courses {
                Detail::Full
            } else {
                Detail::Summary
            };
            replicate(plan, contender, number, warm_up, detail, sinks, monitor)
        })
        .collect();
    let per_contender = replications.len().max(1);
    let gapless = |runs: &[Option<Run>]| runs.iter().map_while(Clone::clone).collect();
    runs.chunks(per_contender).map(gapless).collect()
}

/// One replication of one contender; `None` if it was stopped.
#[must_use]
pub fn replicate(
    plan: &Plan,
    contender: usize,
    number: u32,
    warm_up: Duration,
    detail: Detail,
    sinks: &Sinks<'_>,
    monitor: &Monitor,
) -> Option<Run> {
    if monitor.is_stopped() {
        return None;
    }
    let Contender { config, .. } = &plan.contenders[contender];
    let streams = Streams::new(plan.run.seed, number);
    let mut policy = plan.contenders[contender].policy();
    if !plan.observation_faults.is_empty() {
        let shown = sinks.shown.filter(|_| number == 0);
        let distorted = Distorted::new(policy, &plan.observation_faults, streams);
        policy = Box::new(distorted.with_sink(shown.map(|sink| sink(contender))));
    }
    let mut recorder = Recorder::new(record_plan(
        plan,
        &plan.contenders[contender],
        warm_up,
        detail,
    ));
    if let Some(sink) = sinks.decisions.filter(|_| number == 0) {
        recorder = recorder.with_decision_sink(sink(contender));
    }
    let arrivals = sinks
        .arrivals
        .filter(|_| contender == 0)
        .map(|sink| sink(number));
    let journal = sinks.journal.filter(|_| number == 0);
    let mut state = Journaled::new(
        config.clone(),
        policy,
        Audience::new(recorder, plan.has_callers() || sinks.outcomes.is_some()),
        journal.map(|sink| sink(contender)),
    );
    state.keep_observations(sinks.decisions.is_some() && number == 0);
    World::new(plan, state, streams)
        .with_arrival_sink(arrivals)
        .with_outcome_sink(sinks.outcomes.map(|sink| sink(contender, number)))
        .run(monitor)
}

/// What a recorder of one replication of a contender must know.
#[must_use]
pub fn record_plan(
    plan: &Plan,
    contender: &Contender,
    warm_up: Duration,
    detail: Detail,
) -> RecordPlan {
    let config = &contender.config;
    let agents = plan.agents.iter().map(|agent| PlanAgent {
        name: agent.name.clone(),
        batch: agent.is_batch(),
        work_s: agent.own_work(config),
    });
    RecordPlan {
        warm_up: Time::ZERO + warm_up,
        length: plan.end(),
        objective: config.objective,
        agents: agents.collect(),
        classes: plan
            .classes
            .iter()
            .map(|class| PlanClass {
                name: class.name.clone(),
                deadline: class.deadline,
            })
            .collect(),
        parallelism: config.delivery_parallelism,
        setting: Setting {
            workers: config.num_workers,
            batch_size: config.batch_size,
            batch_timeout: config.batch_timeout(),
        },
        detail,
        faults: plan.faults.iter().map(band).collect(),
    }
}

fn band(fault: &Fault) -> FaultBand {
    let effect = match fault.effect {
        Effect::Slow(factor) => format!("{factor}× slower"),
        Effect::Fail(share) => format!("{}% fail", share * 100.0),
        Effect::Outage => "outage".to_owned(),
        Effect::Hang(share) => format!("{}% hang", share * 100.0),
        Effect::RateLimit(_) => "rate limit".to_owned(),
    };
    FaultBand {
        label: format!("{}: {effect}", fault.agent),
        from: fault.from,
        to: fault.until,
    }
}

/// Whether a figure is known as well as was asked for.
fn is_met(until: &Precision, runs: &[Run]) -> bool {
    let half_width = estimate(runs, &until.metric, LEVEL).relative_half_width();
    half_width.is_some_and(|half| half <= until.half_width.as_share())
}

/// What of each run does not count: what the scenario says; else what MSER-5 finds in a pilot
/// of the first contender where the load is stationary, and nothing where it is not.
fn warm_up_of(plan: &Plan, monitor: &Monitor) -> Duration {
    if let WarmUp::Fixed(length) = plan.run.warm_up {
        return length;
    }
    if !plan.is_stationary() {
        return Duration::ZERO;
    }
    let nothing = Sinks::default();
    let pilot = replicate(plan, 0, 0, Duration::ZERO, Detail::Full, &nothing, monitor);
    let series = pilot.and_then(|run| run.detail).map(|detail| detail.series);
    let settled = series.and_then(|series| warm_up::settled(&series, plan.end()));
    settled.map_or(Duration::ZERO, |at| at.since(Time::ZERO))
}
