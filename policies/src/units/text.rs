//! Units as text, and so as serde values: `"35ms"`, `"40/s"`, `"4KiB"`.
//!
//! Apart from the quantities themselves because most code only computes with them. Reading is
//! exact (no float in between, except for rates) and what is written reads back as the very
//! same value: the decision log depends on it. Deliberately absent: numbers without a unit.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Bytes, Duration, Rate, Time};

/// A quantity that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// A number where a quantity belongs.
    #[error("{found} has no unit, write {remedy}")]
    NoUnit {
        /// The number.
        found: String,
        /// What to write instead.
        remedy: String,
    },
    /// A number followed by something that is no unit of this quantity.
    #[error("{found:?} has an unknown unit {unit:?}, {remedy}")]
    UnknownUnit {
        /// The whole text.
        found: String,
        /// What stands in the unit's place.
        unit: String,
        /// The units there are, or which of two may be meant.
        remedy: String,
    },
    /// Text that does not start with a number.
    #[error("{found} is not {what}, write for example {example}")]
    NotANumber {
        /// The whole text.
        found: String,
        /// What was wanted.
        what: &'static str,
        /// How it could look.
        example: &'static str,
    },
    /// Negative, not finite, or too large.
    #[error("{found} is out of range, allowed are {allowed}")]
    OutOfRange {
        /// The whole text.
        found: String,
        /// The range.
        allowed: &'static str,
    },
}

/// What reading a quantity needs to know of it.
trait Quantity: FromStr<Err = UnitError> {
    /// Its name with an article.
    const WHAT: &'static str;
    /// A text that can be read, in quotes.
    const EXAMPLE: &'static str;
    /// Its range.
    const ALLOWED: &'static str;
    /// The two units that a missing one most likely stands for.
    const LIKELY: [&'static str; 2];

    /// The fault of `number`, which lacks a unit.
    fn without_unit(number: &str) -> UnitError {
        let [one, other] = Self::LIKELY;
        UnitError::NoUnit {
            found: number.to_owned(),
            remedy: format!("\"{number}{one}\" or \"{number}{other}\""),
        }
    }

    /// The fault of `text`, beyond the range. As it was written, without quotes of our own.
    fn out_of_range(text: impl fmt::Display) -> UnitError {
        UnitError::OutOfRange {
            found: text.to_string(),
            allowed: Self::ALLOWED,
        }
    }

    /// Splits `text` into a number that is not negative and one of `units`.
    fn split<'t, U: Copy>(text: &'t str, units: &[(&str, U)]) -> Result<(&'t str, U), UnitError> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let length = number_length(unsigned);
        let (number, rest) = unsigned.split_at(length);
        if length == 0 {
            return Err(UnitError::NotANumber {
                found: format!("{text:?}"),
                what: Self::WHAT,
                example: Self::EXAMPLE,
            });
        }
        if text.starts_with('-') {
            return Err(Self::out_of_range(format_args!("{text:?}")));
        }
        let unit = rest.strip_prefix(' ').unwrap_or(rest);
        if unit.is_empty() {
            return Err(Self::without_unit(number));
        }
        let known = units.iter().find(|(name, _)| *name == unit);
        let Some(&(_, unit)) = known else {
            let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
            let remedy = if unit == "m" && names.contains(&"min") {
                format!("write \"{number}min\" for minutes or \"{number}ms\" for milliseconds")
            } else {
                format!("allowed are {}", names.join(", "))
            };
            return Err(UnitError::UnknownUnit {
                found: text.to_owned(),
                unit: unit.to_owned(),
                remedy,
            });
        };
        Ok((number, unit))
    }

    /// Reads `text` as a whole number of the smallest unit, rounded to the nearest.
    fn read_whole(text: &str, units: &[(&str, u64)]) -> Result<u64, UnitError> {
        let (number, unit) = Self::split(text, units)?;
        scaled(number, unit).ok_or_else(|| Self::out_of_range(format_args!("{text:?}")))
    }
}

