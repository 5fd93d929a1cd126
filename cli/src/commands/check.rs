//! `ebbtide check`: whether files are in order, whether their load can be served, and what a
//! run of them costs. Nothing is saved.

mod capacity;

use std::io::Write;
use std::path::Path;

use ebbtide_core::config;
use ebbtide_core::text::Format;
use ebbtide_sim::arrivals::Arrivals;
use ebbtide_sim::{Plan, Scenario};

use crate::args::CheckArgs;
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::input::Source;
use crate::output::{Stdout, number};
use capacity::Capacity;

/// What a scenario has and a configuration has not.
const SCENARIO_FIELDS: [&str; 3] = ["run:", "traffic:", "agents:"];

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
            let is_scenario = SCENARIO_FIELDS
                .iter()
                .any(|field| source.text.contains(field));
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
    match capacity::measure(&scenario, &plan, &files) {
        Some(capacity) => {
            let load = Load::of(&scenario, &plan, &capacity);
            load.warn(&source.label, &capacity);
            text += &load.text(&capacity);
            text += &cost(&plan, &load, &capacity);
        }
        None => {
            let fault = Fault::warning(format!("{}: a short run delivered nothing", source.label));
            fault
                .with_help("see whether its agents ever answer")
                .print();
        }
    }
    Ok(text)
}

/// What a scenario sends, broadcasts counted once a subscriber.
struct Load {
    /// In one run.
    messages: f64,
    mean_per_s: f64,
    peak_per_s: f64,
    /// Whether there is more than callers that wait for their replies, who cannot overload
    /// anything.
    is_open: bool,
}

impl Load {
    fn of(scenario: &Scenario, plan: &Plan, capacity: &Capacity) -> Self {
        let fan_out = capacity::fan_out(scenario, plan);
        let length = plan.run.length.as_secs_f64();
        let most = capacity.messages_per_s * length;
        let mut load = Self {
            messages: 0.0,
            mean_per_s: 0.0,
            peak_per_s: 0.0,
            is_open: false,
        };
        for (source, part) in scenario.traffic.iter().zip(plan.loads()) {
            let messages = part.messages * fan_out;
            if matches!(source.arrivals, Arrivals::Closed { .. }) {
                load.messages += messages.min(most);
            } else {
                load.is_open = true;
                load.messages += messages;
                load.mean_per_s += messages / length;
                load.peak_per_s += part.peak_per_s * fan_out;
            }
        }
        load
    }

    fn warn(&self, label: &str, capacity: &Capacity) {
        let served = number::significant(capacity.messages_per_s);
        let workers = capacity.workers;
        let fault = if self.mean_per_s > capacity.messages_per_s {
            Fault::warning(format!(
                "{label}: {}/s arrive on average, {workers} workers deliver {served}/s at most: \
                 the queue will grow until it is full",
                number::significant(self.mean_per_s)
            ))
        } else if self.peak_per_s > capacity.messages_per_s {
            Fault::warning(format!(
                "{label}: up to {}/s arrive, {workers} workers deliver {served}/s at most: \
                 a backlog will build up",
                number::significant(self.peak_per_s)
            ))
        } else {
            return;
        };
        fault
            .with_help(format!(
                "raise {}, or an agent's limit if that is what binds",
                capacity.bound
            ))
            .print();
    }

    fn text(&self, capacity: &Capacity) -> String {
        let served = number::significant(capacity.messages_per_s);
        let workers = capacity.workers;
        if !self.is_open {
            return format!("  load: callers that wait; {workers} workers deliver {served}/s\n");
        }
        format!(
            "  load: {}/s on average, {}/s at its peak; {workers} workers deliver {served}/s\n",
            number::significant(self.mean_per_s),
            number::significant(self.peak_per_s),
        )
    }
}

/// What running it costs.
fn cost(plan: &Plan, load: &Load, capacity: &Capacity) -> String {
    let (policies, replications) = (plan.contenders.len(), plan.run.replications);
    let about = match plan.run.until {
        Some(_) => "at least",
        None => "about",
    };
    let messages = load.messages * f64::from(replications) * policies as f64;
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
