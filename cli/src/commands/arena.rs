//! `ebbtide arena`: ranks policies by what they cost on the same messages.
//!
//! Everything that can be wrong with the input is found before the first run.

mod job;
mod save;
mod split;

use std::io::Write;

use ebbtide_measure::ranking::{RankedScenario, Ranking};
use ebbtide_sim::Monitor;
use ebbtide_sim::arena::{entrants, overall};

use crate::args::{ArenaArgs, Format};
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::progress::{Progress, Verbosity};
use crate::output::table::Colour;
use crate::output::{Stdout, ranking};
use crate::threads;
use job::Job;

/// Ranks the policies on every scenario, one after another.
pub(crate) fn run(args: &ArenaArgs) -> Result<Exit, CliError> {
    let job = job::resolve(args)?;
    for skipped in &job.skipped {
        Fault::warning(format!("{} is SKIPPED: {}", skipped.name, skipped.why)).print();
    }
    if args.split {
        return split::run(&job, args);
    }
    let (scenarios, interrupted) = scenarios(&job, args)?;
    let ranking = overall::ranking(&job.entrants, scenarios, job.skipped, interrupted);
    if ranking.scenarios.is_empty() {
        Fault::new("interrupted before a scenario was finished, there is nothing to save").print();
        return Ok(Exit::Interrupted);
    }
    let page = match &args.out {
        Some(out) => Some(save::all(out, &ranking)?),
        None => None,
    };
    print(&ranking, args.printing.format)?;
    if let Some(page) = page.filter(|_| args.printing.format == Format::Table) {
        let written = writeln!(Stdout::lock(), "page: {}", page.display());
        written.map_err(|error| CliError::stdout(&error))?;
    }
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        Exit::Success
    })
}

/// What each scenario found, and whether it was stopped before the last.
fn scenarios(job: &Job, args: &ArenaArgs) -> Result<(Vec<RankedScenario>, bool), CliError> {
    let pool = threads::pool(args.threads)?;
    let interrupt = Interrupt::listen();
    let (monitor, replications) = (Monitor::default(), args.replications.get());
    for arena in &job.arenas {
        let (runs, length) = arena.work(&job.entrants, replications);
        monitor.expect(runs, length);
    }
    let progress = Progress::start("arena", Verbosity::from_flag(args.printing.quiet));
    let show = |share| progress.update(share);
    let ranked = threads::watched(&pool, &monitor, &interrupt, show, || {
        let rank = |arena: &ebbtide_sim::arena::Arena| {
            let ranked = arena.rank(&job.entrants, replications, &monitor);
            ranked
                .map_err(|error| {
                    CliError::bad_input(format!("{}: {error}", arena.name), entrants::HELP)
                })
                .transpose()
        };
        job.arenas
            .iter()
            .map_while(rank)
            .collect::<Result<Vec<_>, _>>()
    });
    progress.finish();
    let ranked = ranked?;
    let interrupted = ranked.len() < job.arenas.len();
    Ok((ranked, interrupted))
}

fn print(ranking: &Ranking, format: Format) -> Result<(), CliError> {
    let text = match format {
        Format::Json => {
            let json = serde_json::to_string(ranking).expect("rankings have text keys only");
            format!("{json}\n")
        }
        Format::Table => ranking::render(ranking, Colour::wanted()),
    };
    let mut out = Stdout::lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| CliError::stdout(&error))
}
