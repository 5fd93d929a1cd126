//! The experiment that was left undone: remote agents, by how long they take and how many
//! workers there are.

use std::time::Duration;

use ebbtide::{Broker, BrokerConfig};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::floor::{Echo, Note, Side};
use super::{Measured, Round, runtime};
use crate::live::Pace;
use crate::timer::Timer;

/// How long an agent takes.
pub const LATENCIES_MS: [u64; 4] = [10, 20, 50, 100];

/// Pools, ten slots a worker.
const POLICIES: [&str; 5] = ["fixed(1)", "fixed(3)", "fixed(5)", "fixed(10)", "adaptive"];

/// Messages a second, a fifth more than the target, and how long they come.
const PER_S: u32 = 600;
const SECONDS: u32 = 8;

/// A pool and how it did.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteTrial {
    /// The policy.
    pub policy: String,
    /// How long an agent takes.
    pub latency_ms: u64,
    /// Mean workers while messages came.
    pub workers_mean: f64,
    /// What it did.
    pub measured: Measured,
}

impl RemoteTrial {
    /// Which targets are missed, of a pool that could size itself: the time that an agent takes
    /// is nobody's fault.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let missed = self.measured.missed(self.latency_ms as f64 / 1e3);
        let is_judged = |target: &&str| self.policy == "adaptive" || target.starts_with("success");
        missed.into_iter().filter(is_judged).collect()
    }
}

/// Runs all pools side by side; they wait far more than they work.
#[must_use]
pub fn remote(latency_ms: u64) -> Vec<RemoteTrial> {
    runtime().block_on(async {
        let mut pools = JoinSet::new();
        for (place, policy) in POLICIES.into_iter().enumerate() {
            pools.spawn(async move { (place, pool(policy, latency_ms).await) });
        }
        let mut trials = pools.join_all().await;
        trials.sort_by_key(|(place, _)| *place);
        trials.into_iter().map(|(_, trial)| trial).collect()
    })
}

async fn pool(policy: &str, latency_ms: u64) -> RemoteTrial {
    let config = BrokerConfig {
        policy: policy.to_owned(),
        objective: Some("p95(sojourn) < 200ms".parse().expect("an objective")),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config);
    let broker = broker.request_deadline(None::<Duration>).start().await;
    let broker = broker.expect("the configuration is in range");
    let echo = Echo {
        timer: Timer::of(Pace::Wall),
        takes: Duration::from_millis(latency_ms),
        batch: false,
    };
    let side = Side::ebbtide(broker.clone(), &echo, 1);
    let (began, mut asked, mut workers) = (Instant::now(), JoinSet::new(), 0);
    let messages = PER_S * SECONDS;
    for number in 0..messages {
        // A late sender hides nothing: a sojourn counts from when its message was to be sent.
        let sent = began + Duration::from_secs(1) * number / PER_S;
        echo.timer.sleep_until(sent).await;
        let side = side.clone();
        asked.spawn(async move {
            let note = Note { sent, done: None };
            side.ask(0, note).await.then(|| sent.elapsed())
        });
        workers += broker.setting().workers;
    }
    let sojourns = asked.join_all().await.into_iter().flatten().collect();
    let round = Round {
        elapsed: began.elapsed(),
        sojourns,
    };
    broker.shutdown(Duration::ZERO).await;
    let messages = u64::from(messages);
    RemoteTrial {
        policy: policy.to_owned(),
        latency_ms,
        workers_mean: f64::from(workers) / messages as f64,
        measured: Measured::of(&[round], messages, messages),
    }
}
