//! Oracles that were found before, kept under the hash of scenario and engine.
//!
//! The engine's part of the hash is what it does: the costs of two runs of the scenario, one
//! steady, one that orders, drains and batches. So what was found holds until the scenario, the
//! search or anything about the broker that these runs notice changes; `score` tells of any one
//! schedule whether it still costs the same.

use std::fmt::Write as _;

use ebbtide_core::BrokerConfig;
use ebbtide_measure::Cost;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::scenario::Scenario;

use super::schedule::Schedule;
use super::{BUDGET, PACE, PRICES, Replication, score};

/// Version of the search: to be raised with every change that finds something else.
const SEARCH: u32 = 2;

/// The oracles of the suite that are shipped.
const SHIPPED: &str = include_str!("../../../../scenarios/arena/oracles.json");

/// Oracles of some scenarios.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    scenarios: Vec<Entry>,
}

/// The oracles of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The scenario's name, for people.
    pub scenario: String,
    /// What they are of, see [`key`].
    pub key: String,
    /// The first replications.
    pub replications: Vec<Replication>,
}

impl Cache {
    /// Those that are shipped.
    ///
    /// # Panics
    ///
    /// Never: a test reads them.
    #[must_use]
    pub fn shipped() -> Self {
        Self::from_json(SHIPPED).expect("a test reads what is shipped")
    }

    /// Reads a cache.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the text, with line and column.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Writes it, a line for each replication, so that a change shows where it is.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\"scenarios\":[");
        for (number, entry) in self.scenarios.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let (scenario, key) = (json(&entry.scenario), json(&entry.key));
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{comma}\n{{\"scenario\":{scenario},\"key\":{key},\"replications\":["
            );
            for (number, replication) in entry.replications.iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                let _ = write!(text, "{comma}\n{}", json(replication));
            }
            text.push_str("]}");
        }
        text.push_str("\n]}\n");
        text
    }

    /// What is kept, by scenario.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.scenarios
    }

    /// The first replications of what has this key; `None`: nothing is known of it.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&[Replication]> {
        let entry = self.scenarios.iter().find(|entry| entry.key == key)?;
        Some(&entry.replications)
    }

    /// Keeps an entry in place of what its scenario's name had; names stay in order.
    pub fn insert(&mut self, entry: Entry) {
        self.scenarios
            .retain(|other| other.scenario != entry.scenario);
        let at = self
            .scenarios
            .partition_point(|other| other.scenario < entry.scenario);
        self.scenarios.insert(at, entry);
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and text")
}

/// The hash of a scenario, of how oracles are searched, and of what the engine makes of it: 32
/// hexadecimal digits. `text` is the scenario's, `plan` the same with its files. `None` if it
/// cannot be run.
#[must_use]
pub fn key(text: &str, plan: &Plan) -> Option<String> {
    let config = &plan.contenders.first()?.config;
    let own = Setting {
        workers: config.num_workers,
        batch_size: config.batch_size,
        batch_timeout: config.batch_timeout(),
    };
    let steady = digits(&score(plan, config, 0, &Schedule::fixed(own))?);
    let zigzag = digits(&score(plan, config, 0, &zigzag(config, own, plan))?);
    let told = (SEARCH, BUDGET, PRICES, PACE, essence(text)?, steady, zigzag);
    let bytes = serde_json::to_vec(&told).expect("numbers and text");
    Some(blake3::hash(&bytes).to_hex()[..32].to_owned())
}

/// The broker's own setting, all workers with the largest batches, the fewest with the smallest,
/// and again: workers are ordered, drained and let go, batches grow and shrink.
fn zigzag(config: &BrokerConfig, own: Setting, plan: &Plan) -> Schedule {
    let most = Setting {
        workers: config.max_workers,
        batch_size: config.max_batch_size,
        batch_timeout: config.max_batch_timeout(),
    };
    let least = Setting {
        workers: config.min_workers,
        batch_size: config.min_batch_size,
        batch_timeout: Duration::ZERO,
    };
    let turns = [most, own, least, own].into_iter().cycle().zip(1..);
    let changes = turns
        .map(|(setting, number)| (Time::ZERO + PACE * number, setting))
        .take_while(|(at, _)| *at < plan.end());
    Schedule::new(own, changes)
}

/// A cost to six digits: the last bits of `ln` and `exp` differ between platforms.
fn digits(cost: &Cost) -> [String; 4] {
    let parts = [
        cost.worker_seconds,
        cost.lateness_s,
        cost.late_work,
        cost.calls,
    ];
    parts.map(|part| format!("{part:.5e}"))
}

/// What of a scenario an oracle depends on.
fn essence(text: &str) -> Option<String> {
    let mut scenario = Scenario::from_ron(text).ok()?;
    scenario.note.clear();
    scenario.policies.clear();
    scenario.expect.clear();
    scenario.fails_with.clear();
    scenario.run.replications = 1;
    scenario.run.until = None;
    scenario.broker = BrokerConfig {
        policy: BrokerConfig::default().policy,
        price_late: BrokerConfig::default().price_late,
        ..scenario.broker
    };
    Some(scenario.to_ron())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;

    const TEXT: &str = "(run: (length: \"60s\"), traffic: [(arrivals: Poisson(\"5/s\"), classes: \
        [(name: \"m\", to: Agent(\"a\"))])], agents: [(name: \"a\", call: Constant(\"300ms\"))], \
        broker: (delivery_parallelism: 1, max_workers: 3, num_workers: 2, \
        objective: \"p95(sojourn) < 500ms\"))";

    fn plan(text: &str) -> Plan {
        Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_shipped_reads_back_as_it_was_written() {
        assert_eq!(Cache::shipped().to_json(), SHIPPED);
    }

    #[test]
    fn a_cache_finds_what_it_was_given_and_nothing_else() {
        let plan = plan(TEXT);
        let key = key(TEXT, &plan).expect("it runs");
        let budget = crate::arena::oracle::Budget {
            width: 1,
            rules: 1,
            runs: 2,
        };
        let found = crate::arena::oracle::find(&plan, &plan.contenders[0].config, 0, &[], budget);
        let entry = Entry {
            scenario: "small".to_owned(),
            key: key.clone(),
            replications: vec![found.expect("it runs")],
        };
        let mut cache = Cache::default();
        cache.insert(entry.clone());
        cache.insert(entry);
        assert_eq!(cache.entries().len(), 1);
        let read = Cache::from_json(&cache.to_json()).expect("its own text");
        assert_eq!(read, cache);
        assert!(read.find(&key).is_some());
        assert!(read.find("").is_none());
    }

    #[test]
    fn the_key_follows_what_is_run_and_not_who_runs_it() {
        let of = |text: &str| key(text, &plan(text)).expect("it runs");
        let own = of(TEXT);
        assert_eq!(
            of(&TEXT.replace("num_workers: 2", "num_workers: 2, policy: \"fixed\"")),
            own
        );
        assert_ne!(of(&TEXT.replace("300ms", "301ms")), own);
        assert_ne!(of(&TEXT.replace("max_workers: 3", "max_workers: 4")), own);
    }
}
