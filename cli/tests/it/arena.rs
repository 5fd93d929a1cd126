//! `ebbtide arena`: a small ranking as a table and as JSON, what `--out` holds, and what is refused.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::command::{Room, ebbtide_in};

const SMALL: &str = r#"// A perfect controller follows the step.
(
    note: "a step",
    run: (length: "1min", warm_up: "0s"),
    traffic: [(
        arrivals: Phases([("4/s", "30s"), ("30/s", "30s")]),
        classes: [(name: "m", to: Agent("a"))],
    )],
    agents: [(name: "a", call: Constant("200ms"))],
    broker: (delivery_parallelism: 1, worker_start_ms: 1000, objective: "p95(sojourn) < 1s"),
)"#;

const STEADY: &str = r#"// A perfect controller leaves the pool alone.
(
    note: "a steady load",
    run: (length: "1min", warm_up: "0s"),
    traffic: [(arrivals: Poisson("10/s"), classes: [(name: "m", to: Agent("a"))])],
    agents: [(name: "a", call: Exponential("200ms"))],
    broker: (delivery_parallelism: 1, worker_start_ms: 1000, objective: "p95(sojourn) < 1s"),
)"#;

fn room() -> Room {
    let room = Room::new();
    room.write("small.ron", SMALL);
    room
}

const ARGS: [&str; 6] = [
    "arena",
    "small.ron",
    "--policies",
    "fixed(3),fixed(8)",
    "--replications",
    "3",
];

/// Only pools that nobody moves beside the default, whose figures may change with every version.
#[test]
fn the_table_says_what_to_use_first_and_is_the_same_again() {
    let run = ebbtide_in(room().path(), &ARGS);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with("Use "), "{}", run.stdout);
    for heading in [
        "all scenarios",
        "regret 1×",
        "worst run 10×",
        "scenarios, at a price of 10",
    ] {
        assert!(run.stdout.contains(heading), "{heading}: {}", run.stdout);
    }
    let one = ebbtide_in(room().path(), &[&ARGS[..], &["--threads", "1"]].concat());
    assert_eq!(one.stdout, run.stdout);
}

#[test]
fn the_json_of_a_pool_that_nobody_moves_is_as_worked_out() {
    let run = ebbtide_in(room().path(), &[&ARGS[..], &["--format", "json"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let ranking: Value = serde_json::from_str(&run.stdout).expect("one object");
    assert_eq!(ranking["schema"], 1);
    assert_eq!(ranking["default"], "adaptive");
    let policies = ranking["scenarios"][0]["policies"]
        .as_array()
        .expect("policies");
    let eight = policies
        .iter()
        .find(|it| it["name"] == "fixed(8)")
        .expect("it was asked for");
    // Eight workers for a minute, and nothing is late: 30/s of 0.2 s keep six busy.
    assert!(
        (eight["cost"]["mean"].as_f64().expect("a number") - 480.0).abs() < 5.0,
        "{eight}"
    );
    assert_eq!(eight["actions_per_min"], 0.0);
    assert_eq!(eight["prices"].as_array().map(Vec::len), Some(3));
    assert_eq!(ranking["overall"].as_array().map(Vec::len), Some(3 * 3));
}

/// What there is, by its path, and of which type; lists by what they hold.
fn shape(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                shape(field, &format!("{path}.{name}"), into);
            }
            return;
        }
        Value::Array(items) => {
            for item in items {
                shape(item, &format!("{path}[]"), into);
            }
            return;
        }
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
    };
    into.insert(format!("{path}: {kind}"));
}

