//! The computed cases, cases after DS2's own tests, and its windows.

use super::*;
use crate::testing::{agent, observation};
use crate::units::Time;

#[test]
fn instances_as_computed() {
    for (target, capacity, present, factor, expected) in [
        (730.0, 400.0, 4.0, 0.0, 8.0),
        (730.0, 400.0, 4.0, 0.1, 9.0),
        (150.0, 400.0, 4.0, 0.0, 2.0),
        // Two stages, the second of which gets twice what the first does.
        (1_000.0, 250.0, 1.0, 0.0, 4.0),
        (2_000.0, 300.0, 1.0, 0.0, 7.0),
    ] {
        assert_eq!(instances(target, capacity, present, factor), Some(expected));
    }
    assert_eq!(instances(100.0, f64::NAN, 1.0, 0.0), None);
    assert_eq!(instances(100.0, 0.0, 1.0, 0.0), None);
}

/// After `evaluate_scaling_policy_one_source` of the original: the source's rate, true rates
/// in of both operators and out of the first, one instance each.
#[test]
fn two_operators_as_its_own_tests_have_them() {
    for (source, (first_in, first_out), second_in, expected) in [
        (100.0, (50.0, 400.0), 100.0, (2.0, 8.0)),
        (200.0, (40.0, 700.0), 99.0, (5.0, 36.0)),
        (200.0, (10.0, 700.0), 201.0, (20.0, 70.0)),
    ] {
        let output = first_out * source / first_in;
        let first = instances(source, first_in, 1.0, 0.0);
        let second = instances(output, second_in, 1.0, 0.0);
        assert_eq!((first, second), (Some(expected.0), Some(expected.1)));
    }
}

/// A second of four workers of one slot, half busy with 200 messages, and these arrivals.
fn second(at: u64, arrivals: u64) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at));
    (seen.parallelism, seen.setting.workers) = (1, 4);
    seen.flow.arrivals = arrivals;
    seen.slots.with_call = Duration::from_secs(2);
    seen.slots.idle = Duration::from_secs(2);
    let mut it = agent("a");
    it.calls.messages = 200;
    seen.agents = vec![it];
    seen
}

#[test]
fn acts_every_ten_seconds_and_ignores_twenty_after_a_change() {
    let mut it = Ds2::new(Settings::default());
    let wishes = (1..=50).map(|at| it.decide(&second(at, 730)).workers);
    let changes: Vec<_> = (1..).zip(wishes).filter(|(_, it)| *it != 4.0).collect();
    assert_eq!(changes, [(10, 8.0), (40, 8.0)]);
}

#[test]
fn waits_for_as_many_windows_as_it_is_told() {
    let mut it = Ds2::new(Settings {
        activation: 3,
        ..Settings::default()
    });
    let wishes = (1..=30).map(|at| it.decide(&second(at, 150)).workers);
    let changes: Vec<_> = (1..).zip(wishes).filter(|(_, it)| *it != 4.0).collect();
    assert_eq!(changes, [(30, 2.0)]);
}

#[test]
fn an_idle_window_says_nothing() {
    let mut it = Ds2::new(Settings::default());
    for at in 1..=60 {
        let mut seen = second(at, 0);
        seen.slots.with_call = Duration::ZERO;
        seen.agents[0].calls.messages = 0;
        assert_eq!(it.decide(&seen).workers, 4.0);
    }
}
