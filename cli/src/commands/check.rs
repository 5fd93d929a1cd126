//! `ebbtide check`: whether files are in order, whether their load can be served, and what a
//! run of them costs. Nothing is saved.

mod capacity;
mod load;

use std::io::Write;
use std::path::Path;

use ebbtide_core::config;
use ebbtide_core::text::{self, Format};
use ebbtide_sim::{Plan, Scenario};

use crate::args::CheckArgs;
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::input::Source;
use crate::output::{Stdout, number};
use capacity::{Capacity, Pool};
use load::Load;

/// What a scenario may have and a configuration has not.
const SCENARIO_FIELDS: [&str; 12] = [
    "note",
    "run",
    "traffic",
    "agents",
    "faults",
    "worker_deaths",
    "worker_start",
    "time_grain",
    "broker",
    "policies",
    "expect",
    "fails_with",
];

/// Checks every file, and reports on all of them even if one has faults.
pub(crate) fn run(args: &CheckArgs) -> Result<Exit, CliError> {
    let mut exit = Exit::Success;
    let mut out = Stdout::lock();
    for word in &args.files {
        match check(word) {
            Ok(text) => out
                .write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .map_err(|error| CliError::stdout(&error))?,
            Err(error) => {
                error.print();
                exit = exit.and(error.exit);
            }
        }
    }
    Ok(exit)
}

fn check(word: &str) -> Result<String, CliError> {
    let source = Source::open(word)?;
    match format_of(&source) {
        Some(format) => configuration(&source, format),
        None => scenario(&source),
    }
}

/// The format of a configuration; `None`: it is a scenario.
fn format_of(source: &Source) -> Option<Format> {
    let extension = Path::new(&source.label).extension();
    let format = extension.and_then(|extension| Format::of_extension(extension.to_str()?));
    match format.unwrap_or(Format::Ron) {
        Format::Json => Some(Format::Json),
        Format::Ron => {
            let fields = text::fields(&source.text);
            let is_scenario = fields.iter().any(|field| SCENARIO_FIELDS.contains(field));
            (!is_scenario).then_some(Format::Ron)
        }
    }
}

fn configuration(source: &Source, format: Format) -> Result<String, CliError> {
    config::from_text(format, &source.text).map_err(|error| source.fault(&error))?;
    Ok(format!("{}: a configuration, in order\n", source.label))
}

fn scenario(source: &Source) -> Result<String, CliError> {
    let files = source.files()?;
    let plan = Plan::new(&source.text, files.clone()).map_err(|error| source.fault(&error))?;
    let scenario = Scenario::from_ron(&source.text).map_err(|error| source.fault(&error))?;
    for warning in &plan.warnings {
        Fault::warning(format!("{}: {warning}", source.label)).print();
    }
    let mut text = format!("{}: a scenario, in order\n", source.label);
    let pool = Pool::largest(&plan);
    let Some(largest) = pool.measure(&scenario, &plan, &files) else {
        Fault::warning(format!("{}: a short run delivered nothing", source.label))
            .with_help("see whether its agents ever answer")
            .print();
        return Ok(text);
    };
    let load = Load::of(&scenario, &plan);
    let mut best = largest;
    let is_served = load.peak_per_s.max(load.mean_per_s) <= largest.messages_per_s;
    if !is_served && !load.brings_call_times {
        let smaller = pool.smaller();
        for other in smaller.filter_map(|pool| pool.measure(&scenario, &plan, &files)) {
            if other.messages_per_s > best.messages_per_s {
                best = other;
            }
        }
    }
    let remedy = if best.workers < largest.workers {
        warn_of_crowd(&source.label, &largest, &best);
        "give that agent more capacity; more workers do not help"
    } else if pool.is_elastic {
        "raise broker.max_workers, or an agent's limit if that is what binds"
    } else {
        "raise broker.num_workers, or an agent's limit if that is what binds"
    };
    if !load.brings_call_times {
        warn_of_load(&source.label, &load, &best, remedy);
    }
    text += &load_text(&load, &best);
    text += &cost(&plan, &load, &best);
    Ok(text)
}

/// Fewer workers deliver more.
fn warn_of_crowd(label: &str, largest: &Capacity, best: &Capacity) {
    Fault::warning(format!(
        "{label}: {}, but {} no more than {}/s: an agent slows down as calls crowd in",
        delivery(best),
        workers(largest),
        number::significant(largest.messages_per_s)
    ))
    .with_help("lower broker.max_workers, or limit the calls in flight at that agent")
    .print();
}

fn warn_of_load(label: &str, load: &Load, best: &Capacity, remedy: &str) {
    let delivery = delivery(best);
    let fault = if load.mean_per_s > best.messages_per_s {
        Fault::warning(format!(
            "{label}: {}/s arrive on average, {delivery} at most: the queue will grow until it \
             is full",
            number::significant(load.mean_per_s)
        ))
    } else if load.peak_per_s > best.messages_per_s {
        Fault::warning(format!(
            "{label}: up to {}/s arrive, {delivery} at most: a backlog will build up",
            number::significant(load.peak_per_s)
        ))
    } else {
        return;
    };
    fault.with_help(remedy).print();
}

fn load_text(load: &Load, best: &Capacity) -> String {
    let delivery = if load.brings_call_times {
        let workers = workers(best);
        format!("its calls last as a trace says, so what {workers} can deliver is unknown")
    } else {
        delivery(best)
    };
    if !load.is_open() {
        return format!("  load: callers that wait; {delivery}\n");
    }
    format!(
        "  load: {}/s on average, {}/s at its peak; {delivery}\n",
        number::significant(load.mean_per_s),
        number::significant(load.peak_per_s),
    )
}

/// "10 workers deliver 2,460/s".
fn delivery(capacity: &Capacity) -> String {
    let verb = if capacity.workers == 1 {
        "delivers"
    } else {
        "deliver"
    };
    let rate = number::significant(capacity.messages_per_s);
    format!("{} {verb} {rate}/s", workers(capacity))
}

fn workers(capacity: &Capacity) -> String {
    let plural = if capacity.workers == 1 { "" } else { "s" };
    format!("{} worker{plural}", capacity.workers)
}

/// What running it costs.
fn cost(plan: &Plan, load: &Load, capacity: &Capacity) -> String {
    let (policies, replications) = (plan.contenders.len(), plan.run.replications);
    let about = match plan.run.until {
        Some(_) => "at least",
        None => "about",
    };
    let one_run = load.messages(plan.run.length.as_secs_f64(), capacity);
    let messages = one_run * f64::from(replications) * policies as f64;
    let events = messages * capacity.events_per_message;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let seconds = events * capacity.seconds_per_event / threads as f64;
    format!(
        "  cost: {policies} × {replications} runs of {}: {about} {} messages, {} events, {} on \
         {threads} threads\n",
        plan.run.length,
        number::rough(messages),
        number::rough(events),
        number::long_time(seconds),
    )
}
