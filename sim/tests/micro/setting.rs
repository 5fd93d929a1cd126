//! Batch size and timeout that a tick changes: tested at each take, never latched.

use ebbtide_core::units::{Duration, Time};
use ebbtide_core::{AgentConfig, BrokerConfig, BrokerState, Checked, Submission};
use ebbtide_policies::decision::Reason;
use ebbtide_policies::observation::Observation;
use ebbtide_policies::{Decision, Policy};

/// Asks for the same at every tick.
struct Asks {
    batch_size: f64,
    batch_timeout: Option<Duration>,
}

impl Policy for Asks {
    fn name(&self) -> &str {
        "asks"
    }

    fn decide(&mut self, _: &Observation) -> Decision {
        Decision {
            workers: f64::NAN,
            batch_size: self.batch_size,
            batch_timeout: self.batch_timeout,
            reason: Reason {
                code: "by-hand".into(),
                text: "the test says so".into(),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        }
    }
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

/// Two messages, at 0.6 and at 0.7, to a batch agent under size 3 and timeout 1; the first tick,
/// at 1, brings what `policy` asks for. Expects both in one call at `expected`, not before.
#[track_caller]
fn check(policy: Asks, expected: Time) {
    let config = Checked::new(BrokerConfig {
        num_workers: 1,
        batch_size: 3,
        batch_timeout_ms: 1000,
        ..BrokerConfig::default()
    });
    let mut state = BrokerState::new(config.expect("sound"), Box::new(policy));
    let batch = AgentConfig {
        batch: true,
        ..AgentConfig::new("rank")
    };
    let agent = state.add_agent(Time::ZERO, batch).expect("a new name");
    for sent in [at(600), at(700)] {
        let message = Submission::new(agent, sent, ());
        state.submit(sent, message).expect("there is room");
    }
    let mut calls = Vec::new();
    while calls.is_empty() {
        let (wake, _) = state.next_wake().expect("the batch closes some time");
        state.advance(wake);
        let worker = state.least_busy_worker().expect("one is free");
        state.take(wake, worker, 1, &mut calls);
    }
    assert_eq!((state.now(), calls[0].size), (expected, 2));
}

/// Nothing changes: it closes 1 after its oldest message, at 1.6.
#[test]
fn a_setting_that_stays_closes_a_batch_at_its_timeout() {
    let stays = Asks {
        batch_size: f64::NAN,
        batch_timeout: None,
    };
    check(stays, at(1_600));
}

/// Size 2 from the tick at 1 on: two messages are a full batch then.
#[test]
fn a_smaller_size_closes_an_open_batch_at_the_tick() {
    let smaller = Asks {
        batch_size: 2.0,
        batch_timeout: None,
    };
    check(smaller, at(1_000));
}

/// Timeout 0.3: it would have closed at 0.9, so it is closed at the tick.
#[test]
fn a_shorter_timeout_closes_an_open_batch_at_the_tick() {
    let shorter = Asks {
        batch_size: f64::NAN,
        batch_timeout: Some(Duration::from_millis(300)),
    };
    check(shorter, at(1_000));
}

/// Timeout 0.5: at the tick it has 0.1 left.
#[test]
fn a_timeout_counts_from_the_oldest_message_whenever_it_was_set() {
    let shorter = Asks {
        batch_size: f64::NAN,
        batch_timeout: Some(Duration::from_millis(500)),
    };
    check(shorter, at(1_100));
}
