//! The experiments of the system that ebbtide takes over from, on the live broker.
//!
//! That system's harness waited for a second whatever it measured, so each of its figures is
//! the same (`docs/seed.md`). Here elapsed time, rate and true sojourns stand apart from each other,
//! and beside each is a null broker: the same senders and the same handlers with nothing between
//! them, which is the floor of the harness.

mod floor;
mod remote;
mod trials;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

pub use remote::{LATENCIES_MS, RemoteTrial, remote};
pub use trials::{TRIALS, Trial, TrialKind};

/// What it set as its targets: messages a second, and seconds.
const LEAST_PER_S: f64 = 500.0;
const MOST_MEAN_S: f64 = 0.050;
const MOST_P95_S: f64 = 0.200;

/// What one side of a trial did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// From the first message until the last was done, the median of all rounds.
    pub elapsed_s: f64,
    /// Messages a second.
    pub per_s: f64,
    /// Sojourns, over all rounds.
    pub mean_s: f64,
    /// Half of them are shorter.
    pub p50_s: f64,
    /// 95 % are shorter.
    pub p95_s: f64,
    /// 99 % are shorter.
    pub p99_s: f64,
    /// Deliveries that succeeded, a share of those that there should be.
    pub success: f64,
}

impl Measured {
    /// From the rounds of a trial with so many messages and deliveries each.
    fn of(rounds: &[Round], messages: u64, deliveries: u64) -> Self {
        let mut sojourns: Histogram<u64> = Histogram::new(3).expect("three digits are few enough");
        for sojourn in rounds.iter().flat_map(|round| &round.sojourns) {
            // It grows as it must.
            let _ = sojourns.record(sojourn.as_nanos() as u64);
        }
        let mut elapsed: Vec<Duration> = rounds.iter().map(|round| round.elapsed).collect();
        elapsed.sort_unstable();
        let elapsed = elapsed.get(elapsed.len() / 2).copied().unwrap_or_default();
        let seconds = |nanos: f64| nanos / 1e9;
        let quantile = |q| seconds(sojourns.value_at_quantile(q) as f64);
        Self {
            elapsed_s: elapsed.as_secs_f64(),
            per_s: messages as f64 / elapsed.as_secs_f64().max(1e-9),
            mean_s: seconds(sojourns.mean()),
            p50_s: quantile(0.50),
            p95_s: quantile(0.95),
            p99_s: quantile(0.99),
            success: sojourns.len() as f64 / (deliveries * rounds.len() as u64).max(1) as f64,
        }
    }

    /// Which targets are missed, where agents alone make `agent_s` of a sojourn, whatever stands
    /// before them.
    #[must_use]
    pub fn missed(&self, agent_s: f64) -> Vec<&'static str> {
        let targets = [
            ("500/s", self.per_s >= LEAST_PER_S),
            ("mean 50 ms", self.mean_s <= MOST_MEAN_S + agent_s),
            ("p95 200 ms", self.p95_s <= MOST_P95_S + agent_s),
            ("success 100 %", self.success >= 1.0),
        ];
        let missed = targets.into_iter().filter(|(_, met)| !met);
        missed.map(|(target, _)| target).collect()
    }
}

/// One round of a trial.
#[derive(Debug, Default)]
struct Round {
    elapsed: Duration,
    /// Of the deliveries that succeeded.
    sojourns: Vec<Duration>,
}

/// A runtime as a service has it.
fn runtime() -> tokio::runtime::Runtime {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build();
    built.expect("a runtime with timers needs nothing but threads")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(elapsed_ms: u64, sojourns_ms: &[u64]) -> Round {
        Round {
            elapsed: Duration::from_millis(elapsed_ms),
            sojourns: sojourns_ms
                .iter()
                .map(|&ms| Duration::from_millis(ms))
                .collect(),
        }
    }

    #[test]
    fn a_message_that_failed_and_one_that_was_late_miss_their_targets() {
        let rounds = [
            round(100, &[1; 100]),
            round(300, &[1; 100]),
            round(200, &[1; 100]),
        ];
        let good = Measured::of(&rounds, 100, 100);
        assert_eq!((good.elapsed_s, good.per_s), (0.2, 500.0));
        assert!(good.missed(0.0).is_empty(), "{good:?}");

        let one_failed = Measured::of(&[round(100, &[1; 99])], 100, 100);
        assert_eq!(one_failed.missed(0.0), ["success 100 %"]);
        let late = Measured::of(&[round(201, &[205; 100])], 100, 100);
        let all_but_success = ["500/s", "mean 50 ms", "p95 200 ms"];
        assert_eq!(late.missed(0.0), all_but_success);
    }
}
