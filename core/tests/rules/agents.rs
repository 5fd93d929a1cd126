//! What protects an agent: breaker, bulkhead, limits, rates, pauses.

use ebbtide_core::config::BreakerConfig;
use ebbtide_core::message::DeadReason;
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::*;
use ebbtide_policies::units::Rate;

use crate::rig::{Rig, ms, plain};

fn with_breaker(fail_fast: bool) -> BrokerConfig {
    let breaker = BreakerConfig {
        failures_in_a_row: 2,
        open_ms: 100,
        fail_fast,
        ..BreakerConfig::default()
    };
    BrokerConfig {
        breaker: Some(breaker),
        retry_backoff_ms: 10,
        ..plain()
    }
}

fn rate(per_s: f64, burst: u32) -> Option<RateLimit> {
    let rate = Rate::per_second(per_s).expect("a rate");
    Some(RateLimit { rate, burst })
}

/// Whether a breaker has done anything so far.
fn has_tripped(rig: &mut Rig) -> bool {
    let mut events = rig.events().iter();
    events.any(|event| matches!(event.what, What::Breaker { .. }))
}

#[test]
fn a_breaker_opens_probes_singly_spends_no_attempt_and_recovers() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    let messages: Vec<_> = (0..8).map(|n| rig.send(0, echo, n)).collect();
    let calls = rig.take(0);
    calls.iter().for_each(|call| rig.fail(1, call));
    assert!(rig.taken(99).is_empty(), "open until 101");
    let probe = rig.take(101);
    assert_eq!(probe.len(), 1, "half-open: one at a time");
    assert_eq!(rig.names(probe[0].lease), [2], "the first due");
    rig.fail(102, &probe[0]);
    assert_eq!(
        rig.state.attempts(messages[2]),
        Some(0),
        "a failed probe spends none"
    );
    assert!(rig.taken(201).is_empty(), "open until 202");
    for at in 202..205 {
        let probe = rig.take(at);
        assert_eq!(probe.len(), 1);
        rig.deliver(at, &probe[0]);
    }
    let recovering = rig.take(205);
    assert_eq!(recovering.len(), 1, "recovering from a limit of 1");
    rig.deliver(206, &recovering[0]);
    let still = rig.take(206);
    assert_eq!(still.len(), 1, "half an open time is a step, from 204 on");
    rig.deliver(254, &still[0]);
    assert_eq!(rig.take(254).len(), 2, "2 no longer binds two slots");
}

/// It used to go back to its place: a message that always fails was then every probe there was,
/// and nothing else reached its agent again.
#[test]
fn a_message_that_fails_as_a_probe_goes_to_the_tail() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..4);
    let calls = rig.take(0);
    calls.iter().for_each(|call| rig.fail(1, call));
    let probe = rig.take(101);
    assert_eq!(rig.names(probe[0].lease), [2]);
    rig.fail(102, &probe[0]);
    for (at, name) in [(202, 3), (203, 0), (204, 1), (205, 2)] {
        let probe = rig.take(at);
        assert_eq!(rig.names(probe[0].lease), [name], "2 is due since 102");
        rig.deliver(at, &probe[0]);
    }
}

/// Every such call used to count as its agent's failure: behind a backlog about to expire a healthy
/// agent's breaker opened, and each probe opened it again.
#[test]
fn a_deadline_that_a_call_began_too_late_for_says_nothing_of_its_agent() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    for name in 0..6 {
        rig.send_with(0, echo, name, |it| it.deadline = Some(ms(100)));
    }
    assert_eq!(rig.taken(51).len(), 2, "49 ms are left after 51");
    assert!(rig.take(100).is_empty(), "all are expired");
    rig.send(101, echo, 9);
    assert_eq!(rig.taken(101), [[9]], "the breaker is closed");
}

#[test]
fn an_agent_that_hangs_until_short_deadlines_opens_its_breaker() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    for name in 0..2 {
        rig.send_with(0, echo, name, |it| it.deadline = Some(ms(100)));
    }
    assert_eq!(
        rig.taken(50).len(),
        2,
        "as much time is left as they waited"
    );
    rig.send(99, echo, 9);
    assert!(rig.taken(199).is_empty(), "open until 200");
    assert_eq!(rig.taken(200), [[9]]);
}

