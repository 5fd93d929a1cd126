//! What enters the queue: bounds, reserve, free slots, warnings, broadcasts.

use ebbtide_core::config::BreakerConfig;
use ebbtide_core::units::{Bytes, Time};
use ebbtide_core::*;

use crate::rig::{Rig, ms, plain};

#[test]
fn a_bound_of_zero_takes_what_a_free_slot_can_start_and_no_more() {
    let mut rig = Rig::new(BrokerConfig {
        max_queue_size: 0,
        reserve: 0,
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..2);
    let full = Refusal::Full {
        queued: 2,
        allowed: 0,
        startable: 2,
    };
    assert_eq!(
        full.to_string(),
        "the queue is full: 2 messages queued, allowed are 0, and 2 that free slots can start at once"
    );
    assert_eq!(rig.try_send(0, echo, 2, |_| {}), Err(full), "two slots");
    let calls = rig.take(0);
    assert!(rig.try_send(1, echo, 3, |_| {}).is_err());
    rig.deliver(2, &calls[0]);
    rig.send(2, echo, 4);
    assert_eq!(rig.taken(2), [[4]]);
    assert_eq!(
        (rig.state.books().accepted, rig.state.books().refused),
        (3, 2)
    );
}

#[test]
fn what_no_slot_could_start_finds_no_room() {
    let mut rig = Rig::new(BrokerConfig {
        max_queue_size: 0,
        reserve: 0,
        ..plain()
    });
    let echo = rig.agent("echo");
    rig.send_with(0, echo, 0, |it| it.ordering_key = Some(7));
    rig.take(0);
    assert!(
        rig.try_send(1, echo, 1, |it| it.ordering_key = Some(7))
            .is_err(),
        "behind its key"
    );
    assert!(
        rig.try_send(1, echo, 2, |it| it.due = Some(ms(5))).is_err(),
        "delayed"
    );
    rig.state.pause_agent(ms(1), echo, ms(9));
    assert!(rig.try_send(1, echo, 3, |_| {}).is_err(), "paused");
    assert!(
        rig.try_send(9, echo, 4, |_| {}).is_ok(),
        "the pause ends before arrivals"
    );
}

#[test]
fn the_reserve_is_for_the_critical_lane() {
    let config = BrokerConfig {
        max_queue_size: 1,
        reserve: 1,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let echo = rig.agent("echo");
    rig.state.pause_agent(ms(0), echo, ms(100));
    rig.send(0, echo, 0);
    assert!(rig.try_send(0, echo, 1, |it| it.lane = Lane::High).is_err());
    assert!(
        rig.try_send(0, echo, 2, |it| it.lane = Lane::Critical)
            .is_ok()
    );
    assert!(
        rig.try_send(0, echo, 3, |it| it.lane = Lane::Critical)
            .is_err()
    );
}

#[test]
fn bytes_are_bounded_too_and_a_call_holds_none() {
    let config = BrokerConfig {
        max_queue_bytes: Bytes(10),
        delivery_parallelism: 1,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let echo = rig.agent("echo");
    rig.send_with(0, echo, 0, |it| it.size = 10);
    let call = rig.take(0)[0];
    rig.send_with(1, echo, 1, |it| it.size = 6);
    let refused = rig.try_send(1, echo, 2, |it| it.size = 5);
    assert_eq!(
        refused,
        Err(Refusal::OverBytes {
            queued: 6,
            size: 5,
            allowed: 10
        })
    );
    let refused = rig.try_send(1, echo, 3, |it| it.size = 11);
    let never = Refusal::TooLarge {
        size: 11,
        allowed: 10,
    };
    assert_eq!(refused, Err(never), "waiting is no use");
    rig.fail(2, &call);
    assert_eq!(rig.state.books().bytes, 16, "what goes back always enters");
}

/// A breaker that was not closed once counted for no bytes, and whose slot it was went by the agents' lanes,
/// not by their turns: the message below was refused, although a slot was free for as much as was too much.
#[test]
fn a_slot_makes_room_in_bytes_for_an_agent_in_doubt_too() {
    let config = BrokerConfig {
        max_queue_bytes: Bytes(5),
        delivery_parallelism: 1,
        retry_max_attempts: None,
        breaker: Some(BreakerConfig {
            failures_in_a_row: 1,
            open_ms: 25,
            ..BreakerConfig::default()
        }),
        ..plain()
    };
    let mut rig = Rig::new(config);
    let (doubted, well) = (rig.agent("doubted"), rig.agent("well"));
    rig.send_with(0, doubted, 0, |it| {
        (it.size, it.lane) = (5, Lane::Critical);
    });
    let call = rig.take(0)[0];
    rig.fail(0, &call);
    rig.advance(30);
    let second = rig.try_send(30, well, 1, |it| it.size = 5);
    assert!(second.is_ok(), "it is half-open: {second:?}");
    let third = rig.try_send(30, well, 2, |it| it.size = 5);
    assert!(third.is_err(), "there is one slot");
}

#[test]
fn a_broadcast_enters_for_all_or_for_none() {
    let mut rig = Rig::new(BrokerConfig {
        max_queue_size: 3,
        reserve: 0,
        ..plain()
    });
    for name in ["a", "b"] {
        let topics = vec!["news".to_owned()];
        let agent = rig.add(AgentConfig {
            topics,
            ..AgentConfig::new(name)
        });
        rig.state.pause_agent(ms(0), agent, ms(100));
    }
    let message = Submission {
        size: 3,
        ..Submission::new(message::AgentId(0), ms(0), 7)
    };
    let accepted = rig
        .state
        .broadcast(ms(0), "news", message)
        .expect("room for two");
    assert_eq!(accepted.len(), 2);
    let refused = rig
        .state
        .broadcast(ms(0), "news", message)
        .expect_err("room for one");
    assert_eq!(refused.submission, message);
    let nobody = rig
        .state
        .broadcast(ms(0), "olds", message)
        .expect_err("no subscribers");
    assert_eq!(nobody.reason, Refusal::NoSubscribers);
    let books = rig.state.books();
    assert_eq!((books.accepted, books.refused, books.bytes), (2, 2, 6));
}

#[test]
fn a_queue_that_hovers_at_its_threshold_warns_once() {
    let config = BrokerConfig {
        max_queue_size: 100,
        delivery_parallelism: 1,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let echo = rig.agent("echo");
    rig.send(0, echo, 0);
    let mut call = rig.take(0)[0];
    rig.send_each(1, echo, 1..81);
    for n in 81..90 {
        rig.deliver(2, &call);
        call = rig.take(2)[0];
        rig.send(2, echo, n);
    }
    for _ in 0..10 {
        rig.deliver(3, &call);
        call = rig.take(3)[0];
    }
    let warnings = rig.events().iter().filter_map(|event| match event.what {
        What::QueueWarning { above, queued } => Some((above, queued)),
        _ => None,
    });
    // Above from 80 on, 79 is not below; below under 0.9 × 80 = 72.
    assert_eq!(warnings.collect::<Vec<_>>(), [(true, 80), (false, 71)]);
}

#[test]
fn a_paused_lane_waits_and_the_others_go_on() {
    let mut rig = Rig::new(plain());
    let echo = rig.agent("echo");
    let low = |it: &mut Submission<u32>| it.lane = Lane::Low;
    rig.send_with(0, echo, 0, low);
    rig.state.pause_lane(ms(1), Lane::Low, ms(20));
    rig.state.pause_lane(ms(1), Lane::Low, ms(10));
    rig.send_with(2, echo, 1, low);
    rig.send(3, echo, 2);
    let calls = rig.take(4);
    assert_eq!(rig.names(calls[0].lease), [2]);
    assert!(!rig.state.may_take());
    assert_eq!(rig.state.books().waiting, 2);
    assert_eq!(rig.state.next_wake(), Some((ms(20), Wake::Agent)));
    assert_eq!(rig.taken(20), [[0]], "the longer pause stands; one slot");
    rig.state.pause_lane(ms(21), Lane::Low, Time::MAX);
    rig.state.check();
    rig.deliver(22, &calls[0]);
    assert!(rig.take(29).is_empty(), "until resumed");
    rig.state.resume_lane(ms(30), Lane::Low);
    assert_eq!(rig.taken(30), [[1]]);
    let told = rig.events().iter().filter_map(|event| match event.what {
        What::LanePaused { until, .. } => Some((event.at, Some(until))),
        What::LaneResumed { .. } => Some((event.at, None)),
        _ => None,
    });
    let expected = [
        (ms(1), Some(ms(20))),
        (ms(20), None),
        (ms(21), Some(Time::MAX)),
        (ms(30), None),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_message_of_a_paused_lane_can_end_find_no_room_and_count_for_no_batch() {
    let mut rig = Rig::new(BrokerConfig {
        max_queue_size: 2,
        batch_size: 2,
        batch_timeout_ms: 50,
        control_interval_ms: 100,
        ..plain()
    });
    let batch = rig.batch_agent("batch");
    let bulk = |it: &mut Submission<u32>| it.lane = Lane::Bulk;
    rig.state.pause_lane(ms(0), Lane::Bulk, Time::MAX);
    let first = rig.send_with(10, batch, 0, bulk);
    rig.send(10, batch, 1);
    assert!(rig.take(10).is_empty(), "one message is no batch of two");
    assert!(rig.try_send(10, batch, 2, bulk).is_err(), "nobody takes it");
    assert_eq!(rig.taken(60), [[1]]);
    rig.advance(100);
    let seen = rig.decisions()[0].observation.clone().expect("kept");
    assert_eq!(
        seen.queue.oldest_wait,
        Some(units::Duration::from_millis(90))
    );
    let blocked = seen.slots.blocked;
    // Two free slots from 10 to 60, one from there on: one of them for the paused lane.
    assert_eq!(blocked.paused, units::Duration::from_millis(90));
    assert_eq!(blocked.open_batch, units::Duration::from_millis(50));
    assert!(rig.state.cancel(ms(101), first));
    rig.state.check();
    assert_eq!(rig.state.books().waiting, 0);
}

/// The batch would be full, and there is a free slot: but no units are left, and nothing starts.
#[test]
fn a_batch_out_of_units_makes_no_room() {
    let mut rig = Rig::new(BrokerConfig {
        max_queue_size: 1,
        reserve: 0,
        batch_size: 2,
        batch_timeout_ms: 500,
        ..plain()
    });
    let rate = units::Rate::per_second(10.0).expect("a rate");
    let batch = rig.add(AgentConfig {
        batch: true,
        unit_rate: Some(RateLimit { rate, burst: 10 }),
        ..AgentConfig::new("batch")
    });
    let dear = |it: &mut Submission<u32>| it.units = 5;
    rig.send_with(0, batch, 0, dear);
    rig.send_with(0, batch, 1, dear);
    assert_eq!(rig.taken(0), [[0, 1]], "the second fills the batch");
    rig.send_with(1, batch, 2, dear);
    assert!(rig.try_send(1, batch, 3, dear).is_err());
    assert!(
        rig.try_send(600, batch, 3, dear).is_ok(),
        "5 units are back"
    );
}

/// Its sender waited for room for ever, and everyone else's behind it.
#[test]
fn a_broadcast_to_more_agents_than_may_ever_be_queued_is_refused_for_good() {
    let mut rig = Rig::new(BrokerConfig {
        max_queue_size: 5,
        reserve: 0,
        ..plain()
    });
    let add = |rig: &mut Rig, name: &str, topic: &str| {
        rig.add(AgentConfig {
            topics: vec![topic.to_owned()],
            ..AgentConfig::new(name)
        });
    };
    add(&mut rig, "one", "one");
    for number in 0..7 {
        add(&mut rig, &format!("agent {number}"), "seven");
    }
    let broadcast = |rig: &mut Rig, topic| {
        let submission = Submission::new(message::AgentId(u32::MAX), ms(0), 1);
        let refused = rig.state.broadcast(ms(0), topic, submission);
        refused.map(drop).map_err(|error| error.reason)
    };
    for _ in 0..2 {
        broadcast(&mut rig, "one").expect("there is room");
    }
    let full = broadcast(&mut rig, "seven").expect_err("two are queued");
    assert!(full.is_full(), "five places and two slots: {full}");
    add(&mut rig, "one more", "seven");
    let never = broadcast(&mut rig, "seven").expect_err("there is no room for eight");
    assert_eq!(
        never.to_string(),
        "the topic has too many subscribers: 8, allowed are 7 (max_queue_size, and the slots of the workers wanted)"
    );
    assert!(!never.is_full(), "waiting is no use");
}
