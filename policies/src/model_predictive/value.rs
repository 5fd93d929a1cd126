//! What a backlog and a number of workers are worth from now on: value iteration over both,
//! with the time that workers take to start, for the present rate and for the one that the
//! next jump may bring.
//!
//! The backlog is a random walk with drift on a grid of points that lie closer near zero, a step
//! is about a start-up long, and growth is ready at the end of a step with the chance that makes
//! its mean right. The table is kept from decision to decision, so that a few sweeps keep it
//! true; the same loops run over all worker counts at once, in rows.

use std::array::from_fn;

use super::stream::Stream;

/// Points of the backlog.
pub(super) const LEVELS: usize = 20;
/// Most worker counts that are looked at together.
pub(super) const POOLS: usize = 12;
/// Largest backlog of the grid, in units: beyond, the value goes on in a straight line.
const LARGEST: f64 = 90.0;
/// Smallest backlog above zero, in units.
const SMALLEST: f64 = 0.05;
/// Three points that have the mean and variance of a normal, at these deviations …
const DEVIATIONS: [f64; 3] = [-1.224_745, 0.0, 1.224_745];
/// … with a third of the chance each.
const CHANCE: f64 = 1.0 / 3.0;
/// A backlog beyond the grid is so many steps of it beyond at most.
const FARTHEST: f64 = 1e3;
/// A step is as long as a start-up, within these bounds, in seconds.
const STEPS_S: (f64, f64) = (0.5, 2.0);

/// No step costs more than this, in worker-seconds: absurd observations must not make values
/// that no later step mends.
const DEAREST: f64 = 1e12;

/// A value for each worker count.
type Row = [f64; POOLS];
/// A value for each backlog and worker count.
type Table = [Row; LEVELS];

/// A place on the grid of backlogs: a point, and the way to the next as a share.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    below: usize,
    part: f64,
}

/// The backlog axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    points: [f64; LEVELS],
}

impl Axis {
    /// Backlogs in multiples of `unit` messages.
    pub(super) fn new(unit: f64) -> Self {
        let growth = (LARGEST / SMALLEST).powf(1.0 / (LEVELS - 2) as f64);
        let mut points = [0.0; LEVELS];
        let mut at = SMALLEST * unit;
        for point in points.iter_mut().skip(1) {
            *point = at;
            at *= growth;
        }
        Self { points }
    }

    /// Where `backlog` lies, looked for from point `from` on or below it.
    fn place(&self, backlog: f64, from: usize) -> Place {
        let mut below = from.min(LEVELS - 2);
        while below > 0 && self.points[below] > backlog {
            below -= 1;
        }
        while below < LEVELS - 2 && self.points[below + 1] <= backlog {
            below += 1;
        }
        let width = self.points[below + 1] - self.points[below];
        Place {
            below,
            part: ((backlog - self.points[below]) / width).clamp(0.0, FARTHEST),
        }
    }
}

/// How the table is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Length of a step, in seconds.
    pub(super) step_s: f64,
    /// Chance that ordered workers are ready after a step.
    ready: f64,
    /// What a step's end counts.
    discount: f64,
    /// What a change of workers costs, in worker-seconds.
    switch: f64,
    /// Standard errors of the rate in a step.
    pub(super) errors: f64,
}

impl Rules {
    pub(super) fn new(lead_s: f64, horizon_s: f64, switch: f64, errors: f64) -> Self {
        let step_s = lead_s.clamp(STEPS_S.0, STEPS_S.1);
        Self {
            step_s,
            ready: if lead_s > step_s {
                step_s / lead_s
            } else {
                1.0
            },
            discount: (-step_s / horizon_s).exp(),
            switch,
            errors,
        }
    }

    /// What `seconds` from now counts.
    pub(super) fn discount_over(&self, seconds: f64) -> f64 {
        self.discount.powf(seconds / self.step_s)
    }
}

/// One rate's costs and moves.
#[derive(Clone, Debug)]
struct Model {
    /// For each backlog, what each number of serving workers makes of it in a step.
    steps: Vec<Step>,
    /// What workers cost in a step, by those that serve and those that there may be after it;
    /// infinite where these are no more, or not looked at.
    more: [Row; POOLS],
}

