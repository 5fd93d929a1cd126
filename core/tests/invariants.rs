//! The nine invariants of the broker, a property each (ARCHITECTURE.md has the list).
//!
//! Most drive random steps through the broker and through a reference written from its rules
//! (`model/`): after each step both must have done the same things at the same times, and the
//! property looks at what it is about. Fairness and isolation are also tried directly, over
//! long runs. `EBBTIDE_SOAK_CASES` sets the number of cases of each property; seeds are fixed,
//! and `EBBTIDE_SOAK_SEED` is added to them.
//!
//! Each property has been seen to fail on a broken core. The mutations, each of one line, with
//! the property meant for it and the case in which that failed first:
//!
//! | | mutation | caught by | in case |
//! |---|---|---|---|
//! | 1 | `waiting` is not decremented when a message leaves (`queue.rs`) | `accepted_equals…` (and every other) | 1 |
//! | 1 | a delayed message that ends still counts as delayed (`queue.rs`) | `accepted_equals…` | 9 |
//! | 2 | deadlines of delayed messages are passed over (`advance.rs`) | `every_message_gets…` | 6 |
//! | 2 | expiry during a call counts two outcomes (`queue.rs`) | `every_message_gets…` | 1 |
//! | 2 | a late result does not end a cancelled handler's grace (`settle.rs`) | `every_message_gets…` | 12 |
//! | 3 | the epoch check is skipped (`leases.rs`) | `a_settle_with_an_old_epoch…` | 1 |
//! | 3 | a late settle is not counted (`settle.rs`) | `a_settle_with_an_old_epoch…` alone | 3 |
//! | 4 | the wish for workers passes unclamped (`control.rs`) | `workers_and_batch_size…` | 1 |
//! | 4 | the wish for a batch size passes unclamped (`control.rs`) | `workers_and_batch_size…` | 4 |
//! | 4 | growth orders new workers while others drain (`pool.rs`) | `workers_and_batch_size…` | 50 |
//! | 5 | the bytes of what is taken are forgotten (`take.rs`) | `bounds_hold…` (and others) | 1 |
//! | 5 | the bound is off by one (`submit.rs`) | `bounds_hold…` alone | 1 |
//! | 5 | there is no reserve for the critical lane (`submit.rs`) | `bounds_hold…` alone | 1 |
//! | 5 | free slots make no room (`submit.rs`) | `bounds_hold…` alone | 1 |
//! | 5 | a refused message loses its deadline (`submit.rs`) | `bounds_hold…` | 2 |
//! | 6 | the maximum wait is ignored (`lanes.rs`) | `what_has_waited…`, `lanes_share…` | 1 |
//! | 6 | every lane is charged alike (`lanes.rs`) | `no_lane_starves…`, `lanes_share…` | 1 |
//! | 6 | lanes save up turns (`lanes.rs`) | `no_lane_starves…`, `lanes_share…` | 1, 2 |
//! | 7 | a key is handed on before the slot is free (`ordering.rs`) | `an_ordering_key…` | 7 |
//! | 7 | any message of a key may go (`queue.rs`) | `an_ordering_key…` | 3 |
//! | 7 | the last behind a key goes next (`ordering.rs`) | `an_ordering_key…` | 3 |
//! | 8 | there is no bulkhead (`protect.rs`) | `a_stalled_agent…`, `no_agent_holds…` | 1 |
//! | 8 | the in-flight limit is off by one (`protect.rs`) | `no_agent_holds…`, `a_stalled_agent…` | 6, 12 |
//! | 8 | all calls go to the first replica (`agents.rs`) | `no_agent_holds…` | 4 |
//! | 9 | ties are broken by a counter that outlives the broker (`take.rs`) | `same_inputs…` (and others) | 2 |
//! | 9 | what shutdown returns comes in a hash map's order (`shutdown.rs`) | `same_inputs…` alone | 7 |
//! | 9 | decisions are numbered by a global counter (`control.rs`) | `same_inputs…` alone | 1 |
//! | – | a failed probe spends an attempt (`settle.rs`) | `agents_are_spared…` | 1 |
//! | – | a pause is ignored (`protect.rs`) | `agents_are_spared…` | 2 |
//! | – | a lost worker's messages go to the tail (`settle.rs`) | `lanes_share…` (and others) | 3 |

mod model;

use std::collections::BTreeMap;

use ebbtide_core::units::{Duration, Time};
use ebbtide_core::{
    AgentConfig, BrokerConfig, BrokerState, Checked, Lane, LateSettle, Outcome, Settlement,
    Submission, Verdict,
};
use ebbtide_policies::registry;
use model::reference::{Place, Stage};
use model::{Broker, Machine, Property, Reference, Step, Stress, difference};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use proptest_state_machine::prop_state_machine;

/// Which parts are stressed unless a property says otherwise.
const CALM: Stress = Stress {
    tight_queue: false,
    breaker: false,
    limits: false,
    rates: false,
    max_wait: false,
    keys: false,
    wild_policy: false,
    deadlines: false,
};

