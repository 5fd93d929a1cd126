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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Times;

    fn results() -> Results {
        let mut results = Results::default();
        results.total.counts.accepted = 3;
        results.total.figures.sojourn_s.p95 = Estimate::of_values(&[0.1, 0.2], 0.95);
        results.total.figures.service_s = Some(Times::default());
        let agent = results.total.clone();
        results.by_agent.insert("write".to_owned(), agent);
        results
    }

    fn report() -> Report {
        let policies = vec![PolicyResults::new("adaptive", 2, results())];
        Report {
            schema: SCHEMA,
            engine_version: ENGINE_VERSION.to_owned(),
            scenario: "burst".to_owned(),
            seed: 7,
            wall_s: 0.5,
            first: policies[0].clone(),
            policies,
            comparisons: Vec::new(),
            thresholds: Vec::new(),
        }
    }

    #[test]
    fn the_json_has_the_figures_where_programs_look_for_them() {
        let json = serde_json::to_value(report()).expect("plain maps");
        let at = |pointer: &str| json.pointer(pointer).cloned().unwrap_or_default();
        let mean = at("/results/sojourn_s/p95/mean").as_f64();
        assert!(mean.is_some_and(|mean| (mean - 0.15).abs() < 1e-12));
        assert_eq!(at("/policy"), "adaptive");
        assert_eq!(at("/results/accepted"), 3);
        assert_eq!(at("/results/outcomes/unfinished"), 0);
        assert_eq!(at("/results/by_agent/write/accepted"), 3);
        assert_eq!(at("/policies/0/results"), at("/results"));
        let null = r#"{"mean":null,"ci_low":null,"ci_high":null}"#;
        assert_eq!(at("/results/service_s/p50").to_string().len(), null.len());
        assert!(
            json.pointer("/results/calls").is_none(),
            "what does not apply is absent"
        );
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let text = serde_json::to_string(&report()).expect("plain maps");
        let read: Report = serde_json::from_str(&text).expect("its own text");
        assert_eq!(read, report());
    }

    #[test]
    fn the_hash_follows_the_results_alone() {
        let hash = PolicyResults::new("adaptive", 2, results()).result_hash;
        assert_eq!(hash.len(), 32);
        assert_eq!(PolicyResults::new("fixed", 2, results()).result_hash, hash);
        assert_ne!(result_hash(3, &results()), hash);
        let mut other = results();
        other.total.figures.sojourn_s.p95.mean = Some(0.150_000_000_000_000_02);
        assert_eq!(result_hash(2, &other), hash, "the same number");
        other.total.figures.sojourn_s.p95.mean = Some(0.150_000_000_000_001);
        assert_ne!(result_hash(2, &other), hash);
    }
}
