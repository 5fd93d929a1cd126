//! Traces in and out: what is taken, what is told, and what is never written over.

use crate::command::{Room, Run};

#[track_caller]
fn replay(room: &Room, csv: &str) -> Run {
    room.write("requests.csv", csv);
    room.run(&["simulate", "small.ron", "--trace", "requests.csv"])
}

/// The story: 1.7e9 idle control ticks before the first message, and no word.
#[test]
fn a_trace_of_unix_times_is_played_from_its_first_row_on() {
    let room = Room::with_small_scenario();
    let run = replay(&room, "t_s,size\n1700000000,1\n1700000001.5,1\n");
    assert_eq!(run.code, 30, "{}", run.stderr);
    let told = "requests.csv begins at t_s 1700000000: it is played from its first row on";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn columns_that_are_not_read_are_told() {
    let room = Room::with_small_scenario();
    let run = replay(&room, "t_s,servce_s\n0,1\n");
    let told = "requests.csv: column servce_s is not read, did you mean service_s?";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn a_byte_order_mark_is_no_fault_of_any_file() {
    let room = Room::with_small_scenario();
    room.write("small.ron", format!("\u{feff}{}", room.read("small.ron")));
    room.write("broker.json", "\u{feff}{\"max_retry\": 5}");
    let run = room.run(&["check", "small.ron", "broker.json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let run = replay(&room, "\u{feff}t_s\n0\n");
    assert_eq!((run.code, run.stderr.as_str()), (30, ""));
}

#[test]
fn the_scenarios_note_does_not_describe_anothers_traffic() {
    let room = Room::with_small_scenario();
    let note = "note: \"Steady traffic.\", run: (";
    room.write("small.ron", room.read("small.ron").replace("run: (", note));
    room.write("requests.csv", "t_s\n0\n1\n");
    let args = ["simulate", "small.ron", "--out", "run"];
    assert_eq!(room.run(&args).code, 0);
    assert!(room.read("run/report.html").contains("Steady traffic."));
    let trace = ["--trace", "requests.csv"];
    assert_eq!(room.run(&[&args[..], &trace].concat()).code, 30);
    let report = room.read("run/report.html");
    assert!(!report.contains("Steady traffic."));
    assert!(report.contains("The messages of requests.csv in place of"));
}

#[test]
fn an_export_overwrites_nothing_that_was_read() {
    let room = Room::with_small_scenario();
    room.write("requests.csv", "t_s\n0\n");
    let source = "Trace(file: \"requests.csv\")";
    let traced = room.read("small.ron").replace("Poisson(\"50/s\")", source);
    room.write("traced.ron", traced);
    for (args, target) in [
        (&["small.ron"][..], "./small.ron"),
        (&["small.ron", "--trace", "requests.csv"], "requests.csv"),
        (&["traced.ron"], "requests.csv"),
    ] {
        let before = room.read(target);
        let run = room.run(&[&["simulate", "--export-trace", target], args].concat());
        assert_eq!(run.code, 2, "{target}: {}", run.stderr);
        let told = "is a file that this run reads";
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert_eq!(room.read(target), before);
    }
}

#[test]
fn a_run_that_is_refused_leaves_no_empty_trace() {
    let room = Room::with_small_scenario();
    let args = [
        "simulate",
        "small.ron",
        "--export-trace",
        "out.csv",
        "--out",
        "small.ron",
    ];
    assert_eq!(room.run(&args).code, 2);
    assert!(!room.path().join("out.csv").exists());
}

/// The pass that writes the trace listens too; half a trace is none.
#[cfg(unix)]
#[test]
fn ctrl_c_while_the_trace_is_written_takes_it_away() {
    use std::time::{Duration, Instant};

    let room = Room::with_small_scenario();
    let path = room.path().join("out.csv");
    let long = ["simulate", "small.ron", "--replications", "400"];
    let child = room.start(
        &[
            &long[..],
            &["--export-trace", "out.csv", "--format", "json"],
        ]
        .concat(),
    );
    let began = Instant::now();
    while !path.metadata().is_ok_and(|file| file.len() > 0) {
        assert!(began.elapsed() < Duration::from_secs(120), "no trace came");
        std::thread::sleep(Duration::from_millis(5));
    }
    let run = crate::command::interrupt(child);
    let (code, stderr) = (run.code, run.stderr);
    assert_eq!(code, 130, "{stderr}");
    assert!(stderr.contains("out.csv was not written"), "{stderr}");
    assert!(!path.exists());
}
