//! Loops that once closed the wrong way: broker, policy and agent kept each other where they were.

use ebbtide_measure::{Books, Estimate};
use ebbtide_sim::files::Files;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};

/// What the only policy made of it.
#[track_caller]
fn results(text: &str) -> Books<Estimate> {
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    experiment.policies.remove(0).results
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
    let success = results(text).total.figures.success_rate.mean;
    assert!(success.is_some_and(|share| share > 0.95), "{success:?}");
}

/// Failures take 1 ms, successes 500: of each burst of calls the failures ended first, and the breaker opened on them.
/// The backlog that it left was the next burst. After five seconds of outage half of the messages were never
/// delivered, where 3 in 10 calls fail.
#[test]
fn an_agent_that_fails_quickly_and_succeeds_slowly_is_back_after_an_outage() {
    let text = r#"(
        run: (length: "10min", warm_up: "3min", replications: 2),
        traffic: [(arrivals: Poisson("30/s"), classes: [(name: "m", to: Agent("a"))])],
        agents: [(name: "a", call: Exponential("500ms"), failures: (share: 0.3, time: Constant("1ms")))],
        faults: [(agent: "a", from: "3min", until: "185s", effect: Outage)],
        policies: ["fixed(10)"],
    )"#;
    let success = results(text).total.figures.success_rate.mean;
    assert!(success.is_some_and(|share| share > 0.8), "{success:?}");
}

/// One key gets four times what can be done of it one after another; the others keep two slots of ten busy.
fn one_hot_key(others: &str) -> Books<Estimate> {
    results(&format!(
        r#"(
            run: (length: "6min", replications: 2),
            traffic: [
                (arrivals: Poisson("20/s"), classes: [(name: "hot", to: Agent("a"), ordering_keys: 1)]),
                (arrivals: {others}, classes: [(name: "others", to: Agent("a"))]),
            ],
            agents: [(name: "a", call: LogNormal(median: "200ms", sigma: 0.3))],
            policies: ["adaptive"],
        )"#
    ))
}

/// What stood behind its key counted as a backlog that workers could work off: there were ten of them, for ever.
#[test]
fn no_workers_come_for_what_waits_for_its_key() {
    let run = one_hot_key(r#"Poisson("10/s")"#);
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    assert!(workers.is_some_and(|it| it < 1.5), "{workers:?}");
}

/// The others need twenty slots from the third minute on, whatever waits for its key.
#[test]
fn workers_come_for_others_beside_a_hot_key() {
    let run = one_hot_key(r#"Phases([("10/s", "3min"), ("100/s", "3min")])"#);
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    let wait_s = run.by_class["others"].figures.wait_s.p95.mean;
    assert!(workers.is_some_and(|it| it < 3.0), "{workers:?}");
    assert!(wait_s.is_some_and(|it| it < 0.2), "{wait_s:?}");
}

/// Most is done of twenty calls at once, 200 a second; of a hundred 14. Calls that are slow for being too
/// many looked like an agent that had become slow: all workers there may be, for good, delivered one in ten.
#[test]
fn a_pool_that_fell_off_a_cliff_climbs_back() {
    let run = results(
        r#"(
            run: (length: "15min", warm_up: "8min", replications: 4),
            traffic: [(arrivals: Poisson("150/s"), classes: [(name: "m", to: Agent("a"))])],
            agents: [(name: "a", call: Exponential("100ms"), slowdown: (limit: 20, alpha: 0.05, beta: 0.01))],
            broker: (objective: "p95(sojourn) < 500ms", delivery_parallelism: 1, max_workers: 100),
            policies: ["adaptive"],
        )"#,
    );
    let delivered = run.total.figures.throughput_per_s.mean;
    assert!(delivered.is_some_and(|it| it > 130.0), "{delivered:?}");
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    assert!(workers.is_some_and(|it| it < 40.0), "{workers:?}");
}

/// Most is done of twenty calls at once, 40 a second; of a hundred 7. Each growth got less done and left more
/// waiting to grow for, calls timed out, the breaker opened, and the pool came back at its largest: one in four
/// was delivered.
#[test]
fn a_pool_that_grew_into_a_collapse_comes_back_step_by_step() {
    let run = results(
        r#"(
            run: (length: "10min", warm_up: "0s", replications: 4),
            traffic: [(
                arrivals: Bursts(base: "20/s", burst: "100/s", every: "2min", length: "10s"),
                classes: [(name: "m", to: Agent("a"))],
            )],
            agents: [(name: "a", call: Exponential("500ms"), slowdown: (limit: 20, alpha: 0.05, beta: 0.01))],
            broker: (max_workers: 10),
            policies: ["adaptive"],
        )"#,
    );
    let success = run.total.figures.success_rate.mean;
    assert!(success.is_some_and(|share| share > 0.95), "{success:?}");
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    assert!(workers.is_some_and(|it| it < 4.0), "{workers:?}");
}

