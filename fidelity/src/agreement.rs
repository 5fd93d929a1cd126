//! A contender simulated and live, over the same replications: how far its figures are apart,
//! and whether that is close enough.

use ebbtide_measure::interval::LEVEL;
use ebbtide_measure::summary::samples;
use ebbtide_measure::{Detail, Estimate, Metric, Run, Sample, Selector, Stat};
use ebbtide_policies::units::Duration;
use ebbtide_sim::experiment::replicate as simulate;
use ebbtide_sim::{Ended, Monitor, Plan, Sinks};
use parking_lot::Mutex;
use rayon::prelude::*;

use crate::live::{LiveRun, NotLive, Pace, replicate};
use crate::pairs::{Ending, Endings, Pairs};
use crate::twist::Twist;
use crate::witness::Strains;

/// What a runtime's timers end on.
const GRAIN: Duration = Duration::from_millis(1);

/// Sojourns of a pair may be so many grains apart.
const GRAINS_APART: u64 = 2;

/// The figures that are compared, and how far they may be apart, as a share of the simulated.
const LIMITS: [(Metric, f64); 5] = [
    (Metric::ThroughputPerS, 0.02),
    (Metric::WorkersMean, 0.02),
    (Metric::Sojourn(Stat::P50), 0.02),
    (Metric::Sojourn(Stat::P95), 0.05),
    (Metric::Sojourn(Stat::P99), 0.05),
];

/// A load at which a pool is called busy, a mean batch that is called large, and how many times
/// a pool must have changed its size to be called steered: what makes a comparison demanding.
const BUSY: f64 = 0.8;
const LARGE: f64 = 3.0;
const STEERED: f64 = 5.0;

/// A contender simulated and live.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The policy or profile.
    pub policy: String,
    /// How many replications of each.
    pub replications: u32,
    /// The figures.
    pub rows: Vec<Row>,
    /// The messages.
    pub pairs: Pairs,
    /// What the live broker had to cope with, all replications together.
    pub strains: Strains,
    /// Mean utilisation, live (0–1).
    pub utilisation: f64,
    /// Mean batch of the agent with the largest, live.
    pub batch_mean: f64,
    /// Mean number of applied changes of the workers wanted, live.
    pub scale_actions: f64,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub metric: Metric,
    /// Simulated.
    pub simulated: Estimate,
    /// Live.
    pub live: Estimate,
    /// Mean of live minus simulated, as a share of simulated, replication by replication.
    pub difference: Estimate,
    /// How far they may be apart, as a share of simulated.
    pub limit: f64,
}

impl Row {
    fn of(metric: Metric, limit: f64, simulated: &[Run], live: &[Run]) -> Self {
        let selector = Selector::total(metric);
        let (theirs, mine) = (samples(simulated, &selector), samples(live, &selector));
        let relative = |(live, simulated): (&Sample, &Sample)| {
            let (live, simulated) = (live.value?, simulated.value?);
            if live == simulated {
                return Some(0.0);
            }
            Some(live / simulated - 1.0)
        };
        let differences: Option<Vec<f64>> = mine.iter().zip(&theirs).map(relative).collect();
        Self {
            metric,
            simulated: Estimate::over(&theirs, LEVEL),
            live: Estimate::over(&mine, LEVEL),
            difference: Estimate::of_values(&differences.unwrap_or_default(), LEVEL),
            limit,
        }
    }

    /// Whether the figures are as close as they must be; `None`: neither side has the figure, or
    /// not in every replication.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        match (self.simulated.mean, self.live.mean, self.difference.mean) {
            (None, None, _) => None,
            (Some(_), Some(_), Some(difference)) => Some(difference.abs() <= self.limit),
            _ => Some(false),
        }
    }
}

impl Agreement {
    /// Whether every figure is as close as it must be.
    #[must_use]
    pub fn holds(&self) -> bool {
        let held = |holds| self.rows.iter().any(|row| row.holds() == Some(holds));
        held(true) && !held(false)
    }

    /// Whether this asks a lot of a comparison: a busy pool or large batches, a pool that is
    /// steered, retries, and something that protects an agent or ends messages at work.
    #[must_use]
    pub fn is_demanding(&self) -> bool {
        let strains = &self.strains;
        (self.utilisation >= BUSY || self.batch_mean >= LARGE)
            && self.scale_actions >= STEERED
            && strains.retries > 0
            && (strains.breaker_changes > 0 || strains.expired > 0)
    }

    fn new(policy: String, sides: Vec<(Run, Endings, LiveRun)>) -> Self {
        let mut pairs = Pairs::default();
        let mut strains = Strains::default();
        let (mut simulated, mut live) = (Vec::new(), Vec::new());
        for (run, endings, side) in sides {
            pairs.add(Pairs::of(&endings, &side.endings, GRAIN * GRAINS_APART));
            strains.add(side.strains);
            simulated.push(run);
            live.push(side.run);
        }
        let row = |(metric, limit)| Row::of(metric, limit, &simulated, &live);
        let mean = |metric| {
            let samples = samples(&live, &Selector::total(metric));
            Estimate::over(&samples, LEVEL).mean.unwrap_or(0.0)
        };
        Self {
            policy,
            replications: live.len() as u32,
            rows: LIMITS.into_iter().map(row).collect(),
            pairs,
            strains,
            utilisation: mean(Metric::Utilisation),
            batch_mean: mean(Metric::BatchMean),
            scale_actions: mean(Metric::ScaleActions),
        }
    }
}

/// Runs a contender of `plan`, by its place, simulated and live; the plan's timers get the grain
/// of the runtime's. Paused runs go side by side, those by the clock on the wall one by one.
///
/// # Errors
/// [`NotLive`], if the plan asks for what a live broker cannot be made to do.
pub fn compare(
    plan: &Plan,
    contender: usize,
    replications: u32,
    pace: Pace,
    twist: Option<Twist>,
) -> Result<Agreement, NotLive> {
    let mut plan = plan.clone();
    plan.time_grain = GRAIN;
    let sides = |number| -> Result<_, NotLive> {
        let live = replicate(&plan, contender, number, pace, twist)?;
        let (run, endings) = simulated(&plan, contender, number);
        Ok((run, endings, live))
    };
    let sides: Result<Vec<_>, NotLive> = match pace {
        Pace::Paused => (0..replications).into_par_iter().map(sides).collect(),
        Pace::Wall => (0..replications).map(sides).collect(),
    };
    Ok(Agreement::new(
        plan.contenders[contender].name.clone(),
        sides?,
    ))
}

/// One replication in the simulator, with how each message ended.
fn simulated(plan: &Plan, contender: usize, number: u32) -> (Run, Endings) {
    let endings = Mutex::new(Endings::new());
    let note = |ended: &Ended| {
        let ending = Ending::new(ended.outcome, ended.sent, ended.at);
        endings.lock().insert((ended.key, ended.agent), ending);
    };
    let sink = |_: usize, _: u32| -> ebbtide_sim::OutcomeSink<'_> { Box::new(note) };
    let sinks = Sinks {
        outcomes: Some(&sink),
        ..Sinks::default()
    };
    let run = simulate(
        plan,
        contender,
        number,
        Duration::ZERO,
        Detail::Summary,
        &sinks,
        &Monitor::default(),
    );
    let run = run.expect("nobody stops it");
    (run, endings.into_inner())
}
