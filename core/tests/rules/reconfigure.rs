//! Hot configuration: what changes at once, what goes on as it began, what is refused.

use ebbtide_core::config::{BreakerConfig, Discipline};
use ebbtide_core::event::WorkerChange;
use ebbtide_core::message::{AgentId, DeadReason};
use ebbtide_core::units::{Bytes, Duration, Time};
use ebbtide_core::*;
use ebbtide_policies::observation::BreakerState;
use ebbtide_policies::registry;

use crate::rig::{Rig, ms, plain};

#[track_caller]
fn reconfigure(rig: &mut Rig, at: u64, config: BrokerConfig) {
    let config = Checked::new(config).expect("sound");
    rig.state
        .reconfigure(ms(at), config)
        .expect("all of it may change");
    rig.state.check();
}

fn batch_agent(rig: &mut Rig) -> AgentId {
    rig.batch_agent("batch")
}

#[test]
fn the_queues_bounds_move_and_what_is_beyond_them_stays() {
    let config = BrokerConfig {
        max_queue_size: 10,
        reserve: 0,
        ..plain()
    };
    let mut rig = Rig::new(config.clone());
    let echo = rig.agent("echo");
    rig.state.pause_agent(ms(0), echo, Time::MAX);
    rig.send_each(0, echo, 0..3);
    let narrow = BrokerConfig {
        max_queue_size: 2,
        ..config.clone()
    };
    reconfigure(&mut rig, 1, narrow);
    assert!(rig.try_send(1, echo, 3, |_| {}).is_err());
    assert_eq!(rig.state.books().waiting, 3);
    let by_bytes = BrokerConfig {
        max_queue_bytes: Bytes(5),
        ..config
    };
    reconfigure(&mut rig, 2, by_bytes);
    assert!(rig.try_send(2, echo, 4, |it| it.size = 6).is_err());
    assert!(rig.try_send(2, echo, 5, |it| it.size = 5).is_ok());
    let warnings = rig.events().iter().filter_map(|event| match event.what {
        What::QueueWarning { above, queued } => Some((event.at, above, queued)),
        _ => None,
    });
    let expected = [(ms(1), true, 3), (ms(2), false, 3)];
    assert_eq!(warnings.collect::<Vec<_>>(), expected);
}

#[test]
fn narrowed_bounds_let_workers_go_and_busy_ones_finish() {
    let config = BrokerConfig {
        num_workers: 3,
        max_workers: 3,
        delivery_parallelism: 1,
        ..plain()
    };
    let mut rig = Rig::new(config.clone());
    let echo = rig.agent("echo");
    rig.send_each(0, echo, 0..3);
    let calls = rig.take(0);
    rig.state
        .pin_workers(ms(1), Some(3))
        .expect("within bounds");
    let narrow = BrokerConfig {
        num_workers: 1,
        max_workers: 1,
        ..config.clone()
    };
    reconfigure(&mut rig, 2, narrow);
    assert_eq!(
        rig.state.setting().workers,
        1,
        "the pin moves with the bound"
    );
    assert_eq!(rig.state.ready_workers().count(), 1);
    calls.iter().for_each(|call| rig.deliver(3, call));
    let gone = rig
        .workers()
        .iter()
        .filter(|it| it.1 == WorkerChange::Gone)
        .count();
    assert_eq!(gone, 2);
    rig.state.pin_workers(ms(4), None).expect("no number");
    reconfigure(&mut rig, 4, config);
    assert_eq!(
        rig.state.setting().workers,
        3,
        "a changed start takes effect"
    );
}

#[test]
fn a_number_in_the_policys_name_outlives_the_configurations() {
    let config = BrokerConfig {
        policy: "fixed(4)".to_owned(),
        ..plain()
    };
    let policy = registry::build("fixed(4)").expect("it exists");
    let mut rig = Rig::with(config.clone(), policy);
    let other = BrokerConfig {
        num_workers: 2,
        max_workers: 2,
        ..config
    };
    reconfigure(&mut rig, 1, other);
    assert_eq!(rig.state.setting().workers, 4);
}

