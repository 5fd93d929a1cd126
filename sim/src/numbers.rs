//! Bare numbers with a range, checked while they are read, so that a fault has its line.
//!
//! For `#[serde(deserialize_with = "…")]` on fields. Deliberately absent: quantities that have
//! a unit, which are read as text.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, de};

/// A share or a chance: 0 to 1.
pub(crate) fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(f64::deserialize(deserializer)?, 0.0..=1.0)
}

/// A factor or a weight: finite, more than 0.
pub(crate) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let found = f64::deserialize(deserializer)?;
    if found.is_finite() && found > 0.0 {
        return Ok(found);
    }
    Err(out_of_range(found, "finite numbers above 0"))
}

/// A factor on the number of messages: above 0, at most a thousand, so that copies of a trace's
/// messages keep names of their own.
pub(crate) fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let found = positive(deserializer)?;
    if found <= 1_000.0 {
        return Ok(found);
    }
    Err(out_of_range(found, "numbers above 0, at most 1000"))
}

/// A squared coefficient of variation, a USL coefficient: finite, at least 0.
pub(crate) fn not_negative<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let found = f64::deserialize(deserializer)?;
    if found.is_finite() && found >= 0.0 {
        return Ok(found);
    }
    Err(out_of_range(found, "finite numbers from 0"))
}

/// The standard deviation of a logarithm: 0 to 10.
pub(crate) fn sigma<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(f64::deserialize(deserializer)?, 0.0..=10.0)
}

/// A count of things of which there is at least one.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    // Signed, so that a negative one is told the range too.
    let count = within(i64::deserialize(deserializer)?, 1..=1_000_000)?;
    Ok(count as u32)
}

/// `found`, if the range has it.
pub(crate) fn within<T, E>(found: T, allowed: RangeInclusive<T>) -> Result<T, E>
where
    T: PartialOrd + Display,
    E: de::Error,
{
    if allowed.contains(&found) {
        return Ok(found);
    }
    let (low, high) = allowed.into_inner();
    Err(out_of_range(found, format_args!("{low} to {high}")))
}

/// The fault of a number beyond its range.
pub(crate) fn out_of_range<E: de::Error>(found: impl Display, allowed: impl Display) -> E {
    E::custom(format_args!(
        "{found} is out of range, allowed are {allowed}"
    ))
}
