//! Settings of a policy or batch rule, read from the brackets after its name:
//! `simple(load: 0.8, drain: "5s")`.
//!
//! The text is RON, so that it looks like the configuration around it. Settings are checked
//! once, here; a policy need not ask again.

use std::fmt::Display;
use std::ops::RangeInclusive;

use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

use crate::closest::closest;
use crate::registry::split;

/// What of a policy can be set. `Default` is what its source documents.
///
/// Implementations derive `Deserialize` with `deny_unknown_fields` and `default`, so that any
/// part may be left out.
pub trait Settings: Default + DeserializeOwned {
    /// The setting that a bare value in the brackets stands for, as in `threshold(20)`.
    const BARE: Option<&'static str> = None;

    /// Refuses what is out of range.
    ///
    /// # Errors
    /// The first setting that is, see [`within`].
    fn check(&self) -> Result<(), SettingError>;
}

/// A policy or batch rule that is made of its settings.
pub trait Configured {
    /// What can be set.
    type Settings: Settings;

    /// With these settings, which have been checked.
    fn new(settings: Self::Settings) -> Self;
}

/// What has nothing to set.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoSettings {}

impl Settings for NoSettings {
    fn check(&self) -> Result<(), SettingError> {
        Ok(())
    }
}

/// Why the text in the brackets is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// Brackets after a name that takes none, or a bare value where none has a meaning.
    #[error("it takes {0}")]
    Takes(&'static str),
    /// No setting has that name.
    #[error("it has no setting {found}, {help}")]
    Unknown {
        /// The name.
        found: String,
        /// What was probably meant, or what there is.
        help: String,
    },
    /// A value out of its range.
    #[error("{setting} is {found}, allowed are {allowed}")]
    OutOfRange {
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// Its range.
        allowed: String,
    },
    /// A value that cannot be read, or no RON at all.
    #[error("{0}")]
    Unreadable(String),
}

/// Refuses a value that `allowed` does not hold.
///
/// # Errors
/// [`SettingError::OutOfRange`].
pub fn within<T: PartialOrd + Display>(
    setting: &'static str,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), SettingError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(SettingError::OutOfRange {
        setting,
        found: value.to_string(),
        allowed: format!("{} to {}", allowed.start(), allowed.end()),
    })
}

/// Reads and checks what stands in the brackets; `None`: there are none.
pub(crate) fn read<S: Settings>(brackets: Option<&str>) -> Result<S, SettingError> {
    let Some(inner) = brackets else {
        return Ok(S::default());
    };
    let is_bare = !inner.contains(':') && !inner.trim().is_empty();
    let text = match S::BARE {
        Some(setting) if is_bare => format!("({setting}: {inner})"),
        None if is_bare => return Err(SettingError::Takes("settings by name only, if any")),
        _ => format!("({inner})"),
    };
    let settings: S = parse(&text)?;
    settings.check()?;
    Ok(settings)
}

fn parse<S: Settings>(text: &str) -> Result<S, SettingError> {
    let unreadable = |error: &ron::Error| SettingError::Unreadable(in_words(error));
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    let mut reader = ron::Deserializer::from_str_with_options(text, &options)
        .map_err(|error| unreadable(&error.code))?;
    let settings = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| at_its_setting::<S>(text, &error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| unreadable(&error))?;
    Ok(settings)
}

fn at_its_setting<S: Settings>(text: &str, path: &str, error: &ron::Error) -> SettingError {
    match error {
        ron::Error::NoSuchStructField { expected: [], .. } => SettingError::Takes("no settings"),
        ron::Error::NoSuchStructField {
            expected, found, ..
        } => SettingError::Unknown {
            found: found.clone(),
            help: match closest(found, expected.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("allowed are {}", expected.join(", ")),
            },
        },
        _ => match (value_of(text, path), wanted::<S>(path, error)) {
            (Some(found), Some(wanted)) => {
                SettingError::Unreadable(format!("{path} is {found}, {wanted}"))
            }
            // The path of a fault beside the values is a dot, or unknown.
            _ if [".", "?"].contains(&path) => {
                SettingError::Unreadable(format!("{text} is not read: {}", in_words(error)))
            }
            _ => SettingError::Unreadable(format!("{path}: {}", in_words(error))),
        },
    }
}

/// What stands for a setting; `None` if nothing does.
fn value_of<'t>(text: &'t str, setting: &str) -> Option<&'t str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let named = |part: &'t str| {
        let (name, value) = part.split_once(':')?;
        (name.trim() == setting).then_some(value.trim())
    };
    let mut parts = split(inner, ',').into_iter();
    parts.find_map(named).filter(|value| !value.is_empty())
}

/// What a value ought to be, where the parser says more of itself than of that.
fn wanted<S: Settings>(setting: &str, error: &ron::Error) -> Option<String> {
    use ron::Error;
    Some(match error {
        Error::ExpectedInteger | Error::IntegerOutOfBounds | Error::InvalidIntegerDigit { .. } => {
            allowed::<S>(setting).unwrap_or_else(|| "expected a whole number".to_owned())
        }
        // A number was read up to its point, where a whole one was wanted.
        Error::ExpectedComma => "expected a whole number, or a comma after it".to_owned(),
        Error::ExpectedFloat => "expected a number".to_owned(),
        Error::ExpectedBoolean => "expected true or false".to_owned(),
        Error::ExpectedString => "expected text in quotes".to_owned(),
        Error::NoSuchEnumVariant { expected, .. } => {
            format!("allowed are {}", expected.join(", "))
        }
        _ => return None,
    })
}

/// The range of a whole number, as the check tells it of the least and of the largest there is.
fn allowed<S: Settings>(setting: &str) -> Option<String> {
    [0, u64::from(u32::MAX)].into_iter().find_map(|number| {
        let settings: S = ron::Options::default()
            .with_default_extension(Extensions::IMPLICIT_SOME)
            .from_str(&format!("({setting}: {number})"))
            .ok()?;
        match settings.check() {
            Err(SettingError::OutOfRange {
                setting: refused,
                allowed,
                ..
            }) if refused == setting => Some(format!("allowed are {allowed}")),
            _ => None,
        }
    })
}

/// The parser's words, which begin like a sentence.
fn in_words(error: &ron::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use crate::registry;

    #[track_caller]
    fn check(text: &str, told: &str) {
        let error = registry::build(text)
            .map(|_| ())
            .expect_err(text)
            .to_string();
        let (_, fault) = error.split_once("\": ").expect("a setting's fault");
        assert_eq!(fault, told);
    }

    #[test]
    fn a_wrong_value_is_shown_with_what_is_allowed() {
        check("simple(load: \"x\")", "load is \"x\", expected a number");
        check(
            "simple(drain: \"1s\", load: x)",
            "load is x, expected a number",
        );
        check(
            "threshold(target: -1)",
            "target is -1, allowed are 1 to 4294967295",
        );
        check(
            "fixed(99999999999)",
            "workers is 99999999999, allowed are 1 to 1000",
        );
        check(
            "threshold(per_slot: 1)",
            "per_slot is 1, expected true or false",
        );
        check(
            "temporal-poller(sdk: Perl)",
            "sdk is Perl, allowed are Core, Go",
        );
        check(
            "knative(stable_window: 6)",
            "stable_window: 6 has no unit, write \"6ms\" or \"6s\"",
        );
    }
}