#[test]
fn batches_close_as_the_new_setting_says() {
    let config = BrokerConfig {
        batch_size: 3,
        batch_timeout_ms: 500,
        ..plain()
    };
    let mut rig = Rig::new(config.clone());
    let batch = batch_agent(&mut rig);
    rig.send_each(0, batch, 0..2);
    assert!(rig.take(0).is_empty());
    let smaller = BrokerConfig {
        batch_size: 2,
        ..config.clone()
    };
    reconfigure(&mut rig, 1, smaller.clone());
    assert_eq!(rig.taken(1), [[0, 1]]);
    rig.send(2, batch, 2);
    let sooner = BrokerConfig {
        batch_timeout_ms: 10,
        ..smaller.clone()
    };
    reconfigure(&mut rig, 2, sooner);
    assert_eq!(rig.state.next_wake().map(|(at, _)| at), Some(ms(12)));
    let never = BrokerConfig {
        enable_batching: false,
        ..smaller
    };
    reconfigure(&mut rig, 3, never);
    assert_eq!(rig.taken(3), [[2]]);
}

#[test]
fn calls_keep_their_timeout_and_new_ones_have_the_new_one() {
    let config = BrokerConfig {
        call_timeout_ms: 50,
        retry_max_attempts: Some(1),
        ..plain()
    };
    let mut rig = Rig::new(config.clone());
    let echo = rig.agent("echo");
    rig.send(0, echo, 0);
    rig.take(0);
    let longer = BrokerConfig {
        call_timeout_ms: 200,
        ..config
    };
    reconfigure(&mut rig, 10, longer);
    rig.send(10, echo, 1);
    rig.take(10);
    rig.advance(300);
    let dead = Outcome::DeadLettered(DeadReason::AttemptsSpent);
    assert_eq!(rig.outcomes(), [(0, dead, 50), (1, dead, 210)]);
}

#[test]
fn retries_follow_the_new_rule_and_the_budget_keeps_what_is_left() {
    let config = BrokerConfig {
        retry_budget: Some(0.0),
        retry_budget_reserve: 2,
        retry_max_attempts: None,
        ..plain()
    };
    let mut rig = Rig::new(config.clone());
    let echo = rig.agent("echo");
    rig.send(0, echo, 0);
    let call = rig.take(0)[0];
    rig.fail(1, &call);
    let longer = BrokerConfig {
        retry_backoff_ms: 30,
        ..config
    };
    reconfigure(&mut rig, 2, longer);
    let call = rig.take(2)[0];
    rig.fail(3, &call);
    assert!(rig.take(62).is_empty(), "the second backoff: twice 30 ms");
    let call = rig.take(63)[0];
    rig.fail(64, &call);
    let dead = Outcome::DeadLettered(DeadReason::RetryBudgetSpent);
    assert_eq!(rig.outcomes(), [(0, dead, 64)], "two retries, not four");
}

#[test]
fn lanes_share_by_the_new_weights_and_discipline() {
    let strict = BrokerConfig {
        discipline: Discipline::Strict,
        delivery_parallelism: 1,
        ..plain()
    };
    let mut rig = Rig::new(strict.clone());
    let echo = rig.agent("echo");
    let high = |it: &mut Submission<u32>| it.lane = Lane::High;
    for name in 0..40 {
        rig.send_with(0, echo, name, high);
    }
    rig.send_each(0, echo, 100..140);
    let serve = |rig: &mut Rig, calls: u64, from: u64| {
        let mut names = Vec::new();
        for at in from..from + calls {
            let call = rig.take(at)[0];
            names.extend(rig.names(call.lease));
            rig.deliver(at, &call);
        }
        names.iter().filter(|&&name| name < 100).count()
    };
    assert_eq!(serve(&mut rig, 20, 1), 20);
    let weighted = BrokerConfig {
        discipline: Discipline::Weighted,
        lane_weights: [1; 5],
        ..strict
    };
    reconfigure(&mut rig, 30, weighted);
    assert_eq!(serve(&mut rig, 20, 31), 10, "no debts from before");
}

