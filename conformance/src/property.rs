//! The properties by name, each with what it demands in a sentence.

use std::fmt;

use crate::counterexample::Counterexample;
use crate::properties;
use crate::subject::Subject;

/// Something that must hold for any policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// [`properties::within_bounds`]
    WithinBounds,
    /// [`properties::finite`]
    Finite,
    /// [`properties::deterministic`]
    Deterministic,
    /// [`properties::idles_down`]
    IdlesDown,
    /// [`properties::recovers`]
    Recovers,
    /// [`properties::no_limit_cycle`]
    NoLimitCycle,
    /// [`properties::no_echo`]
    NoEcho,
    /// [`properties::bottleneck`]
    Bottleneck,
    /// [`properties::ordering_keys`]
    OrderingKeys,
    /// [`properties::survives`]
    Survives,
}

impl Property {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::WithinBounds,
        Self::Finite,
        Self::Deterministic,
        Self::IdlesDown,
        Self::Recovers,
        Self::NoLimitCycle,
        Self::NoEcho,
        Self::Bottleneck,
        Self::OrderingKeys,
        Self::Survives,
    ];

    /// Its name, kebab-case: `idles-down`. Files of counterexamples are called so.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WithinBounds => "within-bounds",
            Self::Finite => "finite",
            Self::Deterministic => "deterministic",
            Self::IdlesDown => "idles-down",
            Self::Recovers => "recovers",
            Self::NoLimitCycle => "no-limit-cycle",
            Self::NoEcho => "no-echo",
            Self::Bottleneck => "bottleneck",
            Self::OrderingKeys => "ordering-keys",
            Self::Survives => "survives",
        }
    }

    /// What it demands, in a sentence.
    #[must_use]
    pub const fn demand(self) -> &'static str {
        match self {
            Self::WithinBounds => "every wish lies within the bounds that the observation names",
            Self::Finite => "every figure of a decision is a number, and no observation panics",
            Self::Deterministic => "the same observations give the same decisions, byte for byte",
            Self::IdlesDown => "six minutes after the last message the fewest workers are left",
            Self::Recovers => "two minutes after an overload messages are served as before",
            Self::NoLimitCycle => "a constant load sees at most two changes of workers a minute",
            Self::NoEcho => "retries that take no time bring at most a quarter and one worker more",
            Self::Bottleneck => {
                "a limit, a rate, an open breaker or few keys bring at most one worker"
            }
            Self::OrderingKeys => "ordering keys bring at most a quarter and one worker more",
            Self::Survives => "late, noisy, missing and absurd observations are got over in time",
        }
    }

    /// Tries it on `subject`.
    ///
    /// # Errors
    ///
    /// The smallest [`Counterexample`] that was found.
    pub fn check(self, subject: &Subject) -> Result<(), Box<Counterexample>> {
        let check = match self {
            Self::WithinBounds => properties::within_bounds,
            Self::Finite => properties::finite,
            Self::Deterministic => properties::deterministic,
            Self::IdlesDown => properties::idles_down,
            Self::Recovers => properties::recovers,
            Self::NoLimitCycle => properties::no_limit_cycle,
            Self::NoEcho => properties::no_echo,
            Self::Bottleneck => properties::bottleneck,
            Self::OrderingKeys => properties::ordering_keys,
            Self::Survives => properties::survives,
        };
        check(subject)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