/// An agent that is slow by itself for a while gets less done too, and a pool that grows for that must not be taken
/// back for good: three minutes later all its workers are needed.
#[test]
fn a_slow_agents_pool_is_free_to_grow_again() {
    let run = results(
        r#"(
            run: (length: "9min", warm_up: "0s", replications: 4),
            traffic: [(
                arrivals: Phases([("25/s", "5min"), ("250/s", "3min"), ("25/s", "1min")]),
                classes: [(name: "m", to: Agent("a"))],
            )],
            agents: [(name: "a", call: Exponential("1s"))],
            faults: [(agent: "a", from: "120s", until: "150s", effect: Slow(10))],
            broker: (objective: "p95(sojourn) < 5s", max_workers: 50),
            policies: ["adaptive"],
        )"#,
    );
    let success = run.total.figures.success_rate.mean;
    assert!(success.is_some_and(|share| share > 0.999), "{success:?}");
}

/// A message that stood behind its key in an outage was demand when it came and again when it moved up.
#[test]
fn what_came_behind_its_key_in_an_outage_is_no_demand_twice() {
    let run = |keys: &str| {
        let run = results(&format!(
            r#"(
                run: (length: "6min", replications: 4),
                traffic: [(arrivals: Poisson("40/s"), classes: [(name: "k", to: Agent("a"){keys})])],
                agents: [(name: "a", call: LogNormal(median: "200ms", sigma: 0.3))],
                faults: [(agent: "a", from: "2min", until: "150s", effect: Outage)],
                broker: (max_workers: 40, num_workers: 5, delivery_parallelism: 2, worker_start_ms: 5000),
                policies: ["adaptive"],
            )"#
        ));
        let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
        workers.expect("the run has workers")
    };
    let (with, without) = (run(", ordering_keys: 100"), run(""));
    assert!(with < 1.1 * without, "{with} with keys, {without} without");
}

/// The P95 of sojourn, in seconds, under arrivals that come back each minute, with seasons and without.
fn p95_with_seasons_and_without(arrivals: &str, broker: &str) -> (f64, f64) {
    let p95_s = |policy: &str| {
        let run = results(&format!(
            r#"(
                run: (length: "15min", warm_up: "5min", replications: 4),
                traffic: [(arrivals: {arrivals}, classes: [(name: "m", to: Agent("a"))])],
                agents: [(name: "a", call: Exponential("200ms"))],
                broker: (worker_start_ms: 5000, delivery_parallelism: 1, {broker}),
                policies: ["{policy}"],
            )"#
        ));
        let p95 = run.total.figures.sojourn_s.p95.mean;
        p95.expect("the run has messages")
    };
    (p95_s("adaptive"), p95_s("adaptive(season_errors: 100.0)"))
}

/// Workers take five seconds: who does not foresee the wave is late with each.
#[test]
fn a_wave_that_comes_back_is_met() {
    let (with, without) = p95_with_seasons_and_without(
        r#"Diurnal(mean: "25/s", amplitude: 0.8, period: "1min")"#,
        r#"objective: "p95(sojourn) < 1s""#,
    );
    assert!(
        with < 0.6 * without,
        "{with} s, without seasons {without} s"
    );
}

