//! The twin beside the core: the same runs must come to the same.

use ebbtide_policies::observation::Setting;

use super::*;
use crate::arena::oracle::cache::Cache;
use crate::arena::oracle::schedule::Schedule;
use crate::arena::oracle::score;
use crate::arena::suite;
use crate::files::Files;
use crate::plan::Plan;
use crate::scenario::Scenario;

/// A scenario of 300 s with one agent of these fields.
fn scenario(arrivals: &str, agent: &str, more: &str) -> String {
    format!(
        "(run: (length: \"300s\", warm_up: \"0s\"), traffic: [(arrivals: {arrivals}, \
         classes: [(name: \"m\", to: Agent(\"a\"))])], agents: [(name: \"a\", {agent})], {more} \
         broker: (worker_start_ms: 1000, delivery_parallelism: 2, \
         objective: \"p95(sojourn) < 500ms\"))"
    )
}

fn setting(workers: u32, batch_size: u32, timeout_ms: u64) -> Setting {
    Setting {
        workers,
        batch_size,
        batch_timeout: Duration::from_millis(timeout_ms),
    }
}

/// Runs a schedule, one change every 10 s, through the twin.
pub(crate) fn through_twin(path: &Path<'_>, schedule: &Schedule) -> Cost {
    let mut twin = Twin::new(path, schedule.start());
    for (at, setting) in schedule.changes() {
        twin.run_until(*at);
        twin.set(*setting);
    }
    twin.finish()
}

fn wave() -> Schedule {
    let at = |s| Time::ZERO + Duration::from_secs(s);
    let workers = [4, 6, 3, 8, 2, 5, 7, 3, 4, 9, 6, 2, 5, 5, 8, 3, 6, 4, 7, 5];
    let sizes = [20, 20, 5, 50, 1, 10];
    let timeouts = [0, 100, 20, 500];
    let changes = (1..).zip(workers).map(|(n, workers)| {
        let size = sizes[n as usize % sizes.len()];
        (
            at(10 * n),
            setting(workers, size, timeouts[n as usize % timeouts.len()]),
        )
    });
    Schedule::new(setting(5, 20, 100), changes)
}

#[track_caller]
fn agree(text: &str, share: f64) {
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let config = &plan.contenders[0].config;
    for number in 0..2 {
        let path = Path::new(&plan, config, number);
        let twin = through_twin(&path, &wave());
        let core = score::cost(&plan, config, number, &wave()).expect("within the bounds");
        let close = |one: f64, other: f64| (one - other).abs() <= share * one.max(other) + 1e-6;
        assert!(
            close(core.worker_seconds, twin.worker_seconds),
            "{core:?} {twin:?}"
        );
        assert!(close(core.calls, twin.calls), "{core:?} {twin:?}");
        assert!(close(core.lateness_s, twin.lateness_s), "{core:?} {twin:?}");
        assert!(close(core.late_work, twin.late_work), "{core:?} {twin:?}");
    }
}

const CALL: &str = "call: LogNormal(median: \"80ms\", sigma: 0.5)";
const BATCH: &str = "per_call: \"200ms\", per_item: Exponential(\"20ms\")";
const POISSON: &str = "Poisson(\"60/s\")";

#[test]
fn an_ordinary_agent() {
    agree(&scenario(POISSON, CALL, ""), 1e-9);
}

#[test]
fn a_batch_agent() {
    agree(&scenario("Poisson(\"120/s\")", BATCH, ""), 1e-6);
}

#[test]
fn an_agent_with_a_limit() {
    let agent = format!("{CALL}, protect: (in_flight_limit: 6)");
    agree(&scenario(POISSON, &agent, ""), 1e-9);
}

#[test]
fn an_agent_with_servers_that_slows_down_when_crowded() {
    let agent = format!("{CALL}, servers: 9, slowdown: (limit: 5, alpha: 0.1, beta: 0.02)");
    agree(&scenario(POISSON, &agent, ""), 1e-9);
}

#[test]
fn a_declared_rate_limit() {
    let agent = format!("{CALL}, protect: (call_rate: (rate: \"58/s\", burst: 20))");
    agree(&scenario(POISSON, &agent, ""), 1e-9);
}

#[test]
fn a_rate_limit_that_answers_429() {
    let agent = format!("{CALL}, rate_limit: (calls: (rate: \"58/s\", burst: 20))");
    agree(&scenario(POISSON, &agent, ""), 1e-9);
    let batch = format!("{BATCH}, rate_limit: (calls: (rate: \"3/s\", burst: 5))");
    agree(&scenario("Poisson(\"40/s\")", &batch, ""), 1e-6);
}

#[test]
fn a_brown_out_and_an_outage() {
    let faults = "faults: [(agent: \"a\", from: \"50s\", until: \"100s\", effect: Slow(3)), \
                  (agent: \"a\", from: \"60s\", until: \"90s\", effect: Fail(0.15)), \
                  (agent: \"a\", from: \"200s\", until: \"230s\", effect: Outage)],";
    agree(&scenario(POISSON, CALL, faults), 1e-9);
    agree(&scenario(POISSON, BATCH, faults), 1e-6);
}

