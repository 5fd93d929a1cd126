//! The subcommands, one file each: they decide what to do and what to say.

mod arena;
pub(crate) mod bench;
mod check;
mod explain;
mod oracle;
mod parity;
mod scenario;
mod simulate;
mod validate;

use crate::args::Command;
use crate::error::CliError;
use crate::exit::Exit;

/// Runs one command.
///
/// # Errors
/// What stopped it, with the exit code.
pub(crate) fn run(command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::Simulate(args) => simulate::run(args),
        Command::Arena(args) => arena::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Oracle(args) => oracle::run(args),
        Command::Parity(args) => parity::run(args),
        Command::Bench(command) => bench::run(command),
        Command::Check(args) => check::run(args),
        Command::Scenario(command) => scenario::run(command),
    }
}
