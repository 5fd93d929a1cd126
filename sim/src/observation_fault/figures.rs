//! Every figure of an observation that may be wrong, in one list.

use ebbtide_policies::latency::LatencyHistogram;
use ebbtide_policies::observation::{AgentObservation, Observation, SlotTime};
use ebbtide_policies::units::Duration;

/// Takes away what may be missing.
pub(super) fn strip(seen: &mut Observation) {
    seen.wait = LatencyHistogram::default();
    seen.sojourn = LatencyHistogram::default();
    seen.queue.oldest_wait = None;
    for agent in &mut seen.agents {
        agent.samples.clear();
    }
}

/// Puts `change` of it in the place of every count and every time that was measured.
pub(super) fn change(seen: &mut Observation, mut change: impl FnMut(u64) -> u64) {
    let (queue, flow) = (&mut seen.queue, &mut seen.flow);
    for count in [
        &mut queue.waiting,
        &mut queue.delayed,
        &mut queue.bytes,
        &mut flow.arrivals,
        &mut flow.refused,
        &mut flow.retries,
        &mut flow.started,
        &mut flow.completed,
        &mut flow.delivered,
        &mut flow.expired,
        &mut flow.dead_lettered,
    ] {
        *count = change(*count);
    }
    let oldest = queue.oldest_wait.iter_mut();
    let times = oldest.chain([&mut flow.batch_wait]);
    for time in times.chain(slot_times(&mut seen.slots)) {
        change_time(time, &mut change);
    }
    let pool = &mut seen.workers;
    for count in [
        &mut pool.starting,
        &mut pool.ready,
        &mut pool.draining,
        &mut pool.busy,
    ] {
        change_count(count, &mut change);
    }
    for agent in &mut seen.agents {
        change_agent(agent, &mut change);
    }
    // Last, so that the luck of all others is what it was before there were these.
    change_keys(seen, &mut change);
}

fn change_keys(seen: &mut Observation, change: &mut impl FnMut(u64) -> u64) {
    for agent in &mut seen.agents {
        for count in [
            &mut agent.behind,
            &mut agent.contended_keys,
            &mut agent.came_behind,
            &mut agent.moved_up,
        ] {
            *count = change(*count);
        }
    }
    change_time(&mut seen.slots.blocked.key, change);
}

/// The same for the length of the interval.
pub(super) fn change_interval(seen: &mut Observation, mut change: impl FnMut(u64) -> u64) {
    change_time(&mut seen.interval, &mut change);
}

fn change_agent(agent: &mut AgentObservation, change: &mut impl FnMut(u64) -> u64) {
    let calls = &mut agent.calls;
    for count in [
        &mut agent.waiting,
        &mut agent.arrivals,
        &mut agent.retries,
        &mut agent.delivered,
        &mut agent.units,
        &mut calls.succeeded,
        &mut calls.failed,
        &mut calls.rate_limited,
        &mut calls.messages,
    ] {
        *count = change(*count);
    }
    change_time(&mut calls.time, change);
    change_count(&mut agent.in_flight, change);
    for sample in &mut agent.samples {
        change_count(&mut sample.batch, change);
        change_count(&mut sample.in_flight, change);
        change_time(&mut sample.time, change);
    }
}

fn slot_times(slots: &mut SlotTime) -> [&mut Duration; 8] {
    let blocked = &mut slots.blocked;
    [
        &mut slots.with_call,
        &mut slots.idle,
        &mut blocked.limit,
        &mut blocked.bulkhead,
        &mut blocked.breaker,
        &mut blocked.paused,
        &mut blocked.rate_limit,
        &mut blocked.open_batch,
    ]
}

fn change_time(time: &mut Duration, change: &mut impl FnMut(u64) -> u64) {
    *time = Duration::from_nanos(change(time.as_nanos()));
}

fn change_count(count: &mut u32, change: &mut impl FnMut(u64) -> u64) {
    *count = u32::try_from(change(u64::from(*count))).unwrap_or(u32::MAX);
}
