//! Agents that are crowded, that became slow, and both at once.

use super::*;
use crate::observation::CallSample;
use crate::testing::agent;
use crate::units::Duration;

/// Seconds of ten calls each, among `n(second)` others and as many more, of `time_s(n, second)`.
fn after(seconds: u32, n: impl Fn(u32) -> u32, time_s: impl Fn(u32, u32) -> f64) -> Crowding {
    let mut crowding = Crowding::default();
    for second in 0..seconds {
        let mut seen = agent("a");
        seen.samples = (0..10)
            .map(|k| {
                let in_flight = n(second) + k % 3;
                let scatter = [0.7, 1.0, 1.4][(k as usize + second as usize) % 3];
                CallSample {
                    batch: 1,
                    in_flight,
                    time: Duration::from_secs_f64(time_s(in_flight, second) * scatter),
                }
            })
            .collect();
        crowding.observe(1.0, &seen);
    }
    crowding
}

#[test]
fn an_agent_that_works_on_six_calls_is_found_out() {
    let servers = |n: u32, _| 0.2 * f64::from(n.max(6)) / 6.0;
    let slow_down = after(40, |second| 1 + second / 3, servers).slow_down(1e3);
    assert!((4.0..8.0).contains(&slow_down.from), "{slow_down:?}");
    // However many calls are under way, hardly more are done.
    let done = |calls: f64| calls / slow_down.factor(calls);
    assert!(done(30.0) < 1.3 * done(10.0), "{slow_down:?}");
    assert!(done(6.0) > 1.8 * done(3.0), "{slow_down:?}");
}

#[test]
fn calls_that_hinder_each_other_are_told_from_calls_that_take_turns() {
    // Most is done at five and six under way, 22 a second, and no less at four than at eight.
    let hindered = |n: u32, _| {
        let beyond = f64::from(n.saturating_sub(4));
        0.2 * (1.0 + 0.05 * beyond + 0.04 * beyond * (beyond + 1.0))
    };
    let slow_down = after(40, |second| 1 + second / 4, hindered).slow_down(1e3);
    let done = |calls: f64| calls / slow_down.factor(calls);
    assert_eq!(slow_down.power, 2, "{slow_down:?}");
    assert!(done(6.0) > 1.05 * done(4.0), "{slow_down:?}");
    assert!(done(10.0) < 0.85 * done(6.0), "{slow_down:?}");
}

#[test]
fn an_agent_that_does_not_mind_is_left_alone() {
    let steady = after(40, |second| 1 + second / 3, |_, _| 0.2);
    assert_eq!(steady.slow_down(1e3), SlowDown::NONE);
}

#[test]
fn a_slow_spell_that_makes_calls_pile_up_is_no_crowding() {
    let pile = |second: u32| if second < 30 { 2 } else { (second - 28).min(9) };
    let spell = |_, second| if second < 30 { 0.2 } else { 0.5 };
    assert_eq!(after(45, pile, spell).slow_down(1e3), SlowDown::NONE);
}

#[test]
fn what_is_in_doubt_is_settled_by_fewer_calls() {
    // From three calls under way to ten at once, and all of a sudden they take longer.
    let leap = |second: u32| if second < 30 { 3 } else { 10 };
    let crowded = |n: u32, _| if n <= 5 { 0.2 } else { 0.6 };
    let leapt = after(45, leap, crowded);
    assert!(leapt.doubt().is_some() && leapt.slow_down(1e3) == SlowDown::NONE);
    let fewer = |second: u32| if second < 45 { leap(second) } else { 6 };
    let rising = |n: u32, _| 0.2 * f64::from(n.max(5)) / 5.0;
    let found_out = after(52, fewer, rising);
    assert!(found_out.doubt().is_none() && found_out.slow_down(1e3) != SlowDown::NONE);
    let slow = |_, second| if second < 30 { 0.2 } else { 0.6 };
    let few = |second: u32| if second < 45 { leap(second) } else { 3 };
    let cleared = after(52, few, slow);
    assert!(cleared.doubt().is_none() && cleared.slow_down(1e3) == SlowDown::NONE);
}

/// The first of many to end are the short ones: two of them said that calls take longer among few.
#[test]
fn two_short_calls_among_many_say_nothing() {
    let mut crowding = Crowding::default();
    for second in 0..20_u32 {
        let mut seen = agent("a");
        seen.samples = (0..80)
            .map(|k| CallSample {
                batch: 1,
                in_flight: 1 + k % 8,
                time: Duration::from_millis([140, 200, 280][((k / 8 + second) % 3) as usize]),
            })
            .collect();
        if second == 19 {
            let short = CallSample {
                batch: 1,
                in_flight: 20,
                time: Duration::from_millis(5),
            };
            seen.samples.extend([short; 2]);
        }
        crowding.observe(1.0, &seen);
    }
    assert_eq!(crowding.slow_down(1e3), SlowDown::NONE);
    assert_eq!(crowding.doubt(), None);
}

#[test]
fn absurd_samples_stay_finite() {
    let absurd = |n, _| if n % 2 == 0 { 1e15 } else { 0.0 };
    let slow_down = after(9, |second| second * 1_000_000, absurd).slow_down(1e3);
    assert!(slow_down.factor(1e9).is_finite(), "{slow_down:?}");
    assert_eq!(Crowding::default().slow_down(1e3), SlowDown::NONE);
}
