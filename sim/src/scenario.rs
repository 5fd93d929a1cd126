//! The scenario file: what a person writes to describe a workload, its agents and a broker.
//!
//! This is the text's shape, in RON with externally tagged enums only, units as text, and
//! every field but the necessary ones with a default. `plan.rs` checks it as a whole and
//! resolves it into what the simulator runs. Deliberately absent: files, which the CLI reads.

mod remedy;
mod run;
mod set;

use std::fmt;

use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use ebbtide_core::BrokerConfig;
use ebbtide_core::config;
use ebbtide_core::text::{self, TextError};
use ebbtide_measure::Threshold;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{Agent, Drift, Fault};
use crate::arrivals::Arrivals;
use crate::distribution::Distribution;
use crate::files::{FileKind, Named};
use crate::observation_fault::ObservationFault;
use crate::traffic::Source;

pub use remedy::with_remedies;
pub use run::{Percent, Precision, Run, WarmUp};
pub use set::{SetError, set};

/// A scenario, as a file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// How long, how often, with which luck.
    pub run: Run,
    /// Who sends; at least one.
    pub traffic: Vec<Source>,
    /// Whom messages are for; at least one.
    pub agents: Vec<Agent>,
    /// What befalls the agents, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Workers that die, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worker_deaths: Vec<WorkerDeath>,
    /// What befalls the observations that the policy sees, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observation_faults: Vec<ObservationFault>,
    /// From a worker's order until it is ready, drawn by the number of its order; absent:
    /// always `broker.worker_start_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_start: Option<Distribution>,
    /// Every timer ends on a whole multiple of this, as a runtime's timer wheel has it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub time_grain: Duration,
    /// The broker.
    #[serde(default)]
    pub broker: BrokerConfig,
    /// Policies and profiles to run, the first of which the thresholds bind; absent: the
    /// broker's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// What must hold, such as `"p95(sojourn) < 1s"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Threshold>,
    /// Arguments of `ebbtide simulate` under which a threshold fails; a test runs them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fails_with: String,
}

/// Workers that are lost with all they do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerDeath {
    /// When.
    pub at: Time,
    /// How many, those with the lowest index first.
    pub workers: u32,
}

// serde passes a reference.
fn is_zero(time: &Duration) -> bool {
    time.is_zero()
}

impl Scenario {
    /// A scenario with everything else at its default.
    #[must_use]
    pub fn new(run: Run, traffic: Vec<Source>, agents: Vec<Agent>) -> Self {
        Self {
            note: String::new(),
            run,
            traffic,
            agents,
            faults: Vec::new(),
            worker_deaths: Vec::new(),
            observation_faults: Vec::new(),
            worker_start: None,
            time_grain: Duration::ZERO,
            broker: BrokerConfig::default(),
            policies: Vec::new(),
            expect: Vec::new(),
            fails_with: String::new(),
        }
    }

    /// Reads a scenario. It may still be wrong as a whole, see [`Plan::new`](crate::plan::Plan).
    ///
    /// # Errors
    ///
    /// [`TextError`], with line and column.
    pub fn from_ron(text: &str) -> Result<Self, TextError> {
        let allowed = |path: &str| config::allowed(path.strip_prefix("broker.")?);
        text::from_ron(text).map_err(|error| with_remedies(text, error.with_help(allowed)))
    }

    /// Writes it, so that it reads back as the same.
    #[must_use]
    pub fn to_ron(&self) -> String {
        let style = PrettyConfig::new()
            .extensions(Extensions::IMPLICIT_SOME)
            .struct_names(false);
        let mut text = ron::Options::default()
            .with_default_extension(Extensions::IMPLICIT_SOME)
            .to_string_pretty(self, style)
            .expect("a scenario has nothing that RON cannot write");
        text.push('\n');
        text
    }

    /// The files that it names.
    #[must_use]
    pub fn files(&self) -> Vec<Named> {
        let arrivals = self
            .traffic
            .iter()
            .filter_map(|source| match &source.arrivals {
                Arrivals::Trace { file, .. } => Some((file, FileKind::Trace)),
                Arrivals::Series { file, .. } => Some((file, FileKind::Series)),
                _ => None,
            });
        let drifts = self.agents.iter().filter_map(|agent| match &agent.drift {
            Some(Drift::File { file, .. }) => Some((file, FileKind::Series)),
            Some(Drift::Steps(_)) | None => None,
        });
        let named = arrivals.chain(drifts).map(|(path, kind)| Named {
            path: path.clone(),
            kind,
        });
        let mut named: Vec<Named> = named.collect();
        named.sort();
        named.dedup();
        named
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_ron())
    }
}

#[cfg(test)]
mod tests;
