//! The computed cases of the limiter, and cases after its own tests.

use super::*;
use crate::testing::second_of_calls;

const CALM: Signs = Signs {
    base_s: 0.1,
    recent_s: 0.1,
    is_full: true,
    throughput_correlation: 0.9,
    throughput_variation: 0.5,
    time_correlation: 0.0,
};

#[track_caller]
fn check(limit: f64, signs: Signs, expected: f64) {
    assert_eq!(limit + Settings::default().change(limit, signs), expected);
}

#[test]
fn steps_by_the_queue_that_call_times_betray() {
    for (recent_s, expected) in [
        (0.100, 21.0),
        (0.110, 21.0),
        (0.120, 20.0),
        (0.130, 20.0),
        (0.140, 20.0),
        (0.150, 19.0),
    ] {
        check(20.0, Signs { recent_s, ..CALM }, expected);
    }
}

#[test]
fn small_limits_never_reach_the_queue_that_shrinks_them() {
    let slow = |recent_s| Signs { recent_s, ..CALM };
    check(4.0, slow(0.4), 4.0);
    check(4.0, slow(1e9), 4.0);
    check(6.0, slow(1e9), 6.0);
    check(7.0, slow(1e9), 6.0);
    check(10.0, slow(0.25), 10.0);
}

#[test]
fn a_full_limiter_whose_throughput_does_not_follow_steps_down() {
    let near = Signs {
        recent_s: 0.11,
        ..CALM
    };
    let falls = Signs {
        throughput_correlation: -0.1,
        ..near
    };
    let slower = Signs {
        throughput_correlation: 0.2,
        time_correlation: 0.6,
        ..near
    };
    let flat = Signs {
        throughput_variation: 0.1,
        time_correlation: 0.6,
        ..near
    };
    for signs in [falls, slower, flat] {
        check(20.0, signs, 19.0);
        let roomy = Signs {
            is_full: false,
            ..signs
        };
        check(20.0, roomy, 21.0);
    }
}

#[test]
fn the_cap_is_five_times_the_calls_in_flight() {
    let settings = Settings::default();
    assert_eq!(settings.limited(20.0, 1.0, 2.0, 200.0), 19.0);
    assert_eq!(settings.limited(20.0, 1.0, 4.0, 200.0), 20.0);
    assert_eq!(settings.limited(20.0, 1.0, 5.0, 200.0), 21.0);
    assert_eq!(settings.limited(1.0, -1.0, 1.0, 200.0), 1.0);
    assert_eq!(settings.limited(200.0, 2.0, 99.0, 1e9), 200.0);
}

/// A limiter with a warm baseline of a second.
fn warm() -> Failsafe {
    let mut it = Failsafe::new(Settings::default());
    it.base = Average::warm(1.0);
    it
}

/// After `TestAdaptiveLimiter_record` of the original.
#[test]
fn grows_holds_and_shrinks_as_its_own_tests_have_it() {
    for (windows, expected) in [
        ([(1.0, 5.0), (0.5, 5.0)], [21.0, 22.0]),
        ([(2.0, 10.0), (2.0, 10.0)], [19.0, 18.0]),
        ([(1.3, 10.0), (1.3, 10.0)], [20.0, 20.0]),
    ] {
        let mut it = warm();
        let limits = windows.map(|(recent_s, peak)| {
            it.update(recent_s, peak, false, f64::MAX);
            it.limit
        });
        assert_eq!(limits, expected);
    }
}

/// The same of a pool of ten.
fn second(at: u64, calls: u32) -> Observation {
    let mut seen = second_of_calls(at, calls);
    seen.workers.ready = 10;
    seen
}

#[test]
fn a_window_waits_for_its_fifty_calls() {
    let mut it = Failsafe::new(Settings::default());
    let limits: Vec<_> = (1..=4)
        .map(|at| {
            it.decide(&second(at, 25));
            it.limit
        })
        .collect();
    assert_eq!(limits, [20.0, 21.0, 21.0, 22.0]);
}

#[test]
fn counts_slots_rounded_up_to_workers_within_the_bounds() {
    let mut it = Failsafe::new(Settings::default());
    let wishes: Vec<_> = (1..200)
        .map(|at| it.decide(&second(at, 60)).workers)
        .collect();
    assert_eq!((wishes[0], wishes[198]), (3.0, 10.0));
    assert_eq!(it.limit, 100.0);
}
