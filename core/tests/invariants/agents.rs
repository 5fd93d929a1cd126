//! What agents are spared, and what they leave to each other: invariant 8, breakers, rates.

use ebbtide_core::units::Time;
use ebbtide_core::{AgentConfig, BrokerConfig, Lane, LateSettle, Outcome, Settlement, Verdict};
use proptest::prelude::*;
use proptest_state_machine::prop_state_machine;

use crate::direct::{broker, plain, send};
use crate::model::{Broker, Machine, Property, Reference, Step, Stress};
use crate::{CALM, agree, cases};

prop_state_machine! {
    #![proptest_config(cases(400, 8))]
    #[test]
    fn no_agent_holds_more_than_its_limit_or_its_bulkhead(
        sequential 1..100 => Machine<Isolation>
    );
}

/// Invariant 8.
struct Isolation;

impl Property for Isolation {
    const STRESS: Stress = Stress {
        limits: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        for (index, agent) in reference.agents.iter().enumerate() {
            let Some(each) = agent.config.in_flight_limit else {
                continue;
            };
            for replica in 0..agent.config.replicas as usize {
                let calls = reference.in_flight_at(index, replica);
                assert!(calls <= each as usize, "{calls} calls of agent {index}");
            }
        }
    }
}

prop_state_machine! {
    #![proptest_config(cases(250, 10))]
    #[test]
    fn agents_are_spared_as_breakers_and_rates_say(sequential 1..100 => Machine<Spared>);
}

/// What protects an agent, beyond limits: breakers, rates, pauses.
struct Spared;

impl Property for Spared {
    const STRESS: Stress = Stress {
        breaker: true,
        rates: true,
        limits: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
    }
}

proptest! {
    #![proptest_config(cases(60, 11))]

    /// Invariant 8: an agent that never answers leaves slots to the others, and all that they
    /// are sent is delivered at once.
    #[test]
    fn a_stalled_agent_leaves_slots_to_the_others(
        slots in 2_u32..40, percent in 1_u64..=99, limit in prop::option::of(1_u32..20),
        flood in 1_usize..100,
    ) {
        let share = percent as f64 / 100.0;
        let (mut state, _) = broker(BrokerConfig { bulkhead: Some(share), ..plain(slots) }, 0);
        let stalled = AgentConfig { in_flight_limit: limit, ..AgentConfig::new("stalled") };
        let stalled = state.add_agent(Time::ZERO, stalled).expect("a new name");
        let healthy = state.add_agent(Time::ZERO, AgentConfig::new("healthy")).expect("a new name");
        let worker = state.least_busy_worker().expect("ready");
        for n in 0..flood as u64 {
            let now = Time::from_nanos(n);
            send(&mut state, now, stalled, Lane::Critical);
            let mut held = Vec::new();
            state.take(now, worker, slots, &mut held);
            let most = (percent * u64::from(slots) / 100).max(1);
            let calls = state.books().calls - n;
            prop_assert!(calls <= most.min(limit.map_or(most, u64::from)), "{calls} of {most}");
            send(&mut state, now, healthy, Lane::Bulk);
            let mut calls = Vec::new();
            state.take(now, worker, slots, &mut calls);
            prop_assert_eq!(calls.len(), 1, "the healthy agent finds a slot");
            let settled = state.settle(now, calls[0].lease, Settlement::All(Verdict::Delivered));
            prop_assert_eq!(settled, Ok::<(), LateSettle>(()));
            state.check();
        }
        let delivered = state.books().outcomes[Outcome::Delivered.index()];
        prop_assert_eq!(delivered, flood as u64);
    }
}
