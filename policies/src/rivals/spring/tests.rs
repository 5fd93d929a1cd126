//! The computed cases, on exact cycles and as ticks show them.

use super::container::Change;
use super::*;
use crate::testing::{agent, observation};

fn at_ms(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn container(consumers: u32) -> Container {
    let mut container = Container::new(Settings::default());
    container.bounds = (1, 10);
    for _ in 0..consumers {
        container.start(Time::ZERO);
    }
    container
}

/// Seconds of the starts if every consumer always has a message that takes `cycle_ms`.
fn starts(cycle_ms: u64, until_ms: u64) -> Vec<f64> {
    let mut container = container(1);
    let mut starts = Vec::new();
    for ms in (cycle_ms..=until_ms).step_by(cycle_ms as usize) {
        for index in 0..container.consumers.len() {
            if container.after_cycle(index, true, at_ms(ms)) == Change::Started {
                starts.push(ms as f64 / 1e3);
            }
        }
    }
    starts
}

#[test]
fn grows_by_one_in_ten_seconds_at_the_twelfth_busy_cycle() {
    // Computed: 1.2, 12.0, 22.8, … 87.6 with messages of 0.1 s; 12, 24, … 108 with calls of 1 s.
    let expected: Vec<f64> = (0..9).map(|k| (12 + 108 * k) as f64 / 10.0).collect();
    assert_eq!(starts(100, 200_000), expected);
    let expected: Vec<f64> = (1..=9).map(|k| f64::from(12 * k)).collect();
    assert_eq!(starts(1_000, 200_000), expected);
}

#[test]
fn stops_one_in_seventy_two_seconds_when_all_are_idle() {
    // Computed: 12, 84, … 588.
    let mut container = container(10);
    let mut stops = Vec::new();
    for second in 1..=700 {
        let before = container.consumers.len();
        container.settle(at_ms(1_000 * second));
        stops.extend((container.consumers.len() < before).then_some(second));
    }
    let expected: Vec<u64> = (0..9).map(|k| 12 + 72 * k).collect();
    assert_eq!(stops, expected);
}

/// Consumers after each second with this many calls in flight and started in each.
fn run(
    seconds: usize,
    start: u32,
    in_flight: impl Fn(u32) -> u32,
    rate: impl Fn(u32) -> u64,
) -> Vec<u32> {
    let mut policy = Spring::new(Settings::default());
    let (mut workers, mut counts) = (start, Vec::new());
    for second in 1..=seconds {
        let mut seen = observation(at_ms(1_000 * second as u64));
        seen.parallelism = 1;
        seen.setting.workers = workers;
        seen.agents = vec![agent("a")];
        seen.agents[0].in_flight = in_flight(workers);
        seen.agents[0].calls.succeeded = rate(workers);
        workers = policy.decide(&seen).workers as u32;
        counts.push(workers);
    }
    counts
}

#[test]
fn ticks_show_the_same_growth() {
    let counts = run(100, 1, |workers| workers, |workers| 10 * u64::from(workers));
    let first = |count| {
        counts
            .iter()
            .position(|&c| c >= count)
            .map(|index| index + 1)
    };
    assert_eq!(first(2), Some(2));
    let third = first(3).expect("it grows");
    assert!((12..=14).contains(&third), "{third}");
    let tenth = first(10).expect("it grows");
    assert!((85..=100).contains(&tenth), "{tenth}");
}

#[test]
fn light_traffic_handed_round_keeps_every_consumer() {
    // Computed: below 0.83 a second a consumer's gap reaches twelve seconds. One a second: none stops.
    assert_eq!(run(600, 10, |_| 0, |_| 1).last(), Some(&10));
    let idle = run(600, 10, |_| 0, |_| 0);
    assert_eq!(idle.last(), Some(&1));
}