/// How many bytes at the start of `text` are a decimal number: `12`, `1.5`, `.5`, `2e-3`.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut end = whole;
    if text[end..].starts_with('.') {
        end += 1 + digits(end + 1);
        if end == whole + 1 && whole == 0 {
            return 0;
        }
    }
    if end > 0 && text[end..].starts_with(['e', 'E']) {
        let signed = usize::from(text[end + 1..].starts_with(['-', '+']));
        let exponent = digits(end + 1 + signed);
        if exponent > 0 {
            end += 1 + signed + exponent;
        }
    }
    end
}

/// Significant digits that count: two more than [`u64::MAX`] has, so that rounding is right,
/// and few enough for a product with the largest unit to stay within `u128`.
const KEPT_DIGITS: usize = 22;

/// `number` (as [`number_length`] found it) times `unit`, rounded to the nearest whole;
/// `None` beyond [`u64::MAX`].
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // What does not fit is far beyond or far below anything that can be told apart.
    let beyond = if exponent.starts_with('-') {
        i64::MIN / 2
    } else {
        i64::MAX / 2
    };
    let exponent = exponent
        .parse()
        .unwrap_or(beyond)
        .clamp(i64::MIN / 2, i64::MAX / 2);
    let kept = &digits[..digits.len().min(KEPT_DIGITS)];
    let dropped = digits.len() - kept.len();
    let shift = exponent - fraction.len() as i64 + dropped as i64;
    let product = kept.parse::<u128>().ok()? * u128::from(unit);
    let power = u32::try_from(shift.unsigned_abs())
        .ok()
        .and_then(|by| 10_u128.checked_pow(by));
    let value = match power {
        Some(power) if shift >= 0 => product.checked_mul(power)?,
        Some(power) => (product + power / 2) / power,
        None if shift >= 0 => return None,
        None => 0,
    };
    u64::try_from(value).ok()
}

/// A multiple of `unit` as a decimal without trailing zeros: 1 500 of 1 000 is `1.5`.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    let text = format!("{whole}.{rest:0places$}");
    text.trim_end_matches('0').to_owned()
}

const DURATION_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

impl Quantity for Duration {
    const WHAT: &'static str = "a duration";
    const EXAMPLE: &'static str = "\"35ms\"";
    const ALLOWED: &'static str = "0s to 213503d (584 years)";
    const LIKELY: [&'static str; 2] = ["ms", "s"];
}

impl FromStr for Duration {
    type Err = UnitError;

    /// Reads `"35ms"`, `"1.5s"`, `"3min"`, rounded to the nearest nanosecond.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::read_whole(text, &DURATION_UNITS).map(Self)
    }
}

/// Exact to the nanosecond, in the largest unit that reads well: `1.5s`, `35ms`, `2h`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0;
        let whole = |unit: &&(&str, u64)| nanos > 0 && nanos.is_multiple_of(unit.1);
        // Minutes and more only when whole: "90s", not "1.5min".
        let (name, unit) = match DURATION_UNITS[5..].iter().rev().find(whole) {
            Some(&unit) => unit,
            None => match nanos {
                0 | 1_000_000_000.. => ("s", 1_000_000_000),
                1_000_000.. => ("ms", 1_000_000),
                1_000.. => ("us", 1_000),
                _ => ("ns", 1),
            },
        };
        f.pad(&format!("{}{name}", decimal(nanos, unit)))
    }
}

/// As it is displayed: whoever prints what has one reads it.
impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Quantity for Time {
    const WHAT: &'static str = "a time since the start";
    const EXAMPLE: &'static str = "\"200s\"";
    const ALLOWED: &'static str = Duration::ALLOWED;
    const LIKELY: [&'static str; 2] = ["s", "ms"];
}

impl FromStr for Time {
    type Err = UnitError;

    /// Reads the time since the start as a [`Duration`] is read.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::read_whole(text, &DURATION_UNITS).map(Self)
    }
}