/// What becomes of one backlog with one number of workers in a step. A line of the cache.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// Lateness, in worker-seconds.
    late: f64,
    /// Points that the backlog may go to: those that several ways lead to, once.
    points: [u8; 2 * DEVIATIONS.len()],
    count: u8,
    /// The chance of each.
    chances: [f64; 2 * DEVIATIONS.len()],
}

impl Model {
    fn new(stream: &Stream, pools: &Pools, standing: &Row, axis: &Axis, rules: &Rules) -> Self {
        let (step_s, count) = (rules.step_s, pools.count);
        let price = |pool: usize, after: usize| {
            if (pool + 1..count).contains(&after) {
                pools.workers[after] * step_s
            } else {
                f64::INFINITY
            }
        };
        let more = from_fn(|pool| from_fn(|after| price(pool, after)));
        let capacities = pools.workers.map(|workers| stream.capacity(workers));
        let deviation = stream.variance(step_s, rules.errors).sqrt();
        let mut from = [[0; 3]; POOLS];
        let mut steps = Vec::with_capacity(LEVELS * count);
        for &backlog in &axis.points {
            let age_s = stream.limit_s * backlog / stream.in_time;
            let overdue = (backlog - stream.in_time).max(0.0);
            for pool in 0..count {
                let capacity = capacities[pool];
                let served = capacity.min(stream.rate + backlog / step_s);
                let late = stream.late(overdue, age_s, served) + standing[pool];
                let mut step = Step {
                    late: (late * step_s).clamp(0.0, DEAREST),
                    ..Step::default()
                };
                let mean = backlog + (stream.rate - capacity) * step_s;
                for (from, z) in from[pool].iter_mut().zip(DEVIATIONS) {
                    let place = axis.place((mean + z * deviation).max(0.0), *from);
                    *from = place.below;
                    step.go(place);
                }
                steps.push(step);
            }
        }
        Self { steps, more }
    }

    /// One sweep: `values` of the next step become those of this one.
    fn sweep(&self, values: &Table, pools: &Pools, rules: &Rules) -> Table {
        let mut now = [[0.0; POOLS]; LEVELS];
        let not_ready = rules.discount * (1.0 - rules.ready);
        let ready = rules.discount * rules.ready;
        let levels = self.steps.chunks_exact(pools.count.max(1));
        for (row, steps) in now.iter_mut().zip(levels) {
            // The best of this count and those below, as the sweep comes past them.
            let mut best_below = f64::INFINITY;
            for (pool, step) in steps.iter().enumerate() {
                let next = step.expected(values);
                let grown = least(&self.more[pool], ready, &next);
                let grown = grown + step.late + not_ready * next[pool] + rules.switch;
                let worked = pools.workers[pool] * rules.step_s + step.late;
                let keep = worked + rules.discount * next[pool];
                row[pool] = lesser(lesser(keep, grown), best_below + rules.switch);
                best_below = lesser(keep, best_below);
            }
        }
        now
    }
}

impl Step {
    /// The backlog may go to `place`, which lies no lower than those before.
    fn go(&mut self, place: Place) {
        let (below, count) = (place.below as u8, usize::from(self.count));
        let last = self.points[..count].iter().rev().take(2);
        let known = last.take_while(|point| **point >= below).count();
        let at = count - known;
        self.points[at] = below;
        self.points[at + 1] = below + 1;
        self.chances[at] += CHANCE * (1.0 - place.part);
        self.chances[at + 1] += CHANCE * place.part;
        self.count = at as u8 + 1 + u8::from(place.part > 0.0);
    }

    /// The mean of `values` over where the backlog may go, for each number of workers.
    #[inline(always)]
    fn expected(&self, values: &Table) -> Row {
        let mut mean = [0.0; POOLS];
        let ways = self.points.iter().zip(&self.chances);
        for (point, chance) in ways.take(usize::from(self.count)) {
            for (mean, value) in mean.iter_mut().zip(&values[usize::from(*point)]) {
                *mean += chance * value;
            }
        }
        mean
    }
}

/// The least of `next`, counting by `part`, with what is to be paid before.
#[inline(always)]
fn least(pay: &Row, part: f64, next: &Row) -> f64 {
    // Side by side, for the machine's sake.
    let mut least = [f64::INFINITY; 2];
    for (at, (pay, next)) in pay.iter().zip(next).enumerate() {
        least[at % 2] = lesser(pay + part * next, least[at % 2]);
    }
    lesser(least[0], least[1])
}

