//! The broker core without the simulator's world: driven by the bare loop's heap, once with its
//! events dropped and once with measure's recorder listening. Not a rival: it says how much of a
//! message's cost is the core's, how much the recorder's, and (what is left) the world's.
//!
//! Deadlines, retry budget, leases and the control tick are on, as in a simulated run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ebbtide_core::event::Event;
use ebbtide_core::message::LeaseId;
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::{
    AgentConfig, BrokerConfig, BrokerState, Checked, Settlement, Submission, Verdict,
};
use ebbtide_measure::{Detail, PlanAgent, PlanClass, RecordPlan, Recorder};
use ebbtide_policies::registry;

use crate::queue::{DEADLINE_S, Load, Luck, SERVERS, Seen};

/// When, and the call that ends then; `None` for an arrival.
type Entry = Reverse<(u64, Option<LeaseId>)>;

/// Runs the queue; nobody listens to what happens.
#[must_use]
pub fn run(load: Load) -> Seen {
    drive(load, |_| {})
}

/// Runs the queue; a recorder listens.
#[must_use]
pub fn run_recorded(load: Load) -> Seen {
    let mut recorder = Recorder::new(RecordPlan {
        warm_up: Time::ZERO,
        length: Time::MAX,
        objective: None,
        agents: vec![PlanAgent {
            name: "server".to_owned(),
            batch: false,
            work_s: 1.0 / SERVERS as f64,
        }],
        classes: vec![PlanClass {
            name: "default".to_owned(),
            deadline: None,
        }],
        parallelism: SERVERS as u32,
        setting: broker().setting(),
        detail: Detail::Summary,
        faults: Vec::new(),
    });
    drive(load, |event| recorder.record(event))
}

fn broker() -> BrokerState<u64> {
    let config = BrokerConfig {
        num_workers: 1,
        delivery_parallelism: SERVERS as u32,
        max_queue_size: 1_000_000_000,
        ..BrokerConfig::default()
    };
    let policy = registry::build("fixed").expect("the registry has it");
    BrokerState::new(Checked::new(config).expect("sound"), policy)
}

fn drive(load: Load, mut listen: impl FnMut(&Event<u64>)) -> Seen {
    let luck = Luck::new(load.seed);
    let mut broker = broker();
    let agent = broker
        .add_agent(Time::ZERO, AgentConfig::new("server"))
        .expect("a new name");
    let mut heap: BinaryHeap<Entry> = BinaryHeap::new();
    let (mut arrived, mut served, mut waits) = (0_u64, 0_u64, 0_u128);
    let mut sent = std::collections::VecDeque::new();
    heap.push(Reverse((luck.gap_ns(0), None)));
    while let Some(Reverse((at, call))) = heap.pop() {
        let now = Time::from_nanos(at);
        if let Some(lease) = call {
            served += 1;
            let delivered = Settlement::All(Verdict::Delivered);
            broker
                .settle(now, lease, delivered)
                .expect("no lease is late");
        } else {
            let mut submission = Submission::new(agent, now, arrived);
            submission.deadline = Some(now + Duration::from_secs(DEADLINE_S));
            broker
                .submit(now, submission)
                .expect("the queue is unbounded");
            sent.push_back(at);
            arrived += 1;
            if arrived < load.messages {
                heap.push(Reverse((at + luck.gap_ns(arrived), None)));
            }
        }
        broker.advance(now);
        while broker.may_take()
            && let Some(call) = broker.take_next(now)
        {
            let number = *broker.payload(call.first).expect("it was just taken");
            let asked = sent.pop_front().expect("first in, first out");
            waits += u128::from(at - asked);
            heap.push(Reverse((at + luck.call_ns(number), Some(call.lease))));
        }
        while let Some(event) = broker.poll_event() {
            listen(&event);
        }
    }
    Seen::from_sum(served, waits)
}
