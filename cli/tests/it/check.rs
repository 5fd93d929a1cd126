//! `check`: what is in order, what is overloaded, what is wrong.

use crate::command::{Room, Run, ebbtide};

/// The cost in seconds depends on the machine.
fn without_seconds(run: &Run) -> String {
    let line = |line: &str| match line.split_once(" events, ") {
        Some((before, _)) => format!("{before} events, …"),
        None => line.to_owned(),
    };
    let lines: Vec<_> = run.stdout.lines().map(line).collect();
    format!("{}\n{}", lines.join("\n"), run.stderr)
}

#[test]
fn a_scenario_in_order_is_told_with_its_load_and_cost() {
    let run = Room::with_small_scenario().run(&["check", "small.ron"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!("check_in_order", without_seconds(&run));
}

#[test]
fn a_load_beyond_the_largest_pool_is_a_warning() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    room.write("over.ron", small.replace("50/s", "150/s"));
    let run = room.run(&["check", "over.ron"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!("check_overload", without_seconds(&run));

    let bursts = r#"Bursts(base: "50/s", burst: "150/s", every: "10s", length: "1s")"#;
    room.write("peak.ron", small.replace("Poisson(\"50/s\")", bursts));
    let run = room.run(&["check", "peak.ron"]);
    assert!(
        run.stderr.contains("a backlog will build up"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_pool_that_is_too_large_for_an_agent_is_a_warning() {
    let run = ebbtide(&["check", "capacity-cliff"]);
    assert_eq!(run.code, 0);
    let told = "2 workers deliver";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let told = "an agent slows down as calls crowd in";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn callers_who_wait_cannot_overload_anything() {
    let room = Room::with_small_scenario();
    let closed = r#"Closed(callers: 500, think: Exponential("1ms"))"#;
    let text = room.read("small.ron").replace("Poisson(\"50/s\")", closed);
    room.write("closed.ron", text);
    let run = room.run(&["check", "closed.ron"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn configurations_are_told_from_scenarios() {
    let room = Room::new();
    room.write("broker.ron", "(profile: \"remote\", batch_size: 30)");
    room.write("broker.json", "{\"max_retry\": 5}");
    let run = room.run(&["check", "broker.ron", "broker.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "broker.ron: a configuration, in order\nbroker.json: a configuration, in order\n"
    );
}

#[test]
fn every_file_is_looked_at_even_after_a_fault() {
    let room = Room::with_small_scenario();
    room.write("broker.json", "{\n  \"batchsize\": 5\n}");
    let run = room.run(&["check", "broker.json", "missing.ron", "small.ron"]);
    assert_eq!(run.code, 2);
    assert!(run.stdout.starts_with("small.ron: a scenario, in order"));
    insta::assert_snapshot!("check_faults", run.stderr);
}
