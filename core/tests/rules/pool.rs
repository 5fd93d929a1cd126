//! Workers come and go; what ticks see, when they run, and how it all ends.

use ebbtide_core::event::WorkerChange::{Draining, Gone, Ready, Starting};
use ebbtide_core::message::WorkerId;
use ebbtide_core::units::Duration;
use ebbtide_core::*;
use ebbtide_policies::observation::{BlockedTime, CallSample, WorkerCounts};
use ebbtide_policies::registry;

use crate::rig::{Asks, Rig, asks, elastic, ms, plain, seen};

#[test]
fn growth_takes_back_draining_workers_first_and_shrinkage_cancels_the_latest_ordered() {
    let mut rig = Rig::with(elastic(), asks(&[3, 2, 1, 2, 1]));
    let echo = rig.agent("echo");
    rig.advance(100);
    rig.state.worker_ready(ms(150), WorkerId(1));
    rig.send_each(160, echo, 0..2);
    assert_eq!(rig.take(160).len(), 2);
    for at in [200, 300, 400, 500] {
        rig.advance(at);
    }
    let changes = [
        (0, Starting),
        (0, Ready),
        (1, Starting),
        (2, Starting),
        (1, Ready),
        (2, Gone),
        (1, Draining),
        (1, Ready),
        (1, Draining),
    ];
    assert_eq!(rig.workers(), changes);
    rig.send(510, echo, 2);
    assert!(
        rig.take(510).is_empty(),
        "a draining worker takes nothing more"
    );
}

#[test]
fn a_draining_worker_finishes_its_calls_and_is_gone() {
    let mut rig = Rig::with(elastic(), asks(&[2, 1]));
    let echo = rig.agent("echo");
    rig.advance(100);
    rig.state.worker_ready(ms(100), WorkerId(1));
    rig.send_each(150, echo, 0..2);
    let calls = rig.take(150);
    rig.advance(200);
    rig.deliver(250, &calls[1]);
    assert_eq!(rig.workers().last(), Some(&(1, Gone)));
    rig.deliver(250, &calls[0]);
    assert_eq!(rig.state.ready_workers().collect::<Vec<_>>(), [WorkerId(0)]);
}

/// Not replacing used to lower the pool for good, below its bound and against every decision,
/// and no observation said so.
#[test]
fn a_lost_worker_that_is_not_replaced_is_wanted_no_more_until_a_decision_wants_more() {
    let config = BrokerConfig {
        num_workers: 3,
        worker_restart_on_failure: false,
        ..elastic()
    };
    let mut fixed = Rig::new(config.clone());
    assert!(fixed.state.worker_lost(ms(10), WorkerId(2)));
    assert_eq!(fixed.state.setting().workers, 2);
    fixed.advance(300);
    assert_eq!(
        fixed.workers().last(),
        Some(&(2, Gone)),
        "fixed stays lower"
    );
    let last = fixed.decisions().pop().expect("three");
    let counts = WorkerCounts {
        wanted: 2,
        ready: 2,
        ..WorkerCounts::default()
    };
    assert_eq!(seen(&last).workers, counts);
    for worker in 0..2 {
        assert!(fixed.state.worker_lost(ms(310), WorkerId(worker)));
    }
    assert_eq!(fixed.state.setting().workers, 1, "never below the bound");
    fixed.advance(400);
    assert_eq!(fixed.workers().last(), Some(&(3, Starting)));

    let mut elastic = Rig::with(config, asks(&[3]));
    assert!(elastic.state.worker_lost(ms(10), WorkerId(0)));
    elastic.advance(99);
    assert_eq!(elastic.workers().last(), Some(&(0, Gone)));
    elastic.advance(100);
    assert_eq!(elastic.workers().last(), Some(&(3, Starting)));
}

#[test]
fn the_policy_may_say_how_many_workers_it_wants_from_the_start() {
    let config = BrokerConfig {
        max_workers: 10,
        ..plain()
    };
    let rig = Rig::with(config, registry::build("fixed(7)").expect("it exists"));
    assert_eq!(rig.state.ready_workers().count(), 7);
    let config = BrokerConfig {
        max_workers: 5,
        ..plain()
    };
    let rig = Rig::with(config, registry::build("fixed(7)").expect("it exists"));
    assert_eq!(
        rig.state.setting().workers,
        7,
        "who names a number means it"
    );
    rig.state.check();
}

