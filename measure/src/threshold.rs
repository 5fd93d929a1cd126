//! Thresholds such as `p95(sojourn) < 500ms`, judged on the interval, not on the point; a maximum has none, and is
//! judged itself.

use std::fmt;
use std::str::FromStr;

use ebbtide_core::units::{Duration, Rate};
use ebbtide_policies::units::UnitError;
use serde::{Deserialize, Serialize};

use crate::interval::Estimate;
use crate::metric::Unit;
use crate::results::Results;
use crate::selector::{Selector, SelectorError};

/// A limit on a figure.
///
/// ```
/// use ebbtide_measure::Threshold;
///
/// let threshold: Threshold = "success_rate >= 99.9%".parse()?;
/// assert_eq!(threshold.limit, 0.999);
/// assert_eq!(threshold.to_string(), "success_rate >= 99.9%");
/// # Ok::<(), ebbtide_measure::threshold::ThresholdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Threshold {
    /// The figure.
    pub selector: Selector,
    /// On which side of the limit it must be.
    pub relation: Relation,
    /// The limit, in the figure's unit (seconds, per second, a share); finite and not negative.
    pub limit: f64,
}

/// On which side of a limit a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// A threshold that could not be read from text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// Not of the form "figure, relation, limit".
    #[error("{0:?} is not a threshold, write for example \"p95(sojourn) < 500ms\"")]
    Form(String),
    /// No figure stands on the left.
    #[error(transparent)]
    Figure(#[from] SelectorError),
    /// No limit of the figure's unit stands on the right.
    #[error("the limit: {0}")]
    Quantity(#[from] UnitError),
    /// Not a number in range.
    #[error("the limit {found:?} of {figure} is out of range, allowed are {allowed}")]
    Number {
        /// What was written.
        found: String,
        /// The figure.
        figure: String,
        /// What may be.
        allowed: &'static str,
    },
}

/// Whether a threshold holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdVerdict {
    /// The whole interval is on the right side.
    Pass,
    /// The whole interval is on the wrong side.
    Fail,
    /// The interval straddles the limit, or there is none, or the maximum may be larger.
    Inconclusive,
}

/// A threshold and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// The threshold as text.
    pub expect: String,
    /// Whether it holds.
    pub verdict: ThresholdVerdict,
    /// The limit, in the figure's unit.
    pub limit: f64,
    /// The figure with its interval; all null if there is no such figure.
    pub value: Estimate,
    /// How far the mean is on the right side of the limit, as a share of the limit; negative
    /// on the wrong side, `None` without a mean or where the limit is 0.
    pub margin: Option<f64>,
}

impl Threshold {
    /// Whether `results` meet it.
    #[must_use]
    pub fn judge(&self, results: &Results) -> ThresholdResult {
        let figure = results.figure(&self.selector.scope, self.selector.metric);
        let value = figure.copied().unwrap_or_default();
        let room = value.mean.map(|mean| match self.relation {
            Relation::Below | Relation::AtMost => self.limit - mean,
            Relation::Above | Relation::AtLeast => mean - self.limit,
        });
        ThresholdResult {
            expect: self.to_string(),
            verdict: self.verdict(&value),
            limit: self.limit,
            value,
            margin: room
                .filter(|_| self.limit > 0.0)
                .map(|room| room / self.limit),
        }
    }

    fn verdict(&self, value: &Estimate) -> ThresholdVerdict {
        let (low, high) = if self.selector.metric.is_maximum() {
            (value.mean, value.mean.filter(|_| !value.at_least))
        } else {
            (value.ci_low, value.ci_high)
        };
        let limit = self.limit;
        let (pass, fail) = match self.relation {
            Relation::Below => (
                high.is_some_and(|h| h < limit),
                low.is_some_and(|l| l >= limit),
            ),
            Relation::AtMost => (
                high.is_some_and(|h| h <= limit),
                low.is_some_and(|l| l > limit),
            ),
            Relation::Above => (
                low.is_some_and(|l| l > limit),
                high.is_some_and(|h| h <= limit),
            ),
            Relation::AtLeast => (
                low.is_some_and(|l| l >= limit),
                high.is_some_and(|h| h < limit),
            ),
        };
        match (pass, fail) {
            (true, _) => ThresholdVerdict::Pass,
            (_, true) => ThresholdVerdict::Fail,
            _ => ThresholdVerdict::Inconclusive,
        }
    }
}

impl Relation {
    const ALL: [Self; 4] = [Self::AtMost, Self::AtLeast, Self::Below, Self::Above];