/// Nobody need call an agent for its recovery to end where the breaker's limit no longer binds.
#[test]
fn a_recovering_breaker_is_closed_by_bounds_within_its_limit() {
    let wide = BrokerConfig {
        max_workers: 3,
        delivery_parallelism: 1,
        breaker: Some(BreakerConfig {
            failures_in_a_row: 1,
            open_ms: 100,
            ..BreakerConfig::default()
        }),
        ..plain()
    };
    let last_state = |change: &dyn Fn(&mut Rig, AgentId)| {
        let mut rig = Rig::new(wide.clone());
        let echo = rig.agent("echo");
        rig.send_each(0, echo, 0..3);
        let call = rig.take(0)[0];
        rig.fail(1, &call);
        for at in [101, 102, 103] {
            let probe = rig.take(at)[0];
            rig.deliver(at, &probe);
        }
        change(&mut rig, echo);
        let mut states = rig.events().iter().filter_map(|event| match event.what {
            What::Breaker { state, .. } => Some(state),
            _ => None,
        });
        states.next_back()
    };
    assert_eq!(last_state(&|_, _| ()), Some(BreakerState::Recovering));

    let fewer_workers = |rig: &mut Rig, _| {
        let max_workers = 1;
        let wide = wide.clone();
        reconfigure(
            rig,
            104,
            BrokerConfig {
                max_workers,
                ..wide
            },
        );
    };
    assert_eq!(last_state(&fewer_workers), Some(BreakerState::Closed));

    let lower_limit = |rig: &mut Rig, echo| {
        let lower = AgentConfig {
            in_flight_limit: Some(1),
            ..AgentConfig::new("echo")
        };
        let lower = Checked::new(lower).expect("sound");
        let changed = rig.state.reconfigure_agent(ms(104), echo, lower);
        changed.expect("it is there");
    };
    assert_eq!(last_state(&lower_limit), Some(BreakerState::Closed));
}

