//! The computed cases of Gradient2, and its windows and slots.

use super::*;
use crate::testing::second_of_calls;

/// A limit with a warm average.
fn limit(slots: f64, long_s: f64) -> Limit {
    Limit {
        slots,
        long: Average::warm(long_s),
    }
}

/// The limit after one sample on a warm average of 10.
fn after(slots: f64, rtt_s: f64, in_flight: f64) -> f64 {
    let mut limit = limit(slots, 10.0);
    limit.sample(&Settings::default(), rtt_s, in_flight, f64::MAX);
    limit.slots
}

#[track_caller]
fn check_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 0.005, "{found}, not {expected}");
}

#[test]
fn grows_by_its_allowance_while_call_times_stay() {
    let mut it = Gradient2::new(Settings::default()).limit;
    let limits = [20.8, 21.6, 22.4, 23.2, 24.0];
    for expected in limits {
        it.sample(&Settings::default(), 10.0, 12.0, f64::MAX);
        check_near(it.slots, expected);
    }
}

#[test]
fn falls_with_the_gradient_and_holds_when_little_used() {
    check_near(after(100.0, 20.0, 50.0), 95.85);
    check_near(after(100.0, 60.0, 50.0), 90.8);
    check_near(after(100.0, 60.0, 49.0), 100.0);
}

#[test]
fn forgets_an_overload_within_some_hundred_samples() {
    let mut it = limit(100.0, 10.0);
    let gradient = |it: &Limit| 1.5 * it.long.value / 20.0;
    let until = (1..).find(|_| {
        it.sample(&Settings::default(), 20.0, 100.0, f64::MAX);
        gradient(&it) >= 1.0
    });
    assert_eq!(until, Some(122));
}

#[test]
fn the_long_average_falls_faster_once_twice_the_call_time() {
    let mut it = limit(20.0, 30.0);
    it.sample(&Settings::default(), 10.0, 20.0, f64::MAX);
    check_near(it.long.value, (30.0 - 20.0 * 2.0 / 601.0) * 0.95);
}

#[test]
fn windows_of_fewer_than_ten_calls_are_dropped() {
    let mut policy = Gradient2::new(Settings::default());
    policy.decide(&second_of_calls(1, 9));
    check_near(policy.limit.slots, 20.0);
    policy.decide(&second_of_calls(2, 10));
    check_near(policy.limit.slots, 20.8);
}

#[test]
fn counts_slots_rounded_up_to_workers_within_the_bounds() {
    let mut policy = Gradient2::new(Settings::default());
    let mut wishes = (1..200).map(|at| policy.decide(&second_of_calls(at, 200)).workers);
    assert_eq!(wishes.next(), Some(2.0));
    assert_eq!(wishes.next(), Some(3.0)); // 21 slots of ten a worker
    assert_eq!(wishes.last(), Some(10.0));
    check_near(policy.limit.slots, 100.0);
}

#[test]
fn gives_back_what_is_not_needed_if_asked_to() {
    let settings = Settings {
        release: Some(Duration::from_secs(60)),
        ..Settings::default()
    };
    let mut policy = Gradient2::new(settings);
    policy.decide(&second_of_calls(1, 25));
    assert_eq!(policy.decide(&second_of_calls(2, 0)).workers, 2.0);
    assert_eq!(policy.decide(&second_of_calls(61, 0)).workers, 1.0);
}
