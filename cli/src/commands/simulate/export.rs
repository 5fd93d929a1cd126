//! `--export-trace`: the messages of every replication as the first policy met them.
//!
//! Written in a pass of its own, one replication after another: on several threads they would
//! have to be kept until their turn.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;

use ebbtide_measure::Detail;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::trace::{Exported, Origin, Recorded, Row, TraceWriter};
use ebbtide_sim::traffic::Arrival;
use ebbtide_sim::{ArrivalSink, Experiment, Monitor, Plan, Sinks};

use crate::error::CliError;

/// A trace under way, and what went wrong with it.
struct Export {
    writer: TraceWriter<BufWriter<File>>,
    failed: Option<io::Error>,
}

/// Makes sure, before anything is run, that `path` can be written; what it holds stays.
///
/// # Errors
/// It cannot.
pub(crate) fn prepare(path: &Path) -> Result<(), CliError> {
    let open = File::options().append(true).create(true).open(path);
    open.map(drop)
        .map_err(|error| CliError::unwritable(path, &error))
}

/// Takes away an empty file that [`prepare`] made and nothing was written to.
pub(crate) fn discard(path: &Path) {
    if path
        .metadata()
        .is_ok_and(|file| file.is_file() && file.len() == 0)
    {
        let _ = fs::remove_file(path);
    }
}

/// Writes the messages of `experiment` to `path`. `false` if `monitor` says stop: a trace that
/// lacks some is none, and is taken away.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn trace(
    path: &Path,
    plan: &Plan,
    experiment: &Experiment,
    monitor: &Monitor,
) -> Result<bool, CliError> {
    let unwritable = |error| CliError::unwritable(path, &error);
    let recorded = Recorded {
        length: Some(plan.run.length),
        warm_up: Some(experiment.warm_up),
    };
    let file = BufWriter::new(File::create(path).map_err(unwritable)?);
    let export = Mutex::new(Export {
        writer: TraceWriter::new(file, recorded).map_err(unwritable)?,
        failed: None,
    });
    let sink = |replication| -> ArrivalSink<'_> {
        let export = &export;
        Box::new(move |arrival| write(export, plan, replication, arrival))
    };
    let sinks = Sinks {
        arrivals: Some(&sink),
        ..Sinks::default()
    };
    let finished = experiment
        .policies
        .first()
        .map_or(0, |first| first.replications);
    monitor.expect(u64::from(finished), plan.end());
    let warm_up = experiment.warm_up;
    let again = |number| replicate(plan, 0, number, warm_up, Detail::Summary, &sinks, monitor);
    if !(0..finished).all(|number| again(number).is_some()) {
        drop(export);
        let _ = fs::remove_file(path);
        return Ok(false);
    }
    let export = export
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match export.failed {
        Some(error) => Err(unwritable(error)),
        None => {
            let flushed = export.writer.into_inner().flush();
            flushed.map(|()| true).map_err(unwritable)
        }
    }
}

fn write(export: &Mutex<Export>, plan: &Plan, replication: u32, arrival: &Arrival) {
    let mut export = export
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if export.failed.is_some() {
        return;
    }
    let row = Row {
        at: arrival.at,
        class: None,
        size: Some(arrival.size),
        units: Some(arrival.units),
        service: arrival.service,
        replication: Some(replication),
        origin: Some(Origin {
            source: Some(arrival.key.source()),
            caller: arrival.key.caller(),
            number: arrival.key.number(),
        }),
    };
    let class = &plan.classes[usize::from(arrival.class.0)].name;
    let written = export.writer.write(&Exported {
        replication,
        row,
        class,
    });
    export.failed = written.err();
}