/// The oldest was probed with, whatever time it had left; each probe expired, and nothing that had
/// time reached the agent.
#[test]
fn until_a_breaker_is_closed_what_has_most_time_left_goes_before_what_is_late() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..2);
    rig.take(0).iter().for_each(|call| rig.fail(1, call));
    for (at, name) in [(2, 2), (3, 3), (90, 4), (91, 5)] {
        rig.send_with(at, echo, name, |it| {
            it.deadline = Some(ms(at + 110));
            it.ordering_key = Some(u64::from(name).max(4));
            it.lane = Lane::High;
        });
    }
    // 0 and 1, due at 11, have no deadline; those in the high lane do. 5 waits for nobody.
    let probe = rig.take(101);
    assert_eq!(rig.names(probe[0].lease), [5], "2 has 11 ms left");
    assert!(rig.take(101).is_empty(), "one at a time");
    rig.deliver(102, &probe[0]);
    let probe = rig.take(102);
    assert_eq!(
        rig.names(probe[0].lease),
        [2],
        "3 and 4 stand behind its key"
    );
}

#[test]
fn a_breaker_that_fails_fast_kills_what_waits_what_comes_and_what_comes_back() {
    let mut rig = Rig::new(with_breaker(true));
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..4);
    let calls = rig.take(0);
    calls.iter().for_each(|call| rig.fail(1, call));
    rig.send(2, echo, 4);
    rig.send_with(101, echo, 5, |_| {});
    let dead = Outcome::DeadLettered(DeadReason::BreakerOpen);
    let waiting = [(2, dead, 1), (3, dead, 1)];
    let retried_and_new = [(4, dead, 2), (0, dead, 11), (1, dead, 11)];
    let probe = rig.take(101);
    assert_eq!(
        rig.names(probe[0].lease),
        [5],
        "it ended at 101, before that instant's arrivals"
    );
    rig.fail(102, &probe[0]);
    let mut expected = waiting.to_vec();
    expected.extend(retried_and_new);
    expected.push((5, dead, 102));
    let mut outcomes = rig.outcomes();
    outcomes.sort_by_key(|&(name, _, at)| (at, name));
    expected.sort_by_key(|&(name, _, at)| (at, name));
    assert_eq!(outcomes, expected);
}

