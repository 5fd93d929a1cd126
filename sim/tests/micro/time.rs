//! Time: the order of one instant, ticks, timers of a grain, windows, and how a run ends.

use std::sync::{Arc, Mutex};

use ebbtide_core::event::DecisionRecord;
use ebbtide_measure::record::DecisionSink;
use ebbtide_sim::{Experiment, Monitor, Sinks};

use crate::check::{check, check_text, plan};

/// Calls of no length: what a take starts ends at the same instant, and the next is taken.
#[test]
fn an_instant_runs_again_until_nothing_is_left_of_it() {
    check(
        r#"agents: [(name: "echo", call: Constant("0s"))]"#,
        "1 a echo
         1 b echo
         1 c echo",
        "a: delivered 0
         b: delivered 0
         c: delivered 0
         calls: 3",
    );
}

/// Expiries come before takes: a message that is worth nothing at once is never called.
#[test]
fn a_deadline_of_now_passes_before_takes() {
    check(
        r#"agents: [(name: "echo", call: Constant("0s"))]"#,
        "1 a echo; deadline: \"0s\"",
        "a: expired 0
         calls: 0",
    );
}

/// Timers end on whole milliseconds: the arrival of 3.5 ms is noticed at 4 and counts from 3.5;
/// its call of 9.4 ms, due to end at 13.4, ends at 14.
#[test]
fn a_grain_rounds_every_timer_up() {
    check(
        r#"agents: [(name: "echo", call: Constant("9400us"))],
           time_grain: "1ms""#,
        "0.0035 a echo
         1      b echo",
        "a: delivered 0.0105
         b: delivered 0.01
         mean(wait, class=a): 0.0005",
    );
}

/// Length 10, tail 5. a hangs in the only slot from 0 on, b waits from 9 on: at 15 both are
/// unfinished, at least 15 and 6 old.
#[test]
fn what_is_not_finished_in_the_tail_is_at_least_that_old() {
    check(
        r#"run: (length: "10s", tail: "5s", warm_up: "0s", replications: 1),
           agents: [(name: "echo", call: Constant("1s"), hangs: 1.0)]"#,
        "0 a echo
         9 b echo",
        "a: unfinished ≥15
         b: unfinished ≥6
         mean(wait, class=b): ≥6
         max(sojourn): ≥15
         worker_seconds: 10",
    );
}

/// The run goes on into the tail until every message has its outcome: b ends at 12. Figures over
/// time are of the length alone: 9.5 of 10 slot-seconds.
#[test]
fn the_tail_finishes_what_the_length_began() {
    check(
        r#"agents: [(name: "echo", call: Constant("2s"))]"#,
        "0.5 x echo for 7.5
         8   a echo
         9   b echo",
        "x: delivered 7.5
         a: delivered 2
         b: delivered 3
         utilisation: 0.95
         throughput: 0.2",
    );
}

/// A sender that is still blocked at the end: its message was neither accepted nor refused.
#[test]
fn a_sender_blocked_to_the_end_is_at_least_that_old() {
    check(
        r#"run: (length: "10s", tail: "5s", warm_up: "0s", replications: 1),
           agents: [(name: "echo", call: Constant("1s"), hangs: 1.0)],
           broker: (max_queue_size: 0, reserve: 0)"#,
        "block
         0 a echo
         9 b echo",
        "a: unfinished ≥15
         b: blocked ≥6",
    );
}

/// The window is [2, 5]. a, sent at 1.9, is not in it, but is delivered in it, at 2.4. b, sent at
/// 2, is. c, sent at 4.5, is, and is delivered at 5, the window's last instant. d is sent at
/// 4.999 and delivered after it. Nothing is sent at 5. Three sent and three delivered in 3 s.
#[test]
fn a_window_has_both_its_ends() {
    check(
        r#"run: (length: "5s", warm_up: "2s", replications: 1),
           agents: [(name: "echo", call: Constant("500ms"))],
           broker: (delivery_parallelism: 4)"#,
        "1.9   a echo
         2     b echo
         4.5   c echo
         4.999 d echo
         5     e echo",
        "a: delivered
         b: delivered 0.5
         c: delivered 0.5
         d: delivered 0.5
         e: never sent
         offered: 1
         throughput: 1
         worker_seconds: 3",
    );
}

/// The decisions of a scenario's first contender, with what they saw.
fn decisions(text: &str, csv: &str) -> Vec<DecisionRecord> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let sink = |_| -> DecisionSink {
        let kept = kept.clone();
        Box::new(move |record: &DecisionRecord| {
            kept.lock()
                .expect("no thread panicked")
                .push(record.clone());
        })
    };
    let sinks = Sinks {
        decisions: Some(&sink),
        ..Sinks::default()
    };
    let _ = Experiment::run(&plan(text, csv), &sinks, &Monitor::default());
    let kept = kept.lock().expect("no thread panicked");
    kept.clone()
}

