//! Help texts, word for word: what a user reads first changes on purpose only.

use crate::command::ebbtide;

#[track_caller]
fn check(name: &str, args: &[&str]) {
    let run = ebbtide(args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(name, run.stdout);
}

#[test]
fn the_command() {
    check("ebbtide", &["--help"]);
}

#[test]
fn simulate() {
    check("simulate", &["simulate", "--help"]);
}

#[test]
fn arena() {
    check("arena", &["arena", "--help"]);
}

#[test]
fn explain() {
    check("explain", &["explain", "--help"]);
}

#[test]
fn validate() {
    check("validate", &["validate", "--help"]);
}

#[test]
fn oracle() {
    check("oracle", &["oracle", "--help"]);
}

#[test]
fn parity() {
    check("parity", &["parity", "--help"]);
}

#[test]
fn bench() {
    check("bench", &["bench", "--help"]);
    check("bench_fidelity", &["bench", "fidelity", "--help"]);
    check("bench_seed", &["bench", "seed", "--help"]);
}

#[test]
fn check_files() {
    check("check", &["check", "--help"]);
}

#[test]
fn scenario() {
    check("scenario", &["scenario", "--help"]);
}

#[test]
fn without_a_command_the_help_is_an_error() {
    let run = ebbtide::<&str>(&[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("Usage: ebbtide <COMMAND>"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_misspelt_flag_is_met_with_the_right_one() {
    let run = ebbtide(&["simulate", "burst", "--replication", "3"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--replications"), "{}", run.stderr);
}
