//! Whether an agent's calls take longer the more of them are under way.
//!
//! Slow calls pile up, so that call time and calls under way rise together whatever causes what.
//! Three explanations compete for what was seen, by likelihood: nothing has happened; the agent is
//! crowded, so that equally many calls under way take equally long at any time; or it became slow
//! for its own reasons some seconds ago, so that since then calls take equally long however many
//! are under way. What is believed of a crowded agent is one of the two simplest: a time that does
//! not change up to some number of calls under way and rises from there, in a straight line where
//! calls take turns, or in a parabola where they also hinder each other, whichever misses less.
//! Deliberately absent: batch agents, whose batches grow with the calls under way.

mod classes;
mod fit;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::observation::AgentObservation;

use classes::{CLASSES, Class, Classes, MOST_CALLS, class_of};
use fit::{Curve, Fits, flat_misses};

/// What was seen fades with this time constant, in seconds: calls of another time are no witnesses …
const MEMORY_S: f64 = 60.0;
/// … unless so many of all calls begin among about as many. Nothing is learnt then of fewer calls
/// under way, and had the agent changed, these would have shown it.
const ALIKE: f64 = 0.9;
/// A change is looked for in so many seconds.
const RECENT_S: f64 = 24.0;
/// Calls on either side of a change, at least, for it to be seen.
const LEAST_CALLS: f64 = 12.0;
/// The first calls that finish after a change are the short ones: it is judged after this many
/// times what calls take.
const SETTLED: f64 = 3.0;
/// Twice the log-likelihood ratio against nothing having happened, from which the agent is taken
/// to be crowded, or to have changed: four standard errors.
const SURPRISE: f64 = 16.0;
/// While crowding and a change explain what was seen about as well, neither is believed …
const DOUBT: f64 = 8.0;
/// … but for crowding that has been believed for so long, in seconds: at its beginning a change would have shown by then.
const TRIED_S: f64 = 6.0;
/// A slope of this part of the one at which more calls under way are worth nothing is that one.
const NEAR_LIMIT: f64 = 0.7;
/// Logarithms of call times are taken to scatter by this variance at least.
const LEAST_VARIANCE: f64 = 0.01;
/// Where they scatter by more than this (a squared coefficient of variation above 6), messages
/// differ so much, and long ones so rarely come alone, that nobody could tell.
const MOST_VARIANCE: f64 = 2.0;

/// Estimates an agent's slow-down.
#[derive(Clone, Debug)]
pub struct Crowding {
    /// What was seen before `recent`.
    older: Classes,
    /// The last seconds, newest last.
    recent: VecDeque<Interval>,
    /// Squared deviations within classes, and of how many calls.
    deviations: f64,
    calls: f64,
    /// The change that may have happened, while that is in doubt.
    suspected: Option<Suspect>,
    believed: SlowDown,
    /// How long one has been, in seconds.
    believed_s: f64,
}

/// A change of the agent that nobody can tell from crowding.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    ago_s: f64,
    /// Calls that were under way before, on the mean.
    calls_before: f64,
}

/// About a second.
#[derive(Clone, Debug)]
struct Interval {
    length_s: f64,
    /// Calls, of which some were seen.
    calls: f64,
    seen: Classes,
}

/// A slow-down: none up to some calls under way, a straight line or a parabola from there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowDown {
    /// Calls under way up to which there is none.
    pub from: f64,
    /// 1: a straight line, 2: a parabola.
    pub power: i32,
    /// What the first further one adds, as a share of the time without.
    pub slope: f64,
    /// Calls under way up to which it was seen. A parabola goes on in a straight line: what hinders it
    /// beyond nobody knows.
    pub until: f64,
    /// Factor that the calls of late took, on the mean.
    pub now: f64,
}

impl SlowDown {
    /// No slow-down.
    pub const NONE: Self = Self {
        from: 0.0,
        power: 1,
        slope: 0.0,
        until: 0.0,
        now: 1.0,
    };

    /// Call time among `calls` under way, relative to that of late.
    #[must_use]
    pub fn factor(&self, calls: f64) -> f64 {
        let seen = (calls.min(self.until) - self.from).max(0.0);
        let rise = seen.powi(self.power);
        let beyond = (calls - self.from.max(self.until)).max(0.0);
        let steepness = f64::from(self.power) * seen.powi(self.power - 1);
        (1.0 + self.slope * (rise + beyond * steepness)) / self.now
    }
}

impl Default for Crowding {
    fn default() -> Self {
        Self {
            older: Classes::default(),
            recent: VecDeque::new(),
            deviations: 0.0,
            calls: 0.0,
            suspected: None,
            believed: SlowDown::NONE,
            believed_s: 0.0,
        }
    }
}

