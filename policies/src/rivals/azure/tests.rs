//! Target-based scaling, and what is learned from intervals.

use super::*;
use crate::observation::{AgentObservation, CallSample};
use crate::testing::{agent, observation};

#[track_caller]
fn check_instances(queue: u64, present: u32, target: u32, expected: u32) {
    let it = Azure::new(Settings::default());
    assert_eq!(it.instances(queue, present, target), expected);
}

#[test]
fn the_queue_over_the_target_by_steps_of_four() {
    check_instances(250, 16, 16, 16);
    check_instances(250, 1, 16, 5);
    check_instances(250, 13, 16, 16);
    check_instances(0, 5, 16, 0);
    check_instances(u64::MAX, u32::MAX, 1, u32::MAX);
}

/// A second in which `ready` workers of four slots had `calls` calls each.
fn second(at: u64, ready: u32, calls: u32) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at));
    (seen.parallelism, seen.setting.workers, seen.workers.ready) = (4, ready, ready);
    let share = |slots: u32| Duration::from_secs(u64::from(slots * ready));
    seen.slots.with_call = share(calls);
    seen.slots.idle = share(4 - calls);
    let sample = CallSample {
        batch: 1,
        in_flight: calls * ready,
        time: Duration::from_millis(100),
    };
    let mut it = AgentObservation {
        in_flight: calls * ready,
        samples: vec![sample],
        ..agent("a")
    };
    it.calls.succeeded = 100;
    it.calls.time = Duration::from_secs(10);
    seen.agents = vec![it];
    seen
}

#[test]
fn learns_the_calls_at_which_an_instance_stays_healthy() {
    let mut it = Azure::new(Settings::default());
    let mut learned = |seconds: std::ops::Range<u64>, calls| {
        for at in seconds {
            it.decide(&second(at, 2, calls));
        }
        it.learned.current()
    };
    assert_eq!(learned(1..9, 3), 1, "five readings and five checks first");
    assert_eq!(
        learned(9..60, 3),
        4,
        "three of four calls are used, 75 % are healthy"
    );
    assert_eq!(learned(60..80, 4), 1, "all four are not");
}

#[test]
fn looks_at_the_queue_every_ten_seconds() {
    let mut it = Azure::new(Settings::default());
    let wishes: Vec<_> = (1..=21)
        .map(|at| {
            let mut seen = second(at, 1, 0);
            seen.agents[0].waiting = 3 * (at / 5);
            it.decide(&seen).workers
        })
        .collect();
    // Nothing at 1 s, six at 11 s, twelve (held to four more) at 21 s.
    assert_eq!(
        (wishes[0], wishes[9], wishes[10], wishes[20]),
        (1.0, 1.0, 5.0, 5.0)
    );
}

#[test]
fn a_configured_concurrency_is_taken_at_its_word() {
    let settings = Settings {
        concurrency: Some(16),
        ..Settings::default()
    };
    let mut it = Azure::new(settings);
    let mut seen = second(1, 1, 0);
    seen.agents[0].waiting = 40;
    assert_eq!(it.decide(&seen).workers, 3.0);
}
