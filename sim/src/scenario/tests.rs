//! Unit tests of the scenario's text: what is written reads back, what is wrong is named.

use super::*;

const REMOTE_AGENTS: &str = include_str!("../../../scenarios/remote-agents.ron");

/// Every field of every section.
const FULL: &str = r#"(
    note: "all of it",
    run: (
        length: "10min",
        tail: "30s",
        warm_up: "1min",
        seed: 7,
        replications: 5,
        until: (metric: "p95(sojourn, class=chat)", half_width: "2.5%", max: 50),
    ),
    traffic: [
        (
            arrivals: Mmpp([("10/s", "1s"), ("100/s", "1s")]),
            when_full: Block,
            classes: [
                (
                    name: "chat",
                    to: Agents([(2, "model"), (1, "rank")]),
                    share: 2,
                    lane: high,
                    kind: event,
                    size: LogNormal(median: "4KiB", sigma: 1),
                    units: Uniform(low: 10, high: 500),
                    deadline: "30s",
                    patience: Exponential("1min"),
                    ordering_keys: 100,
                ),
                (name: "news", to: Topic("news")),
            ],
        ),
    ],
    agents: [
        (
            name: "model",
            call: Pareto(shape: 1.5, low: "300ms", high: "30s"),
            noise: Gamma(cv2: 0.1),
            round_trip: Uniform(low: "10ms", high: "40ms"),
            drift: Steps([("1min", 1.5)]),
            slowdown: (limit: 20, alpha: 0.1, beta: 0.01),
            servers: 40,
            rate_limit: (
                calls: (rate: "20/s", burst: 5),
                units: (rate: "1000/s", burst: 2000),
                retry_after: "1s",
            ),
            failures: (share: 0.01, time: Constant("1s")),
            hangs: 0.001,
            stops_on_cancel: true,
            protect: (
                replicas: 2,
                in_flight_limit: 20,
                bulkhead: 0.5,
                call_rate: (rate: "30/s", burst: 10),
                unit_rate: (rate: "900/s", burst: 900),
                call_timeout: "45s",
                topics: ["news"],
            ),
        ),
        (
            name: "rank",
            per_call: "30ms",
            per_item: Constant("2ms"),
            protect: (max_batch: 30, max_batch_timeout: "20ms"),
        ),
    ],
    faults: [(agent: "model", from: "1min", until: "2min", effect: Slow(3))],
    worker_deaths: [(at: "3min", workers: 2)],
    observation_faults: [
        (from: "1min", until: "2min", effect: Late(3)),
        (from: "2min", until: "3min", effect: Noisy(0.3)),
    ],
    worker_start: Exponential("2s"),
    time_grain: "1ms",
    broker: (profile: "remote", objective: "p95(sojourn) < 2s"),
    policies: ["adaptive", "fixed(3)"],
    expect: ["p95(sojourn) < 2s", "success_rate > 99%"],
    fails_with: "--set broker.num_workers=1",
)"#;

#[test]
fn what_is_written_reads_back() {
    for text in [REMOTE_AGENTS, FULL] {
        let scenario = Scenario::from_ron(text).unwrap_or_else(|error| panic!("{error}"));
        let text = scenario.to_ron();
        assert_eq!(Scenario::from_ron(&text), Ok(scenario), "{text}");
    }
}

#[test]
fn faults_of_form_name_their_line_and_a_remedy() {
    #[track_caller]
    fn check(from: &str, to: &str, wanted: &str) {
        let before = FULL.find(from).expect(from);
        let line = 1 + FULL[..before].matches('\n').count();
        let error = Scenario::from_ron(&FULL.replacen(from, to, 1)).expect_err(to);
        let fault = error.faults[0].to_string();
        assert_eq!(error.faults[0].place.line, line, "{fault}");
        assert!(fault.contains(wanted), "{fault}\n does not say: {wanted}");
    }
    check("hangs:", "hang:", "did you mean");
    check("when_full: Block", "when_full: Blok", "Block");
    check("Mmpp([(\"10/s\"", "Mmpp([(\"-10/s\"", "out of range");
    check("length: \"10min\"", "length: 600", "\"600ms\" or \"600s\"");
    check("hangs: 0.001", "hangs: 1.5", "allowed are 0 to 1");
    check("half_width: \"2.5%\"", "half_width: 2.5", "%");
    check(
        "metric: \"p95(sojourn, class=chat)\"",
        "metric: \"p42(joy)\"",
        "no figure",
    );
    check("warm_up: \"1min\"", "warm_up: \"soon\"", "soon");
    check(
        "p95(sojourn) < 2s\", \"succ",
        "p95(sojourn) < 2\", \"succ",
        "2",
    );
    check(
        "profile: \"remote\"",
        "profile: \"remot\"",
        "did you mean remote?",
    );
    check("effect: Slow(3)", "effect: Slow(0)", "above 0");
    check("sigma: 1", "sigma: 1e999", "not finite");
}

