//! Every exit code, and which of several wins.

use std::fs::File;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::command::Room;

#[track_caller]
fn check(args: &[&str], code: i32) {
    let run = Room::with_small_scenario().run(args);
    assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_threshold_that_holds_is_0() {
    check(&["simulate", "small.ron"], 0);
}

#[test]
fn a_threshold_that_fails_is_20() {
    let limit = "expect=[\"p95(sojourn) < 1ms\"]";
    check(&["simulate", "small.ron", "--set", limit], 20);
}

#[test]
fn one_replication_is_inconclusive() {
    check(&["simulate", "small.ron", "--replications", "1"], 30);
}

#[test]
fn a_quantile_that_may_not_be_printed_is_inconclusive() {
    let limit = "expect=[\"p99.9(sojourn) < 10s\"]";
    check(&["simulate", "small.ron", "--set", limit], 30);
}

#[test]
fn of_two_scenarios_the_worse_one_decides() {
    let room = Room::with_small_scenario();
    let failing = room.read("small.ron").replace("500ms", "1ms");
    room.write("failing.ron", failing);
    let run = room.run(&["simulate", "failing.ron", "small.ron", "--format", "json"]);
    assert_eq!(run.code, 20);
    assert_eq!(run.stdout.lines().count(), 2, "one object a line");
}

#[test]
fn a_fault_in_the_second_scenario_is_found_before_the_first_runs() {
    check(&["simulate", "small.ron", "missing.ron"], 2);
}

/// What is printed goes nowhere: no command may end as if it had been read.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_cannot_be_written_is_2() {
    let room = Room::with_small_scenario();
    for args in [
        &["simulate", "small.ron", "--format", "json"][..],
        &["check", "small.ron"],
        &["scenario", "list"],
        &["--help"],
        &["--version"],
    ] {
        let full = File::options().write(true).open("/dev/full");
        let run = Command::new(env!("CARGO_BIN_EXE_ebbtide"))
            .args(args)
            .current_dir(room.path())
            .stdin(Stdio::null())
            .stdout(full.expect("the system has it"))
            .output()
            .expect("cargo built the command");
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        let told = String::from_utf8_lossy(&run.stderr);
        let fault = "standard output cannot be written: no space left on device";
        assert!(told.contains(fault), "{args:?}: {told}");
    }
}

/// Commas within brackets part no names.
#[test]
fn settings_of_a_policy_may_have_commas() {
    let named = "simple(load: 0.7, drain: \"5s\"),nobody";
    let run = Room::with_small_scenario().run(&["oracle", "small.ron", "--policies", named]);
    assert_eq!(run.code, 2);
    let told = "\"nobody\" names no policy";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn an_empty_place_among_policies_is_2_and_shown() {
    let room = Room::with_small_scenario();
    for args in [
        ["simulate", "small.ron", "--policy", "adaptive,,remote"],
        ["arena", "small.ron", "--policies", "adaptive,,remote"],
        ["oracle", "small.ron", "--policies", "adaptive,,remote"],
    ] {
        let run = room.run(&args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        let told = "place 2 of \"adaptive,,remote\" is empty, a name belongs there";
        assert!(run.stderr.contains(told), "{args:?}: {}", run.stderr);
    }
}

/// A file stands where a directory would have to be. It is found out before anything is run.
#[test]
fn a_path_that_cannot_be_written_is_2() {
    let room = Room::with_small_scenario();
    let cases = "case,arrivals,call,workers,metric,value,rel_tol\n\
                 M/M/1,poisson(rate=1),exponential(mean=0.5),1,wait_mean,0.5,0.5\n";
    room.write("cases.csv", cases);
    for args in [
        [
            "simulate",
            "small.ron",
            "--export-trace",
            "small.ron/trace.csv",
        ],
        [
            "simulate",
            "small.ron",
            "--export-trace",
            "no/such/trace.csv",
        ],
        ["simulate", "small.ron", "--out", "small.ron/run"],
        ["validate", "cases.csv", "--emit", "small.ron/cases"],
    ] {
        let run = room.run(&args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
        assert!(run.stderr.contains("cannot be written"), "{}", run.stderr);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_what_is_finished_and_is_130() {
    let room = Room::with_small_scenario();
    let endless = ["simulate", "small.ron", "--replications", "100000"];
    let child = room.start(&[&endless[..], &["--out", "run", "--format", "json"]].concat());
    thread::sleep(Duration::from_secs(1));
    let run = crate::command::interrupt(child);
    let (code, stderr) = (run.code, run.stderr);
    assert_eq!(code, 130, "{stderr}");
    assert!(
        stderr.contains("what is finished will be saved"),
        "{stderr}"
    );
    let summary: serde_json::Value =
        serde_json::from_str(&room.read("run/summary.json")).expect("the summary is JSON");
    let finished = summary["replications"].as_u64().expect("a number");
    assert!((1..100_000).contains(&finished), "{finished} finished");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_nothing_badly() {
    let room = Room::with_small_scenario();
    let mut child = room.start(&["simulate", "small.ron"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
