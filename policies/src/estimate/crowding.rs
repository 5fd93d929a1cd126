//! Whether an agent's calls take longer the more of them are under way.
//!
//! Slow calls pile up, so that call time and calls under way rise together whatever causes what.
//! Two things tell them apart. Calls that began among equally many others take as long as they did
//! if the agent is crowded, and longer if it has become slow for its own reasons: then all is
//! forgotten. And what is believed is the simplest: a time that does not change up to some number
//! of calls under way and rises in a straight line from there, which is a limit on what the agent
//! works on, never one at which more calls deliver less. Deliberately absent: batch agents, whose
//! batches grow with the calls under way.

use crate::observation::AgentObservation;

/// Numbers of calls under way up to this are told apart one by one, …
const SINGLE: u32 = 8;
/// … larger ones in classes that reach this much farther each, …
const WIDTH: f64 = 1.25;
/// … so many classes in all: up to a thousand calls.
const CLASSES: usize = 30;
/// What was seen fades with this time constant, in seconds: calls of another time are no witnesses …
const MEMORY_S: f64 = 60.0;
/// … unless so many of all calls begin among about as many. Nothing is learnt then of fewer calls
/// under way, and had the agent changed, these would have shown it.
const ALIKE: f64 = 0.9;
/// A class counts no more calls than this, so that it follows.
const MOST_CALLS: f64 = 100.0;
/// Calls that a class must have seen before new ones are compared with it.
const LEAST_CALLS: f64 = 8.0;
/// New calls that are compared together, at least.
const TOGETHER: f64 = 8.0;
/// Standard errors by which calls must differ from those that began among as many …
const CHANGE_ERRORS: f64 = 4.5;
/// … and by how much, in the logarithm: more than crowding does within a class.
const LEAST_CHANGE: f64 = 0.3;
/// Twice the log-likelihood ratio from which crowding is believed: four standard errors.
const CROWDED: f64 = 16.0;
/// A slope of this part of the one at which more calls under way are worth nothing is that one.
const NEAR_LIMIT: f64 = 0.7;
/// Logarithms of call times are taken to scatter by this variance at least.
const LEAST_VARIANCE: f64 = 0.01;

/// Estimates an agent's slow-down.
#[derive(Clone, Debug, Default)]
pub struct Crowding {
    classes: Vec<Class>,
    /// Squared deviations within classes, and of how many calls.
    deviations: f64,
    calls: f64,
    /// New calls and their differences from what their classes had seen, and the variance of
    /// that in units of a call's.
    compared: f64,
    difference: f64,
    variance: f64,
}

/// Calls that began among about as many.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    calls: f64,
    /// Sums over calls: calls under way, logarithms of times.
    sum_n: f64,
    sum_log: f64,
}

/// A slow-down: none up to some calls under way, a straight line from there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowDown {
    /// Calls under way up to which there is none.
    pub from: f64,
    /// What each further one adds, as a share of the time without.
    pub slope: f64,
    /// Factor that the calls of late took, on the mean.
    pub now: f64,
}

impl SlowDown {
    /// No slow-down.
    pub const NONE: Self = Self {
        from: 0.0,
        slope: 0.0,
        now: 1.0,
    };

    /// Call time among `calls` under way, relative to that of late.
    #[must_use]
    pub fn factor(&self, calls: f64) -> f64 {
        (1.0 + self.slope * (calls - self.from).max(0.0)) / self.now
    }
}

impl Class {
    fn mean_log(&self) -> f64 {
        self.sum_log / self.calls
    }
}

