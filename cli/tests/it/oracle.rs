//! `ebbtide oracle`: the same on any number of threads, kept where it is asked for, wrong input refused.

use serde_json::Value;

use crate::command::Room;

/// A rush within a minute.
const RUSH: &str = "(run: (length: \"60s\", warm_up: \"0s\"), traffic: [(arrivals: \
    Phases([(\"5/s\", \"20s\"), (\"20/s\", \"20s\"), (\"5/s\", \"20s\")]), \
    classes: [(name: \"m\", to: Agent(\"a\"))])], agents: [(name: \"a\", call: Exponential(\"100ms\"))], \
    broker: (worker_start_ms: 1000, delivery_parallelism: 1, num_workers: 2, max_workers: 5, \
    objective: \"p95(sojourn) < 500ms\"))";

const TWO_RUNS: [&str; 6] = [
    "oracle",
    "rush.ron",
    "--replications",
    "2",
    "--policies",
    "simple",
];

#[test]
fn one_thread_and_two_find_the_same_and_what_is_kept_is_found_again() {
    let room = Room::new();
    room.write("rush.ron", RUSH);
    let run = |more: &[&str]| {
        let run = room.run(&[&TWO_RUNS, more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let one = run(&["--format", "json", "--threads", "1"]);
    let two = run(&["--format", "json", "--threads", "2", "--cache", "kept.json"]);
    assert_eq!(one, two);
    let found: Value = serde_json::from_str(&one).expect("JSON");
    assert_eq!(found["replications"].as_array().map(Vec::len), Some(2));
    let cost = |oracle: &str| {
        let cost = &found["replications"][0]["prices"][1][oracle]["cost"];
        let part = |name: &str| cost[name].as_f64().expect("a number");
        part("worker_seconds") + 10.0 * part("late_work")
    };
    assert!(
        cost("free") < cost("paced") && cost("paced") < cost("fixed"),
        "{one}"
    );
    // Nothing is searched any more, or the schedule that was tampered with would not be found.
    let kept = room.read("kept.json");
    let schedule = found["replications"][0]["prices"][0]["free"]["schedule"].as_str();
    let tampered = kept.replace(schedule.expect("a schedule"), "0:1/1/0");
    room.write("kept.json", tampered);
    let again = run(&["--format", "json", "--cache", "kept.json"]);
    assert!(again.contains("\"schedule\":\"0:1/1/0\""), "{again}");
    let table = run(&["--cache", "kept.json"]);
    assert!(
        table.contains("best fixed") && table.contains("100×"),
        "{table}"
    );
}

#[test]
fn wrong_input_is_refused_before_anything_is_searched() {
    let room = Room::new();
    room.write("rush.ron", RUSH);
    room.write("kept.json", "no cache");
    let refused = |more: &[&str], words: &str| {
        let run = room.run(&[&TWO_RUNS[..2], more].concat());
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
    };
    refused(&["--policies", "simpel"], "simpel");
    refused(
        &["--cache", "kept.json"],
        "kept.json:1:2: this is no cache of oracles: it is no JSON",
    );
    refused(
        &["--cache", "no/kept.json"],
        "no/kept.json cannot be written",
    );
    refused(&["--cache", "."], ". cannot be written");
    refused(&["nowhere.ron"], "nowhere.ron");
}
