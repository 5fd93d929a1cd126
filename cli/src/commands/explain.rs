//! `ebbtide explain`: the decision in force at an instant, from the run's decision log alone.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use ebbtide_core::event::DecisionRecord;
use ebbtide_measure::Report;
use ebbtide_policies::units::{Duration, Time};

use crate::args::ExplainArgs;
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::output::Stdout;
use crate::output::decision::{self, Asked, Place};
use crate::run_dir::{self, Logged, RunDir};

/// Prints what the policy saw, chose, predicted and rejected.
pub(crate) fn run(args: &ExplainArgs) -> Result<Exit, CliError> {
    let at = instant(&args.at)?;
    let dir = RunDir::open(&args.run);
    let policy = chosen_policy(&dir, args)?;
    let log = dir.decisions(&policy);
    let Found {
        before,
        after,
        tick,
    } = find(&log, at)?;
    let asked = Asked {
        at,
        policy: &policy,
    };
    let text = match (before, after) {
        (Some(logged), after) => decision::render(&logged, asked, place(after, tick)),
        (None, Some(first)) => decision::render_start(&first.record, asked),
        (None, None) => {
            return Err(CliError::bad_input(
                format!("{} holds no decision", log.display()),
                "the run was shorter than one control interval: run a longer one",
            ));
        }
    };
    Stdout::lock()
        .write_all(text.as_bytes())
        .map_err(|error| CliError::stdout(&error))?;
    Ok(Exit::Success)
}

/// Whether a decision follows; ticks come every `tick`.
fn place(after: Option<Logged>, tick: Option<Duration>) -> Place {
    match after {
        Some(_) => Place::Within,
        None => Place::Last { tick },
    }
}

/// The decision in force at an instant and the one that follows it.
struct Found {
    before: Option<Logged>,
    after: Option<Logged>,
    /// How often ticks come, if the decisions up to here say so.
    tick: Option<Duration>,
}

/// How often ticks come, by the regular ones: between two of them there may be early ones.
#[derive(Default)]
struct Ticks {
    last: Option<Time>,
    /// Between the last two, unless that was a rest.
    apart: Option<Duration>,
}

impl Ticks {
    fn hear(&mut self, record: &DecisionRecord) {
        let Some(seen) = record.observation.as_ref().filter(|seen| !seen.early) else {
            return;
        };
        let since = |last| record.at.since(last);
        let apart = self.last.map_or(seen.interval, since);
        self.last = Some(record.at);
        if record.number == 0 || !seen.is_quiet() {
            self.apart = Some(apart);
        }
    }
}

/// Reads the log up to the first decision after `at`.
fn find(log: &Path, at: Time) -> Result<Found, CliError> {
    let unreadable = |error| CliError::unreadable(log, &error);
    let lines = BufReader::new(File::open(log).map_err(unreadable)?).lines();
    let (mut before, mut ticks) = (None, Ticks::default());
    for (index, line) in lines.enumerate() {
        let line = line.map_err(unreadable)?;
        let logged: Logged = serde_json::from_str(&line).map_err(|_| {
            let place = format!("{}:{}", log.display(), index + 1);
            let message = format!("{place}: this is no whole decision");
            CliError::bad_input(message, "run `simulate --out` again with this version")
        })?;
        if logged.record.at > at {
            return Ok(Found {
                before,
                after: Some(logged),
                tick: ticks.apart,
            });
        }
        ticks.hear(&logged.record);
        before = Some(logged);
    }
    Ok(Found {
        before,
        after: None,
        tick: ticks.apart,
    })
}

fn instant(text: &str) -> Result<Time, CliError> {
    text.parse().map_err(|error| {
        let fault = Fault::new(format!("--at: {error}"));
        fault
            .with_help("write a time from the start of the run: 200s, 3min")
            .into()
    })
}

/// The policy that was asked for, or the run's first.
fn chosen_policy(dir: &RunDir, args: &ExplainArgs) -> Result<String, CliError> {
    let path = dir.summary();
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Err(run_dir::no_run(dir.path()));
    };
    let report: Report = serde_json::from_str(&text).map_err(|error| {
        let help = "run `simulate --out` again with this version";
        CliError::misread(&path, "summary of a run", &error, help)
    })?;
    let Some(wanted) = &args.policy else {
        return Ok(report.first.policy);
    };
    let names: Vec<_> = report.policies.iter().map(|p| p.policy.as_str()).collect();
    if names.contains(&wanted.as_str()) {
        return Ok(wanted.clone());
    }
    Err(CliError::bad_input(
        format!("the run has no policy {wanted:?}"),
        format!("it has {}", names.join(", ")),
    ))
}
