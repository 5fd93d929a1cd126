//! Remote agents as a scenario describes them: how long they take, and how they misbehave.
//!
//! What a call to one does is decided in `agents/model.rs`; how the broker protects it is
//! core's business, and only named here ([`Protection`]). Deliberately absent: the broker's
//! view of an agent, which learns all this only from its calls.

mod call_time;
mod fault;
mod model;
mod remote_limit;

use serde::{Deserialize, Serialize};

use ebbtide_core::config::{AgentConfig, BrokerConfig, RateLimit};
use ebbtide_policies::units::{Duration, Time};

use crate::distribution::Distribution;
use crate::numbers;

pub use fault::{Effect, Fault};
pub use model::{AgentModel, CallItem, CallPlan, CallResult, Cancelled, Service, Started};
pub use remote_limit::RemoteLimit;

/// A remote agent.
///
/// A call to an ordinary agent takes `call`; a call to a batch agent takes `per_call` plus its
/// messages' own `per_item`. Either is multiplied by `noise`, `drift`, `slowdown` and any
/// `Slow` fault, and then `round_trip` is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Unique name.
    pub name: String,
    /// An ordinary agent: time of a call, drawn by message and attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Distribution>,
    /// A batch agent: time that every call takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_call: Option<Duration>,
    /// A batch agent: time that each message adds, drawn by message and attempt, so that
    /// cutting batches differently neither makes nor saves work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_item: Option<Distribution>,
    /// A factor on a call's time, drawn by agent, start time and index among the calls that
    /// start then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// Time on the network, there and back; the remote side counts the call as its own
    /// meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<Distribution>,
    /// A factor on a call's time that changes over the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// How the remote side slows down when crowded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<Slowdown>,
    /// Calls that the remote side works on at once; others wait there, first in first out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<u32>,
    /// Calls and units beyond which the remote side answers 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RemoteLimit>,
    /// Messages that fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
    /// Share of calls that never end.
    #[serde(default, deserialize_with = "numbers::share")]
    pub hangs: f64,
    /// Whether the remote side stops working on a call that the broker gave up, and so has
    /// room for the next. One that hangs, or waits for a server, always does.
    #[serde(default)]
    pub stops_on_cancel: bool,
    /// What the broker does to protect it.
    #[serde(default)]
    pub protect: Protection,
}

/// A factor on a call's time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Noise {
    /// `exp(sigma · Z)`: median 1, mean `exp(sigma²/2)`.
    LogNormal {
        /// Standard deviation of the logarithm, 0 to 10.
        #[serde(deserialize_with = "numbers::sigma")]
        sigma: f64,
    },
    /// Exponential of mean 1.
    Exponential,
    /// Gamma of mean 1.
    Gamma {
        /// Squared coefficient of variation, above 0.
        #[serde(deserialize_with = "numbers::positive")]
        cv2: f64,
    },
}

/// A factor on a call's time that changes over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Drift {
    /// Each factor from its time on; 1 before the first.
    Steps(Vec<(Time, Factor)>),
    /// The `latency_ms` of a file, divided by `base`: with the median as `base`, the median
    /// follows the file.
    File {
        /// Where the file is.
        file: String,
        /// The latency that stands for factor 1, above 0.
        base: Duration,
        /// How many times as fast time passes in the file.
        #[serde(default = "one", deserialize_with = "numbers::positive")]
        speed: f64,
    },
}

/// A factor: finite, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Factor(pub f64);

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        numbers::positive(deserializer).map(Self)
    }
}

/// Universal Scalability Law beyond a limit: with n calls at once, the time of a call that
/// starts is multiplied by `1 + alpha·(n−L) + beta·(n−L)·(n−L+1)` for n above L.
///
/// Gunther 2007, "Guerrilla Capacity Planning", equation 4.31: capacity
/// `N / (1 + σ(N−1) + κN(N−1))`, here with N = n − L + 1, so that L calls run undisturbed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slowdown {
    /// L: calls at once that do not disturb each other.
    pub limit: u32,
    /// σ: contention, from 0. 1/L keeps the throughput at its height.
    #[serde(deserialize_with = "numbers::not_negative")]
    pub alpha: f64,
    /// κ: coherency, from 0. Above 0 the throughput falls in the end.
    #[serde(default, deserialize_with = "numbers::not_negative")]
    pub beta: f64,
}

impl Slowdown {
    /// By how much a call slows down with `calls` at once, itself included.
    pub(crate) fn factor(self, calls: u32) -> f64 {
        let beyond = f64::from(calls.saturating_sub(self.limit));
        1.0 + self.alpha * beyond + self.beta * beyond * (beyond + 1.0)
    }
}

/// Messages that fail, each by itself, also in a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// How many, 0 to 1; drawn by message and attempt.
    #[serde(deserialize_with = "numbers::share")]
    pub share: f64,
    /// How long a call takes of which every message fails; absent: as long as any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Distribution>,
}

/// What the broker does to protect an agent. Absent: the broker's own setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protection {
    /// How many replicas serve it, at least 1; absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Calls in flight per replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_limit: Option<u32>,
    /// Share of the ready workers' slots that it may fill, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulkhead: Option<f64>,
    /// Calls per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_rate: Option<RateLimit>,
    /// Units per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_rate: Option<RateLimit>,
    /// Length of a lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_timeout: Option<Duration>,
    /// Attempts that a message has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_max_attempts: Option<u32>,
    /// Backoff before the second attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_backoff: Option<Duration>,
    /// Longest backoff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_backoff_max: Option<Duration>,
    /// Cap on a batch's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch: Option<u32>,
    /// Cap on a batch's timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_timeout: Option<Duration>,
    /// Topics whose broadcasts it gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
}

const fn one() -> f64 {
    1.0
}

impl Agent {
    /// An agent of which nothing but the name is known; it needs `call` or `per_call` yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            call: None,
            per_call: None,
            per_item: None,
            noise: None,
            round_trip: None,
            drift: None,
            slowdown: None,
            servers: None,
            rate_limit: None,
            failures: None,
            hangs: 0.0,
            stops_on_cancel: false,
            protect: Protection::default(),
        }
    }

    /// Whether one call carries several messages.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.call.is_none()
    }

    /// How the broker sees it.
    #[must_use]
    pub fn config(&self) -> AgentConfig {
        let protect = &self.protect;
        AgentConfig {
            batch: self.is_batch(),
            max_batch: protect.max_batch,
            max_batch_timeout: protect.max_batch_timeout,
            replicas: protect.replicas.unwrap_or(1),
            in_flight_limit: protect.in_flight_limit,
            bulkhead: protect.bulkhead,
            call_rate: protect.call_rate,
            unit_rate: protect.unit_rate,
            call_timeout: protect.call_timeout,
            retry_max_attempts: protect.retry_max_attempts,
            retry_backoff: protect.retry_backoff,
            retry_backoff_max: protect.retry_backoff_max,
            topics: protect.topics.clone(),
            ..AgentConfig::new(self.name.clone())
        }
    }

    /// A message's own work in worker-seconds: the mean time of a call at the best batch, over the messages that it
    /// carries and the slots of a worker. A call's fixed part makes the largest batch the best.
    #[must_use]
    pub fn own_work(&self, broker: &BrokerConfig) -> f64 {
        let size = if self.is_batch() && broker.enable_batching {
            let cap = self.protect.max_batch.unwrap_or(u32::MAX);
            f64::from(broker.max_batch_size.min(cap))
        } else {
            1.0
        };
        let slots = f64::from(broker.delivery_parallelism);
        self.mean_call_time(size).as_secs_f64() / size / slots
    }
}
