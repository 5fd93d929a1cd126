//! Who goes first: invariants 6 and 7.

use std::collections::BTreeMap;

use ebbtide_core::units::{Duration, Time};
use ebbtide_core::{BrokerConfig, BrokerState, Lane};
use proptest::prelude::*;
use proptest_state_machine::prop_state_machine;

use crate::direct::{broker, plain, send, serve};
use crate::model::reference::Stage;
use crate::model::{Broker, Machine, Property, Reference, Step, Stress};
use crate::{CALM, agree, cases};

prop_state_machine! {
    #![proptest_config(cases(250, 6))]
    #[test]
    fn lanes_share_by_weight_and_what_is_overdue_goes_first(
        sequential 1..100 => Machine<Lanes>
    );
}

/// Invariant 6.
struct Lanes;

impl Property for Lanes {
    const STRESS: Stress = Stress {
        max_wait: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
    }
}

prop_state_machine! {
    #![proptest_config(cases(250, 7))]
    #[test]
    fn an_ordering_key_is_served_one_after_another_in_the_order_of_first_due(
        sequential 1..100 => Machine<OrderingKeys>
    );
}

/// Invariant 7.
struct OrderingKeys;

impl Property for OrderingKeys {
    const STRESS: Stress = Stress { keys: true, ..CALM };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let mut holders = BTreeMap::new();
        for call in reference
            .calls
            .iter()
            .filter(|call| call.stage != Stage::Gone)
        {
            for &member in &call.members {
                let it = &reference.messages[member];
                let Some(key) = it.key else { continue };
                let holder = *holders.entry((it.agent, key)).or_insert(member);
                assert_eq!(holder, member, "two messages of a key at once");
            }
        }
    }
}

/// Every lane gets its share of `served` by weight, give or take a turn of each lane.
#[track_caller]
fn shared_by_weight(served: &[u64; 5], weights: &[u32; 5], lanes: &[Lane]) {
    let total: u64 = lanes.iter().map(|lane| served[lane.index()]).sum();
    let weight: u32 = lanes.iter().map(|lane| weights[lane.index()]).sum();
    for lane in lanes {
        let share = f64::from(weights[lane.index()]) / f64::from(weight);
        let expected = share * total as f64;
        let off = (served[lane.index()] as f64 - expected).abs();
        assert!(
            off <= 1.0 + share * 5.0 + 5.0 * share,
            "{lane:?}: {served:?} by {weights:?}"
        );
    }
}

fn weights() -> impl Strategy<Value = [u32; 5]> {
    prop::array::uniform5(prop::sample::select(vec![1_u32, 2, 3, 4, 8, 16]))
}

proptest! {
    #![proptest_config(cases(60, 11))]

    /// Invariant 6: lanes that always have something waiting share the starts by weight,
    /// however many of them there are and whoever was paused meanwhile.
    #[test]
    fn no_lane_starves_under_weighted(
        weights in weights(),
        lanes in prop::sample::subsequence(Lane::ALL.to_vec(), 1..=5),
        paused in 0_usize..5,
        pause in 0_u64..300,
        one_at_a_time in any::<bool>(),
    ) {
        let (mut state, agents) = broker(BrokerConfig { lane_weights: weights, ..plain(1) }, 5);
        let now = Time::ZERO;
        // Each lane has an agent of its own, and a queue or one message after another.
        let depth = if one_at_a_time { 1 } else { 800 };
        for lane in &lanes {
            (0..depth).for_each(|_| send(&mut state, now, agents[lane.index()], *lane));
        }
        let mut served = [0; 5];
        let mut serve_all = |state: &mut BrokerState<u32>, count: u64| {
            for _ in 0..count {
                let Some(lane) = serve(state, now) else { break };
                served[lane.index()] += 1;
                send(state, now, agents[lane.index()], lane);
            }
            std::mem::take(&mut served)
        };
        let served = serve_all(&mut state, 500);
        shared_by_weight(&served, &weights, &lanes);
        // A lane whose agent is paused has no turns to make up for when it is back.
        let rest: Vec<Lane> = lanes.iter().copied().filter(|lane| lane.index() != paused).collect();
        state.pause_agent(now, agents[paused], Time::MAX);
        let served = serve_all(&mut state, pause);
        shared_by_weight(&served, &weights, &rest);
        state.resume_agent(now, agents[paused]);
        let served = serve_all(&mut state, 500);
        shared_by_weight(&served, &weights, &lanes);
    }

    /// Invariant 6: a message due for longer than its lane's maximum wait goes first.
    #[test]
    fn what_has_waited_longer_than_its_lane_allows_goes_first(
        most in 0_u64..50, waited in 0_u64..100, lane in 1_usize..5,
    ) {
        let mut waits = [None; 5];
        waits[lane] = Some(most);
        let (mut state, agents) = broker(BrokerConfig { lane_max_wait_ms: waits, ..plain(1) }, 1);
        // The lane has had its turn, so that the next one's would come first.
        send(&mut state, Time::ZERO, agents[0], Lane::ALL[lane]);
        serve(&mut state, Time::ZERO);
        send(&mut state, Time::ZERO, agents[0], Lane::ALL[lane]);
        let now = Time::ZERO + Duration::from_millis(waited);
        send(&mut state, now, agents[0], Lane::Critical);
        let first = serve(&mut state, now).expect("two wait");
        prop_assert_eq!(first == Lane::ALL[lane], waited > most);
    }
}
