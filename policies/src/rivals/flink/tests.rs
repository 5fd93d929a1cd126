//! The computed cases of the autoscaler, cases after its own tests, and its clock.

use std::collections::VecDeque;

use super::metrics::{Metrics, Sample};
use super::*;
use crate::testing::observation;
use crate::units::Time;

const HOUR: Duration = Duration::from_secs(3_600);

fn metrics(input: f64, busy: f64, lag: f64, lag_growth: f64) -> Metrics {
    Metrics {
        input,
        capacity: input / busy,
        lag,
        lag_growth,
    }
}

#[test]
fn four_workers_in_the_computed_cases() {
    let mut plan = Plan::new(Settings::default());
    let mut next = |at, it: &Metrics| plan.next(at, 4, it, 1..=200);
    assert_eq!(next(Time::ZERO, &metrics(1000.0, 0.8, 0.0, 0.0)), 4);
    assert_eq!(next(Time::ZERO, &metrics(1300.0, 1.0, 18_000.0, 100.0)), 7);
    let idle = metrics(200.0, 0.2, 0.0, 0.0);
    assert_eq!(next(Time::ZERO, &idle), 4, "held for an hour");
    assert_eq!(next(Time::ZERO + HOUR, &idle), 2);
}

#[test]
fn shrinks_to_the_largest_wish_of_the_hour() {
    let mut plan = Plan::new(Settings::default());
    let idle = metrics(200.0, 0.2, 0.0, 0.0);
    let less_idle = metrics(600.0, 0.36, 0.0, 0.0);
    assert_eq!(plan.next(Time::ZERO, 10, &idle, 1..=200), 10);
    let (middle, end) = (Time::ZERO + Duration::from_secs(60), Time::ZERO + HOUR);
    assert_eq!(plan.next(middle, 10, &less_idle, 1..=200), 10);
    assert_eq!(plan.next(end, 10, &idle, 1..=200), 6);
}

/// After `JobVertexScalerTest` of the original: parallelism, target, true rate, utilisation,
/// factors down and up, without catching up. The original rounds the second, 7, on to the
/// next divisor of 720 key groups.
#[test]
fn parallelism_as_its_own_tests_have_it() {
    for (present, target, capacity, utilization_target, (down, up), expected) in [
        (10, 50.0, 100.0, 1.0, (1.0, 1e9), 5.0),
        (10, 50.0, 100.0, 0.8, (1.0, 1e9), 7.0),
        (10, 80.0, 100.0, 0.8, (1.0, 1e9), 10.0),
        (10, 60.0, 100.0, 0.8, (1.0, 1e9), 8.0),
        (10, 59.0, 100.0, 0.8, (1.0, 1e9), 8.0),
        (2, 100.0, 40.0, 0.5, (1.0, 1e9), 10.0),
        (2, 100.0, 100.0, 0.6, (1.0, 1e9), 4.0),
        (10, 10.0, 100.0, 1.0, (0.5, 1e9), 5.0),
        (10, 10.0, 100.0, 1.0, (0.6, 1e9), 4.0),
        (10, 200.0, 10.0, 1.0, (1.0, 0.5), 15.0),
        (10, 200.0, 10.0, 1.0, (1.0, 0.6), 16.0),
    ] {
        let plan = Plan::new(Settings {
            utilization_target,
            scale_down_factor: down,
            scale_up_factor: up,
            catch_up: Duration::ZERO,
            ..Settings::default()
        });
        let it = Metrics {
            capacity,
            ..metrics(target, 1.0, 0.0, 0.0)
        };
        assert_eq!(plan.parallelism(present, &it).0, expected, "{it:?}");
    }
}

#[test]
fn growth_that_did_not_help_is_blocked_if_asked_to() {
    let settings = Settings {
        effectiveness: true,
        utilization_target: 1.0,
        catch_up: Duration::ZERO,
        ..Settings::default()
    };
    let mut plan = Plan::new(settings);
    let mut next = |present, target, capacity| {
        let it = Metrics {
            capacity,
            ..metrics(target, 1.0, 0.0, 0.0)
        };
        plan.next(Time::ZERO, present, &it, 1..=200)
    };
    assert_eq!(next(5, 100.0, 50.0), 10);
    assert_eq!(next(10, 180.0, 90.0), 20);
    assert_eq!(next(20, 180.0, 94.0), 20, "4 of 90 were gained");
    assert_eq!(next(20, 180.0, 98.0), 20);
    assert_eq!(next(20, 180.0, 100.0), 36);
}

#[test]
fn what_is_observed_behind_a_lag_replaces_busy_time() {
    let sample = |second: u64, lag: f64| Sample {
        at: Time::ZERO + Duration::from_secs(second),
        length_s: 60.0,
        started: 6_000.0,
        busy_s: 30.0,
        slots_s: 60.0,
        lag,
    };
    let capacity = |lag: f64| {
        let window = [sample(60, lag), sample(120, lag)].into();
        Metrics::of(&window).map(|it| it.capacity)
    };
    assert_eq!(capacity(3_000.0), Some(200.0));
    assert_eq!(capacity(3_001.0), Some(100.0));
    assert_eq!(Metrics::of(&VecDeque::new()), None);
}

/// The wishes at each second of a pool of four workers at full use, at this speed.
fn wishes(speed: f64, seconds: u64) -> Vec<f64> {
    let mut it = Flink::new(Settings {
        speed,
        ..Settings::default()
    });
    let mut second = |at| {
        let mut seen = observation(Time::ZERO + Duration::from_secs(at));
        seen.setting.workers = 4;
        seen.flow.started = 100;
        seen.slots.with_call = Duration::from_secs(4);
        seen.slots.idle = Duration::ZERO;
        seen.queue.waiting = 10 * at;
        it.decide(&seen).workers
    };
    (1..=seconds).map(&mut second).collect()
}

#[test]
fn the_first_change_comes_after_twenty_minutes_and_sooner_with_speed() {
    let first = |wishes: &[f64]| wishes.iter().position(|&w| w > 4.0);
    assert_eq!(first(&wishes(1.0, 1_300)), Some(1_259));
    assert_eq!(first(&wishes(60.0, 60)), Some(20));
}
