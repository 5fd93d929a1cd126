//! Every number of a small run, worked out by hand.
//!
//! Two agents: `a`, and `b` which takes batches; two classes, `x` and `y`; workers of two
//! slots; the window is 2 s to 12 s, the objective 1 s. What happens, in seconds:
//!
//! | when | what |
//! |---|---|
//! | 0 | worker 0 is ready |
//! | 1–3 | m1 (a, normal, x), sent at 1, is called and delivered: sent before the window |
//! | 4 | m2 (a, high, x) gets in; its sender had asked at 3. m3 (a, normal, y) is refused |
//! | 5 | m4 and m5 (b, normal, y) |
//! | 6 | m2 is called by worker 0 |
//! | 7–8 | a second worker is wanted, and ready |
//! | 8–10 | m4 and m5 are called in one batch; m4 is delivered, m5 rejected |
//! | 9 | m2's call fails; it is due again at 9.5, and called at once then |
//! | 11 | m6 (a, normal, x) comes, and is never called |
//! | 12 | m7 (a, normal, x) is sent, and its sender stays blocked |
//! | 13 | m2 is delivered |
//! | 14 | worker 1 is gone |
//! | 15 | the run is over |

use ebbtide_core::event::{DecisionRecord, What, Whereabouts, WorkerChange};
use ebbtide_core::message::{DeadReason, Lane, Outcome};
use ebbtide_core::units::Duration;
use ebbtide_measure::run::FaultBand;
use ebbtide_measure::{
    Counts, Detail, Group, Metric, Outcomes, PlanAgent, PlanClass, RecordPlan, Recorder,
};
use ebbtide_measure::{Run, Sample, Scope, Stat, Unfinished};
use ebbtide_policies::Decision;
use ebbtide_policies::decision::Reason;
use ebbtide_policies::observation::Setting;

use crate::stream::{Stream, account, at};

const ONE_WORKER: Setting = Setting {
    workers: 1,
    batch_size: 20,
    batch_timeout: Duration::ZERO,
};
const TWO_WORKERS: Setting = Setting {
    workers: 2,
    ..ONE_WORKER
};

fn plan(detail: Detail) -> RecordPlan {
    let agent = |name: &str, batch| PlanAgent {
        name: name.to_owned(),
        batch,
        work_s: if batch { 0.25 } else { 0.5 },
    };
    let class = |name: &str, deadline: Option<f64>| PlanClass {
        name: name.to_owned(),
        deadline: deadline.map(Duration::from_secs_f64),
    };
    RecordPlan {
        warm_up: at(2.0),
        length: at(12.0),
        objective: Some("p95(sojourn) < 1s".parse().expect("an objective")),
        agents: vec![agent("a", false), agent("b", true)],
        classes: vec![class("x", None), class("y", Some(5.0))],
        parallelism: 2,
        setting: ONE_WORKER,
        detail,
        faults: vec![FaultBand {
            label: "b: slow".to_owned(),
            from: at(8.0),
            to: at(9.0),
        }],
    }
}

