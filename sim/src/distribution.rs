//! Distributions of times, sizes and counts, as scenario files write them.
//!
//! To add one: a variant of [`Distribution`], and the arm that the compiler then asks for in
//! `Distribution::check`, `Distribution::moments` and [`Distribution::sampler`]. The draws
//! themselves are in `distribution/sampler.rs`. Deliberately absent: fitting to data.

mod sampler;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use statrs::function::gamma::gamma;

use ebbtide_policies::units::{Bytes, Duration};

use crate::numbers;

pub use sampler::Sampler;
pub(crate) use sampler::{exponential, whole};

/// Something that a [`Distribution`] can be over, counted in its smallest unit.
pub trait Quantity: Copy {
    /// This many nanoseconds, bytes, things.
    fn to_f64(self) -> f64;
}

impl Quantity for Duration {
    fn to_f64(self) -> f64 {
        self.as_nanos() as f64
    }
}

impl Quantity for Bytes {
    fn to_f64(self) -> f64 {
        self.0 as f64
    }
}

impl Quantity for u32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

/// A distribution over times (the default), [`Bytes`] or counts.
///
/// Drawn values are rounded to whole nanoseconds, bytes or counts, and never negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    deny_unknown_fields,
    bound(deserialize = "Q: Quantity + Deserialize<'de>")
)]
pub enum Distribution<Q = Duration> {
    /// Always this.
    Constant(Q),
    /// Evenly between `low` and `high`.
    Uniform {
        /// Smallest value.
        low: Q,
        /// Largest value.
        high: Q,
    },
    /// Exponential with this mean; cv² 1.
    Exponential(Q),
    /// Sum of `k` equal exponentials; cv² 1/k.
    Erlang {
        /// How many, at least 1.
        #[serde(deserialize_with = "numbers::count")]
        k: u32,
        /// Mean of the sum.
        mean: Q,
    },
    /// Gamma; shape 1/cv².
    Gamma {
        /// Mean.
        mean: Q,
        /// Squared coefficient of variation, above 0.
        #[serde(deserialize_with = "numbers::positive")]
        cv2: f64,
    },
    /// `median · exp(sigma · Z)` with Z standard normal; mean `median · exp(sigma²/2)`,
    /// cv² `exp(sigma²) − 1`.
    LogNormal {
        /// Half of the values lie below.
        median: Q,
        /// Standard deviation of the logarithm, 0 to 10.
        #[serde(deserialize_with = "numbers::sigma")]
        sigma: f64,
    },
    /// The same family by its mean: `sigma² = ln(1 + cv²)`, `median = mean / √(1 + cv²)`.
    LogNormalMean {
        /// Mean.
        mean: Q,
        /// Squared coefficient of variation, from 0.
        #[serde(deserialize_with = "numbers::not_negative")]
        cv2: f64,
    },
    /// `scale · E^(1/shape)` with E exponential of mean 1; `scale = mean / Γ(1 + 1/shape)`.
    Weibull {
        /// Below 1: heavier tail than exponential. 0.1 to 100.
        #[serde(deserialize_with = "weibull_shape")]
        shape: f64,
        /// Mean.
        mean: Q,
    },
    /// Pareto between `low` and `high`, both cut off:
    /// `P(X > x) = (x^−shape − high^−shape) / (low^−shape − high^−shape)`.
    Pareto {
        /// Tail index; the smaller, the heavier. Above 0, at most 100.
        #[serde(deserialize_with = "pareto_shape")]
        shape: f64,
        /// Smallest value, above 0.
        low: Q,
        /// Largest value, above `low`.
        high: Q,
    },
    /// One of several exponentials, as `(weight, mean)`; weights need not sum to 1.
    HyperExponential(Vec<(Weight, Q)>),
    /// One of several distributions, as `(weight, distribution)`.
    Mixture(Vec<(Weight, Distribution<Q>)>),
    /// One of these values, each as likely as the others.
    Empirical(Vec<Q>),
}

