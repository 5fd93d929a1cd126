//! The computed cases, and a queue that is too short of pollers.

use super::*;
use crate::testing::{agent, observation};

fn policy(pollers: f64) -> TemporalPoller {
    TemporalPoller {
        pollers,
        ..TemporalPoller::new(Settings::default())
    }
}

#[test]
fn the_gate_is_open_while_tasks_come_faster() {
    // Computed: this and the last period's tasks, and what both clients make of them.
    let cases = [
        (11.0, 10.0, true, true),
        (10.0, 10.0, false, false),
        (9.0, 9.0, true, false),
        (1.0, 1.0, true, false),
        (21.0, 20.0, false, false),
        (22.0, 20.0, true, true),
        (0.0, 0.0, true, true),
    ];
    let core = Settings::default();
    let go = Settings {
        sdk: Sdk::Go,
        ..core
    };
    for (this, last, by_core, by_go) in cases {
        assert_eq!(core.opens_gate(this, last), by_core, "core {this} {last}");
        assert_eq!(go.opens_gate(this, last), by_go, "go {this} {last}");
    }
}

#[test]
fn the_server_hints_at_an_old_backlog_or_a_ratio() {
    // Computed: 0.2 s exactly is no hint, 0.201 s is one; 0/0 is none.
    let queue = |age_ms: Option<u64>, added_per_s, dispatched_per_s| {
        Settings::default().hints_growth(Queue {
            backlog_age: age_ms.map(Duration::from_millis),
            added_per_s,
            dispatched_per_s,
        })
    };
    assert!(!queue(Some(200), 10.0, 10.0));
    assert!(queue(Some(201), 10.0, 10.0));
    assert!(!queue(None, 12.0, 10.0));
    assert!(queue(None, 12.1, 10.0));
    assert!(!queue(None, 0.0, 0.0));
}

/// An interval of one second with these calls started, a worker of ten slots with so many busy.
fn second(at_s: u64, started: u32, busy_s: f64) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at_s));
    seen.agents = vec![agent("a")];
    seen.agents[0].calls.succeeded = started.into();
    seen.flow.started = started.into();
    seen.flow.arrivals = started.into();
    seen.slots.with_call = Duration::from_secs_f64(busy_s);
    seen
}

#[test]
fn polls_that_waited_a_second_leave_one_each() {
    // Five pollers, one task in a second: it waited five seconds, and one poller leaves.
    let mut policy = policy(5.0);
    policy.decide(&second(1, 1, 0.0));
    assert_eq!(policy.pollers, 4.0);
    // Three tasks among ten: three leave, after which seven wait more than two seconds each.
    policy.pollers = 10.0;
    policy.decide(&second(2, 3, 0.0));
    assert_eq!(policy.pollers, 7.0);
    // A task a second for each of four free ones keeps all but the one that waited just as long.
    policy.pollers = 4.0;
    policy.decide(&second(3, 5, 0.0));
    assert_eq!(policy.pollers, 4.0);
}

#[test]
fn idle_polls_end_after_a_minute() {
    let mut policy = policy(5.0);
    let pollers: Vec<f64> = (1..=70)
        .map(|at_s| {
            policy.decide(&second(at_s, 0, 0.0));
            policy.pollers
        })
        .collect();
    assert_eq!(pollers.iter().position(|&p| p == 1.0), Some(60));
}

/// Pollers after each tenth of a second of a backlog, with these tasks in each.
fn backlog(start: f64, tasks: &[u32]) -> Vec<f64> {
    let mut policy = policy(start);
    let mut pollers = Vec::new();
    for (tick, &tasks) in (1..).zip(tasks) {
        let mut seen = second(0, tasks, 1.0);
        seen.at = Time::ZERO + Duration::from_millis(100 * tick);
        seen.interval = Duration::from_millis(100);
        seen.queue.oldest_wait = Some(Duration::from_secs(1));
        seen.agents[0].waiting = 100;
        policy.decide(&seen);
        pollers.push(policy.pollers);
    }
    pollers
}

#[test]
fn a_backlog_adds_a_poller_a_task_as_far_as_the_limiter_lets_it() {
    // The gate is open at first; four tasks would be four, one worker is allowed one in 100 ms.
    assert_eq!(backlog(10.0, &[4]), [11.0]);
    // At up to nine tasks a period it stays open, from ten on it closes.
    assert_eq!(backlog(10.0, &[9, 9, 9, 9]), [11.0, 12.0, 13.0, 14.0]);
    assert_eq!(backlog(10.0, &[20, 20, 20, 20]), [11.0, 12.0, 12.0, 12.0]);
}

#[test]
fn four_known_pollers_are_given_forty_hints_a_second() {
    // Computed.
    let mut policy = policy(20.0);
    let mut seen = second(1, 200, 19.9);
    seen.workers.ready = 4;
    seen.queue.oldest_wait = Some(Duration::from_secs(1));
    seen.agents[0].waiting = 100;
    policy.is_open = true;
    policy.last = 1.0;
    policy.decide(&seen);
    // The gate closes after the second period: 20 tasks follow 20.
    assert!((policy.pollers - 28.0).abs() < 1e-9, "{}", policy.pollers);
}
