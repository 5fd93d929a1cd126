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

mod agents;
mod bounds;
mod direct;
mod messages;
mod model;
mod turns;

use model::{Broker, Reference, Step, Stress, difference};
use proptest::test_runner::{Config, RngSeed};

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
