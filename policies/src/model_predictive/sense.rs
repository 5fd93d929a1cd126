//! Whether an observation can be true. One that cannot is worse than none: beliefs would keep it
//! for minutes. The limits are physical and wide, since noise is no nonsense.

use crate::observation::{AgentObservation, CallSample, Observation};
use crate::units::{Duration, Time};

/// No broker is sent more messages a second than this.
const MOST_PER_S: f64 = 1e7;
/// Parts of a whole may seem this much larger than it, and as many more: each figure may be off.
const SLACK: u64 = 20;
/// What may wait beyond the queue's bound: its reserve, and what came back.
const MOST_RESERVED: u64 = 1_000_000;
/// Draining workers may outnumber the others by this much, while calls are long.
const MOST_DRAINING: u64 = 100;

/// Whether `seen` can be true, `last` being when something was seen before.
pub(super) fn makes_sense(seen: &Observation, last: Time) -> bool {
    let passed = seen.at.since(last);
    // Time that goes back is another broker's.
    let is_in_time = seen.interval <= passed || seen.at < last;
    let is_an_interval = !seen.interval.is_zero() && is_in_time;
    is_an_interval
        && is_a_pool(seen)
        && is_a_flow(seen)
        && seen.agents.iter().all(|agent| is_an_agent(agent, seen))
}

/// Calls that may be under way.
fn most_calls(seen: &Observation) -> u64 {
    let workers = u64::from(seen.bounds.max_workers.max(seen.workers.wanted));
    (MOST_DRAINING * workers).saturating_mul(u64::from(seen.parallelism.max(1)))
}

fn is_a_pool(seen: &Observation) -> bool {
    let most = 2 * u64::from(seen.bounds.max_workers.max(seen.workers.wanted));
    let slot_s = most_calls(seen) as f64 * seen.interval.as_secs_f64();
    u64::from(seen.workers.ready) <= most
        && u64::from(seen.workers.starting) <= most
        && seen.slots.with_call.as_secs_f64() <= slot_s
}

fn is_a_flow(seen: &Observation) -> bool {
    let most = MOST_PER_S * seen.interval.as_secs_f64() + 1.0;
    let counts = [seen.flow.arrivals, seen.flow.refused, seen.flow.completed];
    counts.iter().all(|count| *count as f64 <= most)
        && seen.queue.waiting / SLACK <= seen.queue.max_size.saturating_add(MOST_RESERVED)
        && seen.queue.oldest_wait <= Some(seen.at.since(Time::ZERO))
}

fn is_an_agent(agent: &AgentObservation, seen: &Observation) -> bool {
    let is_part = |part: u64, whole: u64| part / SLACK <= whole.saturating_add(1);
    let calls = &agent.calls;
    let most = MOST_PER_S * seen.interval.as_secs_f64() + 1.0;
    is_part(agent.arrivals, seen.flow.arrivals)
        && is_part(agent.waiting, seen.queue.waiting)
        && is_part(calls.succeeded, seen.flow.completed)
        && (calls.failed as f64) <= most
        && u64::from(agent.in_flight) <= most_calls(seen)
        && calls.time.as_secs_f64() <= calls.succeeded as f64 * age(seen).as_secs_f64()
        && agent.samples.iter().all(|sample| is_a_call(sample, seen))
}

fn is_a_call(sample: &CallSample, seen: &Observation) -> bool {
    sample.time <= age(seen) && u64::from(sample.in_flight) <= most_calls(seen)
}

/// Twice as long as there has been a broker: noise may lengthen a call.
fn age(seen: &Observation) -> Duration {
    seen.at.since(Time::ZERO) * 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, observation};

    fn second(number: u64) -> Time {
        Time::ZERO + Duration::from_secs(number)
    }

    fn sensible(change: impl Fn(&mut Observation)) -> bool {
        let mut seen = observation(second(60));
        seen.agents = vec![agent("a")];
        change(&mut seen);
        makes_sense(&seen, second(59))
    }

    #[test]
    fn what_happens_makes_sense() {
        assert!(sensible(|_| {}));
        assert!(sensible(|seen| seen.flow.arrivals = 1_000_000));
        assert!(sensible(|seen| {
            (seen.queue.max_size, seen.queue.waiting) = (0, 2_000);
        }));
        assert!(
            makes_sense(&observation(second(1)), second(900)),
            "a second run"
        );
        assert!(sensible(
            |seen| seen.queue.oldest_wait = Some(Duration::from_secs(60))
        ));
    }

    #[test]
    fn what_cannot_be_does_not() {
        assert!(!sensible(|seen| seen.interval = Duration::ZERO));
        assert!(!sensible(|seen| seen.interval = Duration::from_secs(2)));
        assert!(!sensible(|seen| seen.flow.arrivals = u64::MAX));
        assert!(!sensible(|seen| seen.workers.ready = u32::MAX));
        assert!(!sensible(|seen| seen.slots.with_call = Duration::MAX));
        assert!(!sensible(
            |seen| seen.queue.oldest_wait = Some(Duration::MAX)
        ));
        assert!(!sensible(|seen| seen.agents[0].arrivals = 1_000));
        assert!(!sensible(|seen| seen.agents[0].calls.time = Duration::MAX));
    }
}
