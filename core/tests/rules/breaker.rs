//! When a breaker opens: quick failures beside successes that take their time, and agents that are dead.

use ebbtide_core::config::BreakerConfig;
use ebbtide_core::message::AgentId;
use ebbtide_core::*;
use ebbtide_policies::observation::BreakerState;

use crate::rig::{Rig, ms, plain};

/// A rig of 100 slots with a breaker, and its agent.
fn wide(breaker: BreakerConfig) -> (Rig, AgentId) {
    let mut rig = Rig::new(BrokerConfig {
        delivery_parallelism: 100,
        breaker: Some(breaker),
        retry_backoff_ms: 30_000,
        call_timeout_ms: 30_000,
        ..plain()
    });
    let echo = rig.agent("echo");
    (rig, echo)
}

fn is_open(rig: &mut Rig) -> bool {
    let open = BreakerState::Open;
    let mut events = rig.events().iter();
    events.any(|event| matches!(event.what, What::Breaker { state, .. } if state == open))
}

/// Takes at each millisecond and fails what `fails` says one later, as long as anything can be taken.
fn run_quick_failures(rig: &mut Rig, from: u64, fails: impl Fn(u32) -> bool) -> Vec<Call> {
    let mut slow = Vec::new();
    for at in from.. {
        let calls = rig.take(at);
        if calls.is_empty() {
            break;
        }
        for call in calls {
            match fails(rig.names(call.lease)[0]) {
                true => rig.fail(at + 1, &call),
                false => slow.push(call),
            }
        }
    }
    slow
}

/// 3 of 10 fail after 1 ms, the others succeed after 500: as the slots filled all failures ended before any
/// success, and the breaker opened on them.
#[test]
fn a_burst_of_starts_is_not_judged_by_its_quick_failures() {
    let share_alone = BreakerConfig {
        failures_in_a_row: 1_000_000,
        ..BreakerConfig::default()
    };
    for breaker in [BreakerConfig::default(), share_alone] {
        let (mut rig, echo) = wide(breaker);
        rig.send_each(0, echo, 0..200);
        let slow = run_quick_failures(&mut rig, 0, |name| name % 10 < 3);
        assert_eq!(slow.len(), 100);
        slow.iter().for_each(|call| rig.deliver(500, call));
        assert!(!is_open(&mut rig), "{breaker:?}");
    }
}

/// Of a burst's successes the first come before the failures do.
#[test]
fn a_few_quick_successes_before_the_failures_of_a_burst_change_nothing() {
    let (mut rig, echo) = wide(BreakerConfig::default());
    rig.send_each(0, echo, 0..100);
    let calls = rig.take(0);
    for (n, call) in calls.iter().enumerate().filter(|(n, _)| n % 10 == 4) {
        rig.deliver(n as u64 / 10 * 5, call);
    }
    for (_, call) in calls.iter().enumerate().filter(|(n, _)| n % 10 < 4) {
        rig.fail(50, call);
    }
    assert!(!is_open(&mut rig));
}

#[test]
fn an_agent_that_fails_all_calls_opens_its_breaker_at_the_tenth_whatever_was_under_way_before() {
    let (mut rig, echo) = wide(BreakerConfig::default());
    rig.send_each(0, echo, 0..50);
    assert_eq!(rig.take(0).len(), 50);
    rig.send_each(1_000, echo, 50..100);
    let dead = rig.take(1_000);
    for (n, call) in dead.iter().enumerate() {
        assert_eq!(is_open(&mut rig), n >= 10, "after {n} failures");
        rig.fail(1_001, call);
    }
}

/// It answered some of what it had until then.
#[test]
fn an_agent_that_hangs_opens_its_breaker_when_its_calls_time_out() {
    let (mut rig, echo) = wide(BreakerConfig::default());
    rig.send_each(0, echo, 0..20);
    let calls = rig.take(0);
    for call in calls.iter().step_by(2) {
        rig.deliver(500, call);
    }
    rig.advance(29_999);
    assert!(!is_open(&mut rig));
    rig.advance(30_000);
    assert!(is_open(&mut rig), "ten have timed out");
}

/// What is under way may be a success for as long as the breaker's window, and no longer.
#[test]
fn an_agent_that_fails_every_other_call_and_hangs_in_the_rest_opens_its_breaker_after_its_window() {
    let (mut rig, echo) = wide(BreakerConfig {
        min_calls: 1_000_000,
        ..BreakerConfig::default()
    });
    rig.send_each(0, echo, 0..60);
    let calls = rig.take(0);
    for (n, call) in calls.iter().enumerate().filter(|(n, _)| n % 2 == 0) {
        rig.fail(200 * n as u64, call);
    }
    assert!(is_open(&mut rig));
    let opened = rig.events().iter().find_map(|event| match event.what {
        What::Breaker { .. } => Some(event.at),
        _ => None,
    });
    assert_eq!(opened, Some(ms(10_000)));
}
