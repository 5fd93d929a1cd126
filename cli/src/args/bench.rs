//! The arguments of `ebbtide bench`.

use std::num::{NonZeroU32, NonZeroUsize};

use clap::{Args, Subcommand, ValueEnum};

use super::Printing;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Run scenarios on the live broker and in the simulator: they must agree
    #[command(after_help = FIDELITY_HELP)]
    Fidelity(FidelityArgs),
    /// Repeat the experiments of the system that came before, and the one it left undone
    #[command(after_help = SEED_HELP)]
    Seed(SeedArgs),
}

/// Arguments of `bench fidelity`.
#[derive(Debug, Args)]
pub(crate) struct FidelityArgs {
    /// Scenario files, or names of shipped or demanding scenarios [default: all of both]
    #[arg(value_name = "FILE|NAME")]
    pub(crate) scenarios: Vec<String>,

    /// What makes time pass on the live side
    #[arg(long, value_enum, default_value_t = Clock::Both)]
    pub(crate) clock: Clock,

    /// Independent runs of each, simulated and live, in pairs
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) replications: NonZeroU32,

    /// Threads for paused runs; changes no figure [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// What makes time pass on the live side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clock {
    /// The runtime's timers alone: a paused clock, as fast as the machine is
    Paused,
    /// The clock on the wall, several threads; scenarios are cut to a few seconds
    Wall,
    /// The paused clock for all, the wall for scenarios of up to a minute
    Both,
}

/// Arguments of `bench seed`.
#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    pub(crate) printing: Printing,
}

pub(crate) const HELP: &str = "\
Examples:
  ebbtide bench seed
  ebbtide bench fidelity
  ebbtide bench fidelity burst demanding/outage --clock paused --replications 3";

const FIDELITY_HELP: &str = "\
Examples:
  ebbtide bench fidelity
  ebbtide bench fidelity burst demanding/outage --clock paused --replications 3
  ebbtide bench fidelity seed-4 --clock wall
  ebbtide bench fidelity my.ron --format json | jq .rows

Both sides meet the same messages with the same luck; agents are handlers that sleep the times that
were drawn. Throughput, mean workers and the median must be within 2 %, P95 and P99 within 5 %; on
the paused clock 95 % of the messages must have the same outcome and a sojourn within two
milliseconds. docs/fidelity.md says what the clock on the wall adds, and how that is modelled.
Exit code 20 when anything is further apart.";

const SEED_HELP: &str = "\
Examples:
  ebbtide bench seed
  ebbtide bench seed --format json | jq .trials

Takes some two minutes, by the clock on the wall; run it on a machine that does nothing else.
docs/seed.md says how to read it. Exit code 20 when a target is missed: 500 messages a second, mean
50 ms, P95 200 ms, and every message a success; of remote agents by `adaptive`, beyond the time that
the agent takes.";
