//! The results of an experiment as one versioned object: what `--format json` prints, what
//! `summary.json` holds and what plots read.
//!
//! Deliberately absent: anything that depends on the clock, the number of threads or names of
//! files, [`Report::wall_s`] and [`Report::scenario`] apart; [`result_hash`] leaves out both.

use serde::{Deserialize, Serialize};

use crate::books::Books;
use crate::compare::Comparison;
use crate::interval::Estimate;
use crate::threshold::ThresholdResult;

/// Version of the JSON object; grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Version of the engine that made the results.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Counts summed and figures estimated over all replications.
pub type Results = Books<Estimate>;

/// One policy's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyResults {
    /// The policy or profile, as it was asked for.
    pub policy: String,
    /// How many replications were run.
    pub replications: u32,
    /// [`result_hash`] of `results`.
    pub result_hash: String,
    /// The results.
    pub results: Results,
}

impl PolicyResults {
    /// The results of `policy` with their hash.
    #[must_use]
    pub fn new(policy: impl Into<String>, replications: u32, results: Results) -> Self {
        Self {
            policy: policy.into(),
            replications,
            result_hash: result_hash(replications, &results),
            results,
        }
    }
}

/// Everything an experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// [`ENGINE_VERSION`].
    pub engine_version: String,
    /// The scenario's name.
    pub scenario: String,
    /// The seed of every draw.
    pub seed: u64,
    /// Real seconds that the experiment took.
    pub wall_s: f64,
    /// The first policy's results, again.
    #[serde(flatten)]
    pub first: PolicyResults,
    /// Each policy's results, in the order in which they were asked for.
    pub policies: Vec<PolicyResults>,
    /// Every pair of policies.
    pub comparisons: Vec<Comparison>,
    /// What was expected of the first policy.
    pub thresholds: Vec<ThresholdResult>,
}

/// A short fingerprint of results: the first 32 hexadecimal digits of BLAKE3 over their JSON.
///
/// Same scenario, seed and engine give the same fingerprint on any number of threads; the
/// policy's name, the scenario's name and the clock have no part in it.
#[must_use]
pub fn result_hash(replications: u32, results: &Results) -> String {
    let canonical = serde_json::to_vec(&(replications, results))
        .expect("results are maps with text keys and finite numbers");
    blake3::hash(&canonical).to_hex()[..32].to_owned()
}