impl Crowding {
    /// Takes an interval of `length_s` seconds of an agent.
    pub fn observe(&mut self, length_s: f64, agent: &AgentObservation) {
        if agent.is_batch {
            return;
        }
        if !are_alike(agent) {
            let keep = (-length_s / MEMORY_S).exp();
            self.older.scale(keep);
            self.deviations *= keep;
            self.calls *= keep;
        }
        self.take(length_s, agent);
        self.judge();
        self.believed_s = if self.believed == SlowDown::NONE {
            0.0
        } else {
            self.believed_s + length_s
        };
    }

    /// Calls under way, on the mean, before they began to take longer, while nobody can tell whether that is because more
    /// are under way.
    #[must_use]
    pub fn doubt(&self) -> Option<f64> {
        self.suspected.map(|change| change.calls_before)
    }

    /// What is believed, relative to the time that the last so many calls took.
    #[must_use]
    pub fn slow_down(&self, calls: f64) -> SlowDown {
        let believed = self.believed;
        if believed == SlowDown::NONE {
            return believed;
        }
        let (mut of, mut passed) = (Classes::default(), 0.0);
        for interval in self.recent.iter().rev() {
            if passed >= calls {
                break;
            }
            of.add(&interval.seen, 1.0);
            passed += interval.calls;
        }
        if passed < calls {
            of.add(&self.older, 1.0);
        }
        let seen = of.0.iter().filter(|class| class.calls > 0.0);
        let factors = seen.map(|class| class.calls * believed.factor(class.sum_n / class.calls));
        SlowDown {
            now: (factors.sum::<f64>() / of.calls().max(f64::MIN_POSITIVE)).max(1.0),
            ..believed
        }
    }

    fn take(&mut self, length_s: f64, agent: &AgentObservation) {
        let mut seen = Classes::default();
        let known = self.since(f64::INFINITY);
        for sample in &agent.samples {
            let at = class_of(sample.in_flight);
            let time_s = sample.time.as_secs_f64();
            let log = time_s.max(1e-9).ln();
            // What ends now counts as when it began.
            let weight = (-time_s / MEMORY_S).exp();
            if known.0[at].calls >= 1.0 {
                let off = log - known.0[at].mean_log();
                self.deviations += off * off * weight;
                self.calls += weight;
            }
            let call = Class {
                calls: 1.0,
                sum_n: f64::from(sample.in_flight),
                sum_log: log,
            };
            seen.0[at].add(call, weight);
        }
        let most = (MOST_CALLS * CLASSES as f64 / self.calls.max(1.0)).min(1.0);
        self.deviations *= most;
        self.calls *= most;
        match self.recent.back_mut() {
            Some(last) if last.length_s + length_s < 1.0 => {
                last.length_s += length_s;
                last.calls += agent.calls.succeeded as f64;
                last.seen.add(&seen, 1.0);
            }
            _ => self.recent.push_back(Interval {
                length_s,
                calls: agent.calls.succeeded as f64,
                seen,
            }),
        }
        let suspected_s = self.suspected.map(|change| change.ago_s + length_s);
        let mut recent_s: f64 = self.recent.iter().map(|it| it.length_s).sum();
        while let Some(first) = self.recent.front()
            && recent_s - first.length_s >= RECENT_S
            && let Some(first) = self.recent.pop_front()
        {
            // What came before a suspected change and what came after stay apart.
            let is_after = suspected_s.is_some_and(|ago_s| recent_s < 1.001 * ago_s);
            match self.recent.front_mut().filter(|_| is_after) {
                Some(second) => {
                    second.length_s += first.length_s;
                    second.calls += first.calls;
                    second.seen.add(&first.seen, 1.0);
                    return;
                }
                None => {
                    recent_s -= first.length_s;
                    self.older.add(&first.seen, 1.0);
                    self.older.forget_beyond(MOST_CALLS);
                }
            }
        }
    }

    /// What was seen in the last `seconds`, or ever.
    fn since(&self, seconds: f64) -> Classes {
        let (mut seen, mut passed_s) = (Classes::default(), 0.0);
        for interval in self.recent.iter().rev() {
            if passed_s >= seconds {
                return seen;
            }
            passed_s += interval.length_s;
            seen.add(&interval.seen, 1.0);
        }
        if passed_s < seconds {
            seen.add(&self.older, 1.0);
        }
        seen
    }