    /// How it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        // The longer signs are tried first.
        let split = Relation::ALL.into_iter().find_map(|relation| {
            let (figure, limit) = text.split_once(relation.sign())?;
            Some((figure.trim(), relation, limit.trim()))
        });
        let form = || ThresholdError::Form(text.to_owned());
        let (figure, relation, limit) = split.ok_or_else(form)?;
        if figure.is_empty() || limit.is_empty() {
            return Err(form());
        }
        let selector: Selector = figure.parse()?;
        let limit = read_limit(limit, &selector)?;
        Ok(Self {
            selector,
            relation,
            limit,
        })
    }
}

fn read_limit(text: &str, selector: &Selector) -> Result<f64, ThresholdError> {
    let (number, allowed) = match selector.metric.unit() {
        Unit::Seconds => return Ok(text.parse::<Duration>()?.as_secs_f64()),
        Unit::PerSecond => return Ok(text.parse::<Rate>()?.as_per_second()),
        Unit::Count => (read_number(text, ""), "plain numbers from 0 on"),
        Unit::Share => (
            match text.strip_suffix('%') {
                Some(percent) => read_number(percent.trim_end(), "e-2"),
                None => read_number(text, ""),
            }
            .filter(|share| *share <= 1.0),
            "0% to 100%, or 0 to 1",
        ),
    };
    number.ok_or_else(|| ThresholdError::Number {
        found: text.to_owned(),
        figure: selector.to_string(),
        allowed,
    })
}

/// A number of digits and at most one point, times the power of ten `exponent`: the point is
/// moved in the text, since dividing by 100 would round.
fn read_number(text: &str, exponent: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = format!("{text}{exponent}").parse::<f64>().ok()?;
    (is_plain && number.is_finite()).then_some(number)
}