fn cases(cases: u32, seed: u64) -> Config {
    let set = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
    };
    let seed = seed + set("EBBTIDE_SOAK_SEED").unwrap_or(0);
    let cases = set("EBBTIDE_SOAK_CASES").map_or(cases, |cases| cases as u32);
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 5_000,
        ..Config::default()
    }
}

/// Both did the same things at the same times.
#[track_caller]
fn agree(broker: &Broker, reference: &Reference, step: &Step) {
    let (missing, beyond) = difference(broker, reference);
    assert!(
        missing.is_empty() && beyond.is_empty(),
        "after {step:?}\nthe broker did not: {missing:#?}\nbut did: {beyond:#?}"
    );
}

prop_state_machine! {
    #![proptest_config(cases(250, 1))]
    #[test]
    fn accepted_equals_waiting_plus_delayed_plus_leased_plus_outcomes(
        sequential 1..100 => Machine<Conservation>
    );
}

prop_state_machine! {
    #![proptest_config(cases(250, 2))]
    #[test]
    fn every_message_gets_exactly_one_outcome_no_later_than_its_deadline(
        sequential 1..100 => Machine<OneOutcome>
    );
}

prop_state_machine! {
    #![proptest_config(cases(250, 3))]
    #[test]
    fn a_settle_with_an_old_epoch_changes_nothing_and_is_counted(
        sequential 1..100 => Machine<LateSettles>
    );
}

prop_state_machine! {
    #![proptest_config(cases(250, 4))]
    #[test]
    fn workers_and_batch_size_stay_within_bounds_whatever_the_policy_asks(
        sequential 1..100 => Machine<Governed>
    );
}

prop_state_machine! {
    #![proptest_config(cases(400, 5))]
    #[test]
    fn bounds_hold_and_what_is_refused_comes_back_whole(
        sequential 1..100 => Machine<Bounded>
    );
}

prop_state_machine! {
    #![proptest_config(cases(250, 6))]
    #[test]
    fn lanes_share_by_weight_and_what_is_overdue_goes_first(
        sequential 1..100 => Machine<Lanes>
    );
}

prop_state_machine! {
    #![proptest_config(cases(250, 7))]
    #[test]
    fn an_ordering_key_is_served_one_after_another_in_the_order_of_first_due(
        sequential 1..100 => Machine<OrderingKeys>
    );
}

prop_state_machine! {
    #![proptest_config(cases(400, 8))]
    #[test]
    fn no_agent_holds_more_than_its_limit_or_its_bulkhead(
        sequential 1..100 => Machine<Isolation>
    );
}

prop_state_machine! {
    #![proptest_config(cases(200, 9))]
    #[test]
    fn same_inputs_same_outputs(sequential 1..100 => Machine<Determinism>);
}

prop_state_machine! {
    #![proptest_config(cases(250, 10))]
    #[test]
    fn agents_are_spared_as_breakers_and_rates_say(sequential 1..100 => Machine<Spared>);
}

/// Invariant 1.
struct Conservation;

impl Property for Conservation {
    const STRESS: Stress = CALM;

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let books = broker.state.books();
        let ended = |place| matches!(place, Place::Done(_));
        let places = [
            (books.accepted, reference.count(|_| true)),
            (books.waiting, reference.count(|it| it == Place::Waiting)),
            (books.delayed, reference.count(|it| it == Place::Delayed)),
            (
                books.leased,
                reference.count(|it| matches!(it, Place::Leased(_))),
            ),
            (books.finished(), reference.count(ended)),
            (books.bytes, reference.queued_bytes()),
            (books.refused, reference.refused),
        ];
        for (at, (counted, expected)) in places.into_iter().enumerate() {
            assert_eq!(counted, expected, "place {at} of {books:?}");
        }
        for message in &reference.messages {
            if let Place::Done(outcome) = message.place {
                let same =
                    |it| matches!(it, Place::Done(other) if other.index() == outcome.index());
                let expected = reference.count(same);
                assert_eq!(books.outcomes[outcome.index()], expected, "{outcome:?}");
            }
        }
        assert!(books.balance(), "{books:?}");
    }
}

/// Invariant 2.
struct OneOutcome;

impl Property for OneOutcome {
    const STRESS: Stress = Stress {
        deadlines: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        for message in &reference.messages {
            let outcomes = &broker.outcomes[&message.name];
            let ended = matches!(message.place, Place::Done(_));
            assert_eq!(
                outcomes.len(),
                usize::from(ended),
                "{} ended {outcomes:?}",
                message.name
            );
            let latest = message.deadline.max(message.accepted);
            assert!(
                outcomes.iter().all(|&at| at <= latest),
                "{} ended {outcomes:?}",
                message.name
            );
            let over = !ended && latest < reference.now;
            assert!(!over, "{} goes on beyond its deadline", message.name);
        }
        let live = reference.messages.len() as u64 - broker.state.books().finished();
        assert_eq!(broker.state.unfinished().count() as u64, live);
    }
}

