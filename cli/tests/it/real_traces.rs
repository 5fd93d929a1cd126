//! Real traffic, which lies beside the workspace and not on every machine: each kind of file goes
//! through the command and comes out with every message accounted for.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{Room, ebbtide_in};

/// Where the traces are; says so where they are not.
fn traces() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("EBBTIDE_SHARED");
    let traces = shared.map_or_else(|| root.join("../shared"), PathBuf::from);
    let traces = traces.join("traces");
    if !traces.is_dir() {
        eprintln!("SKIPPED: real traces, {} is not there", traces.display());
        return None;
    }
    Some(traces)
}

/// What a run of `args` with these `policies` found, policy by policy; all messages of `sent` must
/// be in the books of each.
#[track_caller]
fn check(room: &Room, args: &[&str], sent: impl Fn(u64) -> bool) -> Vec<Value> {
    let run = ebbtide_in(
        room.path(),
        &[&["simulate", "--format", "json"], args].concat(),
    );
    assert!([0, 20, 30].contains(&run.code), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("results are JSON");
    let policies = report["policies"].as_array().expect("policies").clone();
    for policy in &policies {
        let results = &policy["results"];
        let count = |name: &str| results[name].as_u64().expect("a count");
        let outcomes = results["outcomes"].as_object().expect("outcomes by name");
        let ended: u64 = outcomes.values().filter_map(Value::as_u64).sum();
        assert_eq!(count("accepted"), ended, "{}", policy["policy"]);
        let all = count("accepted") + count("refused") + count("blocked");
        assert!(sent(all), "{} met {all} messages", policy["policy"]);
        let sojourn = results["sojourn_s"]["p50"]["mean"].as_f64();
        assert!(sojourn.is_some_and(|p50| p50 > 0.0), "{}", policy["policy"]);
    }
    policies
}

/// 6,000 calls of a Zipf-like set of functions, played through the profiles and the default.
#[test]
fn a_day_of_functions_is_replayed_under_every_profile() {
    let Some(traces) = traces() else { return };
    let room = Room::new();
    let trace = traces.join("http-azure-2019.csv");
    let trace = trace.to_str().expect("UTF-8");
    let rows = 60_601;
    let profiles = [
        "--policy",
        "adaptive,remote,in_process",
        "--replications",
        "1",
    ];
    let args = [&["remote-agents", "--trace", trace][..], &profiles].concat();
    let policies = check(&room, &args, |sent| sent == rows);
    assert_eq!(policies.len(), 3);
    // The seed experiment's one slot of one worker is too little for calls of 222 s; its queue
    // fills, and all that is refused is in the books.
    let one = [
        "--policy",
        "fixed(1)",
        "--set",
        "broker.delivery_parallelism=1",
    ];
    let args = [
        &["seed-4", "--seed", "4", "--trace", trace][..],
        &one,
        &["--replications", "1"],
    ];
    check(&room, &args.concat(), |sent| sent == rows);
}

/// Language models: silences of minutes and bursts, and arrivals that are Poisson.
#[test]
fn language_models_are_replayed() {
    let Some(traces) = traces() else { return };
    let room = Room::new();
    for (file, rows) in [
        ("azure-llm-code-2023.csv", 8_819),
        ("mooncake-synthetic-2025.csv", 3_993),
    ] {
        let trace = traces.join(file);
        let trace = trace.to_str().expect("UTF-8");
        let args = [
            "remote-agents",
            "--trace",
            trace,
            "--policy",
            "adaptive,remote,in_process",
        ];
        let args = [&args[..], &["--replications", "1"]].concat();
        check(&room, &args, |sent| sent == rows);
    }
}

/// A scenario scales a trace's load as its pool needs, and plays a series faster than it was.
#[test]
fn traces_and_series_are_scaled_in_time_and_load() {
    let Some(traces) = traces() else { return };
    let room = Room::new();
    let scenario = |arrivals: &str| {
        format!(
            r#"(
                run: (length: "10min", replications: 2),
                traffic: [(arrivals: {arrivals}, classes: [(name: "call", to: Agent("it"))])],
                agents: [(name: "it", call: LogNormal(median: "50ms", sigma: 0.5))],
                broker: (objective: "p95(sojourn) < 500ms"),
                policies: ["adaptive", "remote", "in_process"],
            )"#
        )
    };
    for (file, arrivals, expected) in [
        (
            "queue-azure-2019.csv",
            "Trace(file: \"FILE\", load: 0.1)",
            1_250.0,
        ),
        (
            "web-worldcup-1998.csv",
            "Series(file: \"FILE\", speed: 1008, load: 0.05)",
            16_000.0,
        ),
        (
            "llm-clients-servegen-2025.csv",
            "Series(file: \"FILE\", speed: 144)",
            9_600.0,
        ),
    ] {
        let path = traces.join(file);
        let arrivals = arrivals.replace("FILE", path.to_str().expect("UTF-8"));
        room.write("scaled.ron", scenario(&arrivals));
        check(&room, &["scaled.ron"], |sent| {
            let share = sent as f64 / (2.0 * expected);
            (0.5..2.0).contains(&share)
        });
    }
}
