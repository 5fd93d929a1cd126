//! What is believed after some intervals.

use super::*;
use crate::testing::{agent, observation};
use crate::units::{Duration, Time};

/// `seconds` intervals in which one agent showed `part`.
fn believe(seconds: u64, part: impl Fn(&mut AgentObservation)) -> (Beliefs, Observation) {
    let mut beliefs = Beliefs::default();
    let mut seen = observation(Time::ZERO);
    for second in 1..=seconds {
        seen = observation(Time::ZERO + Duration::from_secs(second));
        seen.agents = vec![agent("a")];
        part(&mut seen.agents[0]);
        seen.flow.arrivals = seen.agents[0].arrivals;
        let calls = seen.agents[0].in_flight;
        seen.slots.with_call = Duration::from_secs(u64::from(calls));
        beliefs.observe(&seen, None, ahead(0.0));
    }
    (beliefs, seen)
}

fn ahead(until: f64) -> Ahead {
    Ahead {
        from: 0.0,
        until,
        season_errors: 1.0,
    }
}

#[test]
fn retries_are_no_demand() {
    let (beliefs, _) = believe(30, |agent| {
        agent.arrivals = 10;
        agent.retries = 500;
    });
    assert!((beliefs.rate() - 10.0).abs() < 0.1);
}

#[test]
fn what_was_refused_is_demand() {
    let mut beliefs = Beliefs::default();
    let mut seen = observation(Time::ZERO);
    seen.agents = vec![agent("a")];
    seen.agents[0].arrivals = 100;
    seen.flow.arrivals = 100;
    seen.flow.refused = 300;
    beliefs.observe(&seen, None, ahead(0.0));
    assert!((beliefs.rate() - 400.0).abs() < 0.1);
}

#[test]
fn a_full_queue_hides_demand() {
    let mut beliefs = Beliefs::default();
    let mut seen = observation(Time::ZERO);
    seen.agents = vec![agent("a")];
    (seen.agents[0].arrivals, seen.flow.arrivals) = (100, 100);
    (seen.queue.max_size, seen.queue.waiting) = (50, 50);
    beliefs.observe(&seen, None, ahead(0.0));
    assert!((beliefs.rate() - 200.0).abs() < 0.1);
}

#[test]
fn an_agent_that_is_out_has_nothing_that_waits_for_slots() {
    for breaker in [
        BreakerState::Closed,
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::Recovering,
    ] {
        let (beliefs, seen) = believe(5, |agent| {
            agent.arrivals = 10;
            agent.waiting = 40;
            agent.breaker = breaker;
        });
        let loads = beliefs.loads(&seen, ahead(0.0));
        let waiting: f64 = loads.iter().map(|load| load.waiting).sum();
        let flows = matches!(breaker, BreakerState::Closed | BreakerState::Recovering);
        assert_eq!(waiting > 0.0, flows);
    }
}

#[test]
fn a_silent_agent_takes_at_least_as_long_as_its_silence() {
    let (beliefs, seen) = believe(7, |agent| {
        agent.arrivals = 10;
        agent.in_flight = 100;
    });
    let line = beliefs.loads(&seen, ahead(0.0))[0].line;
    assert_eq!(line.time_s(1.0), 7.0);
}

#[test]
fn no_workers_wait_for_an_agent_that_never_was_well() {
    // A minute out, after a first second with so many calls that ended well.
    let loads = |succeeded: u64| {
        let (mut beliefs, mut seen) = believe(1, |agent| {
            agent.calls.succeeded = succeeded;
            agent.calls.messages = succeeded;
            agent.calls.time = Duration::from_millis(100 * succeeded);
        });
        seen.agents = vec![agent("a")];
        seen.agents[0].breaker = BreakerState::Open;
        seen.agents[0].arrivals = 10;
        for second in 2..=60 {
            seen.at = Time::ZERO + Duration::from_secs(second);
            seen.agents[0].waiting = 10 * second;
            beliefs.observe(&seen, None, ahead(0.0));
        }
        beliefs.loads(&seen, ahead(0.0)).len()
    };
    assert_eq!((loads(0), loads(10)), (0, 1));
}

/// Where no call was under way at its end an interval had had no slot-time.
#[test]
fn slot_time_counts_although_no_call_is_under_way_at_the_end() {
    let mut beliefs = Beliefs::default();
    let mut seen = observation(Time::ZERO);
    for second in 1..=30 {
        seen = observation(Time::ZERO + Duration::from_secs(second));
        let mut short = agent("a");
        short.arrivals = 100;
        short.calls.succeeded = 100;
        short.calls.messages = 100;
        short.calls.time = Duration::from_secs(10);
        seen.agents = vec![short];
        seen.flow.arrivals = 100;
        seen.slots.with_call = Duration::from_secs(10);
        beliefs.observe(&seen, None, ahead(0.0));
    }
    let line = beliefs.loads(&seen, ahead(0.0))[0].line;
    assert!((line.time_s(1.0) - 0.1).abs() < 1e-9, "{line:?}");
}

