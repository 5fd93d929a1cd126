//! `bench`: what it prints and how it ends. What the live broker does is tested with it
//! (`tests/it/agreement.rs`).

use crate::command::{Room, ebbtide};

#[test]
fn simulated_and_live_are_shown_side_by_side() {
    let room = Room::with_small_scenario();
    let paused = ["--clock", "paused", "--replications", "2"];
    let run = room.run(&[&["bench", "fidelity", "small.ron"], &paused[..]].concat());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for told in [
        "simulated",
        "p95(sojourn)",
        " 0.00 ± 0.00 %",
        "same outcome 100 %",
    ] {
        assert!(run.stdout.contains(told), "{told}: {}", run.stdout);
    }
    let all = "simulated and live agree in 1 comparison\n";
    assert!(run.stdout.ends_with(all), "{}", run.stdout);

    let json = room.run(
        &[
            &["bench", "fidelity", "small.ron", "--format", "json"],
            &paused[..],
        ]
        .concat(),
    );
    let object: serde_json::Value = serde_json::from_str(&json.stdout).expect("an object");
    assert_eq!(
        (&object["agrees"], &object["pace"]),
        (&true.into(), &"paused".into())
    );
    assert_eq!(object["rows"].as_array().map(Vec::len), Some(5));
}

#[test]
fn the_clock_on_the_wall_runs_for_seconds() {
    let room = Room::with_small_scenario();
    let run = room.run(&[
        "bench",
        "fidelity",
        "small.ron",
        "--clock",
        "wall",
        "--replications",
        "1",
    ]);
    // Whether a busy machine keeps to its limits is no matter of a test.
    assert!([0, 20].contains(&run.code), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("same outcome 100 %"), "{}", run.stdout);
    assert!(run.stdout.contains("woken late by"), "{}", run.stdout);
}

#[test]
fn what_cannot_run_live_is_refused_with_the_reason() {
    let room = Room::with_small_scenario();
    let text = room.read("small.ron").replace(
        "agents:",
        "worker_deaths: [(at: \"1s\", workers: 1)],\n    agents:",
    );
    room.write("deaths.ron", text);
    let run = room.run(&["bench", "fidelity", "deaths.ron"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("die by a timetable"), "{}", run.stderr);

    let run = ebbtide(&["bench", "fidelity", "nowhere"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
}
