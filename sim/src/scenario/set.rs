//! `--set PATH=VALUE`: one value of a scenario's text replaced by another.
//!
//! The text is edited rather than the value, so that comments stay and a fault of the new
//! value is found by the reader that finds all others.

use ebbtide_core::text::{EditError, TextError, edit};

use super::Scenario;

/// Why a value of a scenario could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// There is no such place in the scenario.
    #[error(transparent)]
    Place(#[from] EditError),
    /// The value does not fit there.
    #[error("{path}={value}: {}", told(fault))]
    Value {
        /// Where it was to go.
        path: String,
        /// The value.
        value: String,
        /// What the reader says of the scenario with it.
        fault: TextError,
    },
}

/// What the reader says, without the place: the text with the value in it is nowhere to be seen.
fn told(error: &TextError) -> String {
    let told = error.faults.iter().map(|fault| match &fault.help {
        Some(help) => format!("{}; {help}", fault.message),
        None => fault.message.clone(),
    });
    told.collect::<Vec<_>>().join("\n")
}

/// The text of a scenario with another value at `path`: `broker.num_workers`,
/// `agents.rank.per_call`, `traffic.0.arrivals`. Text needs no quotes: `60ms` does for
/// `"60ms"`.
///
/// # Errors
///
/// [`SetError`] if there is no such place, or the scenario cannot be read with that value.
pub fn set(text: &str, path: &str, value: &str) -> Result<String, SetError> {
    let edited = edit(text, path, value)?;
    let Err(fault) = Scenario::from_ron(&edited) else {
        return Ok(edited);
    };
    let quoted = edit(text, path, &format!("{value:?}"))?;
    let Err(of_quoted) = Scenario::from_ron(&quoted) else {
        return Ok(quoted);
    };
    Err(SetError::Value {
        path: path.to_owned(),
        value: value.to_owned(),
        fault: if is_text(value) { of_quoted } else { fault },
    })
}

/// Whether it is meant as text, so that is what to speak of: it begins as a number and is none, such as `5m`, or it
/// is a limit on a figure.
fn is_text(value: &str) -> bool {
    let is_quantity =
        value.starts_with(|first: char| first.is_ascii_digit()) && value.parse::<f64>().is_err();
    let is_limit = value.starts_with(char::is_alphanumeric) && value.contains(['<', '>']);
    is_quantity || is_limit
}
