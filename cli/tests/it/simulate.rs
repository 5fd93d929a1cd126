//! What `simulate` prints for people and for programs.

use serde_json::Value;

use crate::command::Room;

/// Evenly spaced arrivals and constant calls, so that the figures are exact.
const REGULAR: &str = r#"(
    run: (length: "1000s", replications: 2),
    traffic: [
        (
            arrivals: Deterministic("2/s"),
            classes: [(name: "ask", to: Agent("echo"), lane: high)],
        ),
        (
            arrivals: Deterministic("8/s"),
            classes: [(name: "tell", to: Agent("rank"))],
        ),
    ],
    agents: [
        (name: "echo", call: Constant("50ms")),
        (name: "rank", per_call: "30ms", per_item: Constant("2ms")),
    ],
    broker: (num_workers: 1, delivery_parallelism: 20, objective: "p95(sojourn) < 500ms"),
    policies: ["fixed", "fixed(2)"],
    expect: ["p95(sojourn) < 500ms", "p95(sojourn) < 10ms"],
)
"#;

fn without_hashes(text: &str) -> String {
    let line = |line: &str| match line.split_once("result hash of ") {
        Some((_, rest)) => {
            let (policy, hash) = rest.split_once(": ").expect("a hash follows");
            assert_eq!(hash.len(), 32);
            format!("result hash of {policy}: …")
        }
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tables() {
    let room = Room::new();
    room.write("regular.ron", REGULAR);
    let run = room.run(&["simulate", "regular.ron"]);
    assert_eq!(run.code, 20, "{}", run.stderr);
    assert_eq!(run.stderr, "", "no progress in a pipe");
    insta::assert_snapshot!("tables", without_hashes(&run.stdout));
}

#[test]
fn the_json_has_what_programs_rely_on() {
    let room = Room::with_small_scenario();
    let run = room.run(&[
        "simulate",
        "small.ron",
        "--format",
        "json",
        "--policy",
        "fixed,remote",
        "--set",
        "broker.objective=p95(sojourn) < 50ms",
    ]);
    let json: Value = serde_json::from_str(&run.stdout).expect("one object");
    for key in [
        "schema",
        "engine_version",
        "scenario",
        "seed",
        "replications",
        "policy",
        "result_hash",
        "wall_s",
        "results",
        "policies",
    ] {
        assert!(!json[key].is_null(), "{key} is missing");
    }
    assert_eq!(json["scenario"], "small");
    assert_eq!(json["seed"], 7);
    assert_eq!(json["policy"], "fixed");
    assert_eq!(json["policies"][1]["policy"], "remote");
    assert_eq!(json["policies"][0]["results"], json["results"]);
    let results = &json["results"];
    let outcomes = results["outcomes"].as_object().expect("outcomes by name");
    let ended: u64 = outcomes.values().filter_map(Value::as_u64).sum();
    assert_eq!(results["accepted"], ended);
    assert_eq!(results["refused"], 0);
    for figure in [
        "offered_per_s",
        "throughput_per_s",
        "success_rate",
        "utilisation",
        "workers_mean",
        "worker_seconds",
        "lateness_s",
        "calls",
        "queue_mean",
        "scale_actions",
        "events_simulated",
    ] {
        check_estimate(figure, &results[figure]);
    }
    check_maximum("workers_max", &results["workers_max"]);
    check_maximum("queue_max", &results["queue_max"]);
    // Ordinary agents have no batches.
    assert!(results["batch_mean"]["mean"].is_null());
    for times in ["wait_s", "service_s", "sojourn_s"] {
        for stat in ["mean", "p50", "p95"] {
            check_estimate(times, &results[times][stat]);
        }
        check_maximum(times, &results[times]["max"]);
        // 2,500 messages a replication are too few for a P99.
        assert!(results[times]["p99"]["mean"].is_null());
    }
    assert!(results["by_agent"]["echo"]["sojourn_s"]["p95"]["mean"].is_f64());
    assert!(results["by_lane"]["normal"]["accepted"].is_u64());
    assert!(results["by_class"]["ask"]["outcomes"]["delivered"].is_u64());
}

#[track_caller]
fn check_estimate(name: &str, value: &Value) {
    for part in ["mean", "ci_low", "ci_high"] {
        assert!(value[part].is_f64(), "{name}.{part} is {}", value[part]);
    }
}

/// The largest of all replications is no guess.
#[track_caller]
fn check_maximum(name: &str, value: &Value) {
    assert!(value["mean"].is_f64(), "{name} is {value}");
    assert!(value["ci_low"].is_null() && value["ci_high"].is_null());
}

#[test]
fn overrides_reach_the_run() {
    let room = Room::with_small_scenario();
    let args = [
        "simulate",
        "small.ron",
        "--format",
        "json",
        "--seed",
        "11",
        "--replications",
        "3",
    ];
    let set = [
        "--set",
        "broker.num_workers=4",
        "--set",
        "agents.echo.call=Constant(\"10ms\")",
    ];
    let args: Vec<&str> = args.into_iter().chain(set).collect();
    let json: Value = serde_json::from_str(&room.run(&args).stdout).expect("one object");
    assert_eq!(json["seed"], 11);
    assert_eq!(json["replications"], 3);
    assert_eq!(json["results"]["workers_mean"]["mean"], 4.0);
    assert_eq!(json["results"]["workers_max"]["mean"], 4.0);
    let service = json["results"]["service_s"]["max"]["mean"].as_f64();
    assert!(
        service.is_some_and(|s| (s - 0.01).abs() < 1e-4),
        "{service:?}"
    );
}

#[test]
fn every_name_in_the_json_is_documented() {
    let docs = include_str!("../../../docs/results.md");
    let room = Room::with_small_scenario();
    let args = ["simulate", "small.ron", "--format", "json"];
    let run = room.run(&[&args[..], &["--policy", "fixed,remote"]].concat());
    let json: Value = serde_json::from_str(&run.stdout).expect("one object");
    let mut names = Vec::new();
    collect_names(&json, &mut names);
    // Named by the scenario, not by us.
    names.retain(|name| !["echo", "normal", "ask"].contains(&name.as_str()));
    assert!(names.len() > 50);
    for name in names {
        let told = [format!("`{name}`"), format!("\"{name}\"")];
        assert!(told.iter().any(|told| docs.contains(told)), "{name}");
    }
}

fn collect_names(json: &Value, names: &mut Vec<String>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                collect_names(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}
