//! Intervals by Student's t over replications, never over messages.
//!
//! One replication gives one value of each figure; replications are independent, so their
//! mean has the interval `mean ± t(n-1) · s/√n` (Student 1908). Deliberately absent: intervals
//! within a run, which would have to model how messages depend on each other.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::figures::Sample;
use crate::metric::Unit;

/// Confidence of the intervals that results and comparisons print.
pub const LEVEL: f64 = 0.95;

/// A figure's mean over replications with its interval; of a maximum the largest of all, which is no guess and has
/// none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean, or the largest of a maximum; `None` where it may not be printed.
    pub mean: Option<f64>,
    /// Lower end; `None` with fewer than two replications.
    pub ci_low: Option<f64>,
    /// Upper end; `None` with fewer than two replications, and where unfinished messages make
    /// the mean a lower bound.
    pub ci_high: Option<f64>,
    /// Whether the true mean may be larger, since unfinished messages are in it: prints "≥".
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

impl Estimate {
    /// The mean of the `samples` that have a value, one of each replication, with its interval
    /// at `level` (0–1).
    #[must_use]
    pub fn over(samples: &[Sample], level: f64) -> Self {
        let values: Vec<f64> = samples.iter().filter_map(|sample| sample.value).collect();
        let mut estimate = Self::of_values(&values, level);
        estimate.at_least = samples.iter().any(|sample| sample.at_least);
        if estimate.at_least {
            estimate.ci_high = None;
        }
        estimate
    }

    /// The largest of the `samples` that have a value, one of each replication.
    #[must_use]
    pub fn largest(samples: &[Sample]) -> Self {
        let values = samples.iter().filter_map(|sample| sample.value);
        Self {
            mean: values.max_by(f64::total_cmp),
            at_least: samples.iter().any(|sample| sample.at_least),
            ..Self::default()
        }
    }

    /// The mean of `values` with its interval at `level` (0–1).
    #[must_use]
    pub fn of_values(values: &[f64], level: f64) -> Self {
        let Some(Spread { mean, error }) = Spread::of(values) else {
            return Self::default();
        };
        let half = error.map(|error| t_quantile(level, values.len() - 1) * error);
        Self {
            mean: Some(mean),
            ci_low: half.map(|half| mean - half),
            ci_high: half.map(|half| mean + half),
            at_least: false,
        }
    }

    /// Half the interval's width; `None` without an interval.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        Some((self.ci_high? - self.ci_low?) / 2.0)
    }

    /// The interval cut to what a figure in `unit` can be: none is below zero, no share above one. Student's t is
    /// symmetric and knows no bounds, so of few and skewed replications it may reach beyond them.
    #[must_use]
    pub fn cut(&self, unit: Unit) -> Self {
        let most = if unit == Unit::Share {
            1.0
        } else {
            f64::INFINITY
        };
        let within = |end: f64| end.clamp(0.0, most);
        Self {
            ci_low: self.ci_low.map(within),
            ci_high: self.ci_high.map(within),
            ..*self
        }
    }

    /// Half the interval's width as a share of the mean; `None` without an interval or if the
    /// mean is zero and the interval is not.
    #[must_use]
    pub fn relative_half_width(&self) -> Option<f64> {
        let half = self.half_width()?;
        if half == 0.0 {
            return Some(0.0);
        }
        let relative = half / self.mean?.abs();
        relative.is_finite().then_some(relative)
    }
}

/// Mean and standard error of some values.
pub(crate) struct Spread {
    /// The mean.
    pub(crate) mean: f64,
    /// The standard error of the mean; `None` with fewer than two values.
    pub(crate) error: Option<f64>,
}

impl Spread {
    /// Of `values`; `None` if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        // From the first value on: values that are all equal have an error of exactly zero.
        let first = values[0];
        let mean = first + values.iter().map(|value| value - first).sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
        Some(Self { mean, error })
    }
}

/// The `t` that a Student-t variable with `freedom` degrees stays within, either side, with
/// probability `level` (strictly between 0 and 1). `freedom` is at least 1.
#[must_use]
pub fn t_quantile(level: f64, freedom: usize) -> f64 {
    student(freedom).inverse_cdf(0.5 + level / 2.0)
}