/// How likely one part of a mixture is, relative to the others: finite, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Weight(pub f64);

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        numbers::positive(deserializer).map(Self)
    }
}

fn weibull_shape<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    numbers::within(f64::deserialize(deserializer)?, 0.1..=100.0)
}

fn pareto_shape<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let shape = numbers::positive(deserializer)?;
    numbers::within(shape, f64::MIN_POSITIVE..=100.0)
        .map_err(|_: de::value::Error| numbers::out_of_range(shape, "numbers above 0, up to 100"))
}

impl<'de, Q: Quantity + Deserialize<'de>> Deserialize<'de> for Distribution<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The inherent function that `remote = "Self"` derives, not this one.
        let distribution = Self::deserialize(deserializer)?;
        distribution.check().map_err(de::Error::custom)?;
        Ok(distribution)
    }
}

impl<Q: Serialize> Serialize for Distribution<Q> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<Q: Quantity> Distribution<Q> {
    /// What no single field can tell.
    fn check(&self) -> Result<(), &'static str> {
        let sound = |holds: bool, fault| if holds { Ok(()) } else { Err(fault) };
        match self {
            Self::Uniform { low, high } => sound(
                low.to_f64() <= high.to_f64(),
                "Uniform has low above high, low must be at most high",
            ),
            Self::Pareto { low, high, .. } => sound(
                0.0 < low.to_f64() && low.to_f64() < high.to_f64(),
                "Pareto needs low above 0 and high above low",
            ),
            Self::HyperExponential(parts) => sound(
                !parts.is_empty(),
                "HyperExponential needs at least one part",
            ),
            Self::Mixture(parts) => sound(!parts.is_empty(), "Mixture needs at least one part"),
            Self::Empirical(values) => {
                sound(!values.is_empty(), "Empirical needs at least one value")
            }
            Self::Constant(_)
            | Self::Exponential(_)
            | Self::Erlang { .. }
            | Self::Gamma { .. }
            | Self::LogNormal { .. }
            | Self::LogNormalMean { .. }
            | Self::Weibull { .. } => Ok(()),
        }
    }

    /// The mean, in nanoseconds, bytes or counts.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moments().0
    }

    /// The smallest value that can be drawn, in nanoseconds, bytes or counts; 0 where there is no other.
    #[must_use]
    pub fn least(&self) -> f64 {
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        match self {
            Self::Constant(value) => value.to_f64(),
            Self::Uniform { low, .. } | Self::Pareto { low, .. } => low.to_f64(),
            Self::Mixture(parts) => least(&mut parts.iter().map(|(_, part)| part.least())),
            Self::Empirical(values) => least(&mut values.iter().map(|value| value.to_f64())),
            Self::Exponential(_)
            | Self::Erlang { .. }
            | Self::Gamma { .. }
            | Self::LogNormal { .. }
            | Self::LogNormalMean { .. }
            | Self::Weibull { .. }
            | Self::HyperExponential(_) => 0.0,
        }
    }

    /// The squared coefficient of variation; 0 where the mean is 0.
    #[must_use]
    pub fn cv2(&self) -> f64 {
        let (mean, square) = self.moments();
        if mean > 0.0 {
            (square / (mean * mean) - 1.0).max(0.0)
        } else {
            0.0
        }
    }

    /// Mean and mean square.
    fn moments(&self) -> (f64, f64) {
        let by_cv2 = |mean: f64, cv2: f64| (mean, mean * mean * (1.0 + cv2));
        match self {
            Self::Constant(value) => by_cv2(value.to_f64(), 0.0),
            Self::Uniform { low, high } => {
                let (low, high) = (low.to_f64(), high.to_f64());
                let mean = (low + high) / 2.0;
                (mean, mean * mean + (high - low).powi(2) / 12.0)
            }
            Self::Exponential(mean) => by_cv2(mean.to_f64(), 1.0),
            Self::Erlang { k, mean } => by_cv2(mean.to_f64(), 1.0 / f64::from(*k)),
            Self::Gamma { mean, cv2 } | Self::LogNormalMean { mean, cv2 } => {
                by_cv2(mean.to_f64(), *cv2)
            }
            Self::LogNormal { median, sigma } => {
                let spread = (sigma * sigma).exp();
                by_cv2(median.to_f64() * spread.sqrt(), spread - 1.0)
            }
            Self::Weibull { shape, mean } => {
                let ratio = gamma(1.0 + 2.0 / shape) / gamma(1.0 + 1.0 / shape).powi(2);
                by_cv2(mean.to_f64(), ratio - 1.0)
            }
            Self::Pareto { shape, low, high } => {
                let moment = |r| pareto_moment(r, *shape, low.to_f64(), high.to_f64());
                (moment(1.0), moment(2.0))
            }
            Self::HyperExponential(parts) => mixed(
                parts
                    .iter()
                    .map(|(weight, mean)| (*weight, by_cv2(mean.to_f64(), 1.0))),
            ),
            Self::Mixture(parts) => {
                mixed(parts.iter().map(|(weight, part)| (*weight, part.moments())))
            }
            Self::Empirical(values) => mixed(
                values
                    .iter()
                    .map(|value| (Weight(1.0), by_cv2(value.to_f64(), 0.0))),
            ),
        }
    }

    /// Ready to draw from.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        match self {
            Self::Constant(value) => Sampler::constant(value.to_f64()),
            Self::Uniform { low, high } => Sampler::uniform(low.to_f64(), high.to_f64()),
            Self::Exponential(mean) => Sampler::exponential(mean.to_f64()),
            Self::Erlang { k, mean } => Sampler::gamma(mean.to_f64(), 1.0 / f64::from(*k)),
            Self::Gamma { mean, cv2 } => Sampler::gamma(mean.to_f64(), *cv2),
            Self::LogNormal { median, sigma } => Sampler::log_normal(median.to_f64(), *sigma),
            Self::LogNormalMean { mean, cv2 } => {
                let median = mean.to_f64() / (1.0 + cv2).sqrt();
                Sampler::log_normal(median, cv2.ln_1p().sqrt())
            }
            Self::Weibull { shape, mean } => {
                Sampler::weibull(mean.to_f64() / gamma(1.0 + 1.0 / shape), *shape)
            }
            Self::Pareto { shape, low, high } => {
                Sampler::pareto(*shape, low.to_f64(), high.to_f64())
            }
            Self::HyperExponential(parts) => {
                let part =
                    |&(weight, mean): &(Weight, Q)| (weight.0, Sampler::exponential(mean.to_f64()));
                Sampler::mixture(parts.iter().map(part).collect())
            }
            Self::Mixture(parts) => {
                let part = |(weight, part): &(Weight, Self)| (weight.0, part.sampler());
                Sampler::mixture(parts.iter().map(part).collect())
            }
            Self::Empirical(values) => {
                Sampler::empirical(values.iter().map(|value| value.to_f64()).collect())
            }
        }
    }
}

/// The `r`-th moment of a Pareto between `low` and `high`:
/// `shape/(r−shape) · (high^(r−shape) − low^(r−shape)) / (low^−shape − high^−shape)`.
fn pareto_moment(r: f64, shape: f64, low: f64, high: f64) -> f64 {
    // In units of `low`, so that no power overflows.
    let ratio = high / low;
    let kept = 1.0 - ratio.powf(-shape);
    let power = r - shape;
    let integral = if power.abs() < 1e-9 {
        ratio.ln()
    } else {
        (ratio.powf(power) - 1.0) / power
    };
    low.powf(r) * shape * integral / kept
}

/// The moments of a mixture.
fn mixed(parts: impl Iterator<Item = (Weight, (f64, f64))>) -> (f64, f64) {
    let sum = parts.fold((0.0, 0.0, 0.0), |sum, (Weight(weight), (mean, square))| {
        (
            sum.0 + weight,
            sum.1 + weight * mean,
            sum.2 + weight * square,
        )
    });
    (sum.1 / sum.0, sum.2 / sum.0)
}

#[cfg(test)]
mod tests;
