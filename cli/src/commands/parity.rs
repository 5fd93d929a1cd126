//! `ebbtide parity`: a live broker's journal through core and policies again.
//!
//! Starts no runtime and reads no clock: what it compares with came from one. How a journal is
//! replayed and compared stands in core's `journal`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use ebbtide_core::journal::{JournalError, Parity, Reader, Replay, ReplayError};
use ebbtide_measure::results::ENGINE_VERSION;
use ebbtide_policies::registry;

use crate::args::ParityArgs;
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::output::{Stdout, parity};

/// Replays the journal and says whether everything came out the same.
pub(super) fn run(args: &ParityArgs) -> Result<Exit, CliError> {
    let path = &args.journal;
    let file = File::open(path).map_err(|error| CliError::unreadable(path, &error))?;
    let build = |name: &str| registry::build(name).ok();
    let mut replay = Replay::new(&build);
    let read = feed(BufReader::new(file), &mut replay);
    if let Some(header) = replay.header() {
        if header.engine_version != ENGINE_VERSION {
            let (wrote, this) = (&header.engine_version, ENGINE_VERSION);
            let text = format!(
                "{} was written by ebbtide {wrote}, this is {this}",
                path.display()
            );
            Fault::warning(text).print();
        }
        let text = parity::render(replay.parity(), &header.policy);
        let written = Stdout::lock().write_all(text.as_bytes());
        written.map_err(|error| CliError::stdout(&error))?;
    }
    match read {
        Ok(()) => Ok(exit(replay.parity())),
        // What was found before the file went wrong is found.
        Err(_) if replay.parity().mismatch.is_some() => Ok(Exit::Failed),
        Err(stop) => Err(stop.fault(path)),
    }
}

/// Why the rest of a journal is not replayed.
enum Stop {
    Read(JournalError),
    Replay(ReplayError),
}

fn feed(file: BufReader<File>, replay: &mut Replay<'_>) -> Result<(), Stop> {
    let mut reader = Reader::new(file).map_err(Stop::Read)?;
    while let Some(record) = reader.next_record().map_err(Stop::Read)? {
        replay.feed(&record).map_err(Stop::Replay)?;
    }
    Ok(())
}

fn exit(parity: &Parity) -> Exit {
    let compared = parity.decisions + parity.decisions_in_gaps;
    if parity.mismatch.is_some() {
        Exit::Failed
    } else if compared == 0 || parity.unknown_from.is_some() {
        Exit::Inconclusive
    } else {
        Exit::Success
    }
}

impl Stop {
    fn fault(&self, path: &Path) -> CliError {
        let (text, help) = match self {
            Self::Read(JournalError::Io(error)) => return CliError::unreadable(path, error),
            Self::Read(error) => (error.to_string(), read_help(error)),
            Self::Replay(error) => (error.to_string(), replay_help(error)),
        };
        CliError::bad_input(format!("{}: {text}", path.display()), help)
    }
}

fn read_help(error: &JournalError) -> &'static str {
    match error {
        JournalError::NoJournal => "name a file that `Broker::builder().journal(…)` has written",
        JournalError::OtherVersion { .. } => "replay it with the version that wrote it",
        JournalError::BrokenOff { .. } => {
            "its broker did not end in good order; what is above holds for what there is"
        }
        _ => "copy the file again from where it was written",
    }
}

fn replay_help(error: &ReplayError) -> &'static str {
    match error {
        ReplayError::UnknownPolicy(_) => {
            "the command knows the shipped policies; replay yours in a test, with \
             `ebbtide_core::journal::Replay`"
        }
        _ => "replay it with the version that wrote it",
    }
}
