//! Loops that once closed the wrong way: broker, policy and agent kept each other where they were.

use ebbtide_measure::{Estimate, Figures};
use ebbtide_sim::files::Files;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};

/// The figures of the only policy.
#[track_caller]
fn figures(text: &str) -> Figures<Estimate> {
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    experiment.policies.remove(0).results.total.figures
}

/// Calls for messages that were about to expire counted as the agent's failures; the breaker opened, its
/// probes were spent on the oldest messages, and 1 in 3,000 was delivered long after the load had fallen.
#[test]
fn a_healthy_agent_is_back_after_an_overload_that_messages_expired_in() {
    let text = r#"(
        run: (length: "15min", warm_up: "12min", replications: 2, tail: "2min"),
        traffic: [(
            arrivals: Phases([("4/s", "2min"), ("12/s", "5min"), ("4/s", "8min")]),
            classes: [(name: "m", to: Agent("a"), deadline: "10s")],
        )],
        agents: [(name: "a", call: LogNormal(median: "2s", sigma: 0.5))],
        broker: (max_workers: 2, num_workers: 2),
        policies: ["fixed(2)"],
    )"#;
    let success = figures(text).success_rate.mean;
    assert!(success.is_some_and(|share| share > 0.95), "{success:?}");
}
