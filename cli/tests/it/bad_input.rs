//! Bad input: each kind is a clear error with its place and a remedy, exit code 2, no panic.

use crate::command::{Room, SMALL};

/// Runs `small.ron` with `from` replaced by `to` and compares what the user reads.
#[track_caller]
fn check(name: &str, from: &str, to: &str) {
    assert!(SMALL.contains(from), "{from} is not in the scenario");
    let room = Room::new();
    room.write("small.ron", SMALL.replace(from, to));
    check_args(name, &room, &["simulate", "small.ron"]);
}

#[track_caller]
fn check_args(name: &str, room: &Room, args: &[&str]) {
    let run = room.run(args);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert_eq!(run.stdout, "");
    insta::assert_snapshot!(name, run.stderr);
}

#[test]
fn an_unknown_field_is_met_with_the_right_one() {
    check("unknown_field", "num_workers", "num_wrkers");
}

#[test]
fn a_negative_rate() {
    check("negative_rate", "50/s", "-50/s");
}

#[test]
fn a_bare_number_where_a_unit_belongs() {
    check("bare_number", "\"50s\"", "50");
}

#[test]
fn not_a_number() {
    check(
        "nan",
        "max_queue_size: 1000",
        "queue_warning_threshold: NaN",
    );
}

#[test]
fn a_number_that_overflows_to_infinity() {
    check(
        "infinity",
        "max_queue_size: 1000",
        "queue_warning_threshold: 1e999",
    );
}

#[test]
fn a_rate_that_overflows() {
    check("infinite_rate", "50/s", "1e999/s");
}

#[test]
fn a_duration_that_overflows() {
    check("endless_duration", "20ms", "1e30s");
}

#[test]
fn no_workers() {
    check("zero_workers", "num_workers: 2", "num_workers: 0");
}

#[test]
fn a_bound_beyond_64_bits() {
    check(
        "beyond_64_bits",
        "max_queue_size: 1000",
        "max_queue_size: 18446744073709551616",
    );
}

#[test]
fn brackets_nested_20_000_deep() {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    check("deep_brackets", "\"50s\"", &deep);
}

#[test]
fn an_agent_that_is_not_there() {
    check("unknown_agent", "Agent(\"echo\")", "Agent(\"eco\")");
}

#[test]
fn several_faults_are_told_at_once() {
    check(
        "several_faults",
        "num_workers: 2, delivery_parallelism: 1",
        "num_workers: 0, delivery_parallelism: 0",
    );
}

#[test]
fn a_file_that_is_not_utf8() {
    let room = Room::new();
    let text = SMALL.replace("ask", "fran\u{e7}ais");
    let latin1: Vec<u8> = text.chars().map(|c| c as u8).collect();
    room.write("small.ron", latin1);
    check_args("not_utf8", &room, &["simulate", "small.ron"]);
}

#[test]
fn an_empty_file() {
    let room = Room::new();
    room.write("small.ron", "");
    check_args("empty_file", &room, &["simulate", "small.ron"]);
}

#[test]
fn a_missing_file() {
    check_args("missing_file", &Room::new(), &["simulate", "missing.ron"]);
}

#[test]
fn a_shipped_name_misspelt() {
    check_args("misspelt_name", &Room::new(), &["simulate", "remote-agent"]);
}

#[test]
fn a_directory_instead_of_a_file() {
    check_args("directory", &Room::new(), &["check", "."]);
}

#[track_caller]
fn check_trace(name: &str, trace: &str) {
    let room = Room::with_small_scenario();
    room.write("trace.csv", trace);
    let args = ["simulate", "small.ron", "--trace", "trace.csv"];
    check_args(name, &room, &args);
}

#[test]
fn an_empty_trace() {
    check_trace("empty_trace", "");
}

#[test]
fn a_trace_without_rows() {
    check_trace("trace_without_rows", "t_s,size\n");
}

#[test]
fn a_trace_that_goes_back_in_time() {
    check_trace("trace_goes_back", "t_s,size\n0,1\n5,1\n3,1\n");
}

#[test]
fn a_trace_with_a_time_that_is_not_a_number() {
    check_trace("trace_nan", "t_s,size\nNaN,1\n");
}

#[test]
fn a_trace_that_is_not_there() {
    let room = Room::with_small_scenario();
    let args = ["simulate", "small.ron", "--trace", "trace.csv"];
    check_args("missing_trace", &room, &args);
}

#[test]
fn a_file_that_the_scenario_names_and_that_is_not_there() {
    let trace = "Trace(file: \"requests.csv\")";
    check("missing_named_file", "Poisson(\"50/s\")", trace);
}

#[test]
fn overrides_that_do_not_fit() {
    let room = Room::with_small_scenario();
    let set = |value| ["simulate", "small.ron", "--set", value];
    check_args("set_unknown_field", &room, &set("broker.max_wrkers=3"));
    check_args("set_out_of_range", &room, &set("broker.num_workers=99"));
    check_args("set_without_unit", &room, &set("run.length=5"));
    check_args("set_beyond_a_value", &room, &set("run.length.x=5"));
    check_args("set_without_value", &room, &set("run.length"));
}

