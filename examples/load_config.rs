//! Loads a configuration file, says what it means, and starts a broker with it.
//!
//! `cargo run --example load_config` reads `examples/broker.ron`; name another file to read it.
//! Break a setting to see how faults are reported.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::process::ExitCode;
use std::time::Duration;

use ebbtide::{Broker, BrokerConfig, Failure};

#[tokio::main]
async fn main() -> ExitCode {
    let path = std::env::args().nth(1);
    let loaded = ebbtide::config::load(path.as_deref().unwrap_or("examples/broker.ron"));
    let config = match loaded {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let (policy, least, most) = (&config.policy, config.min_workers, config.max_workers);
    println!("{policy}: {least} to {most} workers");
    if let Some(objective) = config.objective {
        println!("steering for {objective}");
    }
    match run(config.into()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One message through a broker of this configuration.
async fn run(config: BrokerConfig) -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().config(config).start().await?;
    let echo = broker.add_agent("echo", async |text: &String| Ok::<_, Failure>(text.clone()))?;
    println!("{}", echo.request("it runs".to_owned()).await?);
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
