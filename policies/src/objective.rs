//! What the user wants: a limit on a quantile of sojourn or wait, such as
//! `p95(sojourn) < 500ms`. Its text form lives here too, since scenario thresholds and
//! configuration read the same words.

use crate::units::Duration;

/// Which of a message's times an objective speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Sent until its first call starts.
    Wait,
    /// Sent until its outcome.
    Sojourn,
}

/// "The `quantile` of `measure` stays below `limit`."
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The time that is limited.
    pub measure: Measure,
    /// Share of messages that must be below the limit, strictly between 0 and 1.
    pub quantile: f64,
    /// The limit; more than zero.
    pub limit: Duration,
}