impl Crowding {
    /// Takes an interval of `length_s` seconds of an agent.
    pub fn observe(&mut self, length_s: f64, agent: &AgentObservation) {
        if agent.is_batch {
            return;
        }
        if !are_alike(agent) {
            self.scale((-length_s / MEMORY_S).exp());
        }
        self.compare(agent);
        if self.has_changed() {
            self.scale(0.0);
        }
        if self.compared >= TOGETHER {
            (self.compared, self.difference, self.variance) = (0.0, 0.0, 0.0);
        }
        self.classes.resize(CLASSES, Class::default());
        for sample in &agent.samples {
            let class = &mut self.classes[class_of(sample.in_flight)];
            let log = sample.time.as_secs_f64().max(1e-9).ln();
            if class.calls >= 1.0 {
                let off = log - class.mean_log();
                self.deviations += off * off * class.calls / (class.calls + 1.0);
                self.calls += 1.0;
            }
            class.calls += 1.0;
            class.sum_n += f64::from(sample.in_flight);
            class.sum_log += log;
            let most = (MOST_CALLS / class.calls).min(1.0);
            class.calls *= most;
            class.sum_n *= most;
            class.sum_log *= most;
        }
    }

    /// Compares new calls with those that began among as many.
    fn compare(&mut self, agent: &AgentObservation) {
        for sample in &agent.samples {
            let Some(class) = self.classes.get(class_of(sample.in_flight)) else {
                return;
            };
            if class.calls >= LEAST_CALLS {
                let log = sample.time.as_secs_f64().max(1e-9).ln();
                self.compared += 1.0;
                self.difference += log - class.mean_log();
                // Calls of a class share its error; half of that is enough for several classes.
                self.variance += 1.0 + self.compared / (2.0 * class.calls);
            }
        }
    }

    fn has_changed(&self) -> bool {
        let error = (self.log_variance() * self.variance).sqrt();
        self.compared >= TOGETHER
            && self.difference.abs() > (CHANGE_ERRORS * error).max(LEAST_CHANGE * self.compared)
    }

    fn log_variance(&self) -> f64 {
        if self.calls < LEAST_CALLS {
            return 1.0;
        }
        (self.deviations / self.calls).max(LEAST_VARIANCE)
    }

    fn scale(&mut self, keep: f64) {
        for class in &mut self.classes {
            class.calls *= keep;
            class.sum_n *= keep;
            class.sum_log *= keep;
        }
        self.deviations *= keep;
        self.calls *= keep;
    }

    /// What is believed.
    #[must_use]
    pub fn slow_down(&self) -> SlowDown {
        let seen = self.classes.iter().filter(|class| class.calls >= 1.0);
        let points: Vec<Point> = seen.map(|class| self.point(class)).collect();
        let flat = Fit::new(&points, f64::INFINITY);
        let fits = points.iter().map(|point| Fit::new(&points, point.n));
        let best = fits.min_by(|a, b| a.misses.total_cmp(&b.misses));
        let Some(fit) = best.filter(|fit| fit.slope > 0.0 && flat.misses - fit.misses > CROWDED)
        else {
            return SlowDown::NONE;
        };
        // So near a limit that it is taken for one: with a large backlog the little that more
        // calls seem to bring would be worth all workers.
        let limit = 1.0 / fit.from.max(1.0);
        let slope = if fit.slope >= NEAR_LIMIT * limit {
            fit.slope.max(limit)
        } else {
            fit.slope
        };
        let mut slow_down = SlowDown {
            from: fit.from,
            slope,
            now: 1.0,
        };
        let (sum, calls) = points.iter().fold((0.0, 0.0), |(sum, calls), point| {
            (
                sum + point.calls * slow_down.factor(point.n),
                calls + point.calls,
            )
        });
        slow_down.now = sum / calls;
        slow_down
    }

    fn point(&self, class: &Class) -> Point {
        let time_s = class.mean_log().exp();
        Point {
            n: class.sum_n / class.calls,
            time_s,
            calls: class.calls,
            weight: class.calls / (self.log_variance() * time_s * time_s),
        }
    }
}

/// What a class has seen.
struct Point {
    n: f64,
    time_s: f64,
    calls: f64,
    /// One over the squared error of the time.
    weight: f64,
}