fn decided() -> What<()> {
    What::Decided(Box::new(DecisionRecord {
        number: 6,
        at: at(7.0),
        policy: "hand".to_owned(),
        observation: None,
        decision: Decision {
            workers: 2.0,
            batch_size: f64::NAN,
            batch_timeout: None,
            reason: Reason {
                code: "by-hand".into(),
                text: "one worker is not enough".into(),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        },
        before: ONE_WORKER,
        applied: TWO_WORKERS,
        cool_down: Duration::ZERO,
        withheld: None,
    }))
}

fn run(detail: Detail) -> Run {
    let m1 = account(0, Lane::Normal, 0);
    let m2 = account(0, Lane::High, 0);
    let m3 = account(0, Lane::Normal, 1);
    let m45 = account(1, Lane::Normal, 1);
    let m67 = m1;
    let mut s = Stream::into(Recorder::new(plan(detail)));
    s.worker(0.0, 0, WorkerChange::Starting);
    s.worker(0.0, 0, WorkerChange::Ready);
    s.accepted(1.0, m1, 1.0, 1.0);
    s.started(1.0, 0, 0, 1);
    s.taken(1.0, m1, 1.0, true);
    s.ended(3.0, 0, 0, 1.0);
    s.finished(
        3.0,
        m1,
        (1.0, Some(1.0)),
        Outcome::Delivered,
        Whereabouts::Leased,
    );
    s.accepted(4.0, m2, 3.0, 4.0);
    s.refused(4.0, m3);
    s.accepted(5.0, m45, 5.0, 5.0);
    s.accepted(5.0, m45, 5.0, 5.0);
    s.started(6.0, 0, 0, 1);
    s.taken(6.0, m2, 3.0, true);
    s.event(7.0, decided());
    s.worker(7.0, 1, WorkerChange::Starting);
    s.worker(8.0, 1, WorkerChange::Ready);
    s.started(8.0, 1, 1, 2);
    s.taken(8.0, m45, 5.0, true);
    s.taken(8.0, m45, 5.0, true);
    s.ended(9.0, 0, 0, 6.0);
    s.requeued(9.0, m2, 9.5);
    s.due(9.5, m2);
    s.started(9.5, 0, 0, 1);
    s.taken(9.5, m2, 3.0, false);
    s.ended(10.0, 1, 1, 8.0);
    s.finished(
        10.0,
        m45,
        (5.0, Some(8.0)),
        Outcome::Delivered,
        Whereabouts::Leased,
    );
    s.finished(
        10.0,
        m45,
        (5.0, Some(8.0)),
        Outcome::Rejected,
        Whereabouts::Leased,
    );
    s.accepted(11.0, m67, 11.0, 11.0);
    s.ended(13.0, 0, 0, 9.5);
    s.finished(
        13.0,
        m2,
        (3.0, Some(6.0)),
        Outcome::Delivered,
        Whereabouts::Leased,
    );
    s.worker(14.0, 1, WorkerChange::Draining);
    s.worker(14.0, 1, WorkerChange::Gone);
    s.recorder.blocked(m67, at(12.0));
    let m6 = Unfinished {
        account: m67,
        sent: at(11.0),
        started: None,
    };
    s.finish(15.0, vec![m6])
}

#[track_caller]
fn check(run: &Run, scope: &Scope, metric: Metric, expected: Sample) {
    let sample = run.books.figure(scope, metric).copied().unwrap_or_else(|| {
        panic!("{metric} does not apply to {scope:?}");
    });
    let close = match (sample.value, expected.value) {
        (Some(value), Some(expected)) => (value - expected).abs() < 1e-9,
        (value, expected) => value == expected,
    };
    let same_bound = sample.at_least == expected.at_least;
    assert!(close && same_bound, "{metric} of {scope:?}: {sample:?}");
}

const NONE: Sample = Sample {
    value: None,
    at_least: false,
};

const fn bound(value: f64) -> Sample {
    Sample {
        value: Some(value),
        at_least: true,
    }
}

const fn exact(value: f64) -> Sample {
    Sample::exact(value)
}

#[test]
fn every_figure_of_the_whole_run_is_as_worked_out() {
    use Metric::*;
    let run = run(Detail::Summary);
    let expected = [
        (OfferedPerS, exact(0.6)),
        (ThroughputPerS, exact(0.2)),
        (SuccessRate, exact(2.0 / 6.0)),
        (LossShare, exact(1.0 / 6.0)),
        (DeadShare, exact(0.0)),
        (WaitingShare, exact(1.0)),
        (Wait(Stat::Mean), bound((3.0 + 3.0 + 3.0 + 4.0 + 3.0) / 5.0)),
        (Wait(Stat::Max), bound(4.0)),
        (Wait(Stat::P50), NONE),
        (Service(Stat::Mean), exact((3.0 + 2.0 + 3.5) / 3.0)),
        (Service(Stat::Max), exact(3.5)),
        (
            Sojourn(Stat::Mean),
            bound((10.0 + 5.0 + 5.0 + 4.0 + 3.0) / 5.0),
        ),
        (Sojourn(Stat::Max), exact(10.0)),
        (Sojourn(Stat::P50), NONE),
        (Utilisation, exact((1.0 + 3.0 + 2.0 + 2.5) / 28.0)),
        (WorkersMean, exact(1.5)),
        (WorkersMax, exact(2.0)),
        (WorkerSeconds, exact(15.0)),
        // The refused message is late by its deadline.
        (LatenessS, bound(9.0 + 4.0 + 4.0 + 3.0 + 2.0 + 5.0)),
        (Calls, exact(3.0)),
        (BatchMean, exact(2.0)),
        (QueueMean, exact(0.9)),
        (QueueMax, exact(3.0)),
        (ScaleActions, exact(1.0)),
        (EventsSimulated, exact(42.0)),
    ];
    for (metric, sample) in expected {
        check(&run, &Scope::Total, metric, sample);
    }
}

/// Whatever of the run its warm-up leaves out.
#[test]
fn the_most_workers_at_once_are_of_the_whole_run() {
    for (from, until) in [(0.0, 1.0), (13.0, 14.0)] {
        let mut s = Stream::into(Recorder::new(plan(Detail::Summary)));
        s.worker(from, 0, WorkerChange::Starting);
        s.worker(until, 0, WorkerChange::Gone);
        let run = s.finish(15.0, vec![]);
        check(&run, &Scope::Total, Metric::WorkersMax, exact(1.0));
    }
}

#[test]
fn the_cost_weighs_each_message_by_its_own_work() {
    let run = run(Detail::Summary);
    let cost = run.cost;
    assert!((cost.worker_seconds - 15.0).abs() < 1e-9);
    assert!((cost.lateness_s - 27.0).abs() < 1e-9);
    let (of_a, of_b) = (9.0 + 3.0 + 2.0 + 5.0, 4.0 + 4.0);
    let late_work = 0.5 * of_a + 0.25 * of_b;
    assert!((cost.late_work - late_work).abs() < 1e-9, "{cost:?}");
    assert_eq!(run.late_messages, 6);
    assert!((cost.calls - 3.0).abs() < 1e-9, "{cost:?}");
}

/// What becomes of one message sent at 3 s with an objective of 1 s, in seconds of lateness.
#[track_caller]
fn check_late(class: u16, outcome: Outcome, at: f64, late: f64) {
    let account = account(0, Lane::Normal, class);
    let mut s = Stream::into(Recorder::new(plan(Detail::Summary)));
    s.accepted(3.0, account, 3.0, 3.0);
    s.finished(at, account, (3.0, None), outcome, Whereabouts::Waiting);
    let found = s.finish(at.max(12.0), vec![]).cost.lateness_s;
    assert!((found - late).abs() < 1e-9, "{outcome:?} at {at}: {found}");
}

#[test]
fn a_lost_message_is_as_late_as_its_deadline_or_a_minute() {
    let dead = Outcome::DeadLettered(DeadReason::AttemptsSpent);
    check_late(0, dead, 3.5, 60.0);
    check_late(0, dead, 103.0, 100.0 - 1.0);
    check_late(1, Outcome::Expired, 8.0, 5.0);
    check_late(1, Outcome::Cancelled, 4.0, 5.0);
    // Handled, if not to everyone's liking.
    check_late(0, Outcome::Rejected, 3.5, 0.0);
    check_late(0, Outcome::Discarded, 5.0, 1.0);
    check_late(0, Outcome::Delivered, 5.0, 1.0);
}

#[test]
fn messages_are_counted_over_the_whole_run_and_their_outcomes_sum_up() {
    let run = run(Detail::Summary);
    let counts = Counts {
        accepted: 5,
        outcomes: Outcomes {
            delivered: 3,
            rejected: 1,
            unfinished: 1,
            ..Outcomes::default()
        },
        refused: 1,
        blocked: 1,
    };
    assert_eq!(run.books.total.counts, counts);
    assert_eq!(counts.outcomes.total(), counts.accepted);
    for groups in [&run.books.by_agent, &run.books.by_lane, &run.books.by_class] {
        let mut sum = Counts::default();
        groups.values().for_each(|group| sum.add(&group.counts));
        assert_eq!(sum, counts);
    }
}

#[test]
fn every_part_has_its_own_figures() {
    use Metric::*;
    let run = run(Detail::Summary);
    let a = Scope::Agent("a".to_owned());
    check(&run, &a, OfferedPerS, exact(0.4));
    check(&run, &a, ThroughputPerS, exact(0.1));
    check(&run, &a, Utilisation, exact(6.5 / 28.0));
    check(&run, &a, Service(Stat::Mean), exact(3.25));
    check(&run, &a, Calls, exact(2.0));
    check(&run, &a, QueueMean, exact(0.3));
    check(&run, &a, QueueMax, exact(1.0));
    check(&run, &a, Sojourn(Stat::Mean), bound(17.0 / 3.0));
    let b = Scope::Agent("b".to_owned());
    check(&run, &b, SuccessRate, exact(0.5));
    check(&run, &b, Utilisation, exact(2.0 / 28.0));
    check(&run, &b, BatchMean, exact(2.0));
    check(&run, &b, Wait(Stat::Mean), exact(3.0));
    check(&run, &b, LatenessS, exact(8.0));
    check(&run, &b, QueueMax, exact(2.0));
    let high = Scope::Lane("high".to_owned());
    check(&run, &high, QueueMean, exact(0.2));
    check(&run, &high, Sojourn(Stat::Mean), exact(10.0));
    let y = Scope::Class("y".to_owned());
    check(&run, &y, LossShare, exact(1.0 / 3.0));
    check(&run, &y, QueueMean, exact(0.6));
    check(
        &run,
        &Scope::Lane("bulk".to_owned()),
        OfferedPerS,
        exact(0.0),
    );
    check(&run, &Scope::Lane("bulk".to_owned()), SuccessRate, NONE);
}

#[test]
fn a_part_lacks_what_does_not_apply_to_it() {
    let run = run(Detail::Summary);
    let figures = |scope: &Scope| {
        let group: &Group<Sample> = run.books.group(scope).expect("there is one");
        let kept = Metric::all().filter(|metric| group.figures.get(*metric).is_some());
        kept.collect::<Vec<_>>()
    };
    for scope in [
        Scope::Total,
        Scope::Agent("b".to_owned()),
        Scope::Class("x".to_owned()),
    ] {
        let expected: Vec<_> = Metric::all()
            .filter(|metric| metric.is_kept_for(&scope))
            .collect();
        assert_eq!(figures(&scope), expected, "{scope:?}");
    }
    let plain = figures(&Scope::Agent("a".to_owned()));
    assert!(
        !plain.contains(&Metric::BatchMean),
        "its calls carry one message each"
    );
}

#[test]
fn the_course_of_time_adds_up_to_the_counts() {
    let run = run(Detail::Full);
    let detail = run.detail.expect("it was asked for");
    let series = &detail.series;
    let bins = series.bins();
    let second = |seconds: f64| (at(seconds).as_nanos() / series.width().as_nanos()) as usize;
    let sum = |of: fn(&ebbtide_measure::series::Bin) -> u64| bins.iter().map(of).sum::<u64>();
    assert_eq!(sum(|bin| bin.offered), 7);
    assert_eq!(sum(|bin| bin.refused), 1);
    assert_eq!(sum(|bin| bin.outcomes.delivered), 3);
    assert_eq!(sum(|bin| bin.lost()), 1);
    assert_eq!(
        bins[second(3.0)].offered,
        1,
        "counted when its sender asked"
    );
    assert_eq!(bins[second(4.0)].offered, 1, "not when it got in");
    assert_eq!(bins.iter().map(|bin| bin.waiting_max).max(), Some(3));
    let busy: f64 = bins
        .iter()
        .map(|bin| bin.busy_slot_time.as_secs_f64())
        .sum();
    assert!((busy - (2.0 + 3.0 + 2.0 + 3.5)).abs() < 1e-9);
    let busy: f64 = bins
        .iter()
        .map(|bin| bin.busy_worker_time.as_secs_f64())
        .sum();
    assert!(
        (busy - (2.0 + 3.0 + 2.0 + 3.5)).abs() < 1e-9,
        "one call each at a time"
    );
    let bin = bins[second(7.5)];
    assert_eq!((bin.wanted, bin.starting, bin.ready), (2, 1, 1));
    assert_eq!(bins[second(9.2)].delayed, 1);
    assert_eq!(
        bins.last().map(|bin| (bin.waiting, bin.ready)),
        Some((1, 1))
    );
    let spans = (0..bins.len()).map(|index| series.span_of(index).as_secs_f64());
    assert!((spans.sum::<f64>() - 15.0).abs() < 1e-9);
}

#[test]
fn the_course_of_time_keeps_sojourns_steps_and_reasons() {
    let run = run(Detail::Full);
    let detail = run.detail.expect("it was asked for");
    let sojourns = &detail.sojourns;
    assert_eq!(sojourns.bins.iter().map(|bin| bin.count).sum::<u64>(), 6);
    assert_eq!(
        sojourns.bins.iter().map(|bin| bin.unfinished).sum::<u64>(),
        2
    );
    let longest = sojourns.bins.iter().filter_map(|bin| bin.max).max();
    assert_eq!(longest, Some(Duration::from_secs(10)));
    let [(when, change)] = detail.decisions.points() else {
        panic!("one decision changed the setting");
    };
    assert_eq!(
        (*when, change.before, change.after),
        (at(7.0), ONE_WORKER, TWO_WORKERS)
    );
    assert_eq!(change.reason.text, "one worker is not enough");
    let pool = detail.pool.at(at(7.5)).expect("it had workers");
    assert_eq!((pool.setting.workers, pool.starting, pool.ready), (2, 1, 1));
    assert_eq!(detail.faults.len(), 1);
    assert_eq!(
        (detail.warm_up, detail.length, detail.end),
        (at(2.0), at(12.0), at(15.0))
    );
    assert_eq!(
        detail.curves.service.last().map(|p| p.value),
        Some(Duration::from_millis(3_500))
    );
}

#[test]
fn the_figures_do_not_depend_on_how_much_is_kept() {
    assert_eq!(run(Detail::Full).books, run(Detail::Summary).books);
}

#[test]
fn a_run_that_ends_in_its_warm_up_has_counts_and_no_figures() {
    let m = account(0, Lane::Normal, 0);
    let mut s = Stream::into(Recorder::new(plan(Detail::Full)));
    s.accepted(1.0, m, 1.0, 1.0);
    s.finished(
        1.5,
        m,
        (1.0, None),
        Outcome::Cancelled,
        Whereabouts::Waiting,
    );
    let run = s.finish(1.5, Vec::new());
    assert_eq!(run.books.total.counts.outcomes.cancelled, 1);
    check(&run, &Scope::Total, Metric::ThroughputPerS, NONE);
    check(&run, &Scope::Total, Metric::Sojourn(Stat::Mean), NONE);
}

#[test]
fn a_cancelled_message_would_have_taken_at_least_that_long() {
    let m = account(0, Lane::Normal, 0);
    let mut s = Stream::into(Recorder::new(plan(Detail::Summary)));
    s.accepted(3.0, m, 3.0, 3.0);
    s.finished(
        7.0,
        m,
        (3.0, None),
        Outcome::Cancelled,
        Whereabouts::Waiting,
    );
    let run = s.finish(12.0, Vec::new());
    check(&run, &Scope::Total, Metric::Sojourn(Stat::Mean), bound(4.0));
    check(&run, &Scope::Total, Metric::Wait(Stat::Mean), NONE);
    check(&run, &Scope::Total, Metric::QueueMean, exact(0.4));
}

#[test]
fn every_decision_is_handed_on() {
    let (send, receive) = std::sync::mpsc::channel();
    let sink = move |record: &DecisionRecord| send.send(record.number).expect("it is read");
    let recorder = Recorder::new(plan(Detail::Summary)).with_decision_sink(Box::new(sink));
    let mut s = Stream::into(recorder);
    s.event(7.0, decided());
    s.finish(12.0, Vec::new());
    assert_eq!(receive.iter().collect::<Vec<_>>(), [6]);
}