#[test]
fn a_bulkhead_guards_the_others_and_only_them() {
    let config = BrokerConfig {
        bulkhead: Some(0.9),
        delivery_parallelism: 10,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let (slow, fast) = (rig.agent("slow"), rig.agent("fast"));
    rig.send_each(0, slow, 0..20);
    assert_eq!(rig.take(0).len(), 9, "nine of ten slots");
    rig.send(1, fast, 99);
    assert_eq!(rig.taken(1), [[99]]);
    assert!(rig.state.remove_agent(ms(2), fast));
    assert!(rig.take(2).is_empty(), "the tenth slot is taken");
}

#[test]
fn a_share_that_is_a_whole_number_of_slots_is_not_rounded_down() {
    let config = BrokerConfig {
        bulkhead: Some(0.29),
        delivery_parallelism: 100,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let (slow, _) = (rig.agent("slow"), rig.agent("fast"));
    rig.send_each(0, slow, 0..50);
    assert_eq!(rig.take(0).len(), 29);
}

#[test]
fn replicas_share_the_calls_fewest_first() {
    let mut rig = Rig::new(BrokerConfig {
        delivery_parallelism: 10,
        ..plain()
    });
    let agent = AgentConfig {
        replicas: 2,
        in_flight_limit: Some(2),
        ..AgentConfig::new("twins")
    };
    let twins = rig.add(agent);
    rig.send_each(0, twins, 0..9);
    let calls = rig.take(0);
    let replicas: Vec<u32> = calls.iter().map(|call| call.replica).collect();
    assert_eq!(replicas, [0, 1, 0, 1], "two each");
    rig.deliver(1, &calls[3]);
    assert_eq!(rig.take(1)[0].replica, 1);
}

#[test]
fn call_tokens_come_back_at_their_rate() {
    let mut rig = Rig::new(plain());
    let agent = AgentConfig {
        call_rate: rate(10.0, 1),
        ..AgentConfig::new("limited")
    };
    let limited = rig.add(agent);
    rig.send_each(0, limited, 0..2);
    assert_eq!(rig.taken(0), [[0]]);
    assert_eq!(rig.state.next_wake().map(|(at, _)| at), Some(ms(100)));
    assert!(rig.take(99).is_empty());
    assert_eq!(rig.taken(100), [[1]]);
}

#[test]
fn a_message_dearer_than_the_bucket_goes_when_it_is_full_and_leaves_a_debt() {
    let mut rig = Rig::new(plain());
    let agent = AgentConfig {
        unit_rate: rate(100.0, 10),
        ..AgentConfig::new("limited")
    };
    let limited = rig.add(agent);
    rig.send_with(0, limited, 0, |it| it.units = 1);
    rig.send_with(0, limited, 1, |it| it.units = 30);
    rig.send_with(0, limited, 2, |it| it.units = 1);
    assert_eq!(rig.taken(0), [[0]], "9 left: not full");
    let dear = rig.take(10);
    assert_eq!(
        rig.names(dear[0].lease),
        [1],
        "full again, and in debt by 20"
    );
    rig.deliver(11, &dear[0]);
    assert!(rig.take(219).is_empty());
    assert_eq!(rig.taken(220), [[2]], "20 units of debt and one of its own");
}

/// The wake-up was that of the dear message, long after the cheap one had come to the front.
#[test]
fn a_cheap_message_goes_as_soon_as_it_is_overdue() {
    let mut waits = [None; 5];
    waits[Lane::Bulk.index()] = Some(200);
    let mut rig = Rig::new(BrokerConfig {
        lane_max_wait_ms: waits,
        ..plain()
    });
    let limited = rig.add(AgentConfig {
        unit_rate: rate(10.0, 10),
        ..AgentConfig::new("limited")
    });
    rig.send_with(0, limited, 0, |it| {
        it.units = 10;
        it.lane = Lane::High;
    });
    assert_eq!(rig.taken(0), [[0]], "the bucket is empty");
    rig.send_with(0, limited, 1, |it| it.units = 10);
    rig.send_with(0, limited, 2, |it| {
        it.units = 1;
        it.lane = Lane::Bulk;
    });
    let overdue = ms(200) + Duration::from_nanos(1);
    assert_eq!(rig.state.next_wake(), Some((overdue, Wake::Take)));
    let mut calls = Vec::new();
    rig.state.take(overdue, message::WorkerId(0), 1, &mut calls);
    assert_eq!(rig.names(calls[0].lease), [2]);
}

#[test]
fn a_batch_fills_as_far_as_the_units_reach() {
    let mut rig = Rig::new(BrokerConfig {
        batch_size: 5,
        batch_timeout_ms: 0,
        ..plain()
    });
    let config = AgentConfig {
        batch: true,
        unit_rate: rate(100.0, 10),
        ..AgentConfig::new("batch")
    };
    let batch = rig.add(config);
    for n in 0..4 {
        rig.send_with(0, batch, n, |it| it.units = 4);
    }
    assert_eq!(rig.taken(0), [vec![0, 1]], "8 of 10 units; 2 are left");
    assert_eq!(rig.state.next_wake().map(|(at, _)| at), Some(ms(20)));
    assert_eq!(rig.taken(20), [[2]]);
}

#[test]
fn too_many_requests_keeps_the_place_and_pauses_the_whole_agent() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..3);
    let calls = rig.take(0);
    rig.settle(
        5,
        &calls[0],
        Verdict::RateLimited(Some(Duration::from_millis(20))),
    );
    rig.deliver(6, &calls[1]);
    assert!(rig.take(24).is_empty(), "paused until 25");
    assert_eq!(rig.taken(25), [[0], [2]], "the first due goes first");
}

#[test]
fn a_pause_holds_until_it_ends_or_is_ended() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    rig.state.pause_agent(ms(0), echo, Time::MAX);
    rig.send(0, echo, 0);
    assert!(rig.take(50).is_empty());
    rig.state.resume_agent(ms(60), echo);
    assert_eq!(rig.taken(60), [[0]]);
    rig.state.pause_agent(ms(61), echo, ms(80));
    rig.state.pause_agent(ms(62), echo, ms(70));
    rig.send(63, echo, 1);
    assert!(rig.take(79).is_empty(), "the longer pause stands");
    assert_eq!(rig.taken(80), [[1]]);
}

#[test]
fn a_removed_agent_is_not_called_again() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..3);
    let calls = rig.take(0);
    assert!(rig.state.remove_agent(ms(1), echo));
    rig.deliver(2, &calls[0]);
    rig.fail(3, &calls[1]);
    let dead = Outcome::DeadLettered(DeadReason::AgentRemoved);
    assert_eq!(
        rig.outcomes(),
        [(2, dead, 1), (0, Outcome::Delivered, 2), (1, dead, 3)]
    );
    assert_eq!(
        rig.try_send(4, echo, 4, |_| {}),
        Err(Refusal::UnknownAgent(echo))
    );
}

