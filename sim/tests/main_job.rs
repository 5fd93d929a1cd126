//! The README's main job. What holds for every policy in closed loop is `ebbtide-conformance`'s
//! business.

use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};

const REMOTE_AGENTS: &str = include_str!("../../scenarios/remote-agents.ron");

/// `adaptive` holds the objective with fewer worker-seconds than `remote`, and
/// `in_process` misses it.
#[test]
fn remote_agents_are_served_in_time_with_fewer_workers_than_remote() {
    let text = set(REMOTE_AGENTS, "run.replications", "2");
    let text = text.unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    let of = |name: &str| {
        let found = experiment.policies.iter().find(|it| it.policy == name);
        let figures = &found
            .unwrap_or_else(|| panic!("{name} is run"))
            .results
            .total
            .figures;
        let p95 = figures.sojourn_s.p95.mean.expect("messages enough");
        let workers = figures
            .worker_seconds
            .and_then(|it| it.mean)
            .expect("kept for the whole");
        eprintln!("{name}: p95(sojourn) {p95:.3} s with {workers:.0} worker-seconds");
        (p95, workers)
    };
    let (adaptive, remote, in_process) = (of("adaptive"), of("remote"), of("in_process"));
    assert!(adaptive.0 < 0.5 && remote.0 < 0.5 && in_process.0 > 0.5);
    assert!(adaptive.1 < remote.1);
}
