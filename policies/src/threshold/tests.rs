//! The computed cases of the Kubernetes autoscaler and of KEDA on it.

use super::*;
use crate::testing::observation;

/// The wishes at `every` seconds with these totals, each applied up to `max` workers.
fn run(mut policy: Threshold, start: u32, max: u32, every: u64, totals: &[u64]) -> Vec<u32> {
    let mut present = start;
    let mut wishes = Vec::new();
    for (k, &total) in (0..).zip(totals) {
        let mut seen = observation(Time::ZERO + Duration::from_secs(every * k));
        seen.setting.workers = present;
        seen.bounds.max_workers = max;
        seen.queue.waiting = total;
        present = (policy.decide(&seen).workers as u32).clamp(1, max);
        wishes.push(present);
    }
    wishes
}

#[track_caller]
fn check_first(start: u32, total: u64, expected: u32) {
    assert_eq!(
        run(Threshold::default(), start, 100, 15, &[total]),
        [expected]
    );
}

#[test]
fn follows_the_average_value_formula_and_its_tolerance() {
    // Computed cases for a target of 20.
    check_first(5, 110, 5);
    check_first(5, 111, 6);
    check_first(5, 90, 5);
    check_first(5, 89, 5);
    check_first(5, 80, 5); // a raw 4, held by the window
    check_first(1, 25, 2);
    check_first(1, 22, 1);
    let policy = Threshold::default();
    assert_eq!(policy.recommend(89, 5, 20.0), 5);
    assert_eq!(policy.recommend(80, 5, 20.0), 4);
    assert_eq!(policy.recommend(0, 5, 20.0), 0);
}

#[test]
fn grows_by_four_or_doubles_each_fifteen_seconds() {
    let thirty = [600; 4]; // a raw 30 at t = 0, 15, 30, 45
    assert_eq!(
        run(Threshold::default(), 1, 100, 15, &thirty),
        [5, 10, 20, 30]
    );
    // A faster tick is held to the same growth.
    let fast = run(Threshold::default(), 1, 100, 5, &[600; 7]);
    assert_eq!(fast, [5, 5, 5, 10, 10, 10, 20]);
}

#[test]
fn shrinks_in_one_step_when_no_larger_wish_is_left_of_five_minutes() {
    let mut totals = vec![60; 25]; // a raw 3 from t = 15 on
    totals[0] = 200; // a raw 10 at t = 0
    let wishes = run(Threshold::default(), 10, 10, 15, &totals);
    let first = wishes.iter().position(|&w| w < 10);
    assert_eq!(first.map(|k| 15 * k), Some(300));
    assert_eq!(wishes.last(), Some(&3));
}

fn legacy(target: u32) -> Threshold {
    Threshold::new(Settings {
        target,
        legacy: true,
        ..Settings::default()
    })
}

#[test]
fn the_mean_of_a_pods_metric_is_its_total() {
    // Computed: four pods, target 100, means of 150, 109 and 111.
    for (mean, expected) in [(150, 6), (109, 4), (111, 5)] {
        assert_eq!(run(legacy(100), 4, 100, 15, &[4 * mean]), [expected]);
    }
}

#[test]
fn without_a_behavior_it_doubles_or_goes_to_four() {
    // Computed: a raw 30; and 205 messages at a target of 20 and at most 10 workers.
    assert_eq!(run(legacy(20), 1, 100, 15, &[600; 4]), [4, 8, 16, 30]);
    assert_eq!(run(legacy(20), 1, 10, 15, &[205; 3]), [4, 8, 10]);
    // The cut-off counts still: the first step down is at 315 s.
    let mut totals = vec![60; 25];
    totals[0] = 200;
    let wishes = run(legacy(20), 10, 10, 15, &totals);
    assert_eq!(
        wishes.iter().position(|&w| w < 10).map(|k| 15 * k),
        Some(315)
    );
    // An emptied queue leaves one worker, the fewest there may be.
    let mut emptied = vec![0; 25];
    emptied[0] = 200;
    assert_eq!(
        run(legacy(20), 10, 10, 15, &emptied)[20..],
        [10, 1, 1, 1, 1]
    );
}

#[test]
fn looks_once_in_a_sync_period() {
    let policy = Threshold::new(Settings {
        sync: Duration::from_secs(15),
        ..Settings::default()
    });
    let wishes = run(policy, 1, 100, 5, &[0, 600, 600, 600, 600]);
    assert_eq!(wishes, [1, 1, 1, 5, 5]);
}

#[test]
fn a_target_may_be_for_each_slot() {
    let mut policy = Threshold::new(Settings {
        target: 2,
        per_slot: true,
        ..Settings::default()
    });
    let mut seen = observation(Time::ZERO);
    seen.queue.waiting = 50; // 20 for each worker of ten slots
    assert_eq!(policy.decide(&seen).workers, 3.0);
}

#[test]
fn counts_calls_in_flight_with_what_waits() {
    let mut seen = observation(Time::ZERO);
    seen.queue.waiting = 7;
    seen.agents = vec![crate::testing::agent("a"), crate::testing::agent("b")];
    seen.agents[0].in_flight = 5;
    seen.agents[1].in_flight = 3;
    assert_eq!(Threshold::default().total(&seen), 15);
    // A batch of twenty is twenty messages, and is remembered to be.
    let mut policy = Threshold::default();
    seen.agents[0].is_batch = true;
    (
        seen.agents[0].calls.succeeded,
        seen.agents[0].calls.messages,
    ) = (2, 40);
    assert_eq!(policy.total(&seen), 110);
    seen.agents[0].calls.succeeded = 0;
    assert_eq!(policy.total(&seen), 110);
}

#[test]
fn the_largest_backlog_is_no_trouble() {
    let wishes = run(Threshold::with_target(1), 1, u32::MAX, 15, &[u64::MAX; 40]);
    assert_eq!(wishes.last(), Some(&u32::MAX));
}
