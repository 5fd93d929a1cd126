//! The computed cases, and what ticks make of them.

use super::*;
use crate::testing::observation;

fn at(secs: u64) -> Time {
    Time::ZERO + Duration::from_secs(secs)
}

fn autoscaler() -> Autoscaler {
    Knative::new(Settings::default()).autoscaler
}

#[test]
fn panics_when_twice_the_ready_pods_are_needed() {
    // Computed, target 70.
    for (average, pods, panics) in [(140.0, 2, true), (139.0, 2, true), (70.0, 1, false)] {
        let mut autoscaler = autoscaler();
        assert_eq!(autoscaler.scale(at(2), 1, (average, average), 70.0), pods);
        assert_eq!(autoscaler.panic.is_some(), panics);
    }
}

#[test]
fn halves_at_most() {
    let mut autoscaler = autoscaler();
    let mut wish = |ready| autoscaler.scale(at(2), ready, (70.0, 70.0), 70.0);
    assert_eq!([wish(10), wish(5), wish(2)], [5, 2, 1]);
}

#[test]
fn holds_the_peak_of_a_panic_for_the_stable_window() {
    let mut autoscaler = autoscaler();
    assert_eq!(autoscaler.scale(at(0), 1, (700.0, 700.0), 70.0), 10);
    for tick in 1..=30 {
        assert_eq!(autoscaler.scale(at(2 * tick), 10, (0.0, 0.0), 70.0), 10);
    }
    assert_eq!(autoscaler.scale(at(62), 10, (0.0, 0.0), 70.0), 5);
}

/// The wish after each second with this concurrency, one pod of 100 staying ready.
fn run(concurrency: &[f64]) -> Vec<f64> {
    let mut policy = Knative::new(Settings {
        concurrency: Some(100.0),
        ..Settings::default()
    });
    let mut wishes = Vec::new();
    for (second, &calls) in (1..).zip(concurrency) {
        let mut seen = observation(at(second));
        seen.slots.with_call = Duration::from_secs_f64(calls);
        wishes.push(policy.decide(&seen).workers);
    }
    wishes
}

#[test]
fn a_short_burst_shows_in_the_panic_window() {
    // Computed: 60 s of nothing, then 700 for 6 s: 70 on average, and 700 over 6 s.
    let mut seconds = vec![0.0; 60];
    seconds.extend([700.0; 7]);
    assert_eq!(run(&seconds).last(), Some(&10.0));
    // Without a past the windows are as long as there is.
    assert_eq!(run(&[700.0]), [10.0]);
}

#[test]
fn begins_in_panic_where_several_pods_are_ready() {
    let mut policy = Knative::new(Settings::default());
    let mut seen = observation(at(1));
    seen.setting.workers = 5;
    seen.workers.ready = 5;
    assert_eq!(policy.decide(&seen).workers, 5.0);
    assert_eq!(policy.decide(&seen).reason.code, "between-ticks");
}
