//! Same input, same output: on any number of threads, and replayed from its own trace.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{Room, Run};

#[track_caller]
fn results(run: &Run) -> Value {
    let mut json: Value = serde_json::from_str(&run.stdout).expect("results are JSON");
    let clock = json.as_object_mut().and_then(|json| json.remove("wall_s"));
    assert!(clock.is_some_and(|wall| wall.is_f64()));
    json
}

/// Adaptive too, with retries, so that every kind of draw has its part.
const SETTINGS: [&str; 6] = [
    "--policy",
    "adaptive,fixed(3)",
    "--set",
    "agents.echo.failures=(share: 0.1)",
    "--set",
    "traffic.0.arrivals=Bursts(base: \"40/s\", burst: \"120/s\", every: \"10s\", length: \"2s\")",
];

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let room = Room::with_small_scenario();
    let run = |threads, out| {
        let mut args = vec!["simulate", "small.ron", "--format", "json"];
        args.extend(["--threads", threads, "--out", out]);
        args.extend(SETTINGS);
        results(&room.run(&args)).to_string()
    };
    assert_eq!(run("1", "one"), run("2", "two"));
    for folder in ["series", "decisions", "figures"] {
        let (one, two) = (room.path().join("one"), room.path().join("two"));
        assert_same_files(&one.join(folder), &two.join(folder));
    }
}

#[track_caller]
fn assert_same_files(one: &Path, two: &Path) {
    let mut count = 0;
    for entry in fs::read_dir(one).expect("the run was saved") {
        let name = entry.expect("the directory can be read").file_name();
        let read = |folder: &Path| fs::read(folder.join(&name)).expect("both runs have it");
        assert!(read(one) == read(two), "{} differ", name.display());
        count += 1;
    }
    assert!(count > 0, "{} is empty", one.display());
}

#[track_caller]
fn check_replay(arguments: &[&str]) {
    let room = Room::with_small_scenario();
    let run = |more: &[&str]| {
        let args = ["simulate", "small.ron", "--format", "json"];
        let args: Vec<&str> = args.iter().chain(arguments).chain(more).copied().collect();
        results(&room.run(&args))
    };
    let first = run(&["--export-trace", "trace.csv"]);
    let again = run(&["--trace", "trace.csv"]);
    assert_eq!(first["result_hash"], again["result_hash"]);
    assert_eq!(first["results"], again["results"]);
}

#[test]
fn a_run_replayed_from_its_trace_has_the_same_hash() {
    check_replay(&[]);
}

#[test]
fn so_has_one_with_failures_bursts_and_an_adaptive_pool() {
    check_replay(&SETTINGS);
}

#[test]
fn so_has_one_whose_senders_are_refused() {
    check_replay(&[
        "--set",
        "broker.max_queue_size=2",
        "--set",
        "broker.num_workers=1",
    ]);
}

#[test]
fn so_has_a_closed_loop() {
    let closed = "traffic.0.arrivals=Closed(callers: 5, think: Exponential(\"50ms\"))";
    check_replay(&["--set", closed]);
}
