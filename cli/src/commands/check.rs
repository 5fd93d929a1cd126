//! `ebbtide check`: whether files are in order, whether their load can be served, and what a
//! run of them costs. Nothing is saved.

mod binding;
mod capacity;
mod load;
mod overload;
mod too_short;
mod unused;

use std::io::Write;

use ebbtide_core::config;
use ebbtide_core::text::Format;
use ebbtide_sim::scenario::with_remedies;
use ebbtide_sim::{Plan, Scenario};

use crate::args::CheckArgs;
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::input::Source;
use crate::output::{Stdout, number};
use capacity::Capacity;
use load::Load;
use overload::{Trial, Trials};

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
    match source.configuration() {
        Some(format) => configuration(&source, format),
        None => scenario(&source),
    }
}

fn configuration(source: &Source, format: Format) -> Result<String, CliError> {
    config::from_text(format, &source.text)
        .map_err(|error| source.fault(&with_remedies(&source.text, error)))?;
    Ok(format!("{}: a configuration, in order\n", source.label))
}

fn scenario(source: &Source) -> Result<String, CliError> {
    let label = &source.label;
    let files = source.files()?;
    let plan = Plan::new(&source.text, files.clone()).map_err(|error| source.fault(&error))?;
    let scenario = Scenario::from_ron(&source.text).map_err(|error| source.fault(&error))?;
    let warned = plan.warnings.iter();
    let mut warnings: Vec<Fault> = warned
        .map(|warning| Fault::warning(format!("{label}: {warning}")))
        .collect();
    let load = Load::of(&scenario, &plan);
    warnings.extend(unused::warnings(label, &scenario, &plan));
    warnings.extend(too_short::warnings(label, &scenario, &plan, &load));
    let mut trials = Trials::of(&scenario, &plan, &files, &load);
    let mut text = String::new();
    match trials.first() {
        Some(first) => {
            warnings.extend(overload::of_crowd(label, &first));
            warnings.extend(overload::of_load(label, &load, &first));
            warnings.extend(overload::of_agents(label, &scenario, &plan, &load, &first));
            text += &load_text(&load, &first);
            text += &trials.overloaded_besides();
            text += &cost(&plan, &load, &first.best);
        }
        None => warnings.push(
            Fault::warning(format!("{label}: a short run delivered nothing"))
                .with_help("see whether its agents ever answer"),
        ),
    }
    warnings.iter().for_each(Fault::print);
    let verdict = match warnings.len() {
        0 => "in order".to_owned(),
        1 => "with a warning".to_owned(),
        several => format!("with {several} warnings"),
    };
    Ok(format!("{label}: a scenario, {verdict}\n{text}"))
}

fn load_text(load: &Load, first: &Trial) -> String {
    let delivery = if load.brings_call_times {
        let workers = overload::workers(&first.best);
        format!("its calls last as a trace says, so what {workers} can deliver is unknown")
    } else {
        first.delivery()
    };
    if load.is_nothing() {
        return format!("  load: nothing is sent; {delivery}\n");
    }
    if !load.is_open() {
        return format!("  load: callers that wait; {delivery}\n");
    }
    format!(
        "  load: {}/s on average, {}/s at its peak; {delivery}\n",
        number::significant(load.mean_per_s),
        number::significant(load.peak_per_s),
    )
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