/// Reads back as the same threshold.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.selector, self.relation.sign())?;
        match self.selector.metric.unit() {
            Unit::Seconds => write!(f, "{}", Duration::from_secs_f64(self.limit)),
            Unit::PerSecond => write!(f, "{}/s", self.limit),
            Unit::Count => write!(f, "{}", self.limit),
            Unit::Share => {
                let percent = format!("{}e2", self.limit).parse::<f64>();
                write!(f, "{}%", percent.unwrap_or(self.limit * 100.0))
            }
        }
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Group;
    use crate::figures::{Figures, Sample, Times};

    #[track_caller]
    fn check_reads(text: &str, limit: f64, written: &str) {
        let threshold: Threshold = text.parse().expect("a threshold");
        assert_eq!(threshold.limit, limit);
        assert_eq!(threshold.to_string(), written);
        assert_eq!(written.parse(), Ok(threshold));
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_threshold() {
        check_reads("p95(sojourn)<500ms", 0.5, "p95(sojourn) < 500ms");
        check_reads("mean(wait) <= 20ms", 0.02, "mean(wait) <= 20ms");
        check_reads("throughput > 90/s", 90.0, "throughput > 90/s");
        check_reads("success_rate >= 99.9%", 0.999, "success_rate >= 99.9%");
        check_reads("success_rate >= 0.07", 0.07, "success_rate >= 7%");
        check_reads("workers_mean < 4", 4.0, "workers_mean < 4");
        let classed = "p99(sojourn, class=chat) < 2s";
        check_reads(classed, 2.0, classed);
        check_reads("sojourn_s.p99 < 1500ms", 1.5, "p99(sojourn) < 1.5s");
        check_reads("lateness <= 1min", 60.0, "lateness <= 1min");
        check_reads("worker_seconds < 300s", 300.0, "worker_seconds < 5min");
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = text.parse::<Threshold>().expect_err("no threshold");
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn errors_say_what_was_found_and_what_is_allowed() {
        let remedy = "is not a threshold, write for example \"p95(sojourn) < 500ms\"";
        check_error("p95(sojourn)", &format!("\"p95(sojourn)\" {remedy}"));
        check_error("p95(sojourn) <", &format!("\"p95(sojourn) <\" {remedy}"));
        check_error("< 3s", &format!("\"< 3s\" {remedy}"));
        check_error("p95(latency) < 3s", "\"p95(latency)\" is no figure");
        check_error("p95(sojourn) < 500", "the limit: 500 has no unit");
        check_error("throughput > 90", "the limit: 90 has no unit");
        let shares = "is out of range, allowed are 0% to 100%, or 0 to 1";
        for limit in ["101%", "1.5", "-1%", "NaN", "1e-2", "x"] {
            let text = format!("success_rate > {limit}");
            check_error(
                &text,
                &format!("the limit {limit:?} of success_rate {shares}"),
            );
        }
        let counts = "is out of range, allowed are plain numbers from 0 on";
        for limit in ["-1", "inf", "4s", "1e999"] {
            let text = format!("workers_mean < {limit}");
            check_error(
                &text,
                &format!("the limit {limit:?} of workers_mean {counts}"),
            );
        }
    }

    fn judged(text: &str, p95: Estimate) -> ThresholdResult {
        let results = Results {
            total: Group {
                figures: Figures {
                    sojourn_s: Times {
                        p95,
                        ..Times::default()
                    },
                    ..Figures::default()
                },
                ..Group::default()
            },
            ..Results::default()
        };
        text.parse::<Threshold>()
            .expect("a threshold")
            .judge(&results)
    }

    #[track_caller]
    fn check(text: &str, verdict: ThresholdVerdict) {
        // 1 s, give or take a quarter.
        let p95 = Estimate {
            mean: Some(1.0),
            ci_low: Some(0.75),
            ci_high: Some(1.25),
            at_least: false,
        };
        assert_eq!(judged(text, p95).verdict, verdict, "{text}");
    }

    #[test]
    fn the_interval_is_judged_and_not_the_point() {
        use ThresholdVerdict::{Fail, Inconclusive, Pass};
        check("p95(sojourn) < 1300ms", Pass);
        check("p95(sojourn) < 1250ms", Inconclusive);
        check("p95(sojourn) <= 1250ms", Pass);
        check("p95(sojourn) < 1s", Inconclusive);
        check("p95(sojourn) <= 750ms", Inconclusive);
        check("p95(sojourn) < 750ms", Fail);
        check("p95(sojourn) <= 700ms", Fail);
        check("p95(sojourn) > 700ms", Pass);
        check("p95(sojourn) > 750ms", Inconclusive);
        check("p95(sojourn) >= 750ms", Pass);
        check("p95(sojourn) > 1250ms", Fail);
        check("p95(sojourn) >= 1250ms", Inconclusive);
        check("p95(sojourn) >= 1300ms", Fail);
        check("p95(wait) < 1s", Inconclusive);
        check("p95(sojourn, agent=nobody) < 1s", Inconclusive);
    }

    #[test]
    fn a_lower_bound_can_fail_a_limit_but_not_meet_it() {
        let bound = Estimate {
            mean: Some(1.0),
            ci_low: Some(0.75),
            ci_high: None,
            at_least: true,
        };
        let verdict = |text| judged(text, bound).verdict;
        assert_eq!(
            verdict("p95(sojourn) < 10s"),
            ThresholdVerdict::Inconclusive
        );
        assert_eq!(verdict("p95(sojourn) < 500ms"), ThresholdVerdict::Fail);
        assert_eq!(verdict("p95(sojourn) > 500ms"), ThresholdVerdict::Pass);
    }

    #[test]
    fn a_maximum_is_judged_itself_since_it_is_no_guess() {
        use ThresholdVerdict::{Fail, Inconclusive, Pass};
        let judged = |text: &str, at_least| {
            let mut results = Results::default();
            results.total.figures.queue_max = Estimate::largest(&[
                Sample::exact(3.0),
                Sample {
                    at_least,
                    value: Some(10.0),
                },
            ]);
            let threshold: Threshold = text.parse().expect("a threshold");
            threshold.judge(&results).verdict
        };
        assert_eq!(judged("queue_max <= 10", false), Pass);
        assert_eq!(judged("queue_max < 10", false), Fail);
        assert_eq!(judged("queue_max > 10", false), Fail);
        assert_eq!(judged("queue_max >= 10", false), Pass);
        assert_eq!(judged("queue_max <= 10", true), Inconclusive);
        assert_eq!(judged("queue_max < 10", true), Fail);
        assert_eq!(judged("queue_max > 10", true), Inconclusive);
        assert_eq!(judged("queue_max >= 10", true), Pass);
    }

    #[test]
    fn one_replication_is_inconclusive_and_has_a_margin() {
        let result = judged("p95(sojourn) < 2s", Estimate::of_values(&[1.5], 0.95));
        assert_eq!(result.verdict, ThresholdVerdict::Inconclusive);
        assert_eq!(result.margin, Some(0.25));
        assert_eq!(
            judged("p95(sojourn) > 2s", result.value).margin,
            Some(-0.25)
        );
    }
}
