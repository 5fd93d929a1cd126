//! `ebbtide simulate`: runs scenarios, prints what they found, saves it.
//!
//! Everything that can be wrong with the input is found before the first run: a long
//! experiment must not end in a misspelt path.

mod export;
mod job;
mod save;

use std::io::Write;
use std::time::Instant;

use ebbtide_measure::results::{ENGINE_VERSION, SCHEMA};
use ebbtide_measure::{Report, ThresholdVerdict};
use ebbtide_sim::{Experiment, Monitor, Sinks};
use rayon::ThreadPool;

use crate::args::{Format, SimulateArgs};
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::progress::{Progress, Verbosity};
use crate::output::table::Colour;
use crate::output::{Stdout, sentence, table};
use crate::threads;
use job::Job;
use save::DecisionLogs;

/// Runs every scenario that was named, one after another.
pub(crate) fn run(args: &SimulateArgs) -> Result<Exit, CliError> {
    let jobs = job::all(args)?;
    let pool = threads::pool(args.threads)?;
    let interrupt = Interrupt::listen();
    let mut exit = Exit::Success;
    for job in jobs {
        exit = exit.and(simulate(&job, args, &pool, &interrupt)?);
        if interrupt.pressed() {
            return Ok(Exit::Interrupted);
        }
    }
    Ok(exit)
}

fn simulate(
    job: &Job,
    args: &SimulateArgs,
    pool: &ThreadPool,
    interrupt: &Interrupt,
) -> Result<Exit, CliError> {
    for warning in &job.plan.warnings {
        Fault::warning(format!("{}: {warning}", job.source.label)).print();
    }
    let logs = match &job.dir {
        Some(dir) => Some(DecisionLogs::create(dir, &job.plan)?),
        None => None,
    };
    let decisions = logs.as_ref().map(|logs| |contender| logs.sink(contender));
    let shown = logs.as_ref().map(|logs| |contender| logs.shown(contender));
    let sinks = Sinks {
        decisions: decisions.as_ref().map(|sink| sink as _),
        shown: shown.as_ref().map(|sink| sink as _),
        courses: decisions.is_some(),
        ..Sinks::default()
    };
    let monitor = Monitor::default();
    let progress = Progress::start(&job.source.name, Verbosity::from_flag(args.printing.quiet));
    let began = Instant::now();
    let show = |share| progress.update(share);
    let experiment = threads::watched(pool, &monitor, interrupt, show, || {
        Experiment::run(&job.plan, &sinks, &monitor)
    });
    progress.finish();
    if let Some(logs) = logs {
        logs.finish()?;
    }
    let Some(report) = report(job, &experiment, began.elapsed().as_secs_f64()) else {
        nothing_to_save(job);
        return Ok(Exit::Interrupted);
    };
    let headline = sentence::conclusion(&report);
    if let Some(dir) = &job.dir {
        save::all(dir, job, &report, &experiment, &headline)?;
    }
    if let Some(path) = &job.export {
        let monitor = Monitor::default();
        let label = format!("{}: trace", job.source.name);
        let progress = Progress::start(label, Verbosity::from_flag(args.printing.quiet));
        let show = |share| progress.update(share);
        let exported = threads::watched(pool, &monitor, interrupt, show, || {
            export::trace(path, &job.plan, &experiment, &monitor)
        });
        progress.finish();
        if !exported? {
            let path = path.display();
            Fault::warning(format!("interrupted: {path} was not written")).print();
        }
    }
    print(job, args.printing.format, &report, &headline)?;
    Ok(verdict(&report, &experiment))
}

fn nothing_to_save(job: &Job) {
    if let Some(dir) = &job.dir {
        dir.discard();
    }
    if let Some(path) = &job.export {
        export::discard(path);
    }
    Fault::new(format!(
        "{}: interrupted before a replication was finished, there is nothing to save",
        job.source.name
    ))
    .print();
}

/// The results as one object; `None` if nothing was finished.
fn report(job: &Job, experiment: &Experiment, wall_s: f64) -> Option<Report> {
    Some(Report {
        schema: SCHEMA,
        engine_version: ENGINE_VERSION.to_owned(),
        scenario: job.source.name.clone(),
        seed: job.plan.run.seed,
        wall_s,
        first: experiment.policies.first()?.clone(),
        policies: experiment.policies.clone(),
        comparisons: experiment.comparisons.clone(),
        thresholds: experiment.thresholds.clone(),
    })
}

fn print(job: &Job, format: Format, report: &Report, headline: &str) -> Result<(), CliError> {
    let mut out = Stdout::lock();
    let written = match format {
        Format::Json => {
            let json = serde_json::to_string(report).expect("results have text keys only");
            writeln!(out, "{json}")
        }
        Format::Table => {
            let mut text = table::render(report, Colour::wanted());
            if let Some(dir) = &job.dir {
                text += &format!("report: {}\n", dir.report().display());
            }
            writeln!(out, "{text}{headline}")
        }
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| CliError::stdout(&error))
}

fn verdict(report: &Report, experiment: &Experiment) -> Exit {
    if experiment.interrupted {
        return Exit::Interrupted;
    }
    let exits = report.thresholds.iter().map(|result| match result.verdict {
        ThresholdVerdict::Pass => Exit::Success,
        ThresholdVerdict::Fail => Exit::ThresholdFailed,
        ThresholdVerdict::Inconclusive => Exit::Inconclusive,
    });
    exits.fold(Exit::Success, Exit::and)
}
