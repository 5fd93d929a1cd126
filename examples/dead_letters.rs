//! Dead letters: what was given up during an outage is looked at, and sent again after it.
//!
//! `cargo run --example dead_letters`.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ebbtide::{Broker, BrokerConfig, Failure, Outcome, with};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Without its breaker the agent is called through the outage; with it, messages would wait.
    let config = BrokerConfig {
        retry_backoff_ms: 10,
        breaker: None,
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await?;
    let warehouse_is_up = Arc::new(AtomicBool::new(false));
    let ship = async |is_up: &Arc<AtomicBool>, order: &u32| {
        if !is_up.load(Ordering::Relaxed) {
            return Err(Failure::retry("the warehouse does not answer"));
        }
        println!("order {order} is shipped");
        Ok(())
    };
    let warehouse = broker.add_agent("warehouse", with(warehouse_is_up.clone(), ship))?;

    for order in 1..=3 {
        warehouse.send(order).await?;
    }
    while broker.dead_letters().len() < 3 {
        sleep(Duration::from_millis(20)).await;
    }
    for letter in broker.dead_letters() {
        println!(
            "order {:?} was given up after {} attempts: {}",
            letter.message::<u32>(),
            letter.attempts,
            letter.texts.join("; "),
        );
    }

    warehouse_is_up.store(true, Ordering::Relaxed);
    for letter in broker.dead_letters() {
        broker.replay(letter.id)?;
    }
    broker.shutdown(Duration::from_secs(5)).await;
    let delivered = broker.books().outcomes[Outcome::Delivered.index()];
    println!(
        "{delivered} delivered, {} dead letters left",
        broker.dead_letters().len()
    );
    Ok(())
}
