//! How each agent is called and what protects it, as the user sets it.

use ebbtide_policies::units::{Duration, Rate};

/// How an agent is called and protected. `None` takes the broker's setting.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Unique name.
    pub name: String,
    /// Whether one call carries several messages.
    pub batch: bool,
    /// The agent's own cap on a batch's size.
    pub max_batch: Option<u32>,
    /// The agent's own cap on a batch's timeout.
    pub max_batch_timeout: Option<Duration>,
    /// How many replicas serve it, at least 1.
    pub replicas: u32,
    /// Calls in flight per replica; `None`: no limit.
    pub in_flight_limit: Option<u32>,
    /// Share of the ready workers' slots it may fill, 0–1; `None`: the broker's.
    pub bulkhead: Option<f64>,
    /// Calls per second.
    pub call_rate: Option<RateLimit>,
    /// Declared units per second.
    pub unit_rate: Option<RateLimit>,
    /// Length of a lease; `None`: the broker's.
    pub call_timeout: Option<Duration>,
    /// Topics whose broadcasts it gets.
    pub topics: Vec<String>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Tokens that come per second; more than zero.
    pub rate: Rate,
    /// Most tokens the bucket holds; it starts full. At least 1.
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
            topics: Vec::new(),
        }
    }
}
