//! `ebbtide bench seed`: the experiments of the system that came before, on the live broker.
//!
//! What they are, and how they are run, stands in the room `fidelity`.

use std::io::Write;

use ebbtide_fidelity::seed::{LATENCIES_MS, Measured, RemoteTrial, TRIALS, Trial, remote};
use serde_json::{Value, json};

use crate::args::{Format, SeedArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::progress::{Progress, Verbosity};
use crate::output::{Stdout, seed};

/// How long the echo agents take.
const ECHOES_MS: [u64; 2] = [1, 0];

/// About what a trial and the remote pools cost, in seconds, for the progress.
const TRIAL_S: f64 = 0.5;
const REMOTE_S: f64 = 20.0;

/// A trial as it went.
pub(crate) struct Done {
    /// Which.
    pub(crate) trial: &'static Trial,
    /// How long its agents took.
    pub(crate) echo_ms: u64,
    /// The broker.
    pub(crate) live: Measured,
    /// Nobody between a sender and its handlers.
    pub(crate) floor: Measured,
}

impl Done {
    /// Which targets are missed, beyond what the agents' calls need of the slots there are.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        self.live.missed(self.trial.slots_need_s(self.echo_ms))
    }
}

/// Runs everything and says which targets are met.
pub(super) fn run(args: &SeedArgs) -> Result<Exit, CliError> {
    let progress = Progress::start("seed", Verbosity::from_flag(args.printing.quiet));
    let all =
        (TRIALS.len() * ECHOES_MS.len()) as f64 * TRIAL_S + LATENCIES_MS.len() as f64 * REMOTE_S;
    let mut passed = 0.0;
    let mut pass = |seconds: f64| {
        passed += seconds;
        progress.update(passed / all);
    };
    let mut trials = Vec::new();
    for echo_ms in ECHOES_MS {
        for trial in TRIALS {
            let (live, floor) = trial.run(echo_ms);
            trials.push(Done {
                trial,
                echo_ms,
                live,
                floor,
            });
            pass(TRIAL_S);
        }
    }
    let mut pools = Vec::new();
    for latency_ms in LATENCIES_MS {
        pools.extend(remote(latency_ms));
        pass(REMOTE_S);
    }
    progress.finish();
    let text = match args.printing.format {
        Format::Table => seed::render(&trials, &pools),
        Format::Json => format!("{}\n", object(&trials, &pools)),
    };
    let mut out = Stdout::lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| CliError::stdout(&error))?;
    let missed = trials.iter().any(|done| !done.missed().is_empty());
    Ok(
        match missed || pools.iter().any(|pool| !pool.missed().is_empty()) {
            true => Exit::ThresholdFailed,
            false => Exit::Success,
        },
    )
}

fn object(trials: &[Done], pools: &[RemoteTrial]) -> Value {
    let trial = |done: &Done| {
        let mut object = json!(done.trial);
        object["echo_ms"] = json!(done.echo_ms);
        object["ebbtide"] = json!(done.live);
        object["null"] = json!(done.floor);
        object["missed"] = json!(done.missed());
        object
    };
    let pool = |pool: &RemoteTrial| {
        let mut object = json!(pool);
        object["missed"] = json!(pool.missed());
        object
    };
    json!({
        "trials": trials.iter().map(trial).collect::<Vec<_>>(),
        "remote": pools.iter().map(pool).collect::<Vec<_>>(),
    })
}
