//! `ebbtide bench`: measures the live broker.

mod fidelity;
mod seed;

pub(crate) use seed::Done;

use crate::args::BenchCommand;
use crate::error::CliError;
use crate::exit::Exit;

/// Runs one of the benches.
pub(crate) fn run(command: &BenchCommand) -> Result<Exit, CliError> {
    match command {
        BenchCommand::Fidelity(args) => fidelity::run(args),
        BenchCommand::Seed(args) => seed::run(args),
    }
}