/// The time since the start, as a [`Duration`] is written.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Duration(self.0), f)
    }
}

/// As it is displayed: whoever prints what has one reads it.
impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds by name, to divide by.
const RATE_UNITS: [(&str, f64); 3] = [("/s", 1.0), ("/min", 60.0), ("/h", 3600.0)];

impl Quantity for Rate {
    const WHAT: &'static str = "a rate";
    const EXAMPLE: &'static str = "\"40/s\"";
    const ALLOWED: &'static str = "finite rates from 0/s";
    const LIKELY: [&'static str; 2] = ["/s", "/min"];
}

impl FromStr for Rate {
    type Err = UnitError;

    /// Reads `"40/s"`, `"90/min"`, `"5/h"`.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, seconds) = Self::split(text, &RATE_UNITS)?;
        let number = number.parse::<f64>().ok();
        number
            .and_then(|number| Self::per_second(number / seconds))
            .ok_or_else(|| Self::out_of_range(format_args!("{text:?}")))
    }
}

/// Per second, with the fewest digits that read back as the same rate.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0.0 => f.pad("0/s"),
            // Beyond these std writes rows of zeros.
            per_s if !(1e-5..1e16).contains(&per_s) => f.pad(&format!("{per_s:e}/s")),
            per_s => f.pad(&format!("{per_s}/s")),
        }
    }
}

/// As it is displayed: whoever prints what has one reads it.
impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Largest first; the decimal ones as SI writes them, and `KB` because people do.
const BYTE_UNITS: [(&str, u64); 12] = [
    ("PiB", 1 << 50),
    ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

impl Quantity for Bytes {
    const WHAT: &'static str = "a size";
    const EXAMPLE: &'static str = "\"4KiB\"";
    const ALLOWED: &'static str = "0B to 18446744073709551615B";
    const LIKELY: [&'static str; 2] = ["B", "KiB"];
}

impl FromStr for Bytes {
    type Err = UnitError;

    /// Reads `"4KiB"`, `"1.5MB"`, `"100B"`, rounded to the nearest byte.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::read_whole(text, &BYTE_UNITS).map(Self)
    }
}

/// Exact, in the largest unit of which it is a multiple: `4KiB`, `1MB`, `1001B`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |unit: &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(unit.1);
        let &(name, unit) = BYTE_UNITS.iter().find(whole).unwrap_or(&("B", 1));
        f.pad(&format!("{}{name}", self.0 / unit))
    }
}

/// As it is displayed: whoever prints what has one reads it.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads a quantity from a string, and says what is missing where a bare number stands.
struct QuantityVisitor<T>(PhantomData<T>);

impl<T: Quantity> QuantityVisitor<T> {
    /// Any number is a fault: which one depends on whether it would do with a unit.
    fn refuse<E: de::Error>(in_range: bool, number: impl fmt::Display) -> Result<T, E> {
        Err(E::custom(if in_range {
            T::without_unit(&number.to_string())
        } else {
            T::out_of_range(number)
        }))
    }
}

impl<T: Quantity> de::Visitor<'_> for QuantityVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as text, such as {}", T::WHAT, T::EXAMPLE)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Self::refuse(true, number)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        Self::refuse(number >= 0, number)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        Self::refuse(number.is_finite() && number >= 0.0, number)
    }
}

/// Text where people may read it; the bare number in binary formats, whose fields have no unit
/// to forget.
macro_rules! serde_as_text {
    ($($quantity:ident),*) => {$(
        impl Serialize for $quantity {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $quantity {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return Deserialize::deserialize(deserializer).map($quantity);
                }
                // Not `deserialize_str`: RON would refuse a number without asking the visitor.
                deserializer.deserialize_any(QuantityVisitor(PhantomData))
            }
        }
    )*};
}

serde_as_text!(Time, Duration, Rate, Bytes);

#[cfg(test)]
mod tests;