/// What newcomers write for five minutes, a call of 300 ms and a start of two seconds.
#[test]
fn values_that_are_nearly_right() {
    let room = Room::with_small_scenario();
    let set = |value: &str, told: &str| {
        check_told(&room, &["simulate", "small.ron", "--set", value], told);
    };
    set("run.length=5m", "write \"5min\" for minutes or \"5ms\"");
    let told =
        "call is 300, expected a distribution of times; write one, such as Constant(\"300ms\")";
    set("agents.echo.call=300", told);
    set(
        "agents.echo.call=300ms",
        &told.replace("is 300", "is \"300ms\""),
    );
    set("agents.echo.call=-300", &told.replace("is 300", "is -300"));
    set(
        "agents.echo.hangs=10%",
        "hangs is \"10%\", expected a number; write 0.1",
    );
    let told = "write \"5min\" for minutes or \"5ms\" for milliseconds";
    set("broker.objective=p95(sojourn) < 5m", told);
    set(
        "broker.objective=5m",
        "write for example \"p95(sojourn) < 500ms\"",
    );
    set("traffic.0.arrivals=40", "such as Poisson(\"40/s\")");
    set(
        "broker.worker_start_ms=2s",
        "it counts milliseconds: write 2000",
    );
    let small = room.read("small.ron");
    room.write(
        "call.ron",
        small.replace("Exponential(\"20ms\")", "\"20ms\""),
    );
    let told = "call is \"20ms\", expected a distribution of times";
    check_told(&room, &["check", "call.ron"], told);
    let classes = "classes: [(name: \"ask\", to: Agent(\"echo\"))],";
    room.write("unsent.ron", small.replace(classes, ""));
    let told = "field classes is missing in traffic[0]";
    check_told(&room, &["check", "unsent.ron"], told);
    let told = "add it, such as classes: [(name: \"chat\", to: Agent(\"model\"))]";
    check_told(&room, &["check", "unsent.ron"], told);
    room.write("start.json", "{\"worker_start_ms\": \"2.5s\"}");
    check_told(&room, &["check", "start.json"], "write 2500");
}

/// Runs `args` and expects a bad input, told in these words.
#[track_caller]
fn check_told(room: &Room, args: &[&str], told: &str) {
    let run = room.run(args);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

/// The last one won, silently.
#[test]
fn a_value_that_is_set_twice() {
    let room = Room::with_small_scenario();
    let set = ["--set", "run.length=\"5s\"", "--set", "run.length=\"6s\""];
    let args = [&["simulate", "small.ron"], &set[..]].concat();
    check_told(&room, &args, "--set names run.length twice");
}

/// It was taken for a flag, or for a file.
#[test]
fn a_seed_below_zero() {
    let room = Room::with_small_scenario();
    let told = "invalid value '-1' for '--seed <N>'";
    check_told(&room, &["simulate", "small.ron", "--seed", "-1"], told);
    check_told(&room, &["validate", "cases.csv", "--seed", "-1"], told);
}

/// " cannot be read", said of no line.
#[test]
fn a_file_without_a_name() {
    let room = Room::with_small_scenario();
    let trace = "Trace(file: \"\")";
    room.write("small.ron", SMALL.replace("Poisson(\"50/s\")", trace));
    let told = "traffic[0].arrivals.file: \"\" is out of range";
    check_told(&room, &["simulate", "small.ron"], told);
}

/// "Copy the file again", it said of a folder.
#[test]
fn a_folder_for_a_journal() {
    let room = Room::new();
    let told = "it is a directory";
    check_told(&room, &["parity", "."], told);
    check_told(&room, &["parity", "."], "name a file in it");
}

#[test]
fn policies_that_are_not_there() {
    let room = Room::with_small_scenario();
    let policy = |value| ["simulate", "small.ron", "--policy", value];
    check_args("unknown_policy", &room, &policy("adaptve"));
    let setting = "fixed,simple(load: 0.7, drain: 5)";
    check_args("policy_setting", &room, &policy(setting));
    check_args("policy_twice", &room, &policy("fixed,fixed"));
}

#[test]
fn directories_that_must_not_be_overwritten() {
    let room = Room::with_small_scenario();
    room.write("file", "mine");
    let out = |value| ["simulate", "small.ron", "--out", value];
    check_args("out_is_foreign", &room, &out("."));
    check_args("out_is_a_file", &room, &out("file"));
    assert_eq!(room.read("file"), "mine");
}

#[test]
fn explain_without_a_run() {
    let room = Room::new();
    check_args("no_run", &room, &["explain", ".", "--at", "1s"]);
    check_args("no_directory", &room, &["explain", "run", "--at", "1s"]);
    check_args("no_instant", &room, &["explain", ".", "--at", "1"]);
    let told = "--at: \"-5s\" is out of range";
    check_told(&room, &["explain", ".", "--at", "-5s"], told);
}

#[test]
fn cases_that_cannot_be_read() {
    let room = Room::new();
    room.write("cases.csv", "case,arrivals\nM/M/1,poisson(rate=1)\n");
    check_args("cases_without_columns", &room, &["validate", "cases.csv"]);
    check_args("missing_cases", &room, &["validate", "none.csv"]);
}

#[test]
fn a_configuration_is_no_scenario() {
    let room = Room::new();
    room.write("broker.ron", "(profile: \"remote\", batch_size: 30)");
    check_args("configuration", &room, &["simulate", "broker.ron"]);
}

#[test]
fn a_shipped_scenario_that_is_not_there() {
    let args = ["scenario", "show", "remote-agnets"];
    check_args("unknown_shipped", &Room::new(), &args);
}

#[test]
fn an_open_quote_in_a_trace() {
    let room = Room::with_small_scenario();
    room.write("open.csv", "t_s,size\n0,\"1\n1,2\n2,3\n");
    let args = ["simulate", "small.ron", "--trace", "open.csv"];
    check_args("open_quote", &room, &args);
}

#[test]
fn more_threads_than_any_system_bears() {
    let room = Room::with_small_scenario();
    let args = ["simulate", "small.ron", "--threads", "1000000000"];
    check_args("threads", &room, &args);
}
