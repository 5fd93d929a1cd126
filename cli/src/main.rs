//! The `ebbtide` command: parses the command line, runs one command, ends with its exit code.
//!
//! A shell around the simulator: what is simulated lives in `sim`, what is measured in
//! `measure`, what is drawn in `plots`.

mod args;
mod commands;
mod error;
mod exit;
mod input;
mod interrupt;
mod output;
mod run_dir;
mod threads;
mod writable;

use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;

use crate::args::CommandLine;
use crate::error::CliError;
use crate::exit::Exit;

fn main() -> ExitCode {
    let command = match CommandLine::try_parse() {
        Ok(line) => line.command,
        Err(said) => return told(&said).into(),
    };
    panic::set_hook(Box::new(report_panic));
    let ended = panic::catch_unwind(AssertUnwindSafe(|| commands::run(&command)));
    let exit = match ended {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => {
            error.print();
            error.exit
        }
        Err(_) => Exit::Failed,
    };
    exit.into()
}

/// Help, the version or what is wrong with the command line, printed.
fn told(said: &clap::Error) -> Exit {
    if said.use_stderr() {
        // There is nowhere left to say that it could not be said.
        let _ = said.print();
        return Exit::BadInput;
    }
    match said.print().and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let error = CliError::stdout(&error);
            error.print();
            error.exit
        }
        _ => Exit::Success,
    }
}

/// A panic is a bug of ours: one line that helps to find it, instead of a trace.
fn report_panic(info: &PanicHookInfo<'_>) {
    let what = info.payload_as_str().unwrap_or("no message");
    let place = info
        .location()
        .map(|at| format!(" ({}:{})", at.file(), at.line()));
    let place = place.unwrap_or_default();
    eprintln!(
        "internal error: {what}{place}; please report it with the command line and the files"
    );
}
