//! `ebbtide validate`: queueing-theory cases through the simulator.
//!
//! How a case is run and judged stands in sim's `theory`. Deliberately absent: any formula of
//! the theory.

mod emit;
mod row;

use ebbtide_policies::counted::Counted;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use ebbtide_sim::Monitor;
use ebbtide_sim::theory::{self, Case, Trial};

use crate::args::ValidateArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Stdout;
use crate::output::progress::{Progress, Verbosity};
use crate::threads;
use emit::Emitted;

/// Runs every case and prints its rows.
pub(super) fn run(args: &ValidateArgs) -> Result<Exit, CliError> {
    let cases = read(args)?;
    let pool = threads::pool(args.threads)?;
    let places = places(args, &cases)?;
    let interrupt = Interrupt::listen();
    let progress = Progress::start("validate", Verbosity::from_flag(args.quiet));
    let mut tally = Tally::default();
    for (done, case) in cases.iter().enumerate() {
        let monitor = Monitor::default();
        let show = |share| progress.update((done as f64 + share) / cases.len() as f64);
        let tried = threads::watched(&pool, &monitor, &interrupt, show, || {
            case.try_out(args.seed, &monitor)
        });
        let trial = match tried {
            Ok(Some(trial)) => Ok(trial),
            Ok(None) => break,
            Err(why) => Err(why),
        };
        if let (Some(places), Ok(trial)) = (&places, &trial) {
            emit::write(&places[done], &trial.scenario)?;
        }
        tally.add(case, &trial);
        progress.aside(|| print(&case_text(case, &trial)))?;
    }
    progress.finish();
    if interrupt.pressed() {
        print(&format!(
            "interrupted, with {} to come: {tally}\n",
            Counted((cases.len() - tally.cases) as u64, "case")
        ))?;
        return Ok(Exit::Interrupted);
    }
    print(&format!("{tally}\n"))?;
    Ok(tally.exit())
}

/// Where each case's scenario goes, if anywhere.
fn places(args: &ValidateArgs, cases: &[Case]) -> Result<Option<Vec<PathBuf>>, CliError> {
    let Some(dir) = &args.emit else {
        return Ok(None);
    };
    let mut emitted = Emitted::create(dir)?;
    let places = cases.iter().map(|case| emitted.place(&case.name));
    places.collect::<Result<_, _>>().map(Some)
}

fn read(args: &ValidateArgs) -> Result<Vec<Case>, CliError> {
    let path = &args.cases;
    let content = fs::read(path).map_err(|error| CliError::unreadable(path, &error))?;
    theory::cases(&content).map_err(|error| {
        CliError::bad_input(
            format!("{}: {error}", path.display()),
            "docs/validate.md says what each column means; scenarios/queueing.csv is an example",
        )
    })
}

/// A case with its rows, one a line.
fn case_text(case: &Case, tried: &Result<Trial, String>) -> String {
    match tried {
        Ok(trial) => {
            let results = &trial.results;
            let mut text = format!(
                "{}: {}, result hash {}\n",
                case.name,
                Counted(results.replications.into(), "replication"),
                results.result_hash
            );
            for (row, judgement) in case.rows.iter().zip(&trial.judgements) {
                text += &row::text(row, judgement);
            }
            text
        }
        Err(why) => {
            let rows = case.rows.iter().map(|row| {
                let why = row.selector.as_ref().err().unwrap_or(why);
                row::inexpressible(row, why)
            });
            format!("{}: not run\n{}", case.name, rows.collect::<String>())
        }
    }
}

fn print(text: &str) -> Result<(), CliError> {
    let mut out = Stdout::lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| CliError::stdout(&error))
}

/// Cases and rows so far.
#[derive(Default)]
struct Tally {
    cases: usize,
    passed: usize,
    failed: usize,
}

impl Tally {
    fn add(&mut self, case: &Case, tried: &Result<Trial, String>) {
        let judgements = tried.as_ref().map_or(&[][..], |trial| &trial.judgements);
        let passed = judgements.iter().filter(|row| row.passes()).count();
        self.cases += 1;
        self.passed += passed;
        self.failed += case.rows.len() - passed;
    }

    fn exit(&self) -> Exit {
        if self.failed == 0 {
            Exit::Success
        } else {
            Exit::Failed
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cases,
            passed,
            failed,
        } = self;
        let cases = Counted(*cases as u64, "case");
        write!(f, "{cases}: {passed} rows pass, {failed} fail")
    }
}