/// In a burst its end was foreseen and the pool shrunk at once, though what was foreseen was ten seconds away.
#[test]
fn no_worker_goes_for_a_fall_that_is_still_to_come() {
    let bursts = vec![r#"("10/s", "48s"), ("60/s", "12s")"#; 15].join(", ");
    let (with, without) = p95_with_seasons_and_without(
        &format!("Phases([{bursts}])"),
        r#"objective: "p95(sojourn) < 2s", control_interval_ms: 5000, max_workers: 40"#,
    );
    assert!(
        with < 0.75 * without,
        "{with} s, without seasons {without} s"
    );
}

/// Refusals by chance looked like a limit to its rate: fewer workers, of which fewer calls were refused, less
/// was delivered, which looked like a lower limit, down to one worker that delivered one message in five.
#[test]
fn an_agent_that_refuses_by_chance_gets_the_workers_that_it_takes() {
    let run = results(
        r#"(
            run: (length: "5min", warm_up: "1min", replications: 4),
            traffic: [(arrivals: Poisson("66/s"), classes: [(name: "m", to: Agent("a"), deadline: "3s")])],
            agents: [(
                name: "a",
                call: Uniform(low: "100ms", high: "340ms"),
                failures: (share: 0.2),
                rate_limit: (share: 0.09, retry_after: "200ms"),
                protect: (in_flight_limit: 30),
            )],
            broker: (max_workers: 6, num_workers: 2, objective: "p95(sojourn) < 1s"),
            policies: ["adaptive"],
        )"#,
    );
    let success = run.total.figures.success_rate.mean;
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    assert!(success.is_some_and(|share| share > 0.9), "{success:?}");
    assert!(workers.is_some_and(|it| it < 4.0), "{workers:?}");
}

/// Fifty workers did what five do where an agent works on five calls at once: so few were never weighed, and what was
/// believed of it was doubted at each step down.
#[test]
fn a_saturated_agent_gets_the_workers_that_it_can_use() {
    let run = results(
        r#"(
            run: (length: "10min", warm_up: "3min", replications: 3),
            traffic: [(arrivals: Poisson("60/s"), classes: [(name: "m", to: Agent("a"))])],
            agents: [(name: "a", call: Exponential("100ms"), servers: 5)],
            broker: (objective: "p95(sojourn) < 500ms", delivery_parallelism: 1, max_workers: 50),
            policies: ["adaptive"],
        )"#,
    );
    let delivered = run.total.figures.throughput_per_s.mean;
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    assert!(delivered.is_some_and(|it| it > 46.0), "{delivered:?}");
    assert!(workers.is_some_and(|it| it < 15.0), "{workers:?}");
}

/// Messages that expired in a backlog made less delivered by every later pool, as if more workers had got more done
/// of an agent that refused by chance: eleven workers for twenty calls a second that it lets in.
#[test]
fn a_rate_limit_stays_one_where_messages_expire() {
    let run = results(
        r#"(
            run: (length: "5min", warm_up: "0s", replications: 3),
            traffic: [(
                arrivals: Phases([("8/s", "60s"), ("16/s", "60s"), ("30/s", "180s")]),
                classes: [(name: "m", to: Agent("a"), deadline: "30s")],
            )],
            agents: [(
                name: "a",
                call: Exponential("200ms"),
                rate_limit: (calls: (rate: "20/s", burst: 5), retry_after: "200ms"),
            )],
            broker: (max_workers: 30, num_workers: 2, delivery_parallelism: 1, objective: "p95(sojourn) < 1s"),
            policies: ["adaptive"],
        )"#,
    );
    let workers = run.total.figures.workers_mean.and_then(|it| it.mean);
    assert!(workers.is_some_and(|it| it < 6.0), "{workers:?}");
}
