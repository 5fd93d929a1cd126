//! cronoq-core, the nearest published core, in virtual time: the same heap of events as the bare
//! loop around its `submit`, `poll_action` and `complete`.
//!
//! In its best setting: a fixed pool, no lease expiry, no deadline, no retries, nothing retained
//! of finished tasks, one payload shared by all, one lane. ebbtide runs with all of that on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use cronoq_core::{
    Action, Core, CoreConfig, LeaseId, Outcome, PoolConfig, RetryPolicy, TaskSpec, Time,
};

use crate::queue::{Load, Luck, SERVERS, Seen};

/// When, and the call that ends then; `None` for an arrival. Ties by lease, arrivals first.
type Event = Reverse<(u64, Option<LeaseId>)>;

/// Runs the queue.
///
/// # Panics
/// When the core refuses a task, which an unbounded pool never does.
#[must_use]
pub fn run(load: Load) -> Seen {
    let luck = Luck::new(load.seed);
    let mut core = core();
    let payload = Arc::new(());
    let mut events: BinaryHeap<Event> = BinaryHeap::new();
    // When each task was sent: task ids count from 1, so the oldest in the queue is `first`.
    let mut sent = std::collections::VecDeque::new();
    let (mut first, mut arrived, mut served, mut waits) = (1_u64, 0_u64, 0_u64, 0_u128);
    events.push(Reverse((luck.gap_ns(0), None)));
    while let Some(Reverse((now, call))) = events.pop() {
        if let Some(lease) = call {
            served += 1;
            core.complete(Time(now), lease, Outcome::Success);
        } else {
            sent.push_back(now);
            core.submit(Time(now), TaskSpec::from_arc(Arc::clone(&payload)))
                .expect("the pool has no bound");
            arrived += 1;
            if arrived < load.messages {
                events.push(Reverse((now + luck.gap_ns(arrived), None)));
            }
        }
        while let Some(action) = core.poll_action() {
            if let Action::Dispatch(dispatch) = action {
                // First in, first out: the oldest waits no more.
                assert_eq!(dispatch.id.0, first, "tasks start in the order they came");
                let asked = sent.pop_front().expect("it was sent before it started");
                waits += u128::from(now - asked);
                let ends = now + luck.call_ns(first - 1);
                events.push(Reverse((ends, Some(dispatch.lease))));
                first += 1;
            }
        }
    }
    Seen::from_sum(served, waits)
}

fn core() -> Core<()> {
    let mut pool = PoolConfig::fixed("default", SERVERS as u32);
    pool.retry = RetryPolicy::none();
    Core::new(CoreConfig {
        pools: vec![pool],
        retention: Duration::ZERO,
        retention_max: 0,
        ..CoreConfig::default()
    })
}
