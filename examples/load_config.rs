//! Loads a configuration file and says what it means.
//!
//! `cargo run --example load_config` reads `examples/broker.ron`; name another file to read it.
//! Break a setting to see how faults are reported.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let path = std::env::args().nth(1);
    match ebbtide::config::load(path.as_deref().unwrap_or("examples/broker.ron")) {
        Ok(config) => {
            let (policy, least, most) = (&config.policy, config.min_workers, config.max_workers);
            println!("{policy}: {least} to {most} workers");
            if let Some(objective) = config.objective {
                println!("steering for {objective}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
