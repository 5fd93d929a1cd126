//! What `--out` leaves behind, and what `explain` makes of it.

use std::fs;

use crate::command::Room;

const FILES: [&str; 8] = [
    "decisions/fixed.jsonl",
    "figures/percentiles.png",
    "figures/percentiles.svg",
    "report.html",
    "scenario.ron",
    "series/fixed.csv",
    "series/fixed.sojourn.csv",
    "summary.json",
];

#[test]
fn a_run_is_saved_whole() {
    let room = Room::with_small_scenario();
    let run = room.run(&["simulate", "small.ron", "--out", "a/b/run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for file in FILES {
        let path = room.path().join("a/b/run").join(file);
        assert!(
            fs::metadata(&path).is_ok_and(|file| file.len() > 0),
            "{file} is missing"
        );
    }
    assert!(run.stdout.contains("report: a/b/run/report.html\n"));
}

#[test]
fn the_saved_scenario_gives_the_same_results() {
    let room = Room::with_small_scenario();
    let args = ["simulate", "small.ron", "--format", "json", "--out", "run"];
    let overrides = [
        "--seed",
        "9",
        "--replications",
        "3",
        "--policy",
        "remote",
        "--set",
        "broker.num_workers=3",
    ];
    let args: Vec<&str> = args.into_iter().chain(overrides).collect();
    let first = room.run(&args);
    let again = room.run(&["simulate", "run/scenario.ron", "--format", "json"]);
    let hash = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).expect("results are JSON");
        json["result_hash"].to_string()
    };
    assert_eq!(hash(&first.stdout), hash(&again.stdout));
    assert_eq!(hash(&first.stdout), hash(&room.read("run/summary.json")));
}

