//! One figure of one part of a run, as text: `p95(sojourn)`, `p99(sojourn, class=chat)`,
//! `throughput(agent=write)`, or its path in the JSON: `sojourn_s.p95`,
//! `by_class.chat.sojourn_s.p95`.
//!
//! Thresholds, "run until" and comparisons all name figures this way.

use crate::books::Scope;
use crate::metric::Metric;

/// Names one figure of a run or of one of its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// Which figure.
    pub metric: Metric,
    /// Of which part of the run.
    pub scope: Scope,
}