/// Each call behind a backlog begins late, so nothing speaks against an agent that answers nothing.
#[test]
fn an_agent_that_hangs_behind_a_backlog_opens_its_breaker() {
    let config = BrokerConfig {
        breaker: Some(BreakerConfig::default()),
        call_timeout_ms: 30_000,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let echo = rig.agent("echo");
    let opened = (0..3_600_u64).find(|second| {
        let at = second * 1_000;
        rig.send_with(at, echo, *second as u32, |it| {
            it.deadline = Some(ms(at + 10_000));
        });
        rig.take(at);
        has_tripped(&mut rig)
    });
    assert!(
        opened.is_some(),
        "an hour of calls, none of which ended, and its breaker is closed"
    );
}

/// What has most time left stands behind its key: no call could begin in time.
#[test]
fn an_agent_that_hangs_behind_few_ordering_keys_opens_its_breaker() {
    for keys in [1, 2, 4] {
        let breaker = Some(BreakerConfig::default());
        let mut rig = Rig::new(BrokerConfig { breaker, ..plain() });
        let echo = rig.agent("echo");
        let opened = (0..100 * 16).find(|&n| {
            let at = n * 1_000 / 16;
            rig.send_with(at, echo, n as u32, |it| {
                it.deadline = Some(ms(at + 1_000));
                it.ordering_key = Some(n % keys);
            });
            rig.take(at);
            has_tripped(&mut rig)
        });
        assert!(opened.is_some(), "{keys} keys: closed after 100 s");
    }
}

/// All at once they are a run of late calls, of which each had only the one to go with that was next.
#[test]
fn late_calls_that_began_in_order_are_nothing_against_an_agent_with_ordering_keys() {
    let mut rig = Rig::new(BrokerConfig {
        delivery_parallelism: 4,
        ..with_breaker(false)
    });
    let echo = rig.agent("echo");
    let deadline = |it: &mut Submission<u32>| it.deadline = Some(ms(100));
    for name in 0..4 {
        rig.send_with(0, echo, name, deadline);
    }
    assert_eq!(rig.take(60).len(), 4);
    for (name, key) in [(4, 7), (5, 7), (6, 7)] {
        rig.send_with(90, echo, name, |it| {
            (it.deadline, it.ordering_key) = (Some(ms(150 + u64::from(name))), Some(key));
        });
    }
    rig.advance(100);
    assert!(
        !has_tripped(&mut rig),
        "four ends, of which two would open it"
    );
}

/// Seen from a breaker that nothing but a share of failures should open.
#[test]
fn the_fewest_calls_that_open_a_breaker_are_a_late_run_too() {
    let breaker = Some(BreakerConfig {
        failures_in_a_row: 1_000_000,
        min_calls: 4,
        window_ms: 60_000,
        ..BreakerConfig::default()
    });
    let mut rig = Rig::new(BrokerConfig { breaker, ..plain() });
    let echo = rig.agent("echo");
    let opened = (0..3_600_u64).find(|second| {
        let at = second * 1_000;
        rig.send_with(at, echo, *second as u32, |it| {
            it.deadline = Some(ms(at + 10_000));
        });
        rig.take(at);
        has_tripped(&mut rig)
    });
    assert!(opened.is_some(), "an hour of calls, none of which ended");
}

#[test]
fn after_a_run_of_late_calls_what_has_most_time_left_goes_first_until_something_is_delivered() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    for name in 0..2 {
        rig.send_with(0, echo, name, |it| it.deadline = Some(ms(100)));
    }
    assert_eq!(rig.take(51).len(), 2, "49 ms are left after 51");
    for (sent, name, deadline) in [(60, 2, 130), (60, 3, 130), (90, 4, 190), (91, 5, 191)] {
        rig.send_with(sent, echo, name, |it| it.deadline = Some(ms(deadline)));
    }
    let calls = rig.take(100);
    let names: Vec<_> = calls.iter().map(|call| rig.names(call.lease)).collect();
    assert_eq!(
        names,
        [[5], [4]],
        "2 and 3 waited for 40 ms and have 30 left"
    );
    rig.deliver(101, &calls[0]);
    assert_eq!(rig.taken(101), [[2]], "it is well");
}

/// What is taken instead of the first has less time left than it.
#[test]
fn until_a_breaker_is_closed_nothing_with_less_time_left_goes_first() {
    let mut rig = Rig::new(with_breaker(false));
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..2);
    let calls = rig.take(0);
    rig.send_with(0, echo, 2, |it| it.deadline = Some(ms(190)));
    calls.iter().for_each(|call| rig.fail(1, call));
    for n in 3..80 {
        rig.send_with(90, echo, n, |it| it.deadline = Some(ms(120)));
    }
    let probe = rig.take(101);
    assert_eq!(
        rig.names(probe[0].lease),
        [2],
        "it has 89 ms left, the others 19"
    );
}
