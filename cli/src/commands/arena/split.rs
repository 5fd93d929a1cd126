//! `--split`: where the default's cost beyond the oracle's comes from, by scenario and in the mean.

use std::io::Write;

use comfy_table::CellAlignment;
use ebbtide_sim::Monitor;
use ebbtide_sim::arena::split::{self, Split};
use ebbtide_sim::arena::{MAIN_PRICE, PRICES};
use serde::Serialize;

use super::Job;
use crate::args::{ArenaArgs, Format};
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::progress::{Progress, Verbosity};
use crate::output::{Stdout, table};
use crate::threads;

/// Version of the JSON.
const SCHEMA: u32 = 1;

const NOTE: &str = "\
regret = start-up × detection × rest, in geometric means too; lateness that nobody avoids is taken from all
start-up: workers are ready later than they are ordered   detection: a change is seen late, noise looks like one
rest: what is dearer than the oracle although the next seconds are told: beliefs, caution, longer foresight
below 1: what should help made it dearer";

/// What is printed.
#[derive(Serialize)]
struct Splits {
    schema: u32,
    /// At each price, over the scenarios that count in means.
    means: Vec<Split>,
    scenarios: Vec<OfScenario>,
}

#[derive(Serialize)]
struct OfScenario {
    name: String,
    prices: Vec<Split>,
}

/// Splits every scenario that has an oracle.
pub(super) fn run(job: &Job, args: &ArenaArgs) -> Result<Exit, CliError> {
    let known = || job.arenas.iter().filter(|arena| arena.can_be_split());
    for arena in job.arenas.iter().filter(|arena| !arena.can_be_split()) {
        let why = if arena.known.is_empty() {
            "it has no oracle"
        } else {
            "its callers wait for outcomes, what they send cannot be told beforehand"
        };
        Fault::warning(format!("{} is SKIPPED: {why}", arena.name)).print();
    }
    if known().next().is_none() {
        return Err(CliError::bad_input(
            "no scenario has an oracle to split regret against",
            "`ebbtide oracle SCENARIO --cache FILE` finds one, --oracles FILE takes it",
        ));
    }
    let pool = threads::pool(args.threads)?;
    let interrupt = Interrupt::listen();
    let monitor = Monitor::default();
    for arena in known() {
        let runs = arena.known.len() * PRICES.len();
        monitor.expect(runs as u64, arena.plan.end());
    }
    let progress = Progress::start("split", Verbosity::from_flag(args.printing.quiet));
    let show = |share| progress.update(share);
    let split = threads::watched(&pool, &monitor, &interrupt, show, || {
        let of = |arena: &ebbtide_sim::arena::Arena| {
            Some(OfScenario {
                name: arena.name.clone(),
                prices: arena.split(&monitor)?,
            })
        };
        known().map_while(of).collect::<Vec<_>>()
    });
    progress.finish();
    let interrupted = split.len() < known().count();
    if split.is_empty() {
        Fault::new("interrupted before a scenario was finished, there is nothing to show").print();
        return Ok(Exit::Interrupted);
    }
    print(split, args.printing.format)?;
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        Exit::Success
    })
}

fn print(scenarios: Vec<OfScenario>, format: Format) -> Result<(), CliError> {
    let all = || scenarios.iter().flat_map(|it| &it.prices);
    let means = PRICES.iter().filter_map(|price| split::mean(all(), *price));
    let splits = Splits {
        schema: SCHEMA,
        means: means.collect(),
        scenarios,
    };
    let text = match format {
        Format::Json => serde_json::to_string(&splits).expect("numbers and text"),
        Format::Table => text(&splits),
    };
    let mut out = Stdout::lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| CliError::stdout(&error))
}

fn text(splits: &Splits) -> String {
    let header = ["", "price", "regret", "start-up", "detection", "rest"];
    let mut rows = table::new(header);
    let mut add = |name: &str, split: &Split| {
        let factors = [split.regret, split.start_up, split.detection, split.rest];
        let cells = factors.map(|factor| format!("{factor:.2}"));
        let mut row = vec![name.to_owned(), format!("{}×", split.price)];
        row.extend(cells);
        rows.add_row(row);
    };
    for mean in &splits.means {
        add("geometric mean", mean);
    }
    for scenario in &splits.scenarios {
        let split = &scenario.prices[MAIN_PRICE];
        let left_out = if split.in_means {
            ""
        } else {
            " (not in means)"
        };
        add(&format!("{}{left_out}", scenario.name), split);
    }
    for column in rows.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n\n{NOTE}", rows.trim_fmt())
}