/// The probability that a Student-t variable with `freedom` degrees exceeds `t`.
pub(crate) fn t_exceeds(t: f64, freedom: usize) -> f64 {
    student(freedom).sf(t)
}

fn student(freedom: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom as f64).expect("freedom is at least 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_t(level: f64, freedom: usize, expected: f64) {
        let t = t_quantile(level, freedom);
        assert!(
            (t / expected - 1.0).abs() < 1e-6,
            "t({level}, {freedom}) = {t}, tables have {expected}"
        );
    }

    // Computed by mpmath with 30 digits from the incomplete beta function.
    #[test]
    fn student_quantiles_agree_with_the_tables() {
        check_t(0.95, 1, 12.706_204_736);
        check_t(0.95, 9, 2.262_157_163);
        check_t(0.95, 29, 2.045_229_642);
        check_t(0.9999, 1, 6_366.197_671_32);
        check_t(0.9999, 2, 99.992_499_843_7);
        check_t(0.9999, 9, 6.593_682_583_94);
        check_t(0.9999, 29, 4.505_511_631_21);
        check_t(0.9999, 99, 4.055_041_309_11);
    }

    /// Roughly normal numbers of mean 3 and standard deviation 2: twelve uniform ones summed
    /// (xorshift64, Marsaglia 2003).
    fn normals(seed: u64) -> impl Iterator<Item = f64> {
        let mut state = seed;
        let mut uniform = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as f64 / u64::MAX as f64
        };
        std::iter::repeat_with(move || {
            let sum: f64 = (0..12).map(|_| uniform()).sum();
            3.0 + 2.0 * (sum - 6.0)
        })
    }

    #[track_caller]
    fn check_coverage(level: f64, replications: usize) {
        const TRIALS: usize = 4_000;
        let mut luck = normals(0x9E37_79B9_7F4A_7C15);
        let covered = (0..TRIALS)
            .filter(|_| {
                let values: Vec<f64> = luck.by_ref().take(replications).collect();
                let estimate = Estimate::of_values(&values, level);
                let (low, high) = (estimate.ci_low, estimate.ci_high);
                low.is_some_and(|low| low <= 3.0) && high.is_some_and(|high| high >= 3.0)
            })
            .count();
        let share = covered as f64 / TRIALS as f64;
        // Four standard errors of the share, and a little for numbers that are not quite normal.
        let slack = 4.0 * (level * (1.0 - level) / TRIALS as f64).sqrt() + 0.001;
        assert!(
            (share - level).abs() <= slack,
            "{share} of the intervals cover, stated {level}"
        );
    }

    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say() {
        check_coverage(0.95, 5);
        check_coverage(0.95, 10);
        check_coverage(0.99, 20);
        check_coverage(0.5, 3);
    }

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        let estimate = Estimate::of_values(&[0.1; 7], 0.95);
        assert_eq!(
            (estimate.mean, estimate.half_width()),
            (Some(0.1), Some(0.0))
        );
        assert_eq!(estimate.relative_half_width(), Some(0.0));
    }

    #[test]
    fn one_value_has_no_interval_and_none_no_mean() {
        let one = Estimate::of_values(&[2.0], 0.95);
        assert_eq!(
            (one.mean, one.half_width(), one.relative_half_width()),
            (Some(2.0), None, None)
        );
        assert_eq!(Estimate::of_values(&[], 0.95), Estimate::default());
    }

    #[test]
    fn an_interval_is_cut_to_what_the_figure_can_be() {
        let ends = |low: f64, high: f64, unit: Unit| {
            let of = Estimate {
                mean: Some((low + high) / 2.0),
                ci_low: Some(low),
                ci_high: Some(high),
                at_least: false,
            };
            let cut = of.cut(unit);
            (cut.ci_low, cut.ci_high)
        };
        assert_eq!(ends(-0.3, 0.7, Unit::Count), (Some(0.0), Some(0.7)));
        assert_eq!(ends(0.9, 1.1, Unit::Share), (Some(0.9), Some(1.0)));
        assert_eq!(ends(0.9, 1.1, Unit::Seconds), (Some(0.9), Some(1.1)));
    }

    #[test]
    fn an_interval_around_zero_has_no_relative_width() {
        assert_eq!(
            Estimate::of_values(&[-1.0, 1.0], 0.95).relative_half_width(),
            None
        );
    }
}