#[test]
fn the_jsons_shape_changes_on_purpose_only() {
    let room = room();
    room.write("steady.ron", STEADY);
    let args = [&ARGS[..], &["steady.ron", "--format", "json"]].concat();
    let run = ebbtide_in(room.path(), &args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let ranking: Value = serde_json::from_str(&run.stdout).expect("one object");
    assert_eq!(ranking["scenarios"].as_array().map(Vec::len), Some(2));
    let mut found = BTreeSet::new();
    shape(&ranking, "", &mut found);
    let found: Vec<String> = found.into_iter().collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn out_holds_the_page_and_is_no_place_for_anything_else() {
    let room = room();
    let args = [&ARGS[..], &["--out", "ranking"]].concat();
    let run = ebbtide_in(room.path(), &args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let read =
        |name: &str| std::fs::read_to_string(room.path().join("ranking").join(name)).expect(name);
    let page = read("ranking.html");
    assert!(
        page.contains("Which scaling policy?") && page.contains("A perfect controller follows")
    );
    assert!(!page.contains("<script"));
    let at = |text: &str| {
        page.find(text)
            .unwrap_or_else(|| panic!("{text} is not on it"))
    };
    assert!(at("Use ") < at("Who stands where"));
    assert!(
        at("Where adaptive loses") < at("<table"),
        "the point comes before the tables"
    );
    assert_eq!(read("scenarios.csv").lines().count(), 1 + 3 * 3);
    assert_eq!(read("overall.csv").lines().count(), 1 + 3 * 3);
    let ranking: Value = serde_json::from_str(&read("ranking.json")).expect("JSON");
    assert_eq!(ranking["scenarios"][0]["name"], "small");
    assert_eq!(
        ebbtide_in(room.path(), &args).code,
        0,
        "an earlier ranking is replaced"
    );
    let other = ebbtide_in(room.path(), &[&ARGS[..], &["--out", "."]].concat());
    assert_eq!(other.code, 2);
    assert!(
        other.stderr.contains("holds something else"),
        "{}",
        other.stderr
    );
}

/// Somebody else's file of that name is not written over, and what cannot be written is said before anything runs.
#[test]
fn out_is_checked_before_anything_runs() {
    let room = room();
    let hour = SMALL.replace("length: \"1min\"", "length: \"10000h\"");
    room.write("hour.ron", hour);
    let refused = |args: &[&str], told: &str| {
        let run = ebbtide_in(room.path(), &[&["arena", "hour.ron"][..], args].concat());
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    };
    let folder = |name: &str, file: &str, text: &str| {
        std::fs::create_dir_all(room.path().join(name)).expect("the directory is ours");
        room.write(&format!("{name}/{file}"), text);
    };
    folder("other", "ranking.json", "{\"first\": \"me\"}");
    refused(&["--out", "other"], "holds something else");
    refused(&["--out", "hour.ron"], "cannot be written");
    refused(&["--out", "hour.ron/in"], "cannot be written");
    let ranking = "{\"schema\": 1, \"prices\": [], \"overall\": []}";
    folder("blocked", "ranking.json", ranking);
    folder("blocked/ranking.html", "in the way", "");
    refused(&["--out", "blocked"], "ranking.html cannot be written");
}

#[track_caller]
fn check_refused(args: &[&str], told: &str) {
    let run = ebbtide_in(room().path(), args);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn what_cannot_be_ranked_is_refused_before_anything_runs() {
    check_refused(
        &["arena", "small.ron", "--policies", "celary"],
        "names no policy",
    );
    for empty in ["", " "] {
        let args = ["arena", "small.ron", "--policies", empty];
        check_refused(&args, "no policy is named");
    }
    let args = ["arena", "small.ron", "--policies", ","];
    check_refused(&args, "place 1 of \",\" is empty");
    check_refused(
        &["simulate", "small.ron", "--policy", ""],
        "no policy is named",
    );
    for count in ["0", "many", "-1"] {
        let argument = format!("--replications={count}");
        for command in ["arena", "simulate", "oracle"] {
            check_refused(
                &[command, "small.ron", &argument],
                "is not a whole number from 1 to",
            );
        }
    }
    check_refused(
        &["arena", "small.ron", "--threads", "0"],
        "is not a whole number from 1 on",
    );
    check_refused(
        &["arena", "--split", "small.ron"],
        "no scenario has an oracle",
    );
    check_refused(&["arena", "small.ron", "small.ron"], "named twice");
    check_refused(&["arena", "mixed-up"], "no file");
    check_refused(&["arena", "seed-1"], "has no objective");
}

#[test]
fn traces_that_are_not_there_are_named() {
    let run = ebbtide_in(
        room().path(),
        &[
            "arena",
            "trace-taxi",
            "--policies",
            "fixed(3)",
            "--replications",
            "1",
        ],
    );
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("taxi-nyc-2014.csv"), "{}", run.stderr);
}
