//! `ebbtide scenario`: the shipped scenarios, which are built in.

use std::io::Write;

use ebbtide_core::text::closest;
use ebbtide_sim::Scenario;
use ebbtide_sim::arena::suite::{TUNED, UNTUNED};
use ebbtide_sim::shipped::{self, SHIPPED, Shipped};

use crate::args::ScenarioCommand;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Stdout, table};

/// Lists them or shows one.
pub(crate) fn run(command: &ScenarioCommand) -> Result<Exit, CliError> {
    let text = match command {
        ScenarioCommand::List => list(),
        ScenarioCommand::Show { name } => show(name)?.to_owned(),
    };
    Stdout::lock()
        .write_all(text.as_bytes())
        .map_err(|error| CliError::stdout(&error))?;
    Ok(Exit::Success)
}

fn list() -> String {
    let mut rows = table::new(["name", "what it shows"]);
    for Shipped { name, text, .. } in SHIPPED.iter().chain(TUNED).chain(UNTUNED) {
        let scenario = Scenario::from_ron(text).expect("a test reads every shipped scenario");
        rows.add_row([name, scenario.note.as_str()]);
    }
    format!("{}\n", rows.trim_fmt())
}

fn show(name: &str) -> Result<&'static str, CliError> {
    let found = shipped::find(name).map(|shipped| shipped.text);
    found.ok_or_else(|| {
        let help = match closest(name, shipped::names()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "`ebbtide scenario list` names them".to_owned(),
        };
        CliError::bad_input(format!("there is no shipped scenario {name:?}"), help)
    })
}
