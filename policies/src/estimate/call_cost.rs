//! How long a call to one agent takes, as a line in the batch it carries: `a + c·b`.
//!
//! Discounted least squares over samples, with a guard on both ends: the line is trusted only
//! over batches like those seen, and beyond them each further message is reckoned dearer than
//! fitted. A call time that has clearly changed makes the past fade at once. Deliberately
//! absent: a slow-down with calls in flight, which cannot be told from its reverse (slow calls
//! pile up in flight); the policy finds out by experiment instead.

use crate::observation::{AgentObservation, CallSample};

/// Samples fade with this time constant, in seconds …
const MEMORY_S: f64 = 20.0;
/// … but not below the weight of this many calls, so that slow agents keep a fit.
const MEMORY_CALLS: f64 = 150.0;
/// Weight that is left of the past when call times have changed: a few calls.
const WEIGHT_AFTER_CHANGE: f64 = 5.0;
/// Calls that are compared with those before together: fewer say little where tails are heavy.
const BLOCK_CALLS: f64 = 12.0;
/// Standard errors by which two blocks in a row must differ together …
const CHANGE_ERRORS: f64 = 4.5;
/// … and each of them alone, on the same side. Logarithms are compared: their errors are small
/// where tails are heavy.
const BLOCK_ERRORS: f64 = 2.0;
/// Logarithms of call times are taken to scatter by this variance at least.
const LEAST_LOG_VARIANCE: f64 = 0.01;
/// Share by which they must miss it: below, the fading follows well enough.
const LEAST_CHANGE: f64 = 0.15;
/// Call times scatter no more than this (a squared coefficient of variation) for what is uncertain
/// of their mean: where they do, the slots' time says what it is (`estimate::time_on_test`).
pub(super) const MOST_SCATTER: f64 = 4.0;
/// The prior weight, in squared messages, of the belief that half of a call's time grows with
/// the batch: what stands in for a slope while batches are too much alike.
const PRIOR_SPREAD: f64 = 1.0;

/// Estimates an agent's call time.
#[derive(Clone, Debug, Default)]
pub struct CallCost {
    weight: f64,
    sum_b: f64,
    sum_bb: f64,
    sum_t: f64,
    sum_bt: f64,
    sum_tt: f64,
    /// Logarithms of times as of one message: of what was before, of the last block, and of the
    /// one that fills. Not relative to the line's level, which a single long call moves.
    before: Logs,
    last: Logs,
    block: Logs,
}

/// How many, their sum, and that of their squares.
#[derive(Clone, Copy, Debug, Default)]
struct Logs {
    count: f64,
    sum: f64,
    squares: f64,
}

/// The call time of an agent: a line up to the batches it has been seen with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallLine {
    /// Seconds per call.
    pub per_call_s: f64,
    /// Seconds per message carried.
    pub per_message_s: f64,
    /// Messages that a call carried, on the mean.
    pub mean_batch: f64,
    /// Up to where the line rests on samples, in messages.
    pub seen_up_to: f64,
    /// Squared coefficient of variation of call times around the line.
    pub cv2: f64,
    /// Calls that the line rests on, older ones counting less.
    pub calls: f64,
}

impl CallLine {
    /// An agent of which no more is known than that each call takes `call_s`, whatever it
    /// carries; exponential for want of a better guess.
    #[must_use]
    pub fn guess(call_s: f64) -> Self {
        Self {
            per_call_s: call_s,
            per_message_s: 0.0,
            mean_batch: 1.0,
            seen_up_to: 1.0,
            cv2: 1.0,
            calls: 0.0,
        }
    }

    /// Standard error of the call time, as a share of it; none is known of a guess.
    #[must_use]
    pub fn error(&self) -> f64 {
        if self.calls > 0.0 {
            (self.cv2.min(MOST_SCATTER) / self.calls.max(1.0)).sqrt()
        } else {
            0.0
        }
    }

    /// Expected time of a call that carries `batch` messages, in seconds. Beyond what was
    /// seen, a message costs the mean of the fitted slope and of what messages cost so far.
    #[must_use]
    pub fn time_s(&self, batch: f64) -> f64 {
        let seen = batch.min(self.seen_up_to);
        let on_line = self.per_call_s + self.per_message_s * seen;
        let beyond = batch - seen;
        if beyond > 0.0 {
            on_line + beyond * (self.per_message_s + on_line / self.seen_up_to) / 2.0
        } else {
            on_line
        }
    }
}

impl CallCost {
    /// Takes an interval of `length_s` seconds of an agent.
    pub fn observe(&mut self, length_s: f64, agent: &AgentObservation) {
        self.scale(self.keep(length_s));
        if agent.samples.is_empty() {
            self.take_mean(agent);
            return;
        }
        self.notice_change(&agent.samples);
        // Thinned samples stand for all the calls.
        let each = agent.calls.succeeded.max(1) as f64 / agent.samples.len() as f64;
        for sample in &agent.samples {
            let (b, t) = (f64::from(sample.batch.max(1)), sample.time.as_secs_f64());
            self.take(each, b, t);
        }
    }