#[test]
fn missed_ticks_merge_into_one_that_states_its_length() {
    let mut rig = Rig::with(elastic(), asks(&[]));
    rig.advance(100);
    rig.state.resume_agent(ms(450), message::AgentId(0));
    rig.advance(500);
    let ticks: Vec<_> = rig
        .decisions()
        .iter()
        .map(|it| (it.at, seen(it).interval))
        .collect();
    let length = Duration::from_millis;
    assert_eq!(
        ticks,
        [
            (ms(100), length(100)),
            (ms(400), length(300)),
            (ms(500), length(100))
        ]
    );
}

#[test]
fn early_ticks_come_on_a_grid_of_a_tenth_and_the_regular_ones_stay() {
    let policy = Box::new(Asks {
        workers: vec![],
        early_arrivals: Some(1),
    });
    let mut rig = Rig::with(elastic(), policy);
    let echo = rig.agent("echo");
    rig.send_each(5, echo, 0..2);
    rig.advance(100);
    rig.send(111, echo, 2);
    rig.advance(120);
    rig.send(121, echo, 3);
    rig.advance(130);
    rig.advance(200);
    let ticks: Vec<_> = rig
        .decisions()
        .iter()
        .map(|it| (it.at, seen(it).early))
        .collect();
    assert_eq!(ticks, [(ms(100), false), (ms(130), true), (ms(200), false)]);
    let last = rig.decisions().pop().expect("three");
    assert_eq!(seen(&last).interval, Duration::from_millis(70));
}

/// Messages for five seconds, then a silence, then some more: what is decided, by a shell that comes back
/// for each tick or only as it is told. How often it came back during the silence.
fn decided(policy: &str, silence_ms: u64, each_tick: bool) -> (Vec<String>, u32) {
    let config = BrokerConfig {
        num_workers: 4,
        max_workers: 6,
        ..elastic()
    };
    let policy = registry::build(policy).expect("shipped");
    let mut rig = Rig::with(config, policy);
    let echo = rig.agent("echo");
    let (mut next_tick, mut calls, mut came_back) = (100, Vec::new(), 0);
    let mut log = Vec::new();
    let ends = 5_000 + silence_ms;
    for at in (5..ends + 3_000).step_by(5) {
        let is_silent = (5_000..ends).contains(&at);
        let ended: Vec<Call> = calls
            .extract_if(.., |(end, _)| *end <= at)
            .map(|it| it.1)
            .collect();
        for call in &ended {
            rig.deliver(at, call);
        }
        while let Some(event) = rig.state.poll_event() {
            match event.what {
                What::Decided(record) => log.push(serde_json::to_string(&record).expect("text")),
                What::Worker {
                    worker,
                    state: Starting,
                } => rig.state.worker_ready(ms(at), worker),
                _ => {}
            }
        }
        if !is_silent && at % 20 == 0 {
            rig.send(at, echo, at as u32);
        }
        let is_due = rig.state.next_wake().is_some_and(|(due, _)| due <= ms(at));
        if is_due || each_tick && at >= next_tick {
            next_tick = at / 100 * 100 + 100;
            came_back += u32::from(is_silent);
            rig.advance(at);
        }
        if !is_silent || !ended.is_empty() {
            calls.extend(rig.take(at).into_iter().map(|call| (at + 50, call)));
        }
    }
    (log, came_back)
}

#[test]
fn a_broker_at_rest_is_not_to_be_come_back_to_and_decides_what_it_would_have() {
    for policy in ["adaptive", "fixed"] {
        let (eager, often) = decided(policy, 6_000, true);
        let (lazy, seldom) = decided(policy, 6_000, false);
        assert!(often >= 60 && seldom < 40, "{policy}: {often}, {seldom}");
        assert_eq!(eager, lazy, "{policy}");
    }
}

#[test]
fn a_long_rest_is_one_observation_at_its_end() {
    let (lazy, _) = decided("fixed", 3_600_000, false);
    let last = lazy
        .iter()
        .filter_map(|json| serde_json::from_str::<event::DecisionRecord>(json).ok());
    let longest = last
        .filter_map(|it| it.observation)
        .map(|it| it.interval)
        .max();
    assert!(longest > Some(Duration::from_secs(3_500)), "{longest:?}");
    assert!(lazy.len() < 300, "{}", lazy.len());
}