#[test]
fn a_breaker_that_is_taken_away_lets_calls_flow() {
    let config = BrokerConfig {
        breaker: Some(BreakerConfig {
            failures_in_a_row: 1,
            ..BreakerConfig::default()
        }),
        ..plain()
    };
    let mut rig = Rig::new(config.clone());
    let echo = rig.agent("echo");
    rig.send(0, echo, 0);
    let call = rig.take(0)[0];
    rig.fail(1, &call);
    assert!(rig.take(1).is_empty());
    let other_window = BrokerConfig {
        breaker: config.breaker.map(|breaker| BreakerConfig {
            window_ms: 1,
            ..breaker
        }),
        ..config.clone()
    };
    reconfigure(&mut rig, 2, other_window);
    assert!(rig.take(2).is_empty(), "it stays open");
    reconfigure(
        &mut rig,
        3,
        BrokerConfig {
            breaker: None,
            ..config
        },
    );
    assert_eq!(rig.taken(3), [[0]]);
    let told = rig.events().iter().filter_map(|event| match event.what {
        What::Breaker { state, .. } => Some(state),
        _ => None,
    });
    let expected = [BreakerState::Open, BreakerState::Closed];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn ticks_come_at_the_multiples_of_the_new_interval() {
    let mut rig = Rig::new(plain());
    let objective = "p95(wait) < 10ms".parse().ok();
    let faster = BrokerConfig {
        control_interval_ms: 200,
        objective,
        price_late: 3.0,
        ..plain()
    };
    reconfigure(&mut rig, 250, faster);
    assert_eq!(rig.state.next_wake(), Some((ms(400), Wake::Tick)));
    rig.advance(400);
    rig.advance(600);
    let seen = rig.decisions().into_iter().filter_map(|it| it.observation);
    let seen: Vec<_> = seen
        .map(|it| (it.at, it.interval, it.objective, it.prices.late))
        .collect();
    let length = Duration::from_millis;
    assert!(objective.is_some());
    let expected = [
        (ms(400), length(400), objective, 3.0),
        (ms(600), length(200), objective, 3.0),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_stays_is_refused_by_name_and_nothing_changes() {
    let mut rig = Rig::new(plain());
    let try_with = |rig: &mut Rig, config| {
        let config = Checked::new(config).expect("sound");
        rig.state.reconfigure(ms(1), config)
    };
    let more_slots = BrokerConfig {
        delivery_parallelism: 5,
        max_queue_size: 1,
        ..plain()
    };
    let refused = try_with(&mut rig, more_slots).expect_err("slots stay");
    assert_eq!(
        refused.to_string(),
        "delivery_parallelism is 5, allowed is 2: workers keep the slots they started with; \
         start another broker"
    );
    assert_eq!(rig.state.config().max_queue_size, 10_000);
    let adaptive = || BrokerConfig {
        policy: "adaptive".to_owned(),
        ..plain()
    };
    let refused = try_with(&mut rig, adaptive()).expect_err("it is not in place");
    assert_eq!(
        refused.to_string(),
        "policy is adaptive, allowed is fixed: switch the policy first"
    );
    let policy = registry::build("adaptive").expect("it exists");
    rig.state.switch_policy(ms(2), policy);
    assert_eq!(try_with(&mut rig, adaptive()), Ok(()));
}

#[track_caller]
fn change(rig: &mut Rig, at: u64, id: AgentId, config: AgentConfig) {
    let config = Checked::new(config).expect("sound");
    let changed = rig.state.reconfigure_agent(ms(at), id, config);
    changed.expect("it keeps its name");
    rig.state.check();
}

#[test]
fn an_agents_limit_may_fall_below_its_calls_and_its_replicas_may_go() {
    let mut rig = Rig::new(BrokerConfig {
        delivery_parallelism: 9,
        ..plain()
    });
    let twins = AgentConfig {
        replicas: 2,
        in_flight_limit: Some(2),
        ..AgentConfig::new("twins")
    };
    let id = rig.add(twins.clone());
    rig.send_each(0, id, 0..9);
    let calls = rig.take(0);
    assert_eq!(calls.len(), 4);
    let one = AgentConfig {
        replicas: 1,
        ..twins
    };
    change(&mut rig, 1, id, one.clone());
    for (call, at) in calls[..2].iter().zip([2, 3]) {
        rig.deliver(at, call);
        assert!(rig.take(at).is_empty(), "two calls and more are there");
    }
    rig.deliver(4, &calls[3]);
    let next = rig.take(4);
    assert_eq!((next.len(), next[0].replica), (1, 0));
    let none = AgentConfig {
        in_flight_limit: None,
        replicas: 3,
        ..one
    };
    change(&mut rig, 5, id, none);
    let replicas: Vec<u32> = rig.take(5).iter().map(|call| call.replica).collect();
    assert_eq!(replicas, [1, 2, 1, 2], "fewest first: two calls are at 0");
}

#[test]
fn an_agents_tokens_and_debts_outlive_its_limit() {
    let mut rig = Rig::new(plain());
    let rate = |per_s, burst| {
        let rate = units::Rate::per_second(per_s).expect("a rate");
        Some(RateLimit { rate, burst })
    };
    let limited = |unit_rate| AgentConfig {
        unit_rate,
        ..AgentConfig::new("limited")
    };
    let id = rig.add(limited(rate(10.0, 10)));
    rig.send_with(0, id, 0, |it| it.units = 30);
    rig.send_with(0, id, 1, |it| it.units = 1);
    assert_eq!(rig.taken(0), [[0]], "20 in debt");
    change(&mut rig, 0, id, limited(rate(100.0, 10)));
    assert_eq!(rig.state.next_wake().map(|(at, _)| at), Some(ms(210)));
    change(&mut rig, 1, id, limited(None));
    assert_eq!(rig.taken(1), [[1]]);
}

#[test]
fn an_agent_changes_topics_and_timeout_and_keeps_its_name() {
    let mut rig = Rig::new(plain());
    let on = |topic: &str| AgentConfig {
        topics: vec![topic.to_owned()],
        ..AgentConfig::new("first")
    };
    let first = rig.add(on("old"));
    let second = rig.add(AgentConfig {
        topics: vec!["new".to_owned()],
        ..AgentConfig::new("second")
    });
    let timed = AgentConfig {
        call_timeout: Some(Duration::from_millis(7)),
        ..on("new")
    };
    change(&mut rig, 0, first, timed);
    assert_eq!(rig.state.subscribers("old"), []);
    assert_eq!(rig.state.subscribers("new"), [first, second]);
    rig.send(1, first, 0);
    assert_eq!(rig.take(1)[0].expires, ms(8));
    let try_as = |rig: &mut Rig, id, name| {
        let config = Checked::new(AgentConfig::new(name)).expect("sound");
        let refused = rig.state.reconfigure_agent(ms(2), id, config);
        refused.map_err(|error| error.to_string())
    };
    let other = try_as(&mut rig, first, "other");
    let expected = "name is \"other\", allowed is \"first\": register another agent";
    assert_eq!(other, Err(expected.to_owned()));
    assert!(rig.state.remove_agent(ms(2), first));
    let gone = try_as(&mut rig, first, "first");
    assert_eq!(gone, Err("agent 0 is not registered".to_owned()));
}
