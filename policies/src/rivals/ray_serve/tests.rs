//! The computed cases, and what ticks make of them.

use super::delay::LOOP_S;
use super::*;
use crate::testing::{agent, observation};

/// Seconds (in passes of 0.1 s) until the target changes, and what it changes to.
fn first_change(from: u32, wanted: u32) -> (u32, u32) {
    let (mut delay, settings) = (Delay::default(), Settings::default());
    let mut pass = || delay.passes(LOOP_S, wanted, from, &settings);
    let changed = (1..10_000).map(|k| (k, pass())).find(|&(_, to)| to != from);
    changed.expect("it changes")
}

#[test]
fn the_wish_follows_the_target_and_the_factors() {
    // Computed, target 2.
    let plain = Settings::default();
    assert_eq!(plain.desired(4.0, 20.0, 2.0), 10.0);
    assert_eq!(plain.desired(10.0, 1.0, 2.0), 1.0);
    let down = Settings {
        downscaling_factor: 0.5,
        ..plain
    };
    assert_eq!(down.desired(4.0, 6.0, 2.0), 3.0);
    assert_eq!(down.desired(4.0, 7.0, 2.0), 4.0);
    let up = Settings {
        upscaling_factor: 0.5,
        ..plain
    };
    assert_eq!(up.desired(4.0, 20.0, 2.0), 7.0);
}

#[test]
fn a_wish_must_hold_for_its_delay() {
    // Computed: 30.1 s up, 600.1 s down.
    assert_eq!(first_change(4, 10), (301, 10));
    assert_eq!(first_change(10, 1), (6_001, 1));
}

#[test]
fn a_wish_that_turns_starts_again() {
    let (mut delay, settings) = (Delay::default(), Settings::default());
    assert_eq!(delay.passes(30.0, 10, 4, &settings), 4);
    assert_eq!(delay.passes(0.1, 3, 4, &settings), 4);
    assert_eq!(delay.passes(30.0, 10, 4, &settings), 4);
    assert_eq!(delay.passes(0.1, 10, 4, &settings), 10);
}

#[test]
fn ticks_of_a_second_are_ten_passes() {
    let mut policy = RayServe::new(Settings::default());
    let mut wishes = Vec::new();
    for second in 1..=40 {
        let mut seen = observation(Time::ZERO + Duration::from_secs(second));
        seen.setting.workers = 4;
        seen.workers.ready = 4;
        seen.agents = vec![agent("a")];
        seen.agents[0].waiting = 12;
        seen.agents[0].in_flight = 8;
        wishes.push(policy.decide(&seen).workers);
    }
    assert_eq!(wishes.iter().position(|&w| w == 10.0), Some(30));
}

#[test]
fn the_first_replica_is_started_at_once() {
    let mut seen = observation(Time::ZERO);
    seen.setting.workers = 0;
    seen.workers.ready = 0;
    seen.agents = vec![agent("a")];
    seen.agents[0].waiting = 1;
    assert_eq!(
        RayServe::new(Settings::default()).decide(&seen).workers,
        1.0
    );
}
