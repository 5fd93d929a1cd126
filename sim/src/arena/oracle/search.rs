//! The best schedule that a search finds which knows the whole run beforehand.
//!
//! Two parts, both on the twin: a beam that goes forward step by step and keeps the cheapest ways
//! to have each number of workers, and moves that change the best schedule known for a stretch,
//! as long as the budget lasts. Deliberately absent: luck that is not in the seed, threads.

mod beam;
mod moves;
#[cfg(test)]
mod tests;

use serde::Serialize;

use ebbtide_policies::observation::Setting;
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::{Duration, Time};

use crate::monitor::Monitor;

use super::grid::{BatchRule, Grid};
use super::path::Path;
use super::schedule::Schedule;
use super::twin::Twin;

/// Below this step the beam is of no use: it takes a worker that is ordered later for cheaper, and
/// never orders it. Moves do better from what is known of longer steps.
const BEAM_STEP: Duration = Duration::from_secs(5);

/// How much a search may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Ways kept for each number of workers at each step of the beam.
    pub width: usize,
    /// Batch rules that the beam chooses from.
    pub rules: usize,
    /// What the moves may simulate, in lengths of the run.
    pub runs: u32,
}

/// What a search is about.
pub(crate) struct Search<'s> {
    pub(crate) path: &'s Path<'s>,
    pub(crate) grid: &'s Grid,
    pub(crate) prices: Prices,
    /// Settings change at its multiples only.
    pub(crate) step: Duration,
    /// Batch rules for the beam.
    pub(crate) rules: Vec<BatchRule>,
    pub(crate) budget: Budget,
    /// Once it says stop the search ends soon, and what it gives is of no use.
    pub(crate) monitor: &'s Monitor,
}

/// A setting for each step of a run.
pub(crate) type Steps = Vec<Setting>;

impl<'s> Search<'s> {
    /// The cheapest schedule found and its cost, in the twin: no dearer than any of `starts` with
    /// its changes at the steps.
    pub(crate) fn best(&self, starts: &[Schedule]) -> (Schedule, f64) {
        let mut candidates: Vec<Steps> = starts.iter().map(|start| self.steps_of(start)).collect();
        if self.step >= BEAM_STEP || candidates.is_empty() {
            candidates.push(beam::forward(self));
        }
        if self.monitor.is_stopped() {
            return (self.schedule_of(&candidates[0]), f64::INFINITY);
        }
        let costs: Vec<f64> = candidates.iter().map(|steps| self.cost(steps)).collect();
        let least = (0..costs.len()).min_by(|one, other| costs[*one].total_cmp(&costs[*other]));
        let least = least.expect("a start, or what the beam gives");
        let steps = moves::improve(self, &candidates, least);
        (self.schedule_of(&steps), self.cost(&steps))
    }

    /// How many steps a run has.
    pub(crate) fn count(&self) -> usize {
        let length = self.path.plan.run.length.as_nanos();
        length.div_ceil(self.step.as_nanos()) as usize
    }

    /// When step `number` begins.
    pub(crate) fn at(&self, number: usize) -> Time {
        Time::ZERO + self.step * number as u64
    }

    /// What a schedule costs in the twin.
    pub(crate) fn cost(&self, steps: &[Setting]) -> f64 {
        let mut twin = Twin::new(self.path, steps[0]);
        for (number, setting) in steps.iter().enumerate() {
            twin.run_until(self.at(number));
            twin.set(*setting);
        }
        twin.finish().total(self.prices)
    }

    /// What a run cost so far, with what is to be expected of its backlog.
    pub(crate) fn expected(&self, twin: &Twin<'_>) -> f64 {
        twin.sums().total(self.prices) + self.prices.late * twin.debt()
    }

    /// A schedule that changes at the steps only.
    pub(crate) fn stepped(&self, schedule: &Schedule) -> Schedule {
        self.schedule_of(&self.steps_of(schedule))
    }

    fn steps_of(&self, schedule: &Schedule) -> Steps {
        (0..self.count())
            .map(|number| schedule.at(self.at(number)))
            .collect()
    }

    fn schedule_of(&self, steps: &[Setting]) -> Schedule {
        let later = steps.iter().enumerate().skip(1);
        Schedule::new(
            steps[0],
            later.map(|(number, setting)| (self.at(number), *setting)),
        )
    }
}
