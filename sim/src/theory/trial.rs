//! A case tried: run until every row is known well enough, then judged.
//!
//! The verdict is that of the file's own description: the 99.99 % interval over replications
//! covers the value, and is narrow. So that luck in rare states and the buckets of histograms
//! fail no sound row, the interval is never taken as narrower than a tenth of the tolerance.

use ebbtide_measure::summary::estimate;
use ebbtide_measure::{Detail, Estimate, PolicyResults, Run, summarise};
use ebbtide_policies::units::Duration;
use rayon::prelude::*;

use crate::experiment::{Sinks, replicate};
use crate::files::Files;
use crate::monitor::Monitor;
use crate::plan::Plan;
use crate::scenario::{Scenario, WarmUp};

use super::{Case, Row};

/// Level of the intervals: with some 200 rows, a sound simulator fails one row in 50 trials.
const LEVEL: f64 = 0.9999;
/// Share of the tolerance below which half-widths are not taken.
const NARROWEST: f64 = 0.1;
/// Replications after which a row that is still not known well enough fails.
const MOST_REPLICATIONS: u32 = 1_000;
/// How many times as many replications a further round may bring, at most.
const GROWTH: f64 = 2.0;
/// How many more than the half-width asks for, since it is itself known by luck.
const SPARE: f64 = 1.1;

/// What became of a case.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The experiment as it was run in the end: simulated again it gives the same results.
    pub scenario: Scenario,
    /// Its results.
    pub results: PolicyResults,
    /// A judgement for each of the case's rows, in their order.
    pub judgements: Vec<Judgement>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// The interval covers the value and is narrow enough.
    Pass(Estimate),
    /// The interval does not cover the value.
    Off(Estimate),
    /// The interval is too wide after all replications that it may take.
    TooWide(Estimate),
    /// The row cannot be expressed, for this reason.
    Inexpressible(String),
}

impl Judgement {
    /// Whether the row passes.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Pass(_))
    }
}

impl Case {
    /// Tries the case with `seed`.
    ///
    /// # Errors
    ///
    /// Why it cannot be expressed, in a sentence; `None` as the trial if `monitor` said stop.
    pub fn try_out(&self, seed: u64, monitor: &Monitor) -> Result<Option<Trial>, String> {
        let mut scenario = self.scenario.clone()?;
        if self.rows.iter().all(|row| row.selector.is_err()) {
            return Err("none of its figures is known".to_owned());
        }
        scenario.run.seed = seed;
        let plan = Plan::new(&scenario.to_ron(), Files::default()).map_err(|e| e.to_string())?;
        let warm_up = match scenario.run.warm_up {
            WarmUp::Fixed(length) => length,
            WarmUp::Auto => Duration::ZERO,
        };
        let mut runs: Vec<Run> = Vec::new();
        let mut wanted = scenario.run.replications;
        loop {
            let numbers = runs.len() as u32..wanted;
            monitor.expect(u64::from(wanted) - runs.len() as u64, plan.end());
            let fresh: Option<Vec<Run>> = numbers
                .into_par_iter()
                .map(|number| {
                    let sinks = Sinks::default();
                    replicate(&plan, 0, number, warm_up, Detail::Summary, &sinks, monitor)
                })
                .collect();
            let Some(fresh) = fresh else { return Ok(None) };
            runs.extend(fresh);
            let needed = self.needed(&runs).min(MOST_REPLICATIONS);
            if needed <= wanted {
                break;
            }
            wanted = needed;
        }
        scenario.run.replications = wanted;
        Ok(Some(Trial {
            results: PolicyResults::new("fixed", wanted, summarise(&runs)),
            judgements: self.rows.iter().map(|row| row.judge(&runs)).collect(),
            scenario,
        }))
    }

    /// How many replications it takes, as far as these tell, for every row to be known well
    /// enough.
    fn needed(&self, runs: &[Run]) -> u32 {
        let have = runs.len() as f64;
        let factors = self.rows.iter().filter_map(|row| row.width(runs));
        let worst = factors.fold(0.0, f64::max);
        if worst <= 1.0 {
            return runs.len() as u32;
        }
        (have * (worst * worst * SPARE).min(GROWTH)).ceil() as u32
    }
}

impl Row {
    fn estimate(&self, runs: &[Run]) -> Option<Estimate> {
        let selector = self.selector.as_ref().ok()?;
        Some(estimate(runs, selector, LEVEL))
    }

    /// The half-width as a share of what it may be.
    fn width(&self, runs: &[Run]) -> Option<f64> {
        let half = self.estimate(runs)?.half_width()?;
        Some(half / (self.rel_tol * self.value).abs())
    }

    fn judge(&self, runs: &[Run]) -> Judgement {
        if let Err(why) = &self.selector {
            return Judgement::Inexpressible(why.clone());
        }
        let known = self
            .estimate(runs)
            .and_then(|found| Some((found, found.mean?, found.half_width()?)));
        let Some((found, mean, half)) = known else {
            return Judgement::Inexpressible("the run has no such figure".to_owned());
        };
        let tolerance = (self.rel_tol * self.value).abs();
        if half > tolerance {
            Judgement::TooWide(found)
        } else if (mean - self.value).abs() > half.max(NARROWEST * tolerance) {
            Judgement::Off(found)
        } else {
            Judgement::Pass(found)
        }
    }
}