/// Two slots and calls of 0.5. a, of 0.5, ends at 1: its settle is of the first interval. b comes
/// at 1: its arrival is of the first interval, its take, at 1 too, of the second. No tick at 0.
#[test]
fn a_take_at_a_tick_belongs_to_the_next_interval() {
    let text = r#"(
        run: (length: "3s", warm_up: "0s", replications: 1),
        traffic: [(
            arrivals: Trace(file: "messages"),
            classes: [(name: "a", to: Agent("echo"))],
        )],
        agents: [(name: "echo", call: Constant("500ms"))],
        broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 2),
    )"#;
    let found = decisions(text, "t_s\n0.5\n1\n");
    let seen = found.iter().map(|record| {
        let it = record.observation.as_ref().expect("observations are kept");
        let flow = &it.flow;
        (
            record.at.as_secs_f64(),
            it.interval.as_secs_f64(),
            [flow.arrivals, flow.started, flow.delivered],
            it.queue.waiting,
            it.slots.with_call.as_secs_f64(),
        )
    });
    let wanted = [
        (1.0, 1.0, [2, 1, 1], 1, 0.5),
        (2.0, 1.0, [0, 1, 1], 0, 0.5),
        (3.0, 1.0, [0, 0, 0], 0, 0.0),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), wanted);
}

/// `adaptive` asks for early ticks. A flood at 2.25 calls one, on the grid of a tenth: at 2.3. The
/// interval is closed there, so that the regular tick at 3 sees 0.7 s, and those after it 1 s.
#[test]
fn an_early_tick_shortens_its_interval_and_moves_no_other() {
    let text = r#"(
        run: (length: "5s", warm_up: "0s", replications: 1),
        traffic: [(
            arrivals: Trace(file: "messages"),
            classes: [(name: "a", to: Agent("echo"))],
        )],
        agents: [(name: "echo", call: Constant("100ms"))],
        broker: (num_workers: 1, objective: "p95(sojourn) < 500ms"),
    )"#;
    let calm = (1..50).map(|tenth| format!("{}\n", f64::from(tenth) / 10.0));
    let mut times: Vec<String> = calm.collect();
    let flood = times.partition_point(|at| at.trim().parse().is_ok_and(|at: f64| at < 2.25));
    times.splice(flood..flood, vec!["2.25\n".to_owned(); 400]);
    let found = decisions(text, &format!("t_s\n{}", times.concat()));
    let early: Vec<f64> = (found.iter())
        .filter(|record| record.observation.as_ref().is_some_and(|it| it.early))
        .map(|record| record.at.as_secs_f64())
        .collect();
    assert_eq!(early.first(), Some(&2.3), "{early:?}");
    let (mut last, mut regular) = (0, Vec::new());
    for record in &found {
        let it = record.observation.as_ref().expect("observations are kept");
        let at = record.at.as_nanos();
        assert_eq!(it.interval.as_nanos(), at - last, "{at}");
        assert!(!it.early || at % 100_000_000 == 0, "{at} is off the grid");
        if !it.early {
            regular.push(record.at.as_secs_f64());
        }
        last = at;
    }
    assert_eq!(regular, [1.0, 2.0, 3.0, 4.0, 5.0]);
}

/// `adaptive` also asks for early ticks when the oldest wait is beyond a quarter of the objective's
/// limit, 0.25 here, or half as long again as it was at the tick before. The only slot is taken
/// from 5.05 to 8.05. b waits from 5.2: at 5.5 for 0.3. That makes the next limit 0.45: at 5.7 for
/// 0.5, and the next one 0.75. The regular tick at 6 comes first, whose 0.8 makes it 1.2: not at
/// 6.4, but at 6.5. The 1.8 of 7 make it 2.7, beyond which is no time before 8.
#[test]
fn an_early_tick_comes_when_the_oldest_wait_is_beyond_its_bound() {
    let text = r#"(
        run: (length: "9s", warm_up: "0s", replications: 1),
        traffic: [(
            arrivals: Trace(file: "messages"),
            classes: [(name: "a", to: Agent("echo"))],
        )],
        agents: [(name: "echo", call: Constant("100ms"))],
        broker: (
            num_workers: 1, max_workers: 1, delivery_parallelism: 1,
            objective: "p95(sojourn) < 1s",
        ),
    )"#;
    let calm = (0..10).map(|half| format!("{},\n", f64::from(half) / 2.0));
    let csv = format!(
        "t_s,service_s\n{}5.05,3\n5.2,\n5.9,\n",
        calm.collect::<String>()
    );
    let found = decisions(text, &csv);
    let early: Vec<f64> = (found.iter())
        .filter(|record| record.observation.as_ref().is_some_and(|it| it.early))
        .map(|record| record.at.as_secs_f64())
        .collect();
    assert_eq!(early, [5.5, 5.7, 6.5]);
}

/// A source of one message a second sends its first one gap after the start, and none at the
/// length itself: at 1 and 2.
#[test]
fn regular_arrivals_begin_after_a_gap_and_end_before_the_length() {
    check_text(
        r#"(
            run: (length: "3s", warm_up: "0s", replications: 1),
            traffic: [(
                arrivals: Deterministic("1/s"),
                classes: [(name: "a", to: Agent("echo"))],
            )],
            agents: [(name: "echo", call: Constant("250ms"))],
            broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 1),
        )"#,
        "",
        "a: 2 delivered, mean 0.25, max 0.25
         calls: 2",
    );
}
