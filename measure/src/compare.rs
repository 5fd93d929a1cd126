//! Policies compared pairwise on the same messages: differences by replication, with verdicts.

use serde::{Deserialize, Serialize};

use crate::interval::Estimate;

/// Differences smaller than this share of the second policy's mean are a tie.
pub const TIE_MARGIN: f64 = 0.02;

/// One figure of two policies, replication by replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The policy that is judged.
    pub policy: String,
    /// The one it is judged against.
    pub against: String,
    /// The figure, as a threshold names it: `p95(sojourn)`.
    pub metric: String,
    /// `policy` minus `against`, in the figure's unit.
    pub difference: Estimate,
    /// The same as a share of `against`'s mean; null where that is 0.
    pub relative: Estimate,
    /// Probability of so clear a difference (or, for a tie, of so close an agreement) by luck,
    /// corrected for the number of comparisons (Holm 1979); null without two replications.
    pub p_value: Option<f64>,
    /// The judgement.
    pub verdict: Verdict,
}

/// How a policy compares with another in one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better by more than the margin.
    Better,
    /// Worse by more than the margin.
    Worse,
    /// Within the margin.
    Tie,
    /// The replications do not tell.
    Unsure,
}
