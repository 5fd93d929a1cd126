//! An agent's configuration: how it is called and what protects it.

use ebbtide_policies::units::{Duration, Rate};
use serde::{Deserialize, Serialize};

use super::Check;
use super::ranges::{MAX_ATTEMPTS, MAX_BATCH, YEAR};
use crate::fault::Fault;

/// Beyond it a limit limits nothing: the pool has no more slots.
const MAX_CALLS: u32 = 10_000_000;
const MAX_REPLICAS: u32 = 10_000;
/// One token a nanosecond: the clock tells nothing finer apart.
const MAX_RATE: f64 = 1e9;
const MAX_BURST: u32 = 1_000_000_000;

/// How an agent is called and protected. `None` takes the broker's setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Unique name; not empty.
    pub name: String,
    /// Whether one call carries several messages.
    #[serde(default)]
    pub batch: bool,
    /// The agent's own cap on a batch's size, 1 to 10 000.
    #[serde(default)]
    pub max_batch: Option<u32>,
    /// The agent's own cap on a batch's timeout, up to a year.
    #[serde(default)]
    pub max_batch_timeout: Option<Duration>,
    /// How many replicas serve it, 1 to 10 000.
    #[serde(default = "one")]
    pub replicas: u32,
    /// Calls in flight per replica, 1 to 10 000 000; `None`: no limit.
    #[serde(default)]
    pub in_flight_limit: Option<u32>,
    /// Share of the ready workers' slots it may fill, above 0 to 1; `None`: the broker's.
    #[serde(default)]
    pub bulkhead: Option<f64>,
    /// Calls per second; `None`: no limit.
    #[serde(default)]
    pub call_rate: Option<RateLimit>,
    /// Declared units per second; `None`: no limit.
    #[serde(default)]
    pub unit_rate: Option<RateLimit>,
    /// Length of a lease, above zero and up to a year; `None`: the broker's.
    #[serde(default)]
    pub call_timeout: Option<Duration>,
    /// How often a message is tried at most, 1 to 1000; `None`: the broker's
    /// `retry_max_attempts`.
    #[serde(default)]
    pub retry_max_attempts: Option<u32>,
    /// Backoff before the second attempt, up to a year; `None`: the broker's `retry_backoff_ms`.
    #[serde(default)]
    pub retry_backoff: Option<Duration>,
    /// Longest backoff, up to a year; `None`: the broker's `retry_backoff_max_ms`.
    #[serde(default)]
    pub retry_backoff_max: Option<Duration>,
    /// Topics whose broadcasts it gets; none is empty.
    #[serde(default)]
    pub topics: Vec<String>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Tokens that come per second; more than zero, up to 1 000 000 000.
    pub rate: Rate,
    /// Most tokens the bucket holds, 1 to 1 000 000 000; it starts full.
    pub burst: u32,
}

impl AgentConfig {
    /// An ordinary agent without limits of its own.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch: false,
            max_batch: None,
            max_batch_timeout: None,
            replicas: 1,
            in_flight_limit: None,
            bulkhead: None,
            call_rate: None,
            unit_rate: None,
            call_timeout: None,
            retry_max_attempts: None,
            retry_backoff: None,
            retry_backoff_max: None,
            topics: Vec::new(),
        }
    }
}

/// An ordinary agent of that name, without limits of its own.
impl From<&str> for AgentConfig {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for AgentConfig {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

const fn one() -> u32 {
    1
}

impl Check for AgentConfig {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.name.is_empty() {
            faults.push(Fault::new(
                "name",
                "is empty, allowed are names of a letter or more",
            ));
        }
        let mut within = |field: &str, value: Option<u32>, most: u32| {
            let value = value.filter(|value| !(1..=most).contains(value));
            faults
                .extend(value.map(|v| Fault::out_of_range(field, v, format_args!("1 to {most}"))));
        };
        within("max_batch", self.max_batch, MAX_BATCH);
        within("replicas", Some(self.replicas), MAX_REPLICAS);
        within("in_flight_limit", self.in_flight_limit, MAX_CALLS);
        within("retry_max_attempts", self.retry_max_attempts, MAX_ATTEMPTS);
        let lengths = [
            ("max_batch_timeout", self.max_batch_timeout),
            ("retry_backoff", self.retry_backoff),
            ("retry_backoff_max", self.retry_backoff_max),
        ];
        for (field, length) in lengths {
            let allowed = format_args!("{} to {YEAR}", Duration::ZERO);
            let length = length.filter(|length| *length > YEAR);
            faults.extend(length.map(|it| Fault::out_of_range(field, it, allowed)));
        }
        if let Some(share) = self
            .bulkhead
            .filter(|share| !(*share > 0.0 && *share <= 1.0))
        {
            faults.push(Fault::out_of_range("bulkhead", share, "above 0 to 1"));
        }
        for (field, limit) in [("call_rate", self.call_rate), ("unit_rate", self.unit_rate)] {
            let limit_faults = limit.map(|limit| limit.faults()).unwrap_or_default();
            faults.extend(limit_faults.into_iter().map(|fault| fault.under(field)));
        }
        let is_allowed = |timeout: &Duration| !timeout.is_zero() && *timeout <= YEAR;
        if let Some(timeout) = self.call_timeout.filter(|timeout| !is_allowed(timeout)) {
            let allowed = format_args!("above {} to {YEAR}", Duration::ZERO);
            faults.push(Fault::out_of_range("call_timeout", timeout, allowed));
        }
        let empty = self.topics.iter().position(String::is_empty);
        faults.extend(empty.map(|index| {
            Fault::new(
                format!("topics[{index}]"),
                "is empty, allowed are names of a letter or more",
            )
        }));
        let is_again = |&at: &usize| self.topics[..at].contains(&self.topics[at]);
        let again = (0..self.topics.len()).find(is_again);
        faults.extend(again.map(|index| {
            let topic = &self.topics[index];
            let what = format!("is {topic:?} once more, allowed is each topic once");
            Fault::new(format!("topics[{index}]"), what)
        }));
        faults
    }
}

impl Check for RateLimit {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let per_s = self.rate.as_per_second();
        if !(per_s > 0.0 && per_s <= MAX_RATE) {
            let allowed = format_args!("above 0/s to {MAX_RATE}/s");
            faults.push(Fault::out_of_range("rate", self.rate, allowed));
        }
        if !(1..=MAX_BURST).contains(&self.burst) {
            let allowed = format_args!("1 to {MAX_BURST}");
            faults.push(Fault::out_of_range("burst", self.burst, allowed));
        }
        faults
    }
}
