//! The rules of one broker, by hand: small cases whose every time can be checked by eye.
//! One binary, a module per theme.

mod agents;
mod breaker;
mod calls;
mod history;
mod pool;
mod queue;
mod reconfigure;
mod rig;
mod steering;
mod waiting;

use ebbtide_core::message::WorkerId;
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::*;
use ebbtide_policies::registry;

fn broker(config: BrokerConfig) -> BrokerState<u32> {
    let config = Checked::new(config).expect("sound");
    BrokerState::new(config, registry::build("fixed").expect("fixed exists"))
}

fn secs(s: f64) -> Time {
    Time::ZERO + Duration::from_secs_f64(s)
}

#[test]
fn a_message_goes_in_and_out() {
    let mut state = broker(BrokerConfig::default());
    let agent = state
        .add_agent(Time::ZERO, AgentConfig::new("echo"))
        .expect("a new name");
    state
        .submit(Time::ZERO, Submission::new(agent, Time::ZERO, 7))
        .expect("room");
    state.check();
    let mut calls = Vec::new();
    state.take(Time::ZERO, WorkerId(0), 10, &mut calls);
    state.check();
    assert_eq!(calls.len(), 1);
    assert!(
        state
            .settle(
                secs(1.0),
                calls[0].lease,
                Settlement::All(Verdict::Delivered)
            )
            .is_ok()
    );
    assert!(
        state
            .settle(
                secs(1.0),
                calls[0].lease,
                Settlement::All(Verdict::Delivered)
            )
            .is_err()
    );
    state.check();
    assert_eq!(state.books().outcomes[Outcome::Delivered.index()], 1);
    let mut names = Vec::new();
    while let Some(event) = state.poll_event() {
        names.push(
            format!("{:?}", event.what)
                .split([' ', '('])
                .next()
                .unwrap_or("")
                .to_owned(),
        );
    }
    names.retain(|name| name != "Worker" && name != "Decided");
    assert_eq!(
        names,
        [
            "Accepted",
            "Taken",
            "Started",
            "Ended",
            "Finished",
            "SlotFreed",
            "LateSettle"
        ]
    );
}

#[test]
fn an_agent_with_faults_is_refused() {
    let mut state = broker(BrokerConfig::default());
    let agent = AgentConfig {
        replicas: 0,
        ..AgentConfig::new("echo")
    };
    let error = state.add_agent(Time::ZERO, agent).unwrap_err();
    assert_eq!(
        error.to_string(),
        "agent \"echo\": replicas is 0, allowed are 1 to 10000"
    );
}
