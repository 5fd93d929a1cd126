//! The command line as it is typed: subcommands, flags, help texts.
//!
//! Parsing only. What a name, a path or a policy stands for is resolved by the commands, which
//! can then say what was found and what is allowed.

mod bench;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use bench::{BenchCommand, Clock, FidelityArgs, SeedArgs};

/// Simulate an agent message broker that sizes itself: describe the traffic and the agents,
/// get throughput, latency and what the scaling policy did.
#[derive(Debug, Parser)]
#[command(name = "ebbtide", version, max_term_width = 100, after_help = TOP_HELP)]
pub(crate) struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and report throughput, latency, workers and thresholds
    Simulate(SimulateArgs),
    /// Rank policies by what they cost on the same messages
    Arena(ArenaArgs),
    /// Say why a saved run had the setting it had at some instant
    Explain(ExplainArgs),
    /// Compare the simulator with queueing theory
    Validate(ValidateArgs),
    /// Find how cheap scenarios could have been with full foresight
    Oracle(OracleArgs),
    /// Run a live broker's journal again: every decision must come out the same
    Parity(ParityArgs),
    /// Measure the live broker: against its simulation, against what came before
    #[command(subcommand, after_help = bench::HELP)]
    Bench(BenchCommand),
    /// Check scenario and configuration files without running them
    Check(CheckArgs),
    /// List or show the shipped scenarios
    #[command(subcommand, after_help = SCENARIO_HELP)]
    Scenario(ScenarioCommand),
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
#[command(after_help = SIMULATE_HELP)]
pub(crate) struct SimulateArgs {
    /// Scenario files, or names of shipped scenarios
    #[arg(required = true, value_name = "FILE|NAME")]
    pub(crate) scenarios: Vec<String>,

    /// Seed of all random draws, instead of the scenario's
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,

    /// Independent runs of each scenario, instead of the scenario's
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) replications: Option<NonZeroU32>,

    /// Threads to run them on; changes no figure [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Policies or profiles to run, instead of the scenario's; thresholds bind the first
    #[arg(long, alias = "policies", value_name = "P,…")]
    pub(crate) policy: Vec<String>,

    /// Replace one value of the scenario, such as broker.max_workers=20
    #[arg(long, value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) set: Vec<Override>,

    /// Write figures, report, series, decisions and summary into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) printing: Printing,

    /// Replace all traffic by the messages of this CSV file
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// Write the messages of all replications to this CSV file, for --trace
    #[arg(long, value_name = "FILE")]
    pub(crate) export_trace: Option<PathBuf>,
}

/// What a command says, and how.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Printing {
    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// No progress on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `arena`.
#[derive(Debug, Args)]
#[command(after_help = ARENA_HELP)]
pub(crate) struct ArenaArgs {
    /// Scenario files, or names of shipped scenarios [default: the whole suite]
    #[arg(value_name = "FILE|NAME")]
    pub(crate) scenarios: Vec<String>,

    /// Policies to rank beside the default: `all`, or a list; a name brings its tuned variant along
    #[arg(long, alias = "policy", value_name = "P,…", default_value = "all")]
    pub(crate) policies: String,

    /// Instead of ranking, split the default's regret into start-up, detection and the rest
    #[arg(long, conflicts_with_all = ["policies", "replications", "out"])]
    pub(crate) split: bool,

    /// Oracles to take regret against, of `ebbtide oracle`, instead of those that are shipped
    #[arg(long, value_name = "FILE")]
    pub(crate) oracles: Option<PathBuf>,

    /// Independent runs of each policy in each scenario
    #[arg(long, value_name = "N", default_value = "20", value_parser = replications)]
    pub(crate) replications: NonZeroU32,

    /// Threads to run them on; changes no figure [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Write the ranking page, its figures, JSON and CSV into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and a sentence, for people
    Table,
    /// One JSON object per scenario, one per line, for programs
    Json,
}