/// [`f64::min`] without its care for NaN, with which a sweep takes half as long again.
#[inline(always)]
fn lesser(one: f64, other: f64) -> f64 {
    if one < other { one } else { other }
}

/// The worker counts that are looked at, rising.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pools {
    pub(super) workers: Row,
    pub(super) count: usize,
}

/// A jump that may come and end.
pub(super) struct Jump<'a> {
    pub(super) stream: &'a Stream,
    /// Standing lateness at its rate.
    pub(super) standing: Row,
    /// How often it comes, and ends, per second.
    pub(super) per_s: f64,
    pub(super) ends_per_s: f64,
}

/// What is asked of the table.
pub(super) struct Question<'a> {
    pub(super) pools: Pools,
    pub(super) stream: &'a Stream,
    pub(super) standing: Row,
    pub(super) jump: Option<Jump<'a>>,
    pub(super) rules: Rules,
    pub(super) sweeps: usize,
}

/// The values, kept between decisions.
#[derive(Clone, Debug)]
pub(super) struct Value {
    axis: Axis,
    pools: Pools,
    usual: Table,
    jumped: Table,
}

impl Default for Value {
    fn default() -> Self {
        Self {
            axis: Axis::new(1.0),
            pools: Pools {
                workers: [0.0; POOLS],
                count: 0,
            },
            usual: [[0.0; POOLS]; LEVELS],
            jumped: [[0.0; POOLS]; LEVELS],
        }
    }
}

impl Value {
    /// Brings the table up to date.
    pub(super) fn update(&mut self, question: &Question) {
        let Question {
            pools,
            stream,
            rules,
            ..
        } = question;
        if self.pools != *pools {
            self.regrid(pools);
        }
        if !self.is_finite() {
            *self = Self {
                pools: *pools,
                ..Self::default()
            };
        }
        let unit = stream.in_time.clamp(1.0, DEAREST);
        self.axis = Axis::new(unit);
        let model = Model::new(stream, pools, &question.standing, &self.axis, rules);
        let jump = question.jump.as_ref().map(|jump| {
            let model = Model::new(jump.stream, pools, &jump.standing, &self.axis, rules);
            let within = |per_s: f64| chance(per_s, rules.step_s);
            (model, within(jump.per_s), within(jump.ends_per_s))
        });
        for _ in 0..question.sweeps {
            let Some((jumped, comes, ends)) = &jump else {
                self.usual = model.sweep(&self.usual, pools, rules);
                continue;
            };
            let usual = model.sweep(&mixed(&self.usual, &self.jumped, *comes), pools, rules);
            self.jumped = jumped.sweep(&mixed(&self.jumped, &self.usual, *ends), pools, rules);
            self.usual = usual;
        }
    }

    fn is_finite(&self) -> bool {
        let values = self.usual.iter().chain(&self.jumped).flatten();
        values.fold(0.0, |sum, value| sum + value).is_finite()
    }

    /// Columns for other worker counts, by straight lines between those that were.
    fn regrid(&mut self, pools: &Pools) {
        let old = self.pools;
        for table in [&mut self.usual, &mut self.jumped] {
            for row in table.iter_mut() {
                let before = *row;
                for (value, &workers) in row.iter_mut().zip(&pools.workers[..pools.count]) {
                    *value = old.read(&before, workers);
                }
            }
        }
        self.pools = *pools;
    }

    /// The value of `pool` (its index) with a backlog about `mean`, if the jump has come with
    /// this `chance`.
    pub(super) fn of(&self, pool: usize, mean: f64, deviation: f64, chance: f64) -> f64 {
        let read = |table: &Table, place: Place| {
            let (low, high) = (table[place.below][pool], table[place.below + 1][pool]);
            low + place.part * (high - low)
        };
        let at = |z: &f64| {
            let place = self.axis.place((mean + z * deviation).max(0.0), LEVELS / 2);
            let usual = read(&self.usual, place);
            usual + chance * (read(&self.jumped, place) - usual)
        };
        CHANCE * DEVIATIONS.iter().map(at).sum::<f64>()
    }
}

