//! Moves: the best schedule known is changed for a stretch, and the change is kept if it pays.
//!
//! A change is run from the mark before it until the run stands where it stood without it, or
//! until it is clear that it does not pay.

use ebbtide_policies::observation::Setting;

use crate::streams::KeyedRng;

use super::super::grid::{Grid, setting};
use super::super::twin::Twin;
use super::{Search, Steps};

/// Time between two marks of the best run, in nanoseconds; a step, if that is longer.
const MARK: u64 = 2_000_000_000;
/// Marks after a change until its gain must have shown.
const PATIENCE: usize = 30;
/// What a schedule is held to cost may differ from what it costs by this share: which worker has
/// which call is not compared where two runs are said to stand alike.
const ROUGHLY: f64 = 1e-3;
/// Lengths of stretches, in steps.
const LENGTHS: [usize; 10] = [1, 1, 2, 2, 3, 5, 8, 13, 21, 34];

/// The best of `candidates`, improved as long as the budget lasts.
pub(super) fn improve(search: &Search<'_>, candidates: &[Steps], best: usize) -> Steps {
    let first = &candidates[best];
    let mut held = Held::new(search, first.clone());
    let stream = search.path.streams.stream("oracle", search.step.as_nanos());
    let mut luck = stream.draw(search.prices.late.to_bits(), 0);
    let mut left = u64::from(search.budget.runs) * held.marks.len() as u64;
    while left > 0 && !search.monitor.is_stopped() {
        let (steps, from, to) = propose(search, &held.steps, candidates, &mut luck);
        let used = if steps == held.steps {
            1
        } else {
            held.consider(steps, from, to)
        };
        left = left.saturating_sub(used);
    }
    // Runs that seemed to stand alike may differ a little after all; after a fault by more, since
    // what a breaker has counted is not compared. The true cost decides.
    let cost = search.cost(&held.steps);
    debug_assert!(
        !search.path.plan.faults.is_empty() || (cost - held.cost).abs() <= ROUGHLY * cost,
        "{cost}, held {}",
        held.cost
    );
    let better = cost <= search.cost(first);
    if better { held.steps } else { first.clone() }
}

/// A change of some steps, and which.
fn propose(
    search: &Search<'_>,
    steps: &Steps,
    candidates: &[Steps],
    luck: &mut KeyedRng,
) -> (Steps, usize, usize) {
    let mut steps = steps.clone();
    let count = steps.len();
    let mut pick = |most: usize| (luck.unit() * most as f64) as usize;
    let (mut from, mut to) = stretch(count, &mut pick);
    let grid = search.grid;
    match pick(if grid.rules.len() > 1 { 12 } else { 9 }) {
        0..4 => resize(&mut steps[from..to], grid, &mut pick),
        4..7 => {
            if let Some(moved) = shift(&mut steps, to - from, &mut pick) {
                (from, to) = moved;
            }
        }
        7 => {
            // As before the stretch, or as after it.
            let before = pick(2) == 0;
            let neighbour = if before {
                from.saturating_sub(1)
            } else {
                to.min(count - 1)
            };
            let neighbour = steps[neighbour];
            steps[from..to].fill(neighbour);
        }
        8 => {
            let other = &candidates[pick(candidates.len())];
            steps[from..to].copy_from_slice(&other[from..to]);
        }
        _ => {
            let rules = if pick(2) == 0 {
                &search.rules
            } else {
                &grid.rules
            };
            let rule = rules[pick(rules.len())];
            for step in &mut steps[from..to] {
                *step = setting(step.workers, rule);
            }
        }
    }
    (steps, from, to)
}

/// One worker more or fewer, now and then two.
fn resize(steps: &mut [Setting], grid: &Grid, pick: &mut impl FnMut(usize) -> usize) {
    let by = [1, 1, 1, 2][pick(4)];
    let more = pick(2) == 0;
    for step in steps {
        let workers = step.workers;
        let changed = if more {
            workers + by
        } else {
            workers.saturating_sub(by)
        };
        step.workers = changed.clamp(grid.min_workers, grid.max_workers);
    }
}

/// One of the changes comes so many steps earlier or later. Which steps that concerns; `None`: there
/// is no change.
fn shift(
    steps: &mut Steps,
    by: usize,
    pick: &mut impl FnMut(usize) -> usize,
) -> Option<(usize, usize)> {
    let count = steps.len();
    let changes: Vec<usize> = (1..count)
        .filter(|&at| steps[at] != steps[at - 1])
        .collect();
    let at = *changes.get(pick(changes.len().max(1)))?;
    let (from, to, setting) = if pick(2) == 0 {
        (at.saturating_sub(by), at, steps[at])
    } else {
        (at, (at + by).min(count), steps[at - 1])
    };
    steps[from..to].fill(setting);
    Some((from, to))
}

