//! What the command line asks for, resolved: scenarios with their files and oracles, and who is ranked on them.

use std::fs;
use std::path::Path;

use ebbtide_measure::ranking::Skipped;
use ebbtide_sim::Plan;
use ebbtide_sim::arena::best_settings::BestSettings;
use ebbtide_sim::arena::entrants::{self, Entrant};
use ebbtide_sim::arena::oracle::cache::{self, Cache};
use ebbtide_sim::arena::{Arena, suite};

use super::save;
use crate::args::ArenaArgs;
use crate::error::CliError;
use crate::input::Source;

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Job {
    /// In the order of the command line, or the suite's.
    pub(crate) arenas: Vec<Arena>,
    /// The default first.
    pub(crate) entrants: Vec<Entrant>,
    /// Scenarios of the suite whose traces are not on this machine.
    pub(crate) skipped: Vec<Skipped>,
}

/// Reads and checks all of it.
///
/// # Errors
/// Anything that is wrong with the input.
pub(crate) fn resolve(args: &ArenaArgs) -> Result<Job, CliError> {
    let entrants = entrants::chosen(&args.policies)
        .map_err(|error| CliError::bad_input(error, entrants::HELP))?;
    if let Some(out) = &args.out {
        save::check(out)?;
    }
    let oracles = oracles(args.oracles.as_deref())?;
    let best = BestSettings::shipped();
    let mut job = Job {
        arenas: Vec::new(),
        entrants,
        skipped: Vec::new(),
    };
    if args.scenarios.is_empty() {
        for (_, shipped) in suite::all() {
            let source = Source::open(shipped.name)?;
            match source.missing() {
                Some(path) => job.skipped.push(skipped(shipped.name, &path)),
                None => job.arenas.push(arena(&source, &oracles, &best)?),
            }
        }
        return Ok(job);
    }
    for word in &args.scenarios {
        let arena = arena(&Source::open(word)?, &oracles, &best)?;
        if job.arenas.iter().any(|other| other.name == arena.name) {
            return Err(CliError::bad_input(
                format!("{} is named twice", arena.name),
                "name each scenario once; those of one name need other file names",
            ));
        }
        job.arenas.push(arena);
    }
    Ok(job)
}

/// The oracles that are shipped, or those of a file that `ebbtide oracle` wrote.
fn oracles(path: Option<&Path>) -> Result<Cache, CliError> {
    let Some(path) = path else {
        return Ok(Cache::shipped());
    };
    let text = fs::read_to_string(path).map_err(|error| CliError::unreadable(path, &error))?;
    Cache::from_json(&text).map_err(|error| {
        let help = "name a file that `ebbtide oracle` wrote";
        CliError::misread(path, "cache of oracles", &error, help)
    })
}

fn skipped(name: &str, path: &Path) -> Skipped {
    Skipped {
        name: name.to_owned(),
        why: format!(
            "{} is not there (traces lie beside the source tree)",
            path.display()
        ),
    }
}

fn arena(source: &Source, oracles: &Cache, best: &BestSettings) -> Result<Arena, CliError> {
    let files = source.files()?;
    let plan = Plan::new(&source.text, files).map_err(|error| source.fault(&error))?;
    source.must_have_an_objective(&plan)?;
    let key = cache::key(&source.text, &plan);
    let known = key.and_then(|key| Some(oracles.find(&key)?.to_vec()));
    Ok(Arena {
        name: source.name.clone(),
        text: source.text.clone(),
        known: known.unwrap_or_default(),
        best_settings: best.of(&source.name, &source.text),
        plan,
    })
}
