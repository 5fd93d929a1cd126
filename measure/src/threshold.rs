//! Thresholds such as `p95(sojourn) < 500ms`, judged on the interval, not on the point.

use serde::{Deserialize, Serialize};

use crate::interval::Estimate;
use crate::selector::Selector;

/// A limit on a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The figure.
    pub selector: Selector,
    /// On which side of the limit it must be.
    pub relation: Relation,
    /// The limit, in the figure's unit (seconds, per second, a share).
    pub limit: f64,
}

/// On which side of a limit a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// Whether a threshold holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdVerdict {
    /// The whole interval is on the right side.
    Pass,
    /// The whole interval is on the wrong side.
    Fail,
    /// The interval straddles the limit, or there is none.
    Inconclusive,
}

/// A threshold and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// The threshold as text.
    pub expect: String,
    /// Whether it holds.
    pub verdict: ThresholdVerdict,
    /// The limit, in the figure's unit.
    pub limit: f64,
    /// The figure with its interval; all null if there is no such figure.
    pub value: Estimate,
    /// How far the mean is on the right side of the limit, as a share of the limit; negative
    /// on the wrong side, `None` without a mean or where the limit is 0.
    pub margin: Option<f64>,
}