#[test]
fn refusals_show_a_rate_limit_that_nobody_declared() {
    let (beliefs, seen) = believe(20, |agent| {
        agent.arrivals = 50;
        agent.delivered = 20;
        agent.calls.succeeded = 20;
        agent.calls.rate_limited = 30;
    });
    let load = &beliefs.loads(&seen, ahead(0.0))[0];
    assert!((load.messages_per_s - 20.0).abs() < 0.1);
    assert!(load.is_beyond_help(1.0));
}

#[test]
fn an_agent_that_refuses_takes_what_its_rate_lets_through_while_it_pauses() {
    let (beliefs, seen) = believe(20, |agent| {
        agent.arrivals = 30;
        agent.delivered = 20;
        agent.calls.succeeded = 20;
        agent.calls.rate_limited = 5;
        agent.waiting = 90;
        agent.paused = true;
    });
    let load = &beliefs.loads(&seen, ahead(2.0))[0];
    assert!((load.waiting - 40.0).abs() < 0.1, "{}", load.waiting);
}

/// A minute of calls of 0.2 s in which 40 messages came a second, 30 of them to stand behind one of `keys` keys.
fn contended(keys: u64, startable: u64) -> (f64, f64) {
    let (beliefs, seen) = believe(60, |agent| {
        (agent.arrivals, agent.came_behind) = (40, 30);
        (agent.contended_keys, agent.behind) = (keys, 10_000);
        agent.waiting = agent.behind + startable;
        agent.in_flight = 3;
        (agent.calls.succeeded, agent.calls.messages) = (15, 15);
        agent.calls.time = Duration::from_secs(3);
    });
    let load = &beliefs.loads(&seen, ahead(2.0))[0];
    (load.rate, load.waiting)
}

#[test]
fn what_stands_behind_its_key_is_work_as_far_as_the_key_lets_it_through() {
    let near = |found: f64, expected: f64| (found - expected).abs() < 0.01 * expected + 1e-9;
    // One hot key lets five through a second; three would fifteen, if their holders need not wait for slots.
    let ((rate, waiting), (of_three, _)) = (contended(1, 0), contended(3, 0));
    assert!(
        near(rate, 15.0) && near(of_three, 25.0),
        "{rate} {of_three}"
    );
    assert_eq!(waiting, 0.0, "slots are free for all that may start");
    // Ten keys would let a hundred through until workers could help; nine tenths of their time is a wait for slots.
    let (rate, waiting) = contended(10, 27);
    assert!(
        near(rate, 40.0) && near(waiting, 27.0 + 90.0),
        "{rate} {waiting}"
    );
}

#[test]
fn room_taken_by_what_stands_behind_its_key_hides_no_demand() {
    let mut beliefs = Beliefs::default();
    let mut seen = observation(Time::ZERO);
    seen.agents = vec![agent("a")];
    (seen.agents[0].arrivals, seen.flow.arrivals) = (100, 100);
    (seen.queue.max_size, seen.queue.waiting) = (50, 50);
    (seen.agents[0].behind, seen.flow.refused) = (50, 400);
    beliefs.observe(&seen, None, ahead(0.0));
    assert!((beliefs.rate() - 100.0).abs() < 0.1);
}

/// Nought times whatever is nought.
#[test]
fn an_agent_that_refused_everything_at_first_is_tried_again() {
    let (mut beliefs, mut seen) = believe(1, |agent| {
        agent.arrivals = 20;
        agent.calls.rate_limited = 5;
    });
    for second in 2..=600 {
        seen.at = Time::ZERO + Duration::from_secs(second);
        seen.agents = vec![agent("a")];
        seen.agents[0].arrivals = 20;
        seen.agents[0].delivered = 20;
        seen.agents[0].calls.succeeded = 20;
        seen.agents[0].calls.messages = 20;
        beliefs.observe(&seen, None, ahead(0.0));
    }
    let load = &beliefs.loads(&seen, ahead(2.0))[0];
    assert!(
        load.messages_per_s >= 20.0,
        "{} a second, after ten minutes",
        load.messages_per_s
    );
}

#[test]
fn beliefs_follow_their_agent_when_others_come_and_go() {
    let mut beliefs = Beliefs::default();
    let mut seen = observation(Time::ZERO);
    seen.agents = vec![agent("a"), agent("b"), agent("c")];
    for (agent, arrivals) in seen.agents.iter_mut().zip([1, 20, 300]) {
        agent.arrivals = arrivals;
    }
    beliefs.observe(&seen, None, ahead(0.0));
    seen.agents.remove(0);
    seen.agents.push(agent("d"));
    beliefs.observe(&seen, None, ahead(0.0));
    let rates: Vec<f64> = (beliefs.loads(&seen, ahead(0.0)).iter())
        .map(|l| l.rate)
        .collect();
    assert_eq!(rates.len(), 2);
    assert!(
        (rates[0] - 20.0).abs() < 0.1 && (rates[1] - 300.0).abs() < 0.1,
        "{rates:?}"
    );
}