/// Invariant 3.
struct LateSettles;

impl Property for LateSettles {
    const STRESS: Stress = Stress {
        deadlines: true,
        keys: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        assert_eq!(broker.state.books().late, reference.late);
        for (call, lease) in reference.calls.iter().zip(broker.leases()) {
            let members = broker.state.messages_of(lease).len();
            let gone = call.stage == Stage::Gone;
            assert_eq!(
                members,
                if gone { 0 } else { call.members.len() },
                "{call:?}"
            );
        }
    }
}

/// Invariant 4.
struct Governed;

impl Property for Governed {
    const STRESS: Stress = Stress {
        wild_policy: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let (config, setting) = (&reference.setup.broker, broker.state.setting());
        assert!(
            (config.min_workers..=config.max_workers).contains(&setting.workers),
            "{setting:?}"
        );
        let sizes = config.min_batch_size..=config.max_batch_size;
        assert!(sizes.contains(&setting.batch_size), "{setting:?}");
        let longest = Duration::from_millis(config.max_batch_timeout_ms);
        assert!(setting.batch_timeout <= longest, "{setting:?}");
        assert!(
            broker.workers() <= config.max_workers as usize,
            "{} workers",
            broker.workers()
        );
        for call in &reference.calls {
            let agent = &reference.agents[call.agent].config;
            let most = if agent.batch {
                config.max_batch_size
            } else {
                1
            };
            let most = most.min(agent.max_batch.unwrap_or(most));
            assert!(call.members.len() <= most as usize, "{call:?}");
        }
    }
}

/// Invariant 5.
struct Bounded;

impl Property for Bounded {
    const STRESS: Stress = Stress {
        tight_queue: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
        let (config, books) = (&reference.setup.broker, broker.state.books());
        assert_eq!(books.refused, reference.refused);
        // All that ever came back may stand beyond the bound, and what free slots will start.
        let came_back = reference.messages.iter().filter(|it| it.came_back).count() as u64;
        let slots = u64::from(config.max_workers * config.delivery_parallelism);
        let most = config.max_queue_size + config.reserve + came_back + slots;
        assert!(books.queued() <= most, "{books:?} of {most}");
        let heaviest = reference
            .messages
            .iter()
            .map(|it| it.size)
            .max()
            .unwrap_or(0);
        let most = config.max_queue_bytes.0 + (came_back + slots) * heaviest;
        assert!(books.bytes <= most, "{books:?} of {most} bytes");
    }
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

/// Invariant 9.
struct Determinism;

impl Property for Determinism {
    const STRESS: Stress = Stress {
        breaker: true,
        limits: true,
        rates: true,
        keys: true,
        deadlines: true,
        wild_policy: true,
        ..CALM
    };

    fn check(broker: &Broker, reference: &Reference, step: &Step) {
        agree(broker, reference, step);
    }

    fn finish(broker: &Broker, reference: &Reference) {
        let (mut again, mut followed) = (
            Broker::new(&reference.setup),
            Reference::new(reference.setup.clone()),
        );
        for step in &reference.steps {
            followed.step(step);
            again.step(step, &followed);
        }
        assert_eq!(again.trace, broker.trace);
    }
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

// Directly, over long runs.

/// One worker of so many slots, nothing that protects agents, nothing overdue.
fn plain(slots: u32) -> BrokerConfig {
    BrokerConfig {
        num_workers: 1,
        min_workers: 1,
        max_workers: 1,
        delivery_parallelism: slots,
        max_queue_size: 1_000_000,
        lane_max_wait_ms: [None; 5],
        bulkhead: None,
        breaker: None,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

fn broker(
    config: BrokerConfig,
    agents: usize,
) -> (BrokerState<u32>, Vec<ebbtide_core::message::AgentId>) {
    let config = Checked::new(config).expect("sound");
    let mut state = BrokerState::new(config, registry::build("fixed").expect("fixed exists"));
    let mut add = |at| {
        state
            .add_agent(Time::ZERO, AgentConfig::new(format!("a{at}")))
            .expect("a new name")
    };
    let ids = (0..agents).map(&mut add).collect();
    (state, ids)
}

/// Takes one call wherever there is room; the lane of its message, whose payload names it.
fn serve(state: &mut BrokerState<u32>, now: Time) -> Option<Lane> {
    let mut calls = Vec::new();
    let worker = state.least_busy_worker()?;
    state.take(now, worker, 1, &mut calls);
    let call = calls.first()?;
    let message = state.messages_of(call.lease)[0];
    let lane = Lane::ALL[*state.payload(message).expect("it lives") as usize];
    state
        .settle(now, call.lease, Settlement::All(Verdict::Delivered))
        .expect("in time");
    Some(lane)
}

fn send(
    state: &mut BrokerState<u32>,
    now: Time,
    agent: ebbtide_core::message::AgentId,
    lane: Lane,
) {
    let message = Submission {
        lane,
        ..Submission::new(agent, now, lane.index() as u32)
    };
    state.submit(now, message).expect("there is room");
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
