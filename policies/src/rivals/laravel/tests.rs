//! The strategy as a whole, on observations.

use super::*;
use crate::testing::{agent, observation};

/// A look at second `second` with this backlog, 20 calls of 1 s ended in it, one slot a worker.
fn seen(second: u64, waiting: u64, oldest_s: u64) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(second));
    seen.interval = Duration::from_secs(5);
    seen.parallelism = 1;
    seen.worker_start = Duration::from_secs(2);
    seen.agents = vec![agent("a")];
    seen.agents[0].waiting = waiting;
    seen.agents[0].calls.succeeded = 20;
    seen.agents[0].calls.time = Duration::from_secs(20);
    seen.queue.oldest_wait = (waiting > 0).then(|| Duration::from_secs(oldest_s));
    seen
}

#[test]
fn a_steady_rate_takes_rate_times_job_time_without_headroom() {
    let mut policy = Laravel::new(Settings::default());
    for look in 1..=20 {
        assert!(policy.decide(&seen(5 * look, 0, 0)).workers <= 4.0);
    }
    assert_eq!(policy.decide(&seen(105, 0, 0)).workers, 4.0);
}

#[test]
fn an_old_backlog_takes_all_there_is() {
    let mut policy = Laravel::new(Settings::default());
    policy.decide(&seen(5, 100, 10));
    let decision = policy.decide(&seen(10, 100, 27));
    assert_eq!(
        (decision.workers, &*decision.reason.code),
        (10.0, "backlog")
    );
}

#[test]
fn two_slots_make_a_worker_twice_as_fast() {
    let mut policy = Laravel::new(Settings::default());
    let mut workers = 0.0;
    for look in 1..=20 {
        let mut seen = seen(5 * look, 0, 0);
        seen.parallelism = 2;
        workers = policy.decide(&seen).workers;
    }
    assert_eq!(workers, 2.0);
}

#[test]
fn between_looks_the_wish_stands() {
    let mut policy = Laravel::new(Settings::default());
    let first = policy.decide(&seen(5, 0, 0)).workers;
    let mut soon = seen(6, 1_000, 40);
    soon.interval = Duration::from_secs(1);
    let decision = policy.decide(&soon);
    assert_eq!(
        (decision.workers, &*decision.reason.code),
        (first, "between-looks")
    );
}
