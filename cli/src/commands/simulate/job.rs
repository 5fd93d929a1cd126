//! What one scenario of the command line asks for, resolved: the scenario as it will be run,
//! its plan, and where its results go.

use std::path::{Path, PathBuf};

use ebbtide_core::config::Profile;
use ebbtide_core::text::{self, closest};
use ebbtide_policies::registry::{self, UnknownPolicy};
use ebbtide_sim::scenario::set;
use ebbtide_sim::{Plan, Scenario};

use super::export;
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
    check_policies(&input::names("--policy", &args.policy)?)?;
    if args.export_trace.is_some() && args.scenarios.len() > 1 {
        return Err(CliError::bad_input(
            "--export-trace takes the messages of one scenario, found are several",
            "run the scenarios one by one",
        ));
    }
    let mut jobs: Vec<Job> = Vec::new();
    for word in &args.scenarios {
        let job = plan(word, args)?;
        if args.out.is_some() && args.scenarios.len() > 1 {
            check_name(&jobs, &job)?;
        }
        jobs.push(job);
    }
    if let Some(path) = &args.export_trace {
        for job in &jobs {
            check_export(path, job, args)?;
        }
        export::prepare(path)?;
    }
    // Directories last: nothing is created if anything else is wrong.
    if let Some(out) = &args.out {
        let made = make_directories(&mut jobs, out);
        made.inspect_err(|_| {
            args.export_trace
                .iter()
                .for_each(|path| export::discard(path))
        })?;
    }
    Ok(jobs)
}

/// One scenario's results go right into `out`, those of several into a directory each in it.
fn make_directories(jobs: &mut [Job], out: &Path) -> Result<(), CliError> {
    let alone = jobs.len() == 1;
    for job in jobs {
        let path = if alone {
            out.to_owned()
        } else {
            out.join(run_dir::file_name(&job.source.name))
        };
        job.dir = Some(RunDir::create(&path)?);
    }
    Ok(())
}

/// A name that no other scenario's directory has.
fn check_name(jobs: &[Job], job: &Job) -> Result<(), CliError> {
    let (name, own) = (&job.source.name, run_dir::file_name(&job.source.name));
    if own.is_empty() {
        return Err(CliError::bad_input(
            format!("{} makes no name for a directory", job.source.label),
            "give the file a name with a letter in it",
        ));
    }
    let same = |other: &&Job| run_dir::file_name(&other.source.name) == own;
    let Some(other) = jobs.iter().find(same) else {
        return Ok(());
    };
    Err(CliError::bad_input(
        format!(
            "{} and {} would both be saved as {own:?}, --out needs different names",
            other.source.label, job.source.label
        ),
        format!("run them one by one, each with its own --out, or rename {name:?}"),
    ))
}

/// What was read is not written over.
fn check_export(path: &Path, job: &Job, args: &SimulateArgs) -> Result<(), CliError> {
    let Ok(target) = path.canonicalize() else {
        return Ok(());
    };
    let read = job.source.paths().into_iter().chain(args.trace.clone());
    let same = |read: &PathBuf| read.canonicalize().is_ok_and(|read| read == target);
    match read.into_iter().find(same) {
        Some(_) => Err(CliError::bad_input(
            format!(
                "--export-trace {} is a file that this run reads",
                path.display()
            ),
            "name another file",
        )),
        None => Ok(()),
    }
}

fn plan(word: &str, args: &SimulateArgs) -> Result<Job, CliError> {
    let mut source = Source::open(word)?;
    if source.configuration().is_some() && !text::fields(&source.text).is_empty() {
        return Err(CliError::bad_input(
            format!("{word} is a broker configuration, not a scenario"),
            "paste its fields into a scenario's `broker: (…)`; `ebbtide scenario show \
             remote-agents` prints one to start from",
        ));
    }
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
    Ok(Job {
        note: note(&source, args),
        source,
        plan,
        dir: None,
        export: args.export_trace.clone(),
    })
}

/// What the scenario says about itself, unless its traffic is not what is run.
fn note(source: &Source, args: &SimulateArgs) -> String {
    match &args.trace {
        Some(trace) => format!(
            "The messages of {} in place of the scenario's own traffic.",
            trace.display()
        ),
        None => Scenario::from_ron(&source.text).map_or(String::new(), |scenario| scenario.note),
    }
}

/// Writes what the command line overrides into the scenario's text, so that faults, the saved
/// scenario and the run all speak of the same thing.
fn override_text(source: &mut Source, args: &SimulateArgs) -> Result<(), CliError> {
    for (index, entry) in args.set.iter().enumerate() {
        if args.set[..index].iter().any(|it| it.path == entry.path) {
            return Err(CliError::bad_input(
                format!("--set names {} twice", entry.path),
                "set each value once",
            ));
        }
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
        let policies = input::names("--policy", &args.policy)?;
        if policies.is_empty() {
            return Err(CliError::bad_input(
                "--policy: no policy is named",
                "leave it out to run the scenario's own",
            ));
        }
        replace(source, "policies", &format!("{policies:?}"))?;
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
fn check_policies(names: &[&str]) -> Result<(), CliError> {
    for (index, name) in names.iter().enumerate() {
        if name.parse::<Profile>().is_err()
            && let Err(error) = registry::build(name)
        {
            return Err(unknown_policy(name, &error));
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

fn unknown_policy(name: &str, error: &UnknownPolicy) -> CliError {
    let own = registry::POLICIES.iter().map(|entry| entry.name);
    if name.contains(['(', '+']) || own.clone().any(|policy| policy == name) {
        return CliError::bad_input(
            format!("--policy: {error}"),
            "write name, name(number) or name(setting: value, …), and +rule for the batches",
        );
    }
    let mut names: Vec<&str> = Profile::ALL
        .iter()
        .map(|profile| profile.name())
        .chain(own)
        .collect();
    names.sort_unstable();
    names.dedup();
    let help = match closest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {near}? There are {}", names.join(", ")),
        None => format!("allowed are {}", names.join(", ")),
    };
    CliError::bad_input(format!("--policy: no policy is named {name:?}"), help)
}
