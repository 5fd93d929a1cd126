//! What ticks see of messages that wait for their key, for an agent that is out, or for batch-mates.

use ebbtide_core::config::BreakerConfig;
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::*;
use ebbtide_policies::units::Rate;

use crate::rig::{Rig, ms, plain, seen};

#[test]
fn what_stands_behind_an_ordering_key_counts_towards_the_oldest_wait() {
    let mut rig = Rig::new(BrokerConfig {
        control_interval_ms: 100,
        ..plain()
    });
    let echo = rig.agent("echo");
    for n in 0..2 {
        rig.send_with(10 + u64::from(n), echo, n, |it| it.ordering_key = Some(7));
    }
    assert_eq!(rig.taken(20), [[0]]);
    rig.advance(100);
    let record = rig.decisions().pop().expect("one tick");
    assert_eq!(
        seen(&record).queue.oldest_wait,
        Some(Duration::from_millis(89))
    );
}

#[test]
fn slots_are_free_although_messages_wait_for_their_key() {
    let mut rig = Rig::new(BrokerConfig {
        control_interval_ms: 100,
        ..plain()
    });
    let echo = rig.agent("echo");
    let key = |it: &mut Submission<u32>| it.ordering_key = Some(7);
    for n in 0..2 {
        rig.send_with(10, echo, n, key);
    }
    let last = rig.send_with(20, echo, 2, key);
    let calls = rig.take(20);
    rig.deliver(50, &calls[0]);
    assert_eq!(rig.taken(60), [[1]]);
    assert!(rig.state.cancel(ms(70), last));
    rig.advance(100);
    let record = rig.decisions().pop().expect("one tick");
    let it = seen(&record);
    // One of the free slots from 10 to 50, when two stand behind in the end, and from 50 to 70.
    let key = it.slots.blocked.key;
    assert_eq!(key, Duration::from_millis(10 + 30 + 10 + 10));
    let agent = &it.agents[0];
    let now = (agent.behind, agent.contended_keys);
    assert_eq!((now, agent.came_behind, agent.moved_up), ((0, 0), 2, 1));
}

/// A key's messages would be passed over one after another: none of them waits for its turn.
#[test]
fn what_stands_behind_its_key_at_a_paused_agent_or_an_open_breaker_waits_for_the_agent() {
    let mut rig = Rig::new(BrokerConfig {
        control_interval_ms: 100,
        delivery_parallelism: 10,
        breaker: Some(BreakerConfig {
            failures_in_a_row: 1,
            ..BreakerConfig::default()
        }),
        ..plain()
    });
    let (paused, broken) = (rig.agent("paused"), rig.agent("broken"));
    rig.send(0, broken, 0);
    let calls = rig.take(0);
    rig.fail(0, &calls[0]);
    rig.state.pause_agent(ms(0), paused, Time::MAX);
    for name in 1..4 {
        rig.send_with(0, paused, name, |it| it.ordering_key = Some(7));
        rig.send_with(0, broken, name, |it| it.ordering_key = Some(7));
    }
    rig.advance(100);
    let blocked = seen(&rig.decisions()[0]).slots.blocked;
    assert_eq!(blocked.paused, Duration::from_millis(100) * 3);
    assert_eq!(blocked.breaker, Duration::from_millis(100) * (1 + 3));
    assert_eq!(blocked.key, Duration::ZERO);
}

/// Nor would the key's next be called once its holder is done.
#[test]
fn what_stands_behind_a_message_in_a_call_of_a_paused_agent_waits_for_the_agent() {
    let mut rig = Rig::new(BrokerConfig {
        control_interval_ms: 100,
        ..plain()
    });
    let echo = rig.agent("echo");
    for name in 0..2 {
        rig.send_with(0, echo, name, |it| it.ordering_key = Some(7));
    }
    assert_eq!(rig.taken(0), [[0]]);
    rig.state.pause_agent(ms(40), echo, Time::MAX);
    rig.advance(100);
    let blocked = seen(&rig.decisions()[0]).slots.blocked;
    let expected = (Duration::from_millis(60), Duration::from_millis(40));
    assert_eq!((blocked.paused, blocked.key), expected);
}

#[test]
fn time_spent_for_batch_mates_is_counted_until_the_batch_closes() {
    let config = BrokerConfig {
        control_interval_ms: 100,
        batch_size: 3,
        batch_timeout_ms: 50,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let batch = rig.batch_agent("batch");
    rig.send(10, batch, 0);
    rig.send(30, batch, 1);
    assert_eq!(rig.taken(60), [[0, 1]]);
    rig.advance(100);
    let record = rig.decisions().pop().expect("one tick");
    assert_eq!(
        seen(&record).flow.batch_wait,
        Duration::from_millis(50 + 30)
    );
    // Two free slots, one of them blocked by the open batch from 10 to 60.
    assert_eq!(
        seen(&record).slots.blocked.open_batch,
        Duration::from_millis(50)
    );
}

/// What came after it had closed has not waited for that.
#[test]
fn a_batch_that_others_join_after_it_has_closed_waited_until_then() {
    let mut rig = Rig::new(BrokerConfig {
        control_interval_ms: 200,
        batch_size: 9,
        batch_timeout_ms: 10,
        ..plain()
    });
    let (batch, busy) = (rig.batch_agent("batch"), rig.agent("busy"));
    rig.send_each(0, busy, 7..9);
    let calls = rig.take(0);
    rig.send(1, batch, 0);
    rig.send(91, batch, 1);
    calls.iter().for_each(|call| rig.deliver(100, call));
    assert_eq!(rig.taken(100), [[0, 1]]);
    rig.advance(200);
    let record = rig.decisions().pop().expect("one tick");
    let waited = seen(&record).flow.batch_wait;
    assert_eq!(waited, Duration::from_millis(10));
}

/// It was counted from the oldest, which was not in the call: a negative time, cut off at none.
#[test]
fn a_batch_that_leaves_the_oldest_behind_waited_as_its_own_members_did() {
    let config = BrokerConfig {
        control_interval_ms: 100,
        batch_size: 3,
        batch_timeout_ms: 10,
        breaker: Some(BreakerConfig {
            failures_in_a_row: 1,
            open_ms: 10,
            ..BreakerConfig::default()
        }),
        ..plain()
    };
    let mut rig = Rig::new(config);
    let unit_rate = Some(RateLimit {
        rate: Rate::per_second(0.001).expect("a rate"),
        burst: 5,
    });
    let batch = rig.add(AgentConfig {
        batch: true,
        unit_rate,
        ..AgentConfig::new("batch")
    });
    rig.send_with(0, batch, 0, |it| it.units = 1);
    let calls = rig.take(10);
    rig.fail(11, &calls[0]);
    for name in 1..3 {
        rig.send_with(11, batch, name, |it| it.units = 1);
    }
    for at in 21..24 {
        let probe = rig.take(at);
        rig.deliver(at, &probe[0]);
    }
    // It recovers, and one token is left.
    for (at, name, deadline) in [(30, 3, 60), (50, 4, 150), (50, 5, 150)] {
        rig.send_with(at, batch, name, |it| {
            (it.units, it.deadline) = (1, Some(ms(deadline)));
        });
    }
    assert_eq!(rig.taken(51), [[4]], "3 has 9 ms left after 21");
    rig.advance(100);
    let record = rig.decisions().pop().expect("one tick");
    let batch_wait = seen(&record).flow.batch_wait;
    assert_eq!(batch_wait, Duration::from_millis(10 + 1));
}
