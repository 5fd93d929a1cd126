//! Draws: distributions with everything that can be computed beforehand, computed.
//!
//! Apart from the distributions because this is the hot path of the simulator, in plain `f64`s
//! of the smallest unit. Deliberately absent: names, units and checks.

use rand_distr::{Distribution as _, Exp1, Gamma, StandardNormal};

use ebbtide_policies::units::Duration;

use crate::streams::KeyedRng;

/// A distribution ready to draw from.
#[derive(Clone, Debug)]
pub struct Sampler(Draw);

#[derive(Clone, Debug)]
enum Draw {
    Constant(f64),
    Uniform {
        low: f64,
        width: f64,
    },
    Exponential {
        mean: f64,
    },
    Gamma(Gamma<f64>),
    LogNormal {
        median: f64,
        sigma: f64,
    },
    Weibull {
        scale: f64,
        exponent: f64,
    },
    Pareto {
        low: f64,
        exponent: f64,
        kept: f64,
    },
    /// Each part with the chance that it or an earlier one is meant.
    Mixture(Vec<(f64, Draw)>),
    Empirical(Vec<f64>),
}

impl Sampler {
    pub(crate) fn constant(value: f64) -> Self {
        Self(Draw::Constant(value))
    }

    pub(crate) fn uniform(low: f64, high: f64) -> Self {
        let width = high - low;
        Self(Draw::Uniform { low, width })
    }

    pub(crate) fn exponential(mean: f64) -> Self {
        Self(Draw::Exponential { mean })
    }

    pub(crate) fn gamma(mean: f64, cv2: f64) -> Self {
        // Zero scale or shape, of a zero mean or of rounding, means that nothing varies.
        Self(Gamma::new(1.0 / cv2, mean * cv2).map_or(Draw::Constant(mean), Draw::Gamma))
    }

    pub(crate) fn log_normal(median: f64, sigma: f64) -> Self {
        Self(Draw::LogNormal { median, sigma })
    }

    pub(crate) fn weibull(scale: f64, shape: f64) -> Self {
        let exponent = 1.0 / shape;
        Self(Draw::Weibull { scale, exponent })
    }

    pub(crate) fn pareto(shape: f64, low: f64, high: f64) -> Self {
        Self(Draw::Pareto {
            low,
            exponent: -1.0 / shape,
            kept: 1.0 - (high / low).powf(-shape),
        })
    }

    pub(crate) fn mixture(parts: Vec<(f64, Self)>) -> Self {
        let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let cumulated = parts.into_iter().scan(0.0, |sum, (weight, part)| {
            *sum += weight;
            Some((*sum / total, part.0))
        });
        Self(Draw::Mixture(cumulated.collect()))
    }

    pub(crate) fn empirical(values: Vec<f64>) -> Self {
        Self(Draw::Empirical(values))
    }

    /// The next value, in nanoseconds, bytes or counts; never negative.
    #[inline]
    pub fn value(&self, rng: &mut KeyedRng) -> f64 {
        self.0.value(rng)
    }

    /// The next value as a time, rounded to the nearest nanosecond.
    #[inline]
    pub fn duration(&self, rng: &mut KeyedRng) -> Duration {
        Duration::from_nanos(whole(self.value(rng)))
    }

    /// The next value as a count of bytes or things, rounded to the nearest, at most 2³² − 1.
    #[inline]
    pub fn count(&self, rng: &mut KeyedRng) -> u32 {
        u32::try_from(whole(self.value(rng))).unwrap_or(u32::MAX)
    }

    /// The one value that is ever drawn, if there is but one: then drawing can be skipped.
    #[must_use]
    pub fn always(&self) -> Option<f64> {
        match self.0 {
            Draw::Constant(value) => Some(value),
            _ => None,
        }
    }
}

/// Rounds what is not negative to the nearest, at most 2⁶³ − 1. `f64::round` would call into libm,
/// and unsigned numbers would take twice the work.
#[inline]
pub(crate) fn whole(value: f64) -> u64 {
    debug_assert!(value.is_nan() || value >= 0.0, "{value} is negative");
    (value + 0.5) as i64 as u64
}

impl Draw {
    #[inline(always)]
    fn value(&self, rng: &mut KeyedRng) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, width } => low + width * rng.unit(),
            Self::Exponential { mean } => mean * exponential(rng),
            costly => costly.costly_value(rng),
        }
    }

    /// Of those whose computation is long beside a call.
    #[inline(never)]
    fn costly_value(&self, rng: &mut KeyedRng) -> f64 {
        match self {
            Self::Constant(_) | Self::Uniform { .. } | Self::Exponential { .. } => self.value(rng),
            Self::Gamma(gamma) => gamma.sample(rng),
            Self::LogNormal { median, sigma } => {
                let normal: f64 = StandardNormal.sample(rng);
                median * (sigma * normal).exp()
            }
            Self::Weibull { scale, exponent } => scale * exponential(rng).powf(*exponent),
            // By inversion: P(X > x) of the docs, solved for x.
            Self::Pareto {
                low,
                exponent,
                kept,
            } => low * (1.0 - kept * rng.unit()).powf(*exponent),
            Self::Mixture(parts) => {
                let chance = rng.unit();
                let chosen = parts.iter().find(|(upto, _)| chance < *upto);
                // Rounding may leave the last bound a hair below 1.
                let (_, part) = chosen.unwrap_or_else(|| &parts[parts.len() - 1]);
                part.value(rng)
            }
            Self::Empirical(values) => {
                let index = (rng.unit() * values.len() as f64) as usize;
                values[index.min(values.len() - 1)]
            }
        }
    }
}

/// Exponential of mean 1.
#[inline]
pub(crate) fn exponential(rng: &mut KeyedRng) -> f64 {
    Exp1.sample(rng)
}
