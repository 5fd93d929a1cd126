//! `ebbtide bench`: measures the live broker.

mod fidelity;

use crate::args::BenchCommand;
use crate::error::CliError;
use crate::exit::Exit;

/// Runs one of the benches.
pub(crate) fn run(command: &BenchCommand) -> Result<Exit, CliError> {
    match command {
        BenchCommand::Fidelity(args) => fidelity::run(args),
    }
}