#[test]
fn an_earlier_run_is_replaced_and_nothing_else_is_touched() {
    let room = Room::with_small_scenario();
    room.run(&[
        "simulate",
        "small.ron",
        "--out",
        "run",
        "--policy",
        "remote",
    ]);
    room.write("run/notes.txt", "mine");
    let run = room.run(&["simulate", "small.ron", "--out", "run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(room.read("run/notes.txt"), "mine");
    assert!(!room.path().join("run/series/remote.csv").exists());
}

/// What Ctrl-C leaves when it is pressed twice, or before anything was finished.
#[test]
fn a_run_that_saved_nothing_makes_room_for_the_next() {
    let room = Room::with_small_scenario();
    for folder in ["decisions", "figures", "series"] {
        fs::create_dir_all(room.path().join("run").join(folder)).expect("the directory is ours");
    }
    room.write("run/decisions/fixed.jsonl", "{\"half\": ");
    let args = ["simulate", "small.ron", "--out", "run"];
    assert_eq!(room.run(&args).code, 0);

    fs::remove_file(room.path().join("run/summary.json")).expect("it was written");
    let run = room.run(&args);
    assert_eq!(run.code, 2, "figures may be anybody's");
    assert!(room.path().join("run/figures/percentiles.svg").exists());
}

#[test]
fn scenarios_whose_directories_would_be_one_are_refused() {
    let room = Room::with_small_scenario();
    room.write("a b.ron", room.read("small.ron"));
    room.write("a-b.ron", room.read("small.ron"));
    let run = room.run(&["simulate", "a b.ron", "a-b.ron", "--out", "runs"]);
    assert_eq!(run.code, 2);
    let told = "a b.ron and a-b.ron would both be saved as \"a-b\"";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    room.write("-.ron", room.read("small.ron"));
    let run = room.run(&["simulate", "small.ron", "./-.ron", "--out", "runs"]);
    assert_eq!(run.code, 2);
    let told = "-.ron makes no name for a directory";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(!room.path().join("runs").exists());
}

#[test]
fn several_scenarios_get_a_directory_each() {
    let room = Room::with_small_scenario();
    room.write("other.ron", room.read("small.ron"));
    let run = room.run(&["simulate", "small.ron", "other.ron", "--out", "runs"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(room.path().join("runs/small/report.html").exists());
    assert!(room.path().join("runs/other/report.html").exists());
}

#[test]
fn a_run_of_one_message_still_gets_a_report() {
    let room = Room::with_small_scenario();
    room.write("one.csv", "t_s,size\n0.5,100\n");
    let args = [
        "simulate",
        "small.ron",
        "--trace",
        "one.csv",
        "--out",
        "run",
    ];
    let run = room.run(&args);
    assert_eq!(run.code, 30, "{}", run.stderr);
    assert!(room.read("run/report.html").contains("<svg"));
}

/// Evenly spaced arrivals and constant calls: every number can be worked out by hand.
const REGULAR: &str = r#"(
    run: (length: "10s", replications: 2),
    traffic: [
        (
            arrivals: Deterministic("10/s"),
            classes: [(name: "ask", to: Agent("echo"))],
        ),
    ],
    agents: [(name: "echo", call: Constant("50ms"))],
    broker: (num_workers: 1, delivery_parallelism: 1, objective: "p95(sojourn) < 500ms"),
    policies: ["fixed"],
)
"#;

#[test]
fn explain_tells_what_was_seen_chosen_predicted_and_rejected() {
    let room = Room::new();
    room.write("regular.ron", REGULAR);
    let run = room.run(&["simulate", "regular.ron", "--out", "run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let explain = |at| room.run(&["explain", "run", "--at", at]).stdout;
    insta::assert_snapshot!("explain", explain("4500ms"));
    insta::assert_snapshot!("explain_before_the_first", explain("500ms"));
    let last = explain("1h");
    assert!(
        last.contains("decided at 10 s (decision 10, the last)"),
        "{last}"
    );
    assert!(last.contains("\nthe run ended before 11 s\n"), "{last}");
}

/// A rest is a long interval, and ticks come no more seldom for it.
#[test]
fn explain_knows_the_end_of_a_run_that_rested() {
    let room = Room::new();
    let phases = "Phases([(\"10/s\", \"3s\"), (\"0/s\", \"197500ms\")])";
    let text = REGULAR.replace("Deterministic(\"10/s\")", phases);
    room.write("silent.ron", text.replace("\"10s\"", "\"200500ms\""));
    let run = room.run(&["simulate", "silent.ron", "--out", "run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let explain = |at| room.run(&["explain", "run", "--at", at]).stdout;
    let last = explain("205s");
    assert!(last.contains("\ndecided at 200 s"), "{last}");
    assert!(last.contains("\nthe run ended before 201 s\n"), "{last}");
    assert!(!explain("200500ms").contains("ended before"));
}

/// As a live broker's log has it that was given another interval while it ran.
#[test]
fn explain_goes_by_the_interval_that_held_last() {
    let room = Room::new();
    room.write("regular.ron", REGULAR);
    let slow = "broker: (control_interval_ms: 2000, ";
    room.write("slow.ron", REGULAR.replace("broker: (", slow));
    for (scenario, out) in [("regular.ron", "run"), ("slow.ron", "slow")] {
        let run = room.run(&["simulate", scenario, "--out", out]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let log = "run/decisions/fixed.jsonl";
    let (slow, regular) = (room.read("slow/decisions/fixed.jsonl"), room.read(log));
    let lines = slow.lines().take(3).chain(regular.lines().skip(6));
    room.write(log, lines.collect::<Vec<_>>().join("\n"));
    let last = room.run(&["explain", "run", "--at", "1h"]).stdout;
    assert!(last.contains("\nthe run ended before 11 s\n"), "{last}");
}

/// Where observations are at fault, what the policy saw is told and that it was not so; figures as large as a number can
/// be fill no page.
#[test]
fn explain_tells_what_the_policy_saw_and_what_was_true() {
    let room = Room::new();
    let explain = |effect: &str, at: &str| {
        let fault = format!(
            "observation_faults: [(from: \"3s\", until: \"8s\", effect: {effect})], agents:"
        );
        room.write("fault.ron", REGULAR.replacen("agents:", &fault, 1));
        let run = room.run(&["simulate", "fault.ron", "--out", "run"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        room.run(&["explain", "run", "--at", at]).stdout
    };
    let late = explain("Late(2)", "6500ms");
    assert!(
        late.contains("\nsaw what was not so, from 3 s to 4 s\n"),
        "{late}"
    );
    assert!(late.contains("\nin truth, from 5 s to 6 s\n"), "{late}");
    let healthy = explain("Late(2)", "2500ms");
    assert!(
        healthy.contains("\nsaw, from 1 s to 2 s\n") && !healthy.contains("in truth"),
        "{healthy}"
    );
    let lost = explain("Missing", "4500ms");
    assert!(
        lost.contains("\nsaw\n  nothing: the observation was lost or late\n"),
        "{lost}"
    );
    assert!(lost.contains("\nin truth, from 3 s to 4 s\n"), "{lost}");
    for at in ["3500ms", "4500ms", "5500ms", "6500ms", "7500ms"] {
        let absurd = explain("Absurd", at);
        assert!(absurd.contains("saw what was not so"), "{absurd}");
        assert!(absurd.lines().all(|line| line.len() < 300), "{absurd}");
    }
}

/// The governor may let through less than was asked for, and the model may know that no pool
/// helps: both are told.
#[test]
fn explain_tells_what_the_governor_did_and_what_the_model_leaves_out() {
    let room = Room::new();
    let limited = "call: Constant(\"50ms\"), protect: (in_flight_limit: 1)";
    let text = REGULAR
        .replace("call: Constant(\"50ms\")", limited)
        .replace("10/s", "100/s");
    room.write("limited.ron", &text);
    let simulate = |policy| {
        let set = "broker.num_workers=3";
        let args = ["simulate", "limited.ron", "--set", "broker.max_workers=3"];
        let more = ["--set", set, "--policy", policy, "--out", "run"];
        room.run(&[&args[..], &more[..]].concat())
    };
    simulate("adaptive");
    let run = room.run(&["explain", "run", "--at", "5s"]);
    let told = "\n  left out     what the own limit of echo holds back: no pool can help it\n";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    let bursts = "Bursts(base: \"1/s\", burst: \"100/s\", every: \"5s\", length: \"2s\")";
    room.write(
        "limited.ron",
        REGULAR.replace("Deterministic(\"10/s\")", bursts),
    );
    // It would shrink as soon as a burst is over.
    simulate("simple(shrink_window: \"0s\", memory: \"0s\")");
    let run = room.run(&["explain", "run", "--at", "9s"]);
    let told = "\n  governor     the pool shrinks to the most that was asked for within";
    assert!(run.stdout.contains(told), "{}", run.stdout);
}

/// The table's percentiles and the summary's are figures of the same messages.
#[test]
fn the_report_has_the_percentiles_of_the_summary() {
    let room = Room::with_small_scenario();
    let one = ["--replications", "1", "--out", "run"];
    room.run(&[&["simulate", "small.ron"][..], &one[..]].concat());
    let summary: serde_json::Value =
        serde_json::from_str(&room.read("run/summary.json")).expect("results are JSON");
    let report = room.read("run/report.html");
    for (name, label) in [("p50", "50 %"), ("p90", "90 %"), ("p95", "95 %")] {
        let seconds = summary["results"]["sojourn_s"][name]["mean"].as_f64();
        let expected = seconds.expect("enough messages") * 1e3;
        let row = report.split_once(&format!(">{label}</t"));
        let cell = row.and_then(|(_, row)| row.split_once("<td>"));
        let shown = cell.and_then(|(_, cell)| cell.split_once(" ms"));
        let shown: f64 = shown.expect("a time").0.parse().expect("a number");
        assert!(
            (shown / expected - 1.0).abs() < 0.01,
            "{label}: {shown} {expected}"
        );
    }
}

/// Without an objective the default policy limits the wait, and predicts it.
#[test]
fn explain_names_what_is_predicted_without_an_objective() {
    let room = Room::new();
    let text = REGULAR.replace(", objective: \"p95(sojourn) < 500ms\"", "");
    room.write("regular.ron", text);
    room.run(&[
        "simulate",
        "regular.ron",
        "--policy",
        "adaptive",
        "--out",
        "run",
    ]);
    let run = room.run(&["explain", "run", "--at", "5s"]);
    assert!(run.stdout.contains("\n  p95(wait)    "), "{}", run.stdout);
}

#[test]
fn explain_knows_the_policies_of_the_run() {
    let room = Room::new();
    room.write("regular.ron", REGULAR);
    room.run(&[
        "simulate",
        "regular.ron",
        "--policy",
        "fixed(2),remote",
        "--out",
        "run",
    ]);
    let policy = |name| room.run(&["explain", "run", "--at", "5s", "--policy", name]);
    let remote = policy("remote");
    assert!(
        remote.stdout.starts_with("at 5 s under remote: "),
        "{}",
        remote.stdout
    );
    let unknown = policy("adaptive");
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("it has fixed(2), remote"),
        "{}",
        unknown.stderr
    );
}
