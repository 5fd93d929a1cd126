//! `ebbtide oracle`: how cheap scenarios could have been for one that knows them beforehand.
//!
//! What is known already, shipped or in the file that is named, is not searched again. How the
//! search works stands in sim's `arena/oracle.rs`.

mod table;

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use ebbtide_measure::Cost;
use ebbtide_policies::registry;
use ebbtide_sim::arena::oracle::cache::{self, Cache, Entry};
use ebbtide_sim::arena::oracle::{self, BUDGET, Budget, PRICES, REPLICATIONS, Replication};
use ebbtide_sim::{Monitor, Plan};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::args::{Format, OracleArgs};
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::input::{self, Source};
use crate::interrupt::Interrupt;
use crate::output::Stdout;
use crate::output::progress::{Progress, Verbosity};
use crate::threads;
use crate::writable;

/// Finds the oracles of every scenario that was named, one after another.
pub(super) fn run(args: &OracleArgs) -> Result<Exit, CliError> {
    let search = Search {
        args,
        policies: policies(args)?,
        pool: threads::pool(args.threads)?,
        interrupt: Interrupt::listen(),
    };
    let mut cache = Kept::open(args.cache.as_deref())?;
    let mut jobs = Vec::new();
    for word in &args.scenarios {
        let source = Source::open(word)?;
        let plan =
            Plan::new(&source.text, source.files()?).map_err(|error| source.fault(&error))?;
        source.must_have_an_objective(&plan)?;
        jobs.push((source, plan));
    }
    for (source, plan) in &jobs {
        search.scenario(source, plan, &mut cache)?;
        if search.interrupt.pressed() {
            return Ok(Exit::Interrupted);
        }
    }
    Ok(Exit::Success)
}

/// Ten times as much of everything that a search may do.
fn tenfold(budget: Budget) -> Budget {
    Budget {
        width: budget.width * 10,
        runs: budget.runs * 10,
        ..budget
    }
}

struct Search<'a> {
    args: &'a OracleArgs,
    policies: Vec<String>,
    pool: ThreadPool,
    interrupt: Interrupt,
}

impl Search<'_> {
    /// Finds, keeps and prints what a scenario's oracles are, or as many of them as are finished when it is
    /// interrupted.
    fn scenario(&self, source: &Source, plan: &Plan, cache: &mut Kept<'_>) -> Result<(), CliError> {
        let entry = self.entry(source, plan, cache)?;
        if entry.replications.is_empty() {
            let name = &source.name;
            let text = "interrupted before a replication was finished, there is nothing to save";
            Fault::new(format!("{name}: {text}")).print();
            return Ok(());
        }
        let numbers = 0..entry.replications.len() as u32;
        let tenfold = (self.args.tenfold && !self.interrupt.pressed())
            .then(|| self.found(source, plan, numbers.clone(), tenfold(BUDGET)))
            .filter(|found| found.len() == entry.replications.len());
        // What callers will send that wait for outcomes nobody can tell.
        let peek = match self.interrupt.pressed() || plan.has_callers() {
            true => Vec::new(),
            false => self.peek(source, plan, numbers)?,
        };
        let format = self.args.printing.format;
        print(&entry, &peek, tenfold.as_deref(), plan, format)
    }

    /// The oracles of a scenario, from the cache or anew; fewer than asked for if it was interrupted.
    fn entry(&self, source: &Source, plan: &Plan, cache: &mut Kept<'_>) -> Result<Entry, CliError> {
        let key = cache::key(&source.text, plan).ok_or_else(|| cannot_run(source))?;
        let wanted = self.replications();
        let known = cache.find(&key).filter(|_| !self.args.fresh);
        let mut entry = Entry {
            scenario: source.name.clone(),
            replications: known.unwrap_or_default().to_vec(),
            key,
        };
        let known = entry.replications.len() as u32;
        if known < wanted {
            let more = self.found(source, plan, known..wanted, BUDGET);
            if more.len() < (wanted - known) as usize && !self.interrupt.pressed() {
                return Err(cannot_run(source));
            }
            if !more.is_empty() {
                entry.replications.extend(more);
                cache.keep(&entry)?;
            }
        }
        entry.replications.truncate(wanted as usize);
        Ok(entry)
    }

    /// From the first on; fewer if it was interrupted.
    fn found(
        &self,
        source: &Source,
        plan: &Plan,
        numbers: Range<u32>,
        budget: Budget,
    ) -> Vec<Replication> {
        let monitor = Monitor::default();
        self.watched(&source.name, &monitor, || {
            oracle::find_all(plan, numbers, &self.policies, budget, &monitor)
        })
    }

    /// What the default costs that is told what comes, for each replication and price; nothing if it was interrupted.
    fn peek(
        &self,
        source: &Source,
        plan: &Plan,
        numbers: Range<u32>,
    ) -> Result<Vec<Vec<Cost>>, CliError> {
        let config = &plan.contenders[0].config;
        let monitor = Monitor::default();
        let of = |number| {
            let at = |price: &f64| {
                let cost = oracle::peek::cost(plan, config, number, *price);
                cost.filter(|_| !monitor.is_stopped())
            };
            PRICES.iter().map(at).collect::<Option<Vec<Cost>>>()
        };
        let all = || numbers.into_par_iter().map(of).collect();
        let label = format!("{}: peek", source.name);
        let all: Option<Vec<Vec<Cost>>> = self.watched(&label, &monitor, all);
        match all {
            Some(all) => Ok(all),
            None if self.interrupt.pressed() => Ok(Vec::new()),
            None => Err(cannot_run(source)),
        }
    }

    fn watched<T: Send>(
        &self,
        label: &str,
        monitor: &Monitor,
        work: impl FnOnce() -> T + Send,
    ) -> T {
        let progress = Progress::start(label, Verbosity::from_flag(self.args.printing.quiet));
        let show = |share| progress.update(share);
        let done = threads::watched(&self.pool, monitor, &self.interrupt, show, work);
        progress.finish();
        done
    }

    fn replications(&self) -> u32 {
        self.args
            .replications
            .map_or(REPLICATIONS, std::num::NonZeroU32::get)
    }
}