#[test]
fn calls_that_hang_drift_and_vary() {
    let agent = format!(
        "{CALL}, hangs: 0.003, noise: LogNormal(sigma: 0.3), round_trip: Exponential(\"5ms\"), \
         drift: Steps([(\"100s\", 2)]), protect: (call_timeout: \"2s\")"
    );
    agree(&scenario(POISSON, &agent, ""), 1e-9);
    agree(
        &scenario(POISSON, &agent, "worker_start: Exponential(\"2s\"),"),
        1e-9,
    );
}

#[test]
fn a_closed_loop() {
    let callers = "Closed(callers: 30, think: Exponential(\"300ms\"))";
    agree(&scenario(callers, CALL, ""), 1e-9);
}

#[test]
fn classes_with_lanes_and_deadlines_at_two_agents() {
    let text = "(run: (length: \"300s\", warm_up: \"0s\"), traffic: [(arrivals: Poisson(\"70/s\"), \
        classes: [(name: \"x\", share: 2, to: Agents([(1, \"a\"), (1, \"b\")]), lane: high, deadline: \"1s\"), \
        (name: \"y\", share: 3, to: Agent(\"a\"), lane: low, deadline: \"20s\"), \
        (name: \"z\", share: 3, to: Agent(\"b\"))])], \
        agents: [(name: \"a\", call: Exponential(\"80ms\")), \
        (name: \"b\", per_call: \"200ms\", per_item: Exponential(\"40ms\"))], \
        broker: (worker_start_ms: 1000, delivery_parallelism: 2, \
        objective: \"p95(sojourn) < 500ms\"))";
    agree(text, 1e-6);
}

/// In an outage more wait than are looked at, and what has most time left is not among the last.
#[test]
fn an_outage_with_more_messages_than_are_looked_at_and_deadlines_of_two_lengths() {
    let text = "(run: (length: \"300s\", warm_up: \"0s\"), traffic: [(arrivals: Poisson(\"60/s\"), \
        classes: [(name: \"short\", share: 200, to: Agent(\"a\"), deadline: \"3s\"), \
        (name: \"long\", share: 1, to: Agent(\"a\"), deadline: \"30s\")])], \
        agents: [(name: \"a\", call: LogNormal(median: \"80ms\", sigma: 0.5))], \
        faults: [(agent: \"a\", from: \"50s\", until: \"110s\", effect: Outage), \
        (agent: \"a\", from: \"150s\", until: \"220s\", effect: Fail(0.6))], \
        broker: (worker_start_ms: 1000, delivery_parallelism: 2, breaker: (open_ms: 1000), \
        objective: \"p95(sojourn) < 500ms\"))";
    agree(text, 1e-9);
}

/// Many are wanted at once after an outage, with fewer workers ready than there may be: how far an agent has
/// recovered goes by those that there may be.
#[test]
fn a_crowd_after_an_outage_meets_as_slow_a_start() {
    let faults = "faults: [(agent: \"a\", from: \"100s\", until: \"130s\", effect: Outage)],";
    let agent = "call: LogNormal(median: \"40ms\", sigma: 0.5)";
    agree(&scenario("Poisson(\"40/s\")", agent, faults), 1e-9);
}

/// What core made of the shipped schedules the twin makes of them too, on every scenario of the suite that
/// needs no file.
#[test]
fn on_the_suite_it_comes_to_what_core_came_to() {
    let cache = Cache::shipped();
    let mut compared = 0;
    for (_, shipped) in suite::all() {
        let scenario = Scenario::from_ron(shipped.text).unwrap_or_else(|error| panic!("{error}"));
        if !scenario.files().is_empty() {
            continue;
        }
        let plan = Plan::new(shipped.text, Files::default());
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        let path = Path::new(&plan, &plan.contenders[0].config, 0);
        let entry = cache
            .entries()
            .iter()
            .find(|entry| entry.scenario == shipped.name);
        let entry = entry.unwrap_or_else(|| panic!("{} has no oracles", shipped.name));
        for at in &entry.replications[0].prices {
            for found in [&at.fixed, &at.paced, &at.free] {
                let share = apart_by(&through_twin(&path, &found.schedule), &found.cost);
                assert!(share < 1e-6, "{} at {}: {share}", shipped.name, at.price);
                compared += 1;
            }
        }
    }
    assert!(compared >= 150, "only {compared} were compared");
}

/// The largest difference between two costs' parts, as a share.
fn apart_by(one: &Cost, other: &Cost) -> f64 {
    let parts = |cost: &Cost| [cost.worker_seconds, cost.late_work, cost.calls];
    let pairs = parts(one).into_iter().zip(parts(other));
    let shares = pairs.map(|(one, other)| (one - other).abs() / one.max(other).max(1e-3));
    shares.fold(0.0, f64::max)
}
