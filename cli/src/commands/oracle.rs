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
use crate::input::Source;
use crate::interrupt::Interrupt;
use crate::output::Stdout;
use crate::output::progress::{Progress, Verbosity};
use crate::threads;

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
        let Some(entry) = search.entry(source, plan, &mut cache)? else {
            return Ok(Exit::Interrupted);
        };
        let tenfold = match args.tenfold {
            true => match search.found(source, plan, 0..search.replications(), tenfold(BUDGET)) {
                Some(found) => Some(found),
                None => return Ok(Exit::Interrupted),
            },
            false => None,
        };
        let peek = search.peek(plan).ok_or_else(|| cannot_run(source))?;
        print(
            &entry,
            &peek,
            tenfold.as_deref(),
            plan,
            args.printing.format,
        )?;
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
    /// The oracles of a scenario, from the cache or anew; `None` if it was interrupted.
    fn entry(
        &self,
        source: &Source,
        plan: &Plan,
        cache: &mut Kept<'_>,
    ) -> Result<Option<Entry>, CliError> {
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
            let Some(more) = self.found(source, plan, known..wanted, BUDGET) else {
                return Ok(None);
            };
            entry.replications.extend(more);
            cache.keep(&entry)?;
        }
        entry.replications.truncate(wanted as usize);
        Ok(Some(entry))
    }

    fn found(
        &self,
        source: &Source,
        plan: &Plan,
        numbers: Range<u32>,
        budget: Budget,
    ) -> Option<Vec<Replication>> {
        let monitor = Monitor::default();
        let progress =
            Progress::start(&source.name, Verbosity::from_flag(self.args.printing.quiet));
        let show = |share| progress.update(share);
        let found = threads::watched(&self.pool, &monitor, &self.interrupt, show, || {
            oracle::find_all(plan, numbers, &self.policies, budget, &monitor)
        });
        progress.finish();
        found
    }

    /// What the default costs that is told what comes, for each replication and price.
    fn peek(&self, plan: &Plan) -> Option<Vec<Vec<Cost>>> {
        let config = &plan.contenders[0].config;
        let of = |number| {
            let at = |price: &f64| oracle::peek::cost(plan, config, number, *price);
            PRICES.iter().map(at).collect::<Option<Vec<Cost>>>()
        };
        let all = || (0..self.replications()).into_par_iter().map(of).collect();
        self.pool.install(all)
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
    let names = named.iter().flat_map(|text| registry::list(text));
    let names: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    for name in &names {
        registry::build(name).map_err(|error| {
            CliError::bad_input(
                format!("--policies: {error}"),
                "`--policies \"\"` starts from no policy",
            )
        })?;
    }
    Ok(names)
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
        let file = match path {
            None => None,
            Some(path) if !path.exists() => Some((path, Cache::default())),
            Some(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|error| CliError::unreadable(path, &error))?;
                let cache = Cache::from_json(&text).map_err(|error| {
                    CliError::bad_input(
                        format!("{}: {error}", path.display()),
                        "--cache names a file that this command has written, or a new one",
                    )
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