fn policies(args: &OracleArgs) -> Result<Vec<String>, CliError> {
    let Some(named) = &args.policies else {
        let all = registry::POLICIES.iter();
        return Ok(all.map(|entry| entry.name.to_owned()).collect());
    };
    let names = input::names("--policies", named)?;
    for name in &names {
        registry::build(name).map_err(|error| {
            CliError::bad_input(
                format!("--policies: {error}"),
                "`--policies \"\"` starts from no policy",
            )
        })?;
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn cannot_run(source: &Source) -> CliError {
    CliError::from(Fault::new(format!(
        "{}: its broker cannot be run",
        source.label
    )))
}

/// What is known: what is shipped, and what a file keeps.
struct Kept<'a> {
    shipped: Cache,
    file: Option<(&'a Path, Cache)>,
}

impl<'a> Kept<'a> {
    fn open(path: Option<&'a Path>) -> Result<Self, CliError> {
        if let Some(path) = path {
            writable::check_file(path)?;
        }
        let file = match path {
            None => None,
            Some(path) if !path.exists() => Some((path, Cache::default())),
            Some(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|error| CliError::unreadable(path, &error))?;
                let cache = Cache::from_json(&text).map_err(|error| {
                    let help = "--cache names a file that this command has written, or a new one";
                    CliError::misread(path, "cache of oracles", &error, help)
                })?;
                Some((path, cache))
            }
        };
        Ok(Self {
            shipped: Cache::shipped(),
            file,
        })
    }

    fn find(&self, key: &str) -> Option<&[Replication]> {
        let file = self.file.as_ref();
        let own = file.and_then(|(_, cache)| cache.find(key));
        own.or_else(|| self.shipped.find(key))
    }

    /// Keeps what was found, if there is a file to keep it in.
    fn keep(&mut self, entry: &Entry) -> Result<(), CliError> {
        let Some((path, cache)) = &mut self.file else {
            return Ok(());
        };
        cache.insert(entry.clone());
        fs::write(*path, cache.to_json()).map_err(|error| CliError::unwritable(path, &error))
    }
}

fn print(
    entry: &Entry,
    peek: &[Vec<Cost>],
    tenfold: Option<&[Replication]>,
    plan: &Plan,
    format: Format,
) -> Result<(), CliError> {
    let text = match format {
        Format::Json => {
            // Not kept in the cache, since the default changes more often than the search.
            let mut json = serde_json::to_value(entry).expect("numbers and text");
            json["peek"] = serde_json::to_value(peek).expect("numbers");
            json.to_string()
        }
        Format::Table => table::text(entry, peek, tenfold, plan),
    };
    let mut out = Stdout::lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| CliError::stdout(&error))
}
