//! How the pool was used, and a wish for workers alone, as several rivals read and say it.

use std::borrow::Cow;

use super::demand::{calls_in_flight, calls_waiting};
use crate::decision::{Decision, Reason};
use crate::observation::{AgentObservation, Observation};

/// Slots with a call, and slots that what waits could fill now.
pub(crate) fn slots_needed(observation: &Observation) -> u64 {
    calls_in_flight(observation).saturating_add(calls_waiting(observation))
}

/// Most calls that were in flight during the interval, as the calls that ended found it: for
/// each agent the largest figure, summed.
pub(crate) fn peak_in_flight(observation: &Observation) -> u64 {
    let peak = |agent: &AgentObservation| {
        let at_start = agent.samples.iter().map(|sample| sample.in_flight);
        u64::from(at_start.max().unwrap_or(0).max(agent.in_flight))
    };
    let peaks = observation.agents.iter().map(peak);
    peaks.fold(0, u64::saturating_add)
}

/// Slot-seconds with a call, and slot-seconds in all.
pub(crate) fn slot_seconds(observation: &Observation) -> (f64, f64) {
    let (slots, blocked) = (&observation.slots, &observation.slots.blocked);
    let free = [
        slots.idle,
        blocked.limit,
        blocked.bulkhead,
        blocked.breaker,
        blocked.paused,
        blocked.rate_limit,
        blocked.open_batch,
        blocked.key,
    ];
    let free: f64 = free.iter().map(|time| time.as_secs_f64()).sum();
    let busy = slots.with_call.as_secs_f64();
    (busy, busy + free)
}

/// A wish for workers alone, whose code says only which way it goes.
pub(crate) fn wish(
    workers: f64,
    observation: &Observation,
    why: impl Into<Cow<'static, str>>,
) -> Decision {
    let present = f64::from(observation.setting.workers);
    let mut decision = Decision::of_workers(workers, observation, Reason::new("steady", why));
    if decision.workers > present {
        decision.reason.code = Cow::Borrowed("grow");
    } else if decision.workers < present {
        decision.reason.code = Cow::Borrowed("shrink");
    }
    decision
}