fn stretch(count: usize, pick: &mut impl FnMut(usize) -> usize) -> (usize, usize) {
    let from = pick(count);
    (from, (from + LENGTHS[pick(LENGTHS.len())]).min(count))
}

/// The best schedule known, and its run at some marks.
struct Held<'s> {
    search: &'s Search<'s>,
    steps: Steps,
    /// Steps between two marks.
    stride: usize,
    /// From the second mark on; the first is the beginning.
    marks: Vec<Mark<'s>>,
    cost: f64,
}

/// A run at a tick, before it.
#[derive(Clone)]
struct Mark<'s> {
    twin: Twin<'s>,
    cost: f64,
    expected: f64,
    standing: Option<u64>,
}

impl<'s> Mark<'s> {
    fn new(search: &'s Search<'s>, twin: &Twin<'s>) -> Self {
        Self {
            cost: twin.sums().total(search.prices),
            expected: search.expected(twin),
            standing: twin.standing(),
            twin: twin.clone(),
        }
    }
}

impl<'s> Held<'s> {
    fn new(search: &'s Search<'s>, steps: Steps) -> Self {
        let stride = (MARK / search.step.as_nanos().max(1)).max(1) as usize;
        let mut held = Self {
            search,
            stride,
            marks: Vec::new(),
            cost: 0.0,
            steps,
        };
        let mut twin = Twin::new(search.path, held.steps[0]);
        for number in 0..held.steps.len().div_ceil(stride) {
            held.pass_mark(&mut twin, &held.steps, number);
            held.marks.push(Mark::new(search, &twin));
        }
        held.cost = twin.finish().total(search.prices);
        held
    }

    /// Runs from one mark to the next.
    fn pass_mark(&self, twin: &mut Twin<'s>, steps: &[Setting], mark: usize) {
        let end = ((mark + 1) * self.stride).min(steps.len());
        for (number, setting) in steps.iter().enumerate().take(end).skip(mark * self.stride) {
            twin.set(*setting);
            twin.run_until(self.search.at(number + 1));
        }
    }

    /// Keeps `steps`, which differ from `from` until `to`, if that pays. Returns how many marks
    /// it passed to know.
    fn consider(&mut self, steps: Steps, from: usize, to: usize) -> u64 {
        let first = from / self.stride;
        let last_changed = (to - 1) / self.stride;
        let mut twin = match first.checked_sub(1) {
            None => Twin::new(self.search.path, steps[0]),
            Some(before) => self.marks[before].twin.clone(),
        };
        let mut passed = Vec::new();
        for mark in first..self.marks.len() {
            self.pass_mark(&mut twin, &steps, mark);
            let now = Mark::new(self.search, &twin);
            let then = &self.marks[mark];
            if mark >= last_changed {
                if now.standing.is_some() && now.standing == then.standing {
                    let used = passed.len() as u64 + 1;
                    if then.cost - now.cost > self.worth() {
                        self.rejoin(&now, mark);
                        self.adopt(steps, first, passed);
                    }
                    return used;
                }
                let hopeless = now.expected >= then.expected && twin.queued() >= then.twin.queued();
                let late = mark > last_changed + PATIENCE && now.expected >= then.expected;
                if hopeless || late {
                    return passed.len() as u64 + 1;
                }
            }
            passed.push(now);
        }
        let used = passed.len() as u64;
        let gain = self.cost - twin.finish().total(self.search.prices);
        if gain > self.worth() {
            self.cost -= gain;
            self.adopt(steps, first, passed);
        }
        used
    }

    /// Less than this is rounding.
    fn worth(&self) -> f64 {
        1e-9 * self.cost
    }

    /// From a mark on the run is the old one, and only what it came to before is another.
    fn rejoin(&mut self, now: &Mark<'s>, mark: usize) {
        let gain = self.marks[mark].cost - now.cost;
        let then = self.marks[mark].twin.sums();
        self.cost -= gain;
        for later in &mut self.marks[mark..] {
            later.cost -= gain;
            later.expected -= gain;
            later.twin.came_to(now.twin.sums(), then);
        }
    }

    /// The run that `passed` other marks from `first` on is the best one now.
    fn adopt(&mut self, steps: Steps, first: usize, passed: Vec<Mark<'s>>) {
        let upto = first + passed.len();
        self.steps = steps;
        self.marks.splice(first..upto, passed);
    }
}
