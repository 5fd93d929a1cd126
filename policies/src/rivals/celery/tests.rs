//! The computed cases, and what ticks make of them.

use super::*;
use crate::testing::{agent, observation};

/// Processes after looks at these instants (ms), requests and busy processes; at most 10.
fn run(mut policy: Celery, looks: &[(u64, u64, u64)]) -> Vec<u64> {
    let look = |&(ms, requests, busy): &(u64, u64, u64)| {
        let now = Time::ZERO + Duration::from_millis(ms);
        policy.look(now, requests, busy, 10);
        policy.processes
    };
    looks.iter().map(look).collect()
}

fn of(processes: u64, last_up: Option<Time>) -> Celery {
    let settings = Settings {
        min: 1,
        ..Settings::default()
    };
    Celery {
        processes,
        last_up,
        ..Celery::new(settings)
    }
}

#[test]
fn grows_at_once_and_shrinks_thirty_seconds_after_the_last_growth() {
    // Computed.
    let looks = [
        (0, 20, 3),
        (5_000, 4, 4),
        (30_000, 4, 4),
        (30_500, 4, 4),
        (31_000, 2, 2),
        (32_000, 7, 2),
        (60_000, 1, 1),
        (62_500, 1, 1),
    ];
    assert_eq!(run(of(3, None), &looks), [10, 10, 10, 4, 2, 7, 7, 1]);
}

#[test]
fn removes_idle_processes_only() {
    // Computed; the count of busy ones is stale at first.
    let looks = [(100_000, 3, 8), (101_000, 3, 3)];
    assert_eq!(run(of(10, Some(Time::ZERO)), &looks), [8, 3]);
}

#[test]
fn never_shrinks_before_it_has_grown() {
    assert_eq!(run(of(3, None), &[(100_000, 1, 0)]), [3]);
}

#[test]
fn sees_no_further_than_the_prefetch_window() {
    let policy = of(1, None);
    assert_eq!(policy.reserved(40_000, 10, 10), 50);
    let late = Settings {
        acks_late: true,
        ..Settings::default()
    };
    assert_eq!(Celery::new(late).reserved(40_000, 10, 10), 40);
}

#[test]
fn processes_are_slots_and_a_batch_is_one_request() {
    let mut seen = observation(Time::ZERO);
    seen.flow.arrivals = 300;
    seen.agents = vec![agent("one"), agent("rank")];
    seen.agents[0].in_flight = 10;
    seen.agents[1].is_batch = true;
    seen.agents[1].waiting = 41;
    let decision = Celery::new(Settings::default()).decide(&seen);
    assert_eq!(decision.workers, 2.0);
    let early = decision.early_tick.expect("there is room for more");
    assert_eq!(early.arrivals, Some(7));
}