#[test]
fn a_broker_without_messages_wakes_for_its_regular_ticks_alone() {
    let policy = Box::new(Asks {
        workers: vec![],
        early_arrivals: Some(0),
    });
    let mut rig = Rig::with(elastic(), policy);
    let echo = rig.agent("echo");
    rig.advance(100);
    assert_eq!(rig.state.next_wake(), Some((ms(200), Wake::Tick)));
    // An arrival between the grid's points is looked at on the next one,
    rig.send(111, echo, 0);
    assert_eq!(rig.state.next_timer(), ms(120));
    let call = rig.take(111)[0];
    rig.deliver(112, &call);
    rig.advance(120);
    // one that comes with a point on that very point,
    rig.advance(125);
    rig.send(130, echo, 1);
    rig.advance(130);
    // and one that comes after a point's timers have run on the next.
    rig.advance(140);
    rig.send(140, echo, 2);
    rig.advance(140);
    rig.advance(150);
    let early: Vec<_> = rig.decisions().iter().map(|it| it.at).collect();
    assert_eq!(early, [100, 120, 130, 150].map(ms));
}

#[test]
fn an_observation_says_where_the_time_of_slots_went() {
    let config = BrokerConfig {
        control_interval_ms: 100,
        delivery_parallelism: 3,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let one = rig.add(AgentConfig {
        in_flight_limit: Some(1),
        ..AgentConfig::new("one")
    });
    rig.send_with(10, one, 0, |it| it.sent = ms(4));
    rig.send(10, one, 1);
    let call = rig.take(10)[0];
    rig.deliver(40, &call);
    let call = rig.take(40)[0];
    rig.fail(60, &call);
    rig.take(60);
    rig.advance(100);
    let record = rig.decisions().pop().expect("one tick");
    let it = seen(&record);
    let length = Duration::from_millis;
    // One slot with a call for 30 + 20 + 40; one blocked from 10 to 40; else idle.
    assert_eq!(it.slots.with_call, length(90));
    assert_eq!(
        it.slots.blocked,
        BlockedTime {
            limit: length(30),
            ..BlockedTime::default()
        }
    );
    assert_eq!(it.slots.idle, length(300 - 90 - 30));
    let counts = WorkerCounts {
        wanted: 1,
        ready: 1,
        busy: 1,
        ..WorkerCounts::default()
    };
    assert_eq!(
        (it.workers, it.queue.waiting, it.queue.oldest_wait),
        (counts, 0, None)
    );
    let flow = it.flow;
    assert_eq!(
        (flow.arrivals, flow.started, flow.retries, flow.delivered),
        (2, 3, 1, 1)
    );
    assert_eq!((it.wait.count(), it.sojourn.count()), (2, 1));
    let agent = &it.agents[0];
    assert_eq!(
        (agent.calls.succeeded, agent.calls.failed, agent.in_flight),
        (1, 1, 1)
    );
    assert_eq!(
        agent.samples,
        [CallSample {
            batch: 1,
            in_flight: 1,
            time: length(30)
        }]
    );
}

#[test]
fn shutdown_lets_nested_messages_in_closes_batches_and_returns_what_is_left() {
    let config = BrokerConfig {
        batch_size: 9,
        batch_timeout_ms: 500,
        ..plain()
    };
    let mut rig = Rig::new(config);
    let batch = rig.batch_agent("batch");
    rig.send_each(0, batch, 0..2);
    assert!(rig.take(0).is_empty(), "the batch is open");
    rig.state.shutdown(ms(10), Duration::from_millis(100));
    assert_eq!(rig.taken(10), [[0, 1]]);
    assert_eq!(
        rig.try_send(11, batch, 2, |_| {}),
        Err(Refusal::ShuttingDown)
    );
    rig.send_with(11, batch, 3, |it| it.nested = true);
    rig.send_with(11, batch, 4, |it| {
        it.nested = true;
        it.due = Some(ms(900));
    });
    assert_eq!(rig.taken(11), [[3]]);
    rig.advance(110);
    let mut left = rig.outcomes();
    left.sort_by_key(|&(name, ..)| name);
    assert_eq!(
        left,
        [0, 1, 3, 4].map(|name| (name, Outcome::Returned, 110))
    );
    assert!(rig.state.is_idle());
    assert!(rig.try_send(111, batch, 5, |it| it.nested = true).is_err());
}