/// One `--set PATH=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    /// Field names joined by dots; a number picks an element of a list.
    pub(crate) path: String,
    /// RON, or text for a quantity.
    pub(crate) value: String,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub(crate) struct ExplainArgs {
    /// A directory written by `simulate --out` (its first replication is explained)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,

    /// The instant to explain, from the start of the run, such as 200s
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: String,

    /// Which of the run's policies [default: the first]
    #[arg(long, value_name = "P")]
    pub(crate) policy: Option<String>,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
#[command(after_help = VALIDATE_HELP)]
pub(crate) struct ValidateArgs {
    /// A file of queueing-theory cases
    #[arg(value_name = "CASES.csv")]
    pub(crate) cases: PathBuf,

    /// Seed of all random draws
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,

    /// Also write each case as a scenario file into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) emit: Option<PathBuf>,

    /// Threads to run them on; changes no figure [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// No progress on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `oracle`.
#[derive(Debug, Args)]
#[command(after_help = ORACLE_HELP)]
pub(crate) struct OracleArgs {
    /// Scenario files, or names of shipped scenarios
    #[arg(required = true, value_name = "FILE|NAME")]
    pub(crate) scenarios: Vec<String>,

    /// Independent runs of each scenario [default: 3]
    #[arg(long, value_name = "N", value_parser = replications)]
    pub(crate) replications: Option<NonZeroU32>,

    /// Policies whose schedules the search starts from [default: all]
    #[arg(long, alias = "policy", value_name = "P,…")]
    pub(crate) policies: Option<Vec<String>>,

    /// Keep what is found in this file, and take from it what it has
    #[arg(long, value_name = "FILE")]
    pub(crate) cache: Option<PathBuf>,

    /// Find everything anew, whatever is kept
    #[arg(long)]
    pub(crate) fresh: bool,

    /// Search a second time with ten times the budget, and show what that gains
    #[arg(long)]
    pub(crate) tenfold: bool,

    /// Threads to search on; changes no figure [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// Arguments of `parity`.
#[derive(Debug, Args)]
#[command(after_help = PARITY_HELP)]
pub(crate) struct ParityArgs {
    /// A file that a live broker wrote (`Broker::builder().journal(…)`)
    #[arg(value_name = "JOURNAL")]
    pub(crate) journal: PathBuf,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct CheckArgs {
    /// Scenario or configuration files (RON or JSON), or names of shipped scenarios
    #[arg(required = true, value_name = "FILE|NAME")]
    pub(crate) files: Vec<String>,
}

/// What to do with the shipped scenarios.
#[derive(Debug, Subcommand)]
pub(crate) enum ScenarioCommand {
    /// List the shipped scenarios
    List,
    /// Print a shipped scenario, ready to be saved and changed
    Show {
        /// Its name
        name: String,
    },
}

fn parse_set(text: &str) -> Result<Override, String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok(Override {
            path: path.trim().to_owned(),
            value: value.trim().to_owned(),
        }),
        _ => Err("expected PATH=VALUE, such as broker.max_workers=20".to_owned()),
    }
}

const SIMULATE_HELP: &str = "\
Examples:
  ebbtide simulate remote-agents
  ebbtide simulate my.ron --policy adaptive,remote,in_process --out run
  ebbtide simulate burst --set broker.max_workers=20 --replications 30
  ebbtide simulate llm-agents --format json | jq .results.sojourn_s.p95
  ebbtide simulate my.ron --trace requests.csv

A trace is CSV with a header, and needs the column t_s; docs/traces.md has them all.
With several policies each meets the same messages, and they are compared in pairs.
With several scenarios --out gets one directory for each.
`ebbtide --help` lists the exit codes.";

const ARENA_HELP: &str = "\
Examples:
  ebbtide arena
  ebbtide arena step-5 flash-crowd --policies celery,knative --replications 5
  ebbtide arena my.ron --policies all --out ranking
  ebbtide arena --split

A cost is worker-seconds, plus lateness beyond the objective and calls at their prices; policies
are ranked at prices of 1, 10 and 100 for a second late, in a message's own work. All meet the same
messages. Regret is cost over what an oracle with foresight pays. docs/arena.md has the JSON.";

const EXPLAIN_HELP: &str = "\
Examples:
  ebbtide simulate remote-agents --out run
  ebbtide explain run --at 200s
  ebbtide explain run --at 8min --policy adaptive";

const VALIDATE_HELP: &str = "\
Examples:
  ebbtide validate scenarios/queueing.csv
  ebbtide validate queueing.csv --emit cases && ebbtide simulate cases/*.ron

The columns are described in docs/validate.md; scenarios/queueing.csv is a file to start from.
A row passes when the 99.99 % interval covers the exact value and is as narrow as the row asks.
Exit code 1 when any row fails; a row that cannot be expressed fails.";

const PARITY_HELP: &str = "\
Example:
  ebbtide parity broker.journal

Core and policy are run again on what the live broker was told, and each observation and each
decision is compared with what it logged, byte for byte. Exit code 1 at the first difference, with
its field; 2 for a file that is no whole journal; 30 if there was nothing to compare, or decisions
were lost.";

const ORACLE_HELP: &str = "\
Examples:
  ebbtide oracle flash-crowd
  ebbtide oracle my.ron --replications 1 --tenfold
  ebbtide oracle scenarios/arena/*/*.ron --cache scenarios/arena/oracles.json

Each oracle is found for each replication, at prices of 1, 10 and 100 times a message's own work for
each second that it is late. What is shipped or cached under the same scenario and engine is not
searched again. docs/oracles.md says what each of them is.";

const CHECK_HELP: &str = "\
Examples:
  ebbtide check my.ron broker.json
  ebbtide check scenarios/*.ron

Faults are shown with line and column, exit code 2. Load beyond what the largest pool serves in a
short saturated run, and a deadline shorter than a call, are warnings, exit code 0. What a full run
costs is estimated.";

const SCENARIO_HELP: &str = "\
Examples:
  ebbtide scenario list
  ebbtide scenario show burst > my.ron";

const TOP_HELP: &str = "\
Examples:
  ebbtide scenario list
  ebbtide simulate remote-agents
  ebbtide simulate remote-agents --policy adaptive,remote --out run
  ebbtide explain run --at 200s

Exit codes, the first that applies:
  130  interrupted; what was finished is saved
    1  internal error, a case of `validate` failed, or no `parity`
    2  usage or bad input; a path or standard output that cannot be read or written
   20  a threshold failed, or a `bench` found what must not be
   30  inconclusive: an interval straddles its limit, there are fewer than 2 replications,
       a quantile has too few messages beyond it, or a journal too little to compare
    0  all is well";

/// Runs of everything in a ranking or a search: more than these nobody waits for.
fn replications(text: &str) -> Result<NonZeroU32, String> {
    const MOST: u32 = 10_000;
    let number = text.parse().ok().filter(|it: &NonZeroU32| it.get() <= MOST);
    number.ok_or_else(|| format!("{text:?} is not a whole number from 1 to {MOST}"))
}

fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("{text:?} is not a whole number from 1 to {}", u32::MAX))
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("{text:?} is not a whole number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn an_override_is_split_at_the_first_equals_sign() {
        let set = parse_set("broker.objective = \"p95(sojourn) < 1s\"=").expect("has a path");
        assert_eq!(set.path, "broker.objective");
        assert_eq!(set.value, "\"p95(sojourn) < 1s\"=");
        assert!(parse_set("=3").is_err());
        assert!(parse_set("broker.max_workers").is_err());
    }
}
