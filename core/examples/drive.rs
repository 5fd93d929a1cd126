//! The loop that every shell around the broker runs, here with a clock of its own making.
//!
//! `cargo run -p ebbtide-core --example drive`: five messages, one worker of two slots, and an
//! agent that takes 50 ms a call and fails at message 3 the first time. Nothing waits: time
//! jumps to whatever comes next, the end of a call or what the broker wants to be woken for.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;

use ebbtide_core::message::LeaseId;
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::{
    AgentConfig, BrokerConfig, BrokerState, Checked, Settlement, Submission, Verdict, What,
};
use ebbtide_policies::registry;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Checked::new(BrokerConfig {
        num_workers: 1,
        delivery_parallelism: 2,
        ..BrokerConfig::default()
    })?;
    let mut broker = BrokerState::new(config, registry::build("fixed")?);
    let echo = broker.add_agent(Time::ZERO, AgentConfig::new("echo"))?;
    for number in 1..=5_u32 {
        broker.submit(Time::ZERO, Submission::new(echo, Time::ZERO, number))?;
    }

    let mut now = Time::ZERO;
    // Calls under way, first to end first: all that a shell keeps besides the broker.
    let mut under_way: BinaryHeap<Reverse<(Time, LeaseId)>> = BinaryHeap::new();
    let mut calls = Vec::new();
    while !broker.is_idle() {
        // 1. Hand in what happened: calls that end now.
        while let Some(&Reverse((end, lease))) = under_way.peek()
            && end <= now
        {
            under_way.pop();
            broker.settle(now, lease, Settlement::All(handle(&broker, lease)))?;
        }
        // 2. Let time pass: retries become due, deadlines and leases end, the controller ticks.
        broker.advance(now);
        // 3. Start what may start.
        while let Some(worker) = broker.least_busy_worker() {
            broker.take(now, worker, 1, &mut calls);
            let Some(call) = calls.pop() else { break };
            let end = now + Duration::from_millis(50);
            under_way.push(Reverse((end, call.lease)));
        }
        // 4. Hear what became of it.
        while let Some(event) = broker.poll_event() {
            report(event.at, &event.what);
        }
        // 5. Come back when a call ends or the broker wants to be woken.
        let next_end = under_way.peek().map(|Reverse((end, _))| *end);
        let next_wake = broker.next_wake().map(|(at, _why)| at);
        now = next_end.into_iter().chain(next_wake).min().ok_or("stuck")?;
    }
    Ok(())
}

/// The agent: what it says of a call with one message.
fn handle(broker: &BrokerState<u32>, lease: LeaseId) -> Verdict {
    let message = broker.messages_of(lease)[0];
    let fails = broker.payload(message) == Some(&3) && broker.attempts(message) == Some(0);
    if fails {
        Verdict::Failed
    } else {
        Verdict::Delivered
    }
}

fn report(at: Time, what: &What<u32>) {
    match what {
        What::Started { worker, size, .. } => {
            println!("{at:>12}  worker {} starts a call of {size}", worker.0);
        }
        What::Requeued { due, attempts, .. } => {
            println!("{at:>12}  attempt {attempts} failed, again at {due}");
        }
        What::Finished {
            payload, outcome, ..
        } => println!("{at:>12}  message {payload} {}", outcome.name()),
        _ => {}
    }
}
