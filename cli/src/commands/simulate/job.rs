//! What one scenario of the command line asks for, resolved: the scenario as it will be run,
//! its plan, and where its results go.

use std::path::PathBuf;

use ebbtide_core::config::Profile;
use ebbtide_core::text::closest;
use ebbtide_policies::registry;
use ebbtide_sim::scenario::set;
use ebbtide_sim::{Plan, Scenario};

use crate::args::SimulateArgs;
use crate::error::{CliError, Fault};
use crate::input::{self, Source};
use crate::run_dir::{self, RunDir};

/// One scenario to run.
#[derive(Debug)]
pub(crate) struct Job {
    /// The scenario's text with all overrides, and its name.
    pub(crate) source: Source,
    /// The same, checked.
    pub(crate) plan: Plan,
    /// What the scenario says about itself.
    pub(crate) note: String,
    /// Where results are saved, ready to take them.
    pub(crate) dir: Option<RunDir>,
    /// Where the messages are written.
    pub(crate) export: Option<PathBuf>,
}

/// Every scenario of the command line.
///
/// # Errors
/// Anything that is wrong with the input.
pub(crate) fn all(args: &SimulateArgs) -> Result<Vec<Job>, CliError> {
    check_policies(&args.policy)?;
    if args.export_trace.is_some() && args.scenarios.len() > 1 {
        return Err(CliError::bad_input(
            "--export-trace takes the messages of one scenario, found are several",
            "run the scenarios one by one",
        ));
    }
    let mut jobs: Vec<Job> = Vec::new();
    for word in &args.scenarios {
        let job = plan(word, args)?;
        if jobs
            .iter()
            .any(|other| other.source.name == job.source.name)
            && args.out.is_some()
        {
            return Err(CliError::bad_input(
                format!(
                    "two scenarios are named {:?}, --out needs different names",
                    job.source.name
                ),
                "run them one by one, each with its own --out",
            ));
        }
        jobs.push(job);
    }
    // Directories last: nothing is created if anything else is wrong.
    if let Some(out) = &args.out {
        let alone = jobs.len() == 1;
        for job in &mut jobs {
            let path = if alone {
                out.clone()
            } else {
                out.join(run_dir::file_name(&job.source.name))
            };
            job.dir = Some(RunDir::create(&path)?);
        }
    }
    Ok(jobs)
}

fn plan(word: &str, args: &SimulateArgs) -> Result<Job, CliError> {
    let mut source = Source::open(word)?;
    override_text(&mut source, args)?;
    let files = source.files()?;
    let mut plan = Plan::new(&source.text, files).map_err(|error| source.fault(&error))?;
    if let Some(path) = &args.trace {
        let trace = input::trace(path)?;
        let name = path.display().to_string();
        plan = plan
            .replay(&name, trace)
            .map_err(|error| CliError::from(Fault::new(format!("--trace: {error}"))))?;
    }
    let note = Scenario::from_ron(&source.text).map(|scenario| scenario.note);
    Ok(Job {
        note: note.unwrap_or_default(),
        source,
        plan,
        dir: None,
        export: args.export_trace.clone(),
    })
}

/// Writes what the command line overrides into the scenario's text, so that faults, the saved
/// scenario and the run all speak of the same thing.
fn override_text(source: &mut Source, args: &SimulateArgs) -> Result<(), CliError> {
    for entry in &args.set {
        replace(source, &entry.path, &entry.value)?;
    }
    if let Some(seed) = args.seed {
        replace(source, "run.seed", &seed.to_string())?;
    }
    if let Some(replications) = args.replications {
        replace(source, "run.replications", &replications.to_string())?;
        let scenario = Scenario::from_ron(&source.text).map_err(|error| source.fault(&error))?;
        if scenario.run.until.is_some() {
            replace(source, "run.until", "None")?;
        }
    }
    if !args.policy.is_empty() {
        replace(source, "policies", &format!("{:?}", args.policy))?;
    }
    Ok(())
}

fn replace(source: &mut Source, path: &str, value: &str) -> Result<(), CliError> {
    // A fault of the file itself is shown at its place, not as a fault of the override.
    Scenario::from_ron(&source.text).map_err(|error| source.fault(&error))?;
    source.text = set(&source.text, path, value)
        .map_err(|error| CliError::from(Fault::new(format!("--set: {error}"))))?;
    Ok(())
}

/// Policies and profiles that there are, each once.
fn check_policies(names: &[String]) -> Result<(), CliError> {
    for (index, name) in names.iter().enumerate() {
        let known = name.parse::<Profile>().is_ok() || registry::build(name).is_ok();
        if !known {
            return Err(unknown_policy(name));
        }
        if names[..index].contains(name) {
            return Err(CliError::bad_input(
                format!("--policy names {name} twice"),
                "name each policy once",
            ));
        }
    }
    Ok(())
}

fn unknown_policy(name: &str) -> CliError {
    let policies = registry::POLICIES.iter().map(|entry| entry.name);
    let mut names: Vec<&str> = Profile::ALL
        .iter()
        .map(|profile| profile.name())
        .chain(policies)
        .collect();
    names.sort_unstable();
    names.dedup();
    let help = match closest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("allowed are {}", names.join(", ")),
    };
    CliError::bad_input(format!("--policy: no policy is named {name:?}"), help)
}