    /// What is left of what was seen after an interval of `length_s` seconds.
    #[must_use]
    pub fn keep(&self, length_s: f64) -> f64 {
        let keep = (-length_s / MEMORY_S).exp();
        keep.max((MEMORY_CALLS / self.weight).min(1.0))
    }

    /// Takes `calls` that carried `b` messages each and took `t` seconds.
    fn take(&mut self, calls: f64, b: f64, t: f64) {
        self.weight += calls;
        self.sum_b += calls * b;
        self.sum_bb += calls * b * b;
        self.sum_t += calls * t;
        self.sum_bt += calls * b * t;
        self.sum_tt += calls * t * t;
    }

    /// Where samples are missing, all calls were as the mean one.
    fn take_mean(&mut self, agent: &AgentObservation) {
        let calls = agent.calls.succeeded as f64;
        if calls > 0.0 {
            let b = (agent.calls.messages as f64 / calls).max(1.0);
            self.take(calls, b, agent.calls.time.as_secs_f64() / calls);
        }
    }

    /// The fitted line; `None` before the first call has succeeded.
    #[must_use]
    pub fn line(&self) -> Option<CallLine> {
        if self.weight <= 0.0 {
            return None;
        }
        let (mean_b, mean_t) = (self.sum_b / self.weight, self.sum_t / self.weight);
        let spread = (self.sum_bb - mean_b * self.sum_b).max(0.0);
        let joint = self.sum_bt - mean_b * self.sum_t;
        let half = mean_t / mean_b / 2.0;
        let slope = (joint + PRIOR_SPREAD * half) / (spread + PRIOR_SPREAD);
        // Neither part of a call's time is negative.
        let per_message_s = slope.clamp(0.0, mean_t / mean_b);
        let per_call_s = mean_t - per_message_s * mean_b;
        let deviation = (spread / self.weight).sqrt();
        let residual = self.residual(per_call_s, per_message_s);
        Some(CallLine {
            per_call_s,
            per_message_s,
            mean_batch: mean_b,
            seen_up_to: mean_b + 2.0 * deviation,
            cv2: (residual / (mean_t * mean_t).max(f64::MIN_POSITIVE)).clamp(0.0, 100.0),
            calls: self.weight,
        })
    }

    /// Mean squared distance of the samples from the line.
    fn residual(&self, a: f64, c: f64) -> f64 {
        let sum = self.sum_tt - 2.0 * a * self.sum_t - 2.0 * c * self.sum_bt
            + a * a * self.weight
            + 2.0 * a * c * self.sum_b
            + c * c * self.sum_bb;
        (sum / self.weight).max(0.0)
    }

    /// Lets the past fade when two blocks in a row differ from what was before, on the same side.
    fn notice_change(&mut self, samples: &[CallSample]) {
        let Some(line) = self.line() else { return };
        for sample in samples {
            let of_batch = line.time_s(f64::from(sample.batch.max(1))) / line.time_s(1.0).max(1e-9);
            let time_s = sample.time.as_secs_f64() / of_batch.max(1e-9);
            let log = time_s.max(1e-9).ln();
            self.block.add(Logs {
                count: 1.0,
                sum: log,
                squares: log * log,
            });
        }
        if self.block.count < BLOCK_CALLS {
            return;
        }
        let block = std::mem::take(&mut self.block);
        if self.before.are_left_by(self.last, block) {
            self.scale((WEIGHT_AFTER_CHANGE / self.weight).min(1.0));
            (self.before, self.last) = (Logs::default(), Logs::default());
        } else {
            self.before.add(self.last);
            self.before.keep_at_most(MEMORY_CALLS);
            self.last = block;
        }
    }

    fn scale(&mut self, factor: f64) {
        for sum in [
            &mut self.weight,
            &mut self.sum_b,
            &mut self.sum_bb,
            &mut self.sum_t,
            &mut self.sum_bt,
            &mut self.sum_tt,
        ] {
            *sum *= factor;
        }
    }
}

impl Logs {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn keep_at_most(&mut self, most: f64) {
        let keep = (most / self.count.max(1.0)).min(1.0);
        *self = Self {
            count: self.count * keep,
            sum: self.sum * keep,
            squares: self.squares * keep,
        };
    }

    /// Whether chance is no cause of how two blocks in a row differ from these.
    fn are_left_by(self, last: Self, block: Self) -> bool {
        if self.count < BLOCK_CALLS || last.count < BLOCK_CALLS {
            return false;
        }
        let mut both = last;
        both.add(block);
        let ((_, last), (_, block)) = (self.apart(last), self.apart(block));
        let (by, together) = self.apart(both);
        last * block > 0.0
            && last.abs().min(block.abs()) > BLOCK_ERRORS
            && together.abs() > CHANGE_ERRORS
            && by.abs() > LEAST_CHANGE
    }

