//! From a configuration file to delivered messages, with nothing but the public crate: what
//! an embedder with a clock and tasks of their own does.

use ebbtide::{
    AgentConfig, BrokerState, Duration, Outcome, Settlement, Submission, Time, Verdict, What,
    registry,
};

fn at_ms(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn loaded() -> BrokerState<&'static str> {
    let config = ebbtide::config::load("examples/broker.ron").expect("the example is sound");
    let policy = registry::build(&config.policy).expect("its policy exists");
    BrokerState::new(config, policy)
}

/// Every outcome so far, with the message it befell.
fn outcomes(broker: &mut BrokerState<&'static str>) -> Vec<(&'static str, Outcome)> {
    let events = std::iter::from_fn(|| broker.poll_event());
    let finished = events.filter_map(|event| match event.what {
        What::Finished {
            payload, outcome, ..
        } => Some((payload, outcome)),
        _ => None,
    });
    finished.collect()
}

#[test]
fn a_loaded_broker_delivers_and_drain_ends_in_time_and_names_what_is_left() {
    let mut broker = loaded();
    let echo = AgentConfig::new("echo");
    let echo = broker.add_agent(Time::ZERO, echo).expect("a new name");
    for text in ["first", "second"] {
        let message = Submission::new(echo, Time::ZERO, text);
        broker
            .submit(Time::ZERO, message)
            .expect("an empty queue has room");
    }
    let worker = broker.least_busy_worker().expect("the pool is ready");
    let mut calls = Vec::new();
    broker.take(Time::ZERO, worker, 2, &mut calls);
    let delivered = Settlement::All(Verdict::Delivered);
    broker
        .settle(at_ms(5), calls[0].lease, delivered)
        .expect("its lease is good");
    assert_eq!(outcomes(&mut broker), [("first", Outcome::Delivered)]);

    broker.shutdown(at_ms(10), Duration::from_millis(100));
    let late = Submission::new(echo, at_ms(11), "too late");
    let refused = broker
        .submit(at_ms(11), late)
        .expect_err("nothing new enters");
    assert_eq!(
        refused.submission.payload, "too late",
        "it comes back whole"
    );
    broker.advance(at_ms(110));
    assert_eq!(outcomes(&mut broker), [("second", Outcome::Returned)]);
    assert!(broker.is_idle());
    let late = broker.settle(at_ms(111), calls[1].lease, delivered);
    assert!(
        late.is_err(),
        "an interrupted call's result counts no longer"
    );
}