    /// Which of the three explanations it is.
    fn judge(&mut self) {
        self.believed = SlowDown::NONE;
        self.suspected = None;
        let variance = self.log_variance();
        let mut apart = self.older.points(variance);
        apart.extend(self.since(RECENT_S).points(variance));
        let is_plain = flat_misses(&apart) <= SURPRISE;
        if is_plain || variance > MOST_VARIANCE {
            return;
        }
        let points = self.since(f64::INFINITY).points(variance);
        let fits = Fits::new(&points);
        let changes = self.changes(variance);
        // None of the explanations is true to the last: what the best of them leaves is chance.
        let freedom = (points.len() as f64 - 3.0).max(1.0);
        let leaves = (changes.iter()).fold(fits.curve.misses, |least, it| least.min(it.changed.0));
        let chance = (leaves / freedom).max(1.0);
        let gain = |change: &Change| {
            let ((same, known), (changed, more)) = (change.unchanged, change.changed);
            (same - changed) / chance + known - more
        };
        let best = (changes.iter()).max_by(|a, b| gain(a).total_cmp(&gain(b)));
        match best.map(|best| (gain(best), best)) {
            Some((gain, change)) if gain > DOUBT && change.is_seen_among_few => {
                self.forget_before(change.kept);
            }
            Some((gain, change)) if gain > -DOUBT => {
                self.suspected = Some(change.suspect);
                if self.believed_s >= TRIED_S && fits.curve.slope > 0.0 {
                    self.believed = slow_down(&fits.curve);
                }
            }
            _ if fits.curve.slope > 0.0 && fits.gain() / chance > SURPRISE => {
                self.believed = slow_down(&fits.curve);
            }
            _ => {}
        }
    }

    /// Changes that may have happened in the last seconds.
    fn changes(&self, variance: f64) -> Vec<Change> {
        let (mut before, mut after) = (self.since(f64::INFINITY), Classes::default());
        let (mut changes, mut passed_s) = (Vec::new(), 0.0);
        for (kept, interval) in (1..).zip(self.recent.iter().rev()) {
            passed_s += interval.length_s;
            after.add(&interval.seen, 1.0);
            before.add(&interval.seen, -1.0);
            let enough = after.calls() >= LEAST_CALLS && before.calls() >= LEAST_CALLS;
            if !enough || passed_s < SETTLED * after.call_s() {
                continue;
            }
            let mut points = before.points(variance);
            let (then, known) = Fits::new(&points).explain(SURPRISE);
            let suspect = Suspect {
                ago_s: passed_s,
                calls_before: before.mean_n(),
            };
            let since = after.points(variance);
            let changed = then + flat_misses(&since);
            points.extend(since);
            changes.push(Change {
                kept,
                suspect,
                is_seen_among_few: after.calls_up_to(suspect.calls_before) >= LEAST_CALLS,
                unchanged: Fits::new(&points).explain(SURPRISE),
                changed: (changed, known + SURPRISE),
            });
        }
        changes
    }

    fn forget_before(&mut self, kept: usize) {
        self.older = Classes::default();
        self.recent.drain(..self.recent.len() - kept);
    }

    fn log_variance(&self) -> f64 {
        if self.calls < LEAST_CALLS {
            return 1.0;
        }
        (self.deviations / self.calls).max(LEAST_VARIANCE)
    }
}

/// The slow-down that a curve means.
fn slow_down(curve: &Curve) -> SlowDown {
    // So near a limit that it is taken for one: with a large backlog the little that more
    // calls seem to bring would be worth all workers.
    let limit = 1.0 / curve.from.max(1.0);
    let slope = if curve.power == 1 && curve.slope >= NEAR_LIMIT * limit {
        curve.slope.max(limit)
    } else {
        curve.slope
    };
    SlowDown {
        from: curve.from,
        power: curve.power,
        slope,
        until: curve.until,
        now: 1.0,
    }
}

/// What the agent may have done some intervals ago: squared misses with and without, and what it
/// takes to believe each.
struct Change {
    kept: usize,
    suspect: Suspect,
    /// Whether calls have begun since among no more than before. Where none has, the first to end of many that hinder
    /// each other are the short ones, and what follows looks like a change.
    is_seen_among_few: bool,
    unchanged: (f64, f64),
    changed: (f64, f64),
}

/// Whether nearly all calls began among about as many, of which there are several.
fn are_alike(agent: &AgentObservation) -> bool {
    let largest = agent.samples.iter().map(|sample| sample.in_flight).max();
    let Some(largest) = largest.filter(|largest| *largest > 1) else {
        return false;
    };
    let class = class_of(largest);
    let alike = |in_flight: u32| class_of(in_flight) + 1 >= class;
    let count = (agent.samples.iter())
        .filter(|sample| alike(sample.in_flight))
        .count();
    count as f64 >= ALIKE * agent.samples.len() as f64
}