    /// By how much the mean of `others` lies above that of these, and in standard errors.
    fn apart(self, others: Self) -> (f64, f64) {
        let mean = self.sum / self.count;
        let variance = (self.squares / self.count - mean * mean).max(LEAST_LOG_VARIANCE);
        let by = others.sum / others.count - mean;
        (
            by,
            by / (variance / others.count + variance / self.count).sqrt(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::agent;
    use crate::units::Duration;

    /// An interval of calls of `(batch, milliseconds)`.
    fn interval(calls: &[(u32, f64)]) -> AgentObservation {
        let mut seen = agent("a");
        seen.calls.succeeded = calls.len() as u64;
        seen.samples = (calls.iter())
            .map(|&(batch, millis)| CallSample {
                batch,
                in_flight: 1,
                time: Duration::from_secs_f64(millis / 1e3),
            })
            .collect();
        seen
    }

    #[track_caller]
    fn check_near(found: f64, expected: f64, within: f64) {
        assert!(
            (found - expected).abs() <= within * expected,
            "found {found}, expected {expected}"
        );
    }

    #[test]
    fn finds_the_line_of_a_batch_agent() {
        let mut cost = CallCost::default();
        assert_eq!(cost.line(), None);
        for k in 0..20 {
            let b = 1 + k % 10;
            let t = 30.0 + 2.0 * f64::from(b);
            cost.observe(1.0, &interval(&[(b, t * 1.1), (b, t * 0.9)]));
        }
        let line = cost.line().expect("calls were seen");
        check_near(line.time_s(1.0), 0.032, 0.05);
        check_near(line.time_s(10.0), 0.050, 0.05);
        check_near(line.cv2, 0.01, 0.2);
    }

    #[test]
    fn is_wary_beyond_what_was_seen() {
        let mut cost = CallCost::default();
        for _ in 0..20 {
            cost.observe(1.0, &interval(&[(1, 32.0), (2, 34.0), (3, 36.0)]));
        }
        let line = cost.line().expect("calls were seen");
        let true_time = 0.030 + 0.002 * 40.0;
        assert!(line.time_s(40.0) > 2.0 * true_time);
        assert!(line.time_s(40.0) < 40.0 * line.time_s(1.0));
    }

    #[test]
    fn follows_a_slow_down_within_a_few_ticks() {
        let mut cost = CallCost::default();
        for _ in 0..60 {
            cost.observe(
                1.0,
                &interval(&[(1, 90.0), (1, 100.0), (1, 110.0)].repeat(20)),
            );
        }
        for _ in 0..3 {
            cost.observe(
                1.0,
                &interval(&[(1, 270.0), (1, 300.0), (1, 330.0)].repeat(20)),
            );
        }
        let line = cost.line().expect("calls were seen");
        check_near(line.time_s(1.0), 0.3, 0.05);
    }

    #[test]
    fn follows_a_slow_down_of_calls_that_scatter_within_two_blocks() {
        let of = |millis: f64| {
            let ratios = [0.35, 0.6, 0.85, 1.1, 1.6, 3.0];
            interval(&ratios.map(|ratio| (1, ratio * millis)).repeat(2))
        };
        let mut cost = CallCost::default();
        for _ in 0..60 {
            cost.observe(1.0, &of(100.0));
        }
        let usual_s = cost.line().expect("calls were seen").time_s(1.0);
        for _ in 0..2 {
            cost.observe(1.0, &of(240.0));
        }
        let slow_s = cost.line().expect("calls were seen").time_s(1.0);
        assert!(slow_s > 1.8 * usual_s, "{usual_s} {slow_s}");
    }

    #[test]
    fn one_long_call_is_no_change() {
        let usual = [0.2, 0.3, 0.4, 0.6, 0.8, 1.1].map(|ratio| (1, ratio * 1_000.0));
        let mut cost = CallCost::default();
        for _ in 0..30 {
            cost.observe(1.0, &interval(&usual));
        }
        cost.observe(1.0, &interval(&[(1, 300_000.0)]));
        let calls = cost.line().expect("calls were seen").calls;
        for _ in 0..6 {
            cost.observe(1.0, &interval(&usual));
        }
        assert!(cost.line().expect("calls were seen").calls > 0.9 * calls);
    }

    #[test]
    fn thinned_samples_stand_for_all_calls() {
        let mut thinned = interval(&[(1, 100.0)]);
        thinned.calls.succeeded = 1_000;
        let mut cost = CallCost::default();
        cost.observe(1.0, &thinned);
        assert_eq!(cost.weight, 1_000.0);
    }

    #[test]
    fn absurd_samples_stay_finite() {
        let mut cost = CallCost::default();
        let mut absurd = interval(&[(0, 0.0), (u32::MAX, 0.0), (1, 1e22)]);
        absurd.calls.succeeded = u64::MAX;
        for _ in 0..100 {
            cost.observe(1e10, &absurd);
            let line = cost.line().expect("calls were seen");
            assert!(
                line.time_s(50.0).is_finite() && line.cv2.is_finite(),
                "{line:?}"
            );
        }
    }
}