impl Pools {
    fn read(&self, row: &Row, workers: f64) -> f64 {
        let known = &self.workers[..self.count];
        let at = known.partition_point(|&it| it < workers);
        match (at.checked_sub(1), known.get(at)) {
            (None, None) => 0.0,
            (None, Some(_)) => row[0],
            (Some(last), None) => row[last],
            (Some(below), Some(&above)) => {
                let part = (workers - known[below]) / (above - known[below]);
                row[below] + part * (row[at] - row[below])
            }
        }
    }
}

/// The chance that what comes `per_s` times a second comes within `seconds`.
pub(super) fn chance(per_s: f64, seconds: f64) -> f64 {
    1.0 - (-per_s * seconds).exp()
}

/// `chance` of the other table, the rest of the first.
fn mixed(first: &Table, other: &Table, chance: f64) -> Table {
    let mut mixed = *first;
    for (row, other) in mixed.iter_mut().zip(other) {
        for (value, other) in row.iter_mut().zip(other) {
            *value += chance * (other - *value);
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_predictive::fixtures::ordinary;
    use crate::model_predictive::settings::Settings;

    /// Ten workers of ten slots, calls of 0.1 s, a second to start, after many sweeps.
    fn value(rate: f64, standing: f64) -> Value {
        let mut value = Value::default();
        update(&mut value, rate, standing);
        value
    }

    fn update(value: &mut Value, rate: f64, standing: f64) {
        let mut workers = [10.0; POOLS];
        (1..=10)
            .zip(&mut workers)
            .for_each(|(count, to)| *to = f64::from(count));
        let stream = Stream::new(&ordinary(rate, 0.1, 1.0), 1.0, &Settings::default());
        value.update(&Question {
            pools: Pools { workers, count: 10 },
            stream: &stream,
            standing: [standing; POOLS],
            jump: None,
            rules: Rules::new(1.0, 100.0, 1.0, 2.0),
            sweeps: 300,
        });
    }

    /// Index of the number of workers that it would be best to have.
    fn best(value: &Value, backlog: f64) -> usize {
        let of = |pool: &usize| value.of(*pool, backlog, 0.0, 0.0);
        (0..10).min_by(|a, b| of(a).total_cmp(&of(b))).expect("ten")
    }

    #[test]
    fn the_load_and_the_backlog_want_workers() {
        // 250 a second keep 25 slots busy: three workers carry them, two do not.
        let value = value(250.0, 0.0);
        assert!(
            (2..=3).contains(&best(&value, 0.0)),
            "{}",
            best(&value, 0.0)
        );
        assert!(best(&value, 1_000.0) > best(&value, 0.0));
        assert_eq!(best(&self::value(1.0, 0.0), 0.0), 0);
    }

    #[test]
    fn a_backlog_is_never_welcome_and_a_change_costs_no_more_than_itself() {
        let value = value(250.0, 0.0);
        for pool in 0..10 {
            let mut last = 0.0;
            for backlog in [0.0, 10.0, 100.0, 1_000.0, 1e6] {
                let now = value.of(pool, backlog, 0.0, 0.0);
                assert!(now >= last, "{pool} {backlog}");
                last = now;
                let least = value.of(0, backlog, 0.0, 0.0);
                assert!(
                    now <= least + 1.0 + 1e-6,
                    "shrinking is free but for the switch"
                );
            }
        }
    }

    #[test]
    fn ways_to_the_same_point_are_one() {
        let mut step = Step::default();
        for (below, part) in [(3, 0.5), (4, 0.25), (4, 0.75)] {
            step.go(Place { below, part });
        }
        assert_eq!(step.points[..usize::from(step.count)], [3, 4, 5]);
        let mut values = [[0.0; POOLS]; LEVELS];
        (values[3][0], values[4][0], values[5][0]) = (6.0, 12.0, 24.0);
        // Means of 9, 15 and 21.
        assert!((step.expected(&values)[0] - 15.0).abs() < 1e-12);
    }

    #[test]
    fn what_was_absurd_is_forgotten() {
        let mut value = value(250.0, f64::INFINITY);
        value.usual[0][0] = f64::NAN;
        update(&mut value, 250.0, 0.0);
        assert!((2..=3).contains(&best(&value, 0.0)));
    }
}
