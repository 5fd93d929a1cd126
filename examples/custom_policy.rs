//! A policy of your own: one worker for every so many messages that wait.
//!
//! `cargo run --example custom_policy`. A policy sees an interval and says what it wants and why;
//! the broker bounds and paces it. The same type runs in the simulator, and `ebbtide-conformance`
//! tries what must hold for any policy on it: `docs/writing-a-policy.md`. (It would find that a
//! queue's length does not say what keeps it long.)
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::Duration;

use ebbtide::{Broker, BrokerConfig, Decision, Happening, Observation, Policy, Reason};
use tokio::time::sleep;

/// A worker for every `per_worker` waiting messages.
struct Proportional {
    per_worker: f64,
}

impl Policy for Proportional {
    fn name(&self) -> &str {
        "proportional"
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let waiting = seen.queue.waiting;
        let reason = Reason::new("proportional", format!("{waiting} messages wait"));
        // Fractions round up, bounds cut; pace is the governor's business.
        Decision::of_workers(waiting as f64 / self.per_worker, seen, reason)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = BrokerConfig {
        num_workers: 1,
        control_interval_ms: 100,
        shrink_window_ms: 300,
        ..BrokerConfig::default()
    };
    let policy = Proportional { per_worker: 20.0 };
    let broker = Broker::builder()
        .config(config)
        .policy(policy)
        .start()
        .await?;
    let mut events = broker.events();
    let agent = broker.add_agent("agent", async |_: &u32| {
        sleep(Duration::from_millis(50)).await;
        Ok(())
    })?;

    for number in 0..300 {
        agent.send(number).await?;
    }
    sleep(Duration::from_secs(1)).await;
    while let Some(notice) = events.try_next() {
        if let Happening::Steered {
            before,
            now,
            reason,
        } = notice.what
        {
            let (before, now) = (before.workers, now.workers);
            println!("{}: {before} to {now} workers, {}", notice.at, reason.text);
        }
    }
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
