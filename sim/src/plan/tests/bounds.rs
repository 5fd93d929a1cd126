//! Unit tests of plans: what a run can bear of rates, changes, ticks and silences.

use super::*;

/// A scenario of ten seconds with this source.
fn sent_by(arrivals: &str) -> String {
    let classes = "classes: [(name: \"m\", to: Agent(\"a\"))]";
    let text = scenario(&format!("traffic: [(arrivals: {arrivals}, {classes})]"));
    text.replace("100s", "10s")
}

#[track_caller]
fn refused(text: &str, files: Files, wanted: &str) {
    let error = Plan::new(text, files).expect_err(wanted).to_string();
    assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
}

fn file(kind: FileKind, content: &str) -> Files {
    let mut files = Files::default();
    let path = "t.csv".to_owned();
    let added = files.add(&Named { path, kind }, content.as_bytes());
    added.unwrap_or_else(|error| panic!("{error}"));
    files
}

/// Both would be stepped over, change by change, for minutes and more.
#[test]
fn a_rate_that_changes_too_often_for_the_run_is_refused() {
    let bursts = |every| {
        format!("Bursts(base: \"1/s\", burst: \"2/s\", every: \"{every}\", length: \"1ns\")")
    };
    let wanted =
        "traffic[0].arrivals changes its rate every 5ns, allowed are 1us and more in a run of 10s";
    refused(&sent_by(&bursts("5ns")), Files::default(), wanted);
    plan(&sent_by(&bursts("1us")));
    let markov = |hold| format!("Mmpp([(\"1/s\", \"1ns\"), (\"2/s\", \"{hold}\")])");
    let wanted = "changes its rate every 5ns, allowed are 1us";
    refused(&sent_by(&markov("9ns")), Files::default(), wanted);
    plan(&sent_by(&markov("1s")));
}

#[test]
fn a_series_beyond_the_highest_rate_is_refused() {
    let files = || file(FileKind::Series, "t_s,rate_per_s\n0,1e6\n5,2e6\n");
    let series = |load| sent_by(&format!("Series(file: \"t.csv\", load: {load})"));
    let wanted = "is 200000000/s at its peak, allowed are rates up to 1e8/s";
    refused(&series(100), files(), wanted);
    assert!(Plan::new(&series(50), files()).is_ok());
}

#[test]
fn a_run_of_too_many_control_ticks_is_refused() {
    let century = sent_by("Poisson(\"1/s\")").replace("10s", "36500d");
    let wanted =
        "run.length and run.tail make 3153600060 control ticks of 1s, allowed are 100000000";
    refused(&century, Files::default(), wanted);
    let slower =
        "agents: [(name: \"a\", call: Constant(\"1ms\"))], broker: (control_interval_ms: 60000)";
    let agents = "agents: [(name: \"a\", call: Constant(\"1ms\"))]";
    plan(&century.replace(agents, slower));
    let long = Trace::parse(b"t_s\n0\n1e9\n").expect("valid");
    let error = plan(&sent_by("Poisson(\"1/s\")")).replay("x.csv", long);
    let error = error.expect_err("it takes 30 years");
    assert!(error.contains("make 1000000060 control ticks"), "{error}");
}

/// In a replication that the trace does not have nobody would send, and nobody would say so.
#[test]
fn a_trace_of_fewer_replications_than_the_run_is_refused() {
    let csv = "t_s,replication\n0,0\n1,1\n";
    let of = |run: &str| {
        sent_by("Trace(file: \"t.csv\")")
            .replace("length: \"10s\"", &format!("length: \"10s\", {run}"))
    };
    let wanted = "traffic[0].arrivals is too short: t.csv has 2 replications, the run wants 3, \
                  set run.replications to 2 or fewer";
    refused(&of("replications: 3"), file(FileKind::Trace, csv), wanted);
    let until = "replications: 2, until: (metric: \"p95(sojourn)\", half_width: \"2%\", max: 4)";
    let wanted = "the run wants 4, set run.until.max to 2 or fewer";
    refused(&of(until), file(FileKind::Trace, csv), wanted);
    assert!(Plan::new(&of("replications: 2"), file(FileKind::Trace, csv)).is_ok());
    assert!(Plan::new(&of("replications: 3"), file(FileKind::Trace, "t_s\n0\n")).is_ok());
}

/// Unix time: the silence since 1970 is nobody's traffic.
#[test]
fn a_trace_of_another_clock_is_played_from_its_first_row_on() {
    let csv = "t_s\n1700000000.5\n1700000002\n1700000009.25\n";
    let unix = Trace::parse(csv.as_bytes()).expect("valid");
    let plan = plan(&sent_by("Poisson(\"1/s\")")).replay("x.csv", unix);
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    let told = "x.csv begins at t_s 1700000000.5: it is played from its first row on";
    assert_eq!(plan.warnings, [told]);
    let times = |plan: &Plan| {
        let sent = arrivals(plan, 0);
        sent.iter()
            .map(|it| it.at.as_secs_f64())
            .collect::<Vec<_>>()
    };
    assert_eq!(times(&plan), [0.0, 1.5, 8.75]);
    assert_eq!(plan.run.length.as_secs_f64(), 8.750_000_001);

    let source = sent_by("Trace(file: \"t.csv\", speed: 2)");
    let within = Plan::new(&source, file(FileKind::Trace, csv));
    let within = within.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(times(&within), [0.0, 0.75, 4.375]);
    let told = "t.csv begins at t_s 1700000000.5, after the run";
    assert!(
        within.warnings[0].starts_with(told),
        "{:?}",
        within.warnings
    );
}

/// A quiet start is a trace's own: of a minute at most, or shorter than the rest, or as it was
/// recorded.
#[test]
fn a_quiet_start_stays() {
    for csv in [
        "t_s\n60\n",
        "t_s\n400\n801\n",
        "# ebbtide-trace 1 length=900s\nt_s\n800\n",
    ] {
        let trace = Trace::parse(csv.as_bytes()).expect("valid");
        let first = trace.first();
        let plan = plan(&sent_by("Poisson(\"1/s\")")).replay("x.csv", trace);
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(arrivals(&plan, 0)[0].at, first);
        assert!(plan.warnings.is_empty());
    }
}

#[test]
fn a_warm_up_longer_than_the_trace_is_refused() {
    let text = sent_by("Poisson(\"1/s\")").replace("\"10s\"", "\"10s\", warm_up: \"5s\"");
    let short = Trace::parse(b"t_s\n0\n4\n").expect("valid");
    let error = plan(&text).replay("x.csv", short).expect_err("too short");
    let told = "x.csv lasts 4.000000001s, run.warm_up is 5s, set run.warm_up=0s";
    assert!(error.starts_with(told), "{error}");
}
