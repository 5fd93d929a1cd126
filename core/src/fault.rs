//! What is wrong with a value from outside: one [`Fault`] per thing, so that a check can
//! report all of them at once. Apart because configuration, agents and scenarios are all
//! checked alike. Deliberately absent: where in a text it stands (see `text.rs`).

use std::fmt;

/// One thing wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, from the root of what was checked: `breaker.window_ms`, `agents[2].name`.
    pub path: String,
    /// What is wrong with it: what was found and what is allowed.
    pub problem: String,
}

impl Fault {
    /// `path` followed by `problem` should read as a sentence.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// "`path` is `found`, allowed are `allowed`".
    pub fn out_of_range(
        path: impl Into<String>,
        found: impl fmt::Display,
        allowed: impl fmt::Display,
    ) -> Self {
        Self::new(path, format!("is {found}, allowed are {allowed}"))
    }

    /// The same fault, seen from the value that has what was checked in its field `section`.
    #[must_use]
    pub fn under(self, section: &str) -> Self {
        Self {
            path: format!("{section}.{}", self.path),
            ..self
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.problem)
    }
}
