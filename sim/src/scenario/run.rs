//! How a scenario is run: length, warm-up, seed and replications.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use ebbtide_measure::Selector;
use ebbtide_policies::units::{Duration, UnitError};

use crate::numbers;

/// How long, how often, with which luck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Messages are sent for so long.
    pub length: Duration,
    /// After that, how long the last ones have to get their outcome.
    #[serde(default = "a_minute")]
    pub tail: Duration,
    /// What of the beginning does not count.
    #[serde(default)]
    pub warm_up: WarmUp,
    /// All luck follows from it.
    #[serde(default = "one")]
    pub seed: u64,
    /// Independent repetitions; at least so many where `until` asks for more.
    #[serde(default = "ten", deserialize_with = "numbers::count")]
    pub replications: u32,
    /// Repeats until a figure is known well enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Precision>,
}

const fn a_minute() -> Duration {
    Duration::from_secs(60)
}

const fn one() -> u64 {
    1
}

const fn ten() -> u32 {
    10
}

impl Run {
    /// A run of this length with everything else at its default.
    #[must_use]
    pub const fn of_length(length: Duration) -> Self {
        Self {
            length,
            tail: a_minute(),
            warm_up: WarmUp::Auto,
            seed: one(),
            replications: ten(),
            until: None,
        }
    }
}

/// When a figure is known well enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precision {
    /// The figure, written as in thresholds: `"p95(sojourn)"`.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub metric: Selector,
    /// Half of the width of its interval is at most this share of its value.
    pub half_width: Percent,
    /// Replications after which the run ends in any case.
    #[serde(default = "two_hundred", deserialize_with = "numbers::count")]
    pub max: u32,
}

fn as_text<S: Serializer>(metric: &Selector, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(metric)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Selector, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(de::Error::custom)
}

const fn two_hundred() -> u32 {
    200
}

/// A share, written as `"2%"`; above 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// As a share of 1.
    #[must_use]
    pub fn as_share(self) -> f64 {
        self.0 / 100.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Asks for text, and says what is missing where a bare number stands.
struct PercentVisitor;

impl de::Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage as text, such as \"2%\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Percent, E> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.trim().parse().ok());
        match number {
            Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(Percent(percent)),
            _ => Err(E::custom(format_args!(
                "{text:?} is no percentage above 0% up to 100%, write for example \"2%\""
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PercentVisitor)
    }
}

/// What of a run's beginning does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WarmUp {
    /// What MSER-5 finds, where the load is stationary; nothing otherwise.
    #[default]
    Auto,
    /// So much of it.
    Fixed(Duration),
}

impl FromStr for WarmUp {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text {
            "auto" => Ok(Self::Auto),
            time => time.parse().map(Self::Fixed),
        }
    }
}

impl Serialize for WarmUp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Fixed(time) => time.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WarmUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// `auto`, or a duration.
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = WarmUp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\" or a duration as text, such as \"30s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WarmUp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
