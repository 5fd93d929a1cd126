//! A contender simulated and live, over the same replications: how far its figures are apart,
//! and whether that is close enough.

use ebbtide_measure::interval::LEVEL;
use ebbtide_measure::summary::samples;
use ebbtide_measure::{Detail, Estimate, Metric, Run, Selector};
use ebbtide_policies::units::Duration;
use ebbtide_sim::distribution::Distribution;
use ebbtide_sim::experiment::replicate as simulate;
use ebbtide_sim::{Ended, Monitor, Plan, Sinks};
use parking_lot::Mutex;
use rayon::prelude::*;
use serde::Serialize;

use crate::live::{LiveRun, NotLive, Pace, replicate};
use crate::pairs::{Ending, Endings, Pairs};
use crate::row::{Row, limits};
use crate::timer::Lateness;
use crate::twist::Twist;
use crate::witness::Strains;

/// A sojourn holds two: its sender is woken, and its handler.
const WAKE_UPS: u64 = 2;

/// What a runtime's timers end on.
const GRAIN: Duration = Duration::from_millis(1);

/// Sojourns of a pair may be so many grains apart.
const GRAINS_APART: u64 = 2;

/// A load at which a pool is called busy, a mean batch that is called large, how many times a
/// pool must have changed its size to be called steered, and for how much slot-time a bulkhead
/// must have kept slots free to be called at work: what makes a comparison demanding.
const BUSY: f64 = 0.8;
const LARGE: f64 = 3.0;
const STEERED: f64 = 5.0;
const HELD: Duration = Duration::from_secs(1);

/// Share of the messages that must end alike, with sojourns within two grains, where nothing but
/// the runtime's timers makes time pass.
const ALIKE: f64 = 0.95;

/// A contender simulated and live.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// The policy or profile.
    pub policy: String,
    /// What made time pass on the live side.
    pub pace: Pace,
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
    /// Mean batch of all agents that take batches, live.
    pub batch_mean: f64,
    /// Mean number of applied changes of the workers wanted, live.
    pub scale_actions: f64,
    /// How late whoever sleeps was woken, in seconds: the mean, which is simulated, and P95.
    pub late_s: (f64, f64),
}

impl Agreement {
    /// Whether every figure is as close as it must be.
    #[must_use]
    pub fn holds(&self) -> bool {
        let held = |holds| self.rows.iter().any(|row| row.holds() == Some(holds));
        held(true) && !held(false)
    }

    /// Whether so many messages ended alike as must. By the clock on the wall none must: a
    /// message that comes a millisecond later may meet another free slot.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.pace == Pace::Wall || self.pairs.close_share() >= ALIKE
    }

    /// Whether this asks a lot of a comparison: a busy pool or large batches, a pool that is
    /// steered, retries, and something that protects an agent or ends messages at work.
    #[must_use]
    pub fn is_demanding(&self) -> bool {
        let strains = &self.strains;
        (self.utilisation >= BUSY || self.batch_mean >= LARGE)
            && self.scale_actions >= STEERED
            && strains.retries > 0
            && (strains.breaker_changes > 0 || strains.expired > 0 || strains.bulkhead >= HELD)
    }

    fn new(policy: String, pace: Pace, sides: Vec<(Run, Endings, LiveRun)>) -> Self {
        let mut pairs = Pairs::default();
        let mut strains = Strains::default();
        let (mut simulated, mut live) = (Vec::new(), Vec::new());
        let mut lateness = Lateness::default();
        for (run, endings, side) in sides {
            pairs.add(Pairs::of(&endings, &side.endings, GRAIN * GRAINS_APART));
            strains.add(side.strains);
            lateness.add(&side.lateness);
            simulated.push(run);
            live.push(side.run);
        }
        let late = lateness.quantile(0.5) * WAKE_UPS;
        let row = |figure| Row::of(figure, late, (&simulated, &live));
        let mean = |metric| {
            let samples = samples(&live, &Selector::total(metric));
            Estimate::over(&samples, LEVEL).mean.unwrap_or(0.0)
        };
        Self {
            policy,
            pace,
            replications: live.len() as u32,
            rows: limits(pace).into_iter().map(row).collect(),
            pairs,
            strains,
            utilisation: mean(Metric::Utilisation),
            batch_mean: mean(Metric::BatchMean),
            scale_actions: mean(Metric::ScaleActions),
            late_s: (
                lateness.mean().as_secs_f64(),
                lateness.quantile(0.95).as_secs_f64(),
            ),
        }
    }
}

/// Runs a contender of `plan`, by its place, simulated and live; the plan's timers get the grain
/// of the runtime's. Paused runs go side by side, those by the clock on the wall one by one.
/// `after_each` is called when a replication is over.
///
/// # Errors
/// [`NotLive`], if the plan asks for what a live broker cannot be made to do.
pub fn compare(
    plan: &Plan,
    contender: usize,
    replications: u32,
    pace: Pace,
    twist: Option<Twist>,
    after_each: &(dyn Fn() + Sync),
) -> Result<Agreement, NotLive> {
    let sides = |number| -> Result<_, NotLive> {
        let live = replicate(plan, contender, number, pace, twist)?;
        let plan = as_it_was(plan, pace, live.lateness.mean());
        let (run, endings) = simulated(&plan, contender, number);
        after_each();
        Ok((run, endings, live))
    };
    let sides: Result<Vec<_>, NotLive> = match pace {
        Pace::Paused => (0..replications).into_par_iter().map(sides).collect(),
        Pace::Wall => (0..replications).map(sides).collect(),
    };
    let policy = plan.contenders[contender].name.clone();
    Ok(Agreement::new(policy, pace, sides?))
}

/// The plan as the live side could keep to it. The runtime's own timers end on whole
/// milliseconds; on a running clock a reply comes as late as its handler was woken.
fn as_it_was(plan: &Plan, pace: Pace, lateness: Duration) -> Plan {
    let mut plan = plan.clone();
    match pace {
        Pace::Paused => plan.time_grain = GRAIN,
        Pace::Wall => {
            for agent in &mut plan.agents {
                let late = Distribution::Constant(lateness);
                agent.round_trip.get_or_insert(late);
            }
        }
    }
    plan
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
