//! What the user wants: a limit on a quantile of sojourn or wait, such as
//! `p95(sojourn) < 500ms`. Its text form lives here too, since scenario thresholds and
//! configuration read the same words. Deliberately absent: whether it is met.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::units::{Duration, UnitError};

/// Which of a message's times an objective speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Sent until its first call starts.
    Wait,
    /// Sent until its outcome.
    Sojourn,
}

/// "The `quantile` of `measure` stays below `limit`."
///
/// Written `p95(sojourn) < 500ms`; what is written reads back as the very same value.
///
/// ```
/// use ebbtide_policies::objective::{Measure, Objective};
///
/// let objective: Objective = "p99.9(wait) < 2s".parse()?;
/// assert_eq!(objective.measure, Measure::Wait);
/// assert_eq!(objective.quantile, 0.999);
/// assert_eq!(objective.to_string(), "p99.9(wait) < 2s");
/// # Ok::<(), ebbtide_policies::objective::ObjectiveError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The time that is limited.
    pub measure: Measure,
    /// Share of messages that must be below the limit, strictly between 0 and 1.
    pub quantile: f64,
    /// The limit; more than zero.
    pub limit: Duration,
}

/// An objective that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// Not of the form `p95(sojourn) < 500ms`.
    #[error("{0:?} is not an objective, write for example \"p95(sojourn) < 500ms\"")]
    Form(String),
    /// A measure that there is not.
    #[error("{0:?} cannot be limited, allowed are sojourn and wait")]
    Measure(String),
    /// A quantile that is none.
    #[error("{0} is no quantile, allowed are p above 0 and below 100")]
    Quantile(String),
    /// A limit of no time at all.
    #[error("the limit is 0s, allowed are durations above it")]
    NoLimit,
    /// A limit that is no duration.
    #[error("the limit: {0}")]
    Limit(UnitError),
}

impl Measure {
    /// Its name in objectives, thresholds and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Sojourn => "sojourn",
        }
    }
}

impl FromStr for Measure {
    type Err = ObjectiveError;

    fn from_str(name: &str) -> Result<Self, ObjectiveError> {
        match name {
            "wait" => Ok(Self::Wait),
            "sojourn" => Ok(Self::Sojourn),
            _ => Err(ObjectiveError::Measure(name.to_owned())),
        }
    }
}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let parts = || {
            let (left, limit) = text.split_once('<')?;
            let (percent, measure) = left.trim().strip_prefix('p')?.split_once('(')?;
            Some((percent, measure.strip_suffix(')')?, limit.trim()))
        };
        let Some((percent, measure, limit)) = parts() else {
            return Err(ObjectiveError::Form(text.to_owned()));
        };
        let limit: Duration = limit.parse().map_err(ObjectiveError::Limit)?;
        if limit.is_zero() {
            return Err(ObjectiveError::NoLimit);
        }
        Ok(Self {
            measure: measure.trim().parse()?,
            quantile: quantile_from_percent(percent)?,
            limit,
        })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = percent_from_quantile(self.quantile);
        write!(f, "p{percent}({}) < {}", self.measure.name(), self.limit)
    }
}

/// Reads `99.9` as 0.999. The point is moved in the text: dividing by 100 would round, and
/// what was written would not read back.
fn quantile_from_percent(percent: &str) -> Result<f64, ObjectiveError> {
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let quantile = (!whole.is_empty() && is_number(whole) && is_number(fraction))
        .then(|| {
            let whole = format!("{whole:0>2}");
            let (above, moved) = whole.split_at(whole.len() - 2);
            format!("0{above}.{moved}{fraction}").parse::<f64>().ok()
        })
        .flatten();
    quantile
        .filter(|quantile| *quantile > 0.0 && *quantile < 1.0)
        .ok_or_else(|| ObjectiveError::Quantile(format!("p{percent}")))
}

/// Writes 0.999 as `99.9`, the reverse of [`quantile_from_percent`].
fn percent_from_quantile(quantile: f64) -> String {
    let text = quantile.to_string();
    let (_, fraction) = text.split_once('.').unwrap_or(("0", ""));
    let fraction = format!("{fraction:0<2}");
    let (moved, rest) = fraction.split_at(2);
    let whole = match moved.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{whole}{point}{rest}")
}

impl Serialize for Objective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Objective {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Objective;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an objective as text, such as \"p95(sojourn) < 500ms\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Objective, E> {
                text.parse().map_err(E::custom)
            }
        }
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_str(Visitor);
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(text.parse::<Objective>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn objectives_are_read_and_written() {
        for (text, quantile) in [
            ("p50(wait) < 1s", 0.5),
            ("p95(sojourn) < 500ms", 0.95),
            ("p99.9(wait) < 2s", 0.999),
            ("p5(sojourn) < 1h", 0.05),
            ("p0.1(sojourn) < 1ns", 0.001),
        ] {
            let objective: Objective = text.parse().unwrap();
            assert_eq!(objective.quantile.to_bits(), f64::to_bits(quantile));
            assert_eq!(objective.to_string(), text);
        }
        let spaced: Objective = " p95( sojourn )<500ms ".parse().unwrap();
        assert_eq!(spaced.to_string(), "p95(sojourn) < 500ms");
    }

    #[test]
    fn what_is_no_objective_is_refused_with_what_is_allowed() {
        refused(
            "fast",
            "\"fast\" is not an objective, write for example \"p95(sojourn) < 500ms\"",
        );
        refused(
            "p95(latency) < 1s",
            "\"latency\" cannot be limited, allowed are sojourn and wait",
        );
        for (text, found) in [("p100", "p100"), ("p0", "p0"), ("p1e1", "p1e1"), ("p", "p")] {
            let expected = format!("{found} is no quantile, allowed are p above 0 and below 100");
            refused(&format!("{text}(wait) < 1s"), &expected);
        }
        refused(
            "p95(wait) < 0s",
            "the limit is 0s, allowed are durations above it",
        );
        refused(
            "p95(wait) < 500",
            "the limit: 500 has no unit, write \"500ms\" or \"500s\"",
        );
    }

    proptest! {
        #[test]
        fn any_objective_reads_back_bit_for_bit(
            sojourn: bool,
            quantile in prop_oneof![0.0..1.0, 1e-300..1e-3, 0.99..1.0],
            nanos in 1..u64::MAX,
        ) {
            prop_assume!(quantile > 0.0);
            let measure = if sojourn { Measure::Sojourn } else { Measure::Wait };
            let limit = Duration::from_nanos(nanos);
            let objective = Objective { measure, quantile, limit };
            let read: Objective = objective.to_string().parse().unwrap();
            prop_assert_eq!(read.quantile.to_bits(), quantile.to_bits());
            prop_assert_eq!(read, objective);
        }

        #[test]
        fn no_text_panics(text in "p?[0-9.e]{0,4}[(]?[a-z]{0,8}[)]? ?<? ?[0-9a-z.<()µ-]{0,9}") {
            let _ = text.parse::<Objective>();
        }
    }
}