/// A line that is flat up to `from`.
struct Fit {
    from: f64,
    /// Relative to the flat part.
    slope: f64,
    /// Weighted squared misses.
    misses: f64,
}

impl Fit {
    fn new(points: &[Point], from: f64) -> Self {
        let (mut w, mut x, mut xx, mut y, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for point in points {
            let beyond = (point.n - from).max(0.0);
            w += point.weight;
            x += point.weight * beyond;
            xx += point.weight * beyond * beyond;
            y += point.weight * point.time_s;
            xy += point.weight * beyond * point.time_s;
        }
        let spread = w * xx - x * x;
        let slope = if spread > 1e-9 * w * xx {
            (w * xy - x * y) / spread
        } else {
            0.0
        };
        let base = (y - slope * x) / w.max(f64::MIN_POSITIVE);
        let misses = points.iter().map(|point| {
            let off = point.time_s - base - slope * (point.n - from).max(0.0);
            point.weight * off * off
        });
        Self {
            from,
            slope: if base > 0.0 { slope / base } else { 0.0 },
            misses: misses.sum(),
        }
    }
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

fn class_of(calls: u32) -> usize {
    if calls <= SINGLE {
        return calls.saturating_sub(1) as usize;
    }
    let class = (f64::from(calls) / f64::from(SINGLE)).ln() / WIDTH.ln();
    (SINGLE as usize + class as usize).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::CallSample;
    use crate::testing::agent;
    use crate::units::Duration;

    /// Seconds of ten calls each, among `n(second)` others and as many more, of `time_s(n, second)`.
    fn after(seconds: u32, n: impl Fn(u32) -> u32, time_s: impl Fn(u32, u32) -> f64) -> Crowding {
        let mut crowding = Crowding::default();
        for second in 0..seconds {
            let mut seen = agent("a");
            seen.samples = (0..10)
                .map(|k| {
                    let in_flight = n(second) + k % 3;
                    let scatter = [0.7, 1.0, 1.4][(k as usize + second as usize) % 3];
                    CallSample {
                        batch: 1,
                        in_flight,
                        time: Duration::from_secs_f64(time_s(in_flight, second) * scatter),
                    }
                })
                .collect();
            crowding.observe(1.0, &seen);
        }
        crowding
    }

    #[test]
    fn an_agent_that_works_on_six_calls_is_found_out() {
        let servers = |n: u32, _| 0.2 * f64::from(n.max(6)) / 6.0;
        let slow_down = after(40, |second| 1 + second / 3, servers).slow_down();
        assert!((4.0..8.0).contains(&slow_down.from), "{slow_down:?}");
        // However many calls are under way, hardly more are done.
        let done = |calls: f64| calls / slow_down.factor(calls);
        assert!(done(30.0) < 1.3 * done(10.0), "{slow_down:?}");
        assert!(done(6.0) > 1.8 * done(3.0), "{slow_down:?}");
    }

    #[test]
    fn an_agent_that_does_not_mind_is_left_alone() {
        let steady = after(40, |second| 1 + second / 3, |_, _| 0.2);
        assert_eq!(steady.slow_down(), SlowDown::NONE);
    }

    #[test]
    fn a_slow_spell_that_makes_calls_pile_up_is_no_crowding() {
        let pile = |second: u32| if second < 30 { 2 } else { (second - 28).min(9) };
        let spell = |_, second| if second < 30 { 0.2 } else { 0.5 };
        assert_eq!(after(45, pile, spell).slow_down(), SlowDown::NONE);
    }

    #[test]
    fn absurd_samples_stay_finite() {
        let absurd = |n, _| if n % 2 == 0 { 1e15 } else { 0.0 };
        let slow_down = after(9, |second| second * 1_000_000, absurd).slow_down();
        assert!(slow_down.factor(1e9).is_finite(), "{slow_down:?}");
        assert_eq!(Crowding::default().slow_down(), SlowDown::NONE);
    }
}