/// The remedy was for a class's size, for minutes of bytes, for a part of a millisecond.
#[test]
fn a_remedy_suits_its_field() {
    #[track_caller]
    fn check(from: &str, to: &str, wanted: Option<&str>, unwanted: &str) {
        assert!(FULL.contains(from), "{from}");
        let error = Scenario::from_ron(&FULL.replacen(from, to, 1)).expect_err(to);
        let fault = error.faults[0].to_string();
        assert!(fault.contains(wanted.unwrap_or_default()), "{fault}");
        assert!(!fault.contains(unwanted), "{fault}");
    }
    let arrivals = r#"Mmpp([("10/s", "1s"), ("100/s", "1s")])"#;
    let batches = r#"BatchPoisson(rate: "10/s", size: 5)"#;
    check(arrivals, batches, Some("Constant(5)"), "KiB");
    let ramp = r#"Ramp(from: "10/s", to: 40, over: "1min")"#;
    check(arrivals, ramp, Some("\"40/s\""), "address");
    let size = r#"LogNormal(median: "4KiB", sigma: 1)"#;
    check(size, "4096", Some("Constant(\"4KiB\")"), "Geometric");
    check(size, r#"Constant("4m")"#, Some("KiB"), "minutes");
    check("\"40ms\"", "\"4m\"", Some("4min"), "KiB");
    let units = r#"(rate: "1000/s", burst: 2000)"#;
    check(units, "1000", None, "distribution");
    let profile = r#"profile: "remote""#;
    let start = r#"worker_start_ms: "500us""#;
    check(profile, start, Some("whole number"), "0.5");
    check(
        profile,
        r#"worker_start_ms: "0.5s""#,
        Some("write 500"),
        "0.5 ",
    );
}

#[test]
fn a_value_is_set_by_its_path_with_or_without_quotes() {
    let set_and_read = |path: &str, value: &str| {
        let text = set(FULL, path, value).unwrap_or_else(|error| panic!("{error}"));
        Scenario::from_ron(&text).expect("it was read before")
    };
    let changed = set_and_read("agents.rank.per_call", "60ms");
    assert_eq!(changed.agents[1].per_call, Some(Duration::from_millis(60)));
    assert_eq!(changed, set_and_read("agents[1].per_call", "\"60ms\""));
    assert_eq!(
        set_and_read("broker.num_workers", "3").broker.num_workers,
        3
    );
    assert_eq!(
        set_and_read("broker.retry_budget", "off")
            .broker
            .retry_budget,
        None
    );
    assert_eq!(
        set_and_read("traffic.0.classes.news.share", "5").traffic[0].classes[1].share,
        5.0
    );
    assert_eq!(set_and_read("run.replications", "3").run.replications, 3);
    let poisson = set_and_read("traffic.0.arrivals", "Poisson(\"9/s\")");
    assert!(matches!(poisson.traffic[0].arrivals, Arrivals::Poisson(_)));
    assert_eq!(
        set_and_read("policies", "[\"remote\"]").policies,
        ["remote"]
    );
    assert_eq!(
        set_and_read("agents.rank.protect.replicas", "2").agents[1]
            .protect
            .replicas,
        Some(2)
    );
}

#[test]
fn what_cannot_be_set_says_why() {
    #[track_caller]
    fn check(path: &str, value: &str, wanted: &str) {
        let error = set(FULL, path, value).expect_err(path).to_string();
        assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
    }
    check("broker.nun_workers", "3", "did you mean num_workers");
    check("agents.ran.per_call", "60ms", "allowed are model, rank");
    check("run.replications", "0", "1 to 1000000");
    check("run.replications", "-1", "1 to 1000000");
    check("run.length", "7", "7");
}

#[test]
fn a_setting_that_no_reader_can_take_is_told_its_range() {
    let broker = "(max_queue_size: 18446744073709551616)";
    let text = format!("(run: (length: \"1s\"), traffic: [], agents: [], broker: {broker})");
    let error = Scenario::from_ron(&text).expect_err("2^64 is no u64");
    let message = error.to_string();
    let allowed = "expected a whole number up to 18446744073709551615; allowed are 0 to 1000000000";
    assert!(message.ends_with(allowed), "{message}");
}
