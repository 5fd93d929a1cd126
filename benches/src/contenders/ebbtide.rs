//! ebbtide as `ebbtide simulate` runs it: a scenario's text, read and checked; the world around
//! the broker core; the recorder with its course over time; results with their quantiles.
//!
//! Everything that a default broker has is on: leases, deadlines, retry budget, breaker, the
//! control tick every second. One replication, so that it runs on one core.

use ebbtide_measure::{Metric, Stat};
use ebbtide_sim::files::Files;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};

use crate::queue::{DEADLINE_S, Load, MEAN_CALL_NS, MEAN_GAP_NS, SERVERS, Seen};

/// Runs the queue. How many messages arrive is luck: `messages` is what is to be expected.
///
/// # Panics
/// When the scenario is refused or left unfinished, which a test shows it is not.
#[must_use]
pub fn run(load: Load) -> Seen {
    let plan = Plan::new(&scenario(load), Files::default()).expect("the scenario is valid");
    let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    let total = &experiment.policies[0].results.total;
    let wait = total.figures.get(Metric::Wait(Stat::Mean));
    let wait_s = wait.and_then(|wait| wait.mean).expect("messages waited");
    Seen {
        served: total.counts.accepted,
        mean_wait: wait_s * 1e9 / MEAN_CALL_NS,
    }
}

fn scenario(load: Load) -> String {
    let length_ns = load.messages as f64 * MEAN_GAP_NS;
    format!(
        r#"(
            run: (length: "{length_ns:.0}ns", warm_up: "0s", replications: 1, seed: {seed}),
            traffic: [(
                arrivals: Poisson("{rate}/s"),
                classes: [(name: "all", to: Agent("server"), deadline: "{DEADLINE_S}s")],
            )],
            agents: [(name: "server", call: Exponential("{MEAN_CALL_NS:.0}ns"))],
            broker: (num_workers: {SERVERS}, delivery_parallelism: 1, policy: "fixed"),
        )"#,
        seed = load.seed,
        rate = 1e9 / MEAN_GAP_NS,
    )
}
