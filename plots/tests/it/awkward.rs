//! The runs that break figures: hostile names, restless policies, crowds of them, and next to
//! nothing at all.

use ebbtide_measure::run::{CurvePoint, Curves, FaultBand, PoolState, RunDetail, SettingChange};
use ebbtide_measure::series::{Bin, Series, SojournBin, SojournSeries};
use ebbtide_measure::steps::Steps;
use ebbtide_measure::units::{Duration, Time};
use ebbtide_measure::{PolicyResults, Reason, Results};

use crate::made_up::{Experiment, at, experiment, report, setting};

/// A run of one message, or of none.
pub(crate) fn tiny(messages: u64) -> Experiment {
    let mut results = Results::default();
    results.total.counts.accepted = messages;
    results.total.counts.outcomes.delivered = messages;
    let span = Duration::from_millis(20);
    let took = Duration::from_millis(12);
    let one = SojournBin {
        count: messages,
        max: (messages > 0).then_some(took),
        ..SojournBin::default()
    };
    let point = CurvePoint {
        quantile: 1.0,
        value: took,
        beyond: 0,
        at_least: false,
    };
    let bin = Bin {
        offered: messages,
        outcomes: results.total.counts.outcomes,
        ready: 1,
        wanted: 1,
        batch_size: 20,
        busy_slot_time: took,
        busy_worker_time: took,
        ..Bin::default()
    };
    let state = PoolState {
        setting: setting(1, 20),
        starting: 0,
        ready: 1,
        draining: 0,
    };
    let detail = RunDetail {
        warm_up: Time::ZERO,
        length: at(0.02),
        end: at(0.02),
        parallelism: 1,
        objective: None,
        faults: Vec::new(),
        series: Series::from_bins(span, vec![bin]),
        sojourns: SojournSeries {
            width: span,
            bins: vec![one],
        },
        pool: Steps::from_points(vec![(Time::ZERO, state)]),
        decisions: Steps::default(),
        curves: Curves {
            sojourn: (0..messages).map(|_| point).collect(),
            ..Curves::default()
        },
    };
    Experiment {
        results: report("one", vec![PolicyResults::new("fixed(1)", 1, results)]),
        courses: vec![("fixed(1)".to_owned(), detail)],
        note: String::new(),
        headline: String::new(),
        warnings: vec!["1 replication gives no interval".to_owned()],
    }
}
/// The main job with names that break pages: of policies, of faults, in reasons and notes.
pub(crate) fn hostile() -> Experiment {
    let long = "a-name-that-goes-on-".repeat(12);
    let names = [
        "<script>alert(1)</script>",
        "\"quoted\" & 'single'",
        &long,
        "方針・適応的な制御 🦀",
        "nul\u{0}bell\u{7}and\nline",
        "<img src=x onerror=alert(1)>",
    ];
    let mut experiment = experiment(&names, 330);
    experiment.results.scenario = "</title><script>alert(1)</script>".to_owned();
    experiment.note = "]]> <!-- & <b>bold</b>".to_owned();
    experiment.headline.clone_from(&long);
    experiment.warnings = vec![long.clone(), "<script>alert(2)</script>".to_owned()];
    for (_, detail) in &mut experiment.courses {
        let fault = |from: f64, label: &str| FaultBand {
            label: label.to_owned(),
            from: at(from),
            to: at(from + 20.0),
        };
        detail.faults = vec![
            fault(10.0, "<b>outage</b>"),
            fault(20.0, &long),
            fault(30.0, "\u{1}"),
            fault(650.0, "at the very end of the run"),
        ];
        let mut changes = detail.decisions.points().to_vec();
        for (_, change) in &mut changes {
            change.reason.text = format!("<script>{long}</script>").into();
        }
        detail.decisions = Steps::from_points(changes);
    }
    experiment
}

/// More policies than a report has room for.
pub(crate) fn crowd() -> Experiment {
    let names: Vec<String> = (1..=20).map(|i| format!("fixed({i})")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    experiment(&names, 4096)
}

/// A policy that changes its mind every two seconds.
pub(crate) fn restless() -> Experiment {
    let mut experiment = experiment(&["restless"], 2048);
    let detail = &mut experiment.courses[0].1;
    let wish = |i: u32| setting(1 + i * 7 % 10, 1 + i * 11 % 50);
    let change = |i: u32| {
        let change = SettingChange {
            before: wish(i),
            after: wish(i + 1),
            reason: Reason {
                code: "restless".into(),
                text: format!("the {i}th time, for no reason at all").into(),
            },
        };
        (at(f64::from(i) * 2.0), change)
    };
    let state = |i: u32| {
        let state = PoolState {
            setting: wish(i + 1),
            starting: 0,
            ready: wish(i).workers,
            draining: 0,
        };
        (at(f64::from(i) * 2.0), state)
    };
    detail.decisions = Steps::from_points((0..330).map(change).collect());
    detail.pool = Steps::from_points((0..330).map(state).collect());
    experiment
}
