//! Whether an observation can be true. One that cannot is worse than none: beliefs would keep it
//! for minutes. The limits are physical and wide, since noise is no nonsense.

use std::fmt;

use crate::observation::{AgentObservation, CallSample, Observation};
use crate::units::{Duration, Time};

use super::explain::seconds;

/// No broker is sent more messages a second than this.
const MOST_PER_S: u64 = 10_000_000;
/// Parts of a whole may seem this much larger than it, and as many more: each figure may be off.
const SLACK: u64 = 20;
/// What may wait beyond the queue's bound: its reserve, and what came back.
const MOST_RESERVED: u64 = 1_000_000;
/// Draining workers may outnumber the others by this much, while calls are long.
const MOST_DRAINING: u64 = 100;

/// A figure that cannot be true: its path in the observation, what it is, and what it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nonsense(String);

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first figure of `seen` that cannot be true, if any; `last` is when something was seen before.
pub(super) fn check(seen: &Observation, last: Time) -> Result<(), Nonsense> {
    if seen.interval.is_zero() {
        return Err(Nonsense(
            "interval is 0 ms, an interval has a length".into(),
        ));
    }
    // Time that goes back is another broker's.
    if seen.at >= last {
        no_longer("interval", seen.interval, seen.at.since(last))?;
    }
    check_pool(seen)?;
    check_flow(seen)?;
    for agent in &seen.agents {
        let of_agent = |Nonsense(figure)| Nonsense(format!("agents.{}.{figure}", agent.name));
        check_agent(agent, seen).map_err(of_agent)?;
    }
    Ok(())
}

fn at_most(figure: &str, found: impl Into<u64>, most: u64) -> Result<(), Nonsense> {
    let found = found.into();
    if found <= most {
        return Ok(());
    }
    let text = format!("{figure} is {found}, at most {most} can be");
    Err(Nonsense(text))
}

fn no_longer(figure: &str, found: Duration, most: Duration) -> Result<(), Nonsense> {
    if found <= most {
        return Ok(());
    }
    let rounded = [found, most].map(|it| seconds(it.as_secs_f64()));
    let [found, most] = match rounded[0] == rounded[1] {
        true => [found, most].map(exact),
        false => rounded,
    };
    let text = format!("{figure} is {found}, at most {most} can be");
    Err(Nonsense(text))
}

/// To the nanosecond, as [`seconds`] writes it.
fn exact(length: Duration) -> String {
    let text = length.to_string();
    let unit = text.find(char::is_alphabetic).unwrap_or(text.len());
    format!("{} {}", &text[..unit], &text[unit..])
}

/// Calls that may be under way.
fn most_calls(seen: &Observation) -> u64 {
    let workers = u64::from(seen.bounds.max_workers.max(seen.workers.wanted));
    (MOST_DRAINING * workers).saturating_mul(u64::from(seen.parallelism.max(1)))
}

/// Messages that may come or go in the interval.
fn most_messages(seen: &Observation) -> u64 {
    // The cast saturates.
    (MOST_PER_S as f64 * seen.interval.as_secs_f64() + 1.0) as u64
}

fn check_pool(seen: &Observation) -> Result<(), Nonsense> {
    let most = 2 * u64::from(seen.bounds.max_workers.max(seen.workers.wanted));
    at_most("workers.ready", seen.workers.ready, most)?;
    at_most("workers.starting", seen.workers.starting, most)?;
    let slot_time = seen.interval * most_calls(seen);
    no_longer("slots.with_call", seen.slots.with_call, slot_time)
}

fn check_flow(seen: &Observation) -> Result<(), Nonsense> {
    let most = most_messages(seen);
    at_most("flow.arrivals", seen.flow.arrivals, most)?;
    at_most("flow.refused", seen.flow.refused, most)?;
    at_most("flow.completed", seen.flow.completed, most)?;
    let room = seen.queue.max_size.saturating_add(MOST_RESERVED);
    at_most("queue.waiting", seen.queue.waiting, with_slack(room))?;
    let oldest = seen.queue.oldest_wait.unwrap_or_default();
    no_longer("queue.oldest_wait", oldest, seen.at.since(Time::ZERO))
}

fn check_agent(agent: &AgentObservation, seen: &Observation) -> Result<(), Nonsense> {
    let part_of = |whole: u64| with_slack(whole.saturating_add(1));
    let calls = &agent.calls;
    at_most("arrivals", agent.arrivals, part_of(seen.flow.arrivals))?;
    at_most("waiting", agent.waiting, part_of(seen.queue.waiting))?;
    at_most("behind", agent.behind, part_of(seen.queue.waiting))?;
    at_most(
        "contended_keys",
        agent.contended_keys,
        part_of(seen.queue.waiting),
    )?;
    at_most("came_behind", agent.came_behind, most_messages(seen))?;
    at_most("moved_up", agent.moved_up, most_messages(seen))?;
    at_most(
        "calls.succeeded",
        calls.succeeded,
        part_of(seen.flow.completed),
    )?;
    at_most("calls.failed", calls.failed, most_messages(seen))?;
    at_most("in_flight", agent.in_flight, most_calls(seen))?;
    no_longer("calls.time", calls.time, age(seen) * calls.succeeded)?;
    (agent.samples.iter()).try_for_each(|sample| check_call(sample, seen))
}

fn check_call(sample: &CallSample, seen: &Observation) -> Result<(), Nonsense> {
    no_longer("samples.time", sample.time, age(seen))?;
    at_most("samples.in_flight", sample.in_flight, most_calls(seen))
}

/// What may seem to be where there can be `most`.
fn with_slack(most: u64) -> u64 {
    most.saturating_add(1).saturating_mul(SLACK) - 1
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

    fn changed(change: impl Fn(&mut Observation)) -> Result<(), String> {
        let mut seen = observation(second(60));
        seen.agents = vec![agent("a")];
        change(&mut seen);
        check(&seen, second(59)).map_err(|nonsense| nonsense.to_string())
    }

    #[test]
    fn what_happens_makes_sense() {
        let sensible = |change: fn(&mut Observation)| changed(change) == Ok(());
        assert!(sensible(|_| {}));
        assert!(sensible(|seen| seen.flow.arrivals = 1_000_000));
        assert!(sensible(|seen| {
            (seen.queue.max_size, seen.queue.waiting) = (0, 2_000);
        }));
        let again = check(&observation(second(1)), second(900));
        assert_eq!(again, Ok(()), "a second run");
        assert!(sensible(
            |seen| seen.queue.oldest_wait = Some(Duration::from_secs(60))
        ));
    }

    #[track_caller]
    fn check_nonsense(change: impl Fn(&mut Observation), expected: &str) {
        assert_eq!(changed(change), Err(expected.to_owned()));
    }

    #[test]
    fn what_cannot_be_is_named() {
        check_nonsense(
            |seen| seen.interval = Duration::ZERO,
            "interval is 0 ms, an interval has a length",
        );
        check_nonsense(
            |seen| seen.interval = Duration::from_secs(2),
            "interval is 2 s, at most 1 s can be",
        );
        check_nonsense(
            |seen| seen.interval = Duration::from_nanos(1_000_400_000),
            "interval is 1.0004 s, at most 1 s can be",
        );
        check_nonsense(
            |seen| seen.flow.arrivals = u64::MAX,
            "flow.arrivals is 18446744073709551615, at most 10000001 can be",
        );
        check_nonsense(
            |seen| seen.workers.ready = u32::MAX,
            "workers.ready is 4294967295, at most 20 can be",
        );
        check_nonsense(
            |seen| seen.slots.with_call = Duration::MAX,
            "slots.with_call is 18446744074 s, at most 10000 s can be",
        );
        check_nonsense(
            |seen| seen.queue.oldest_wait = Some(Duration::MAX),
            "queue.oldest_wait is 18446744074 s, at most 60 s can be",
        );
        check_nonsense(
            |seen| seen.agents[0].arrivals = 1_000,
            "agents.a.arrivals is 1000, at most 39 can be",
        );
        check_nonsense(
            |seen| seen.agents[0].behind = 1_000,
            "agents.a.behind is 1000, at most 39 can be",
        );
        check_nonsense(
            |seen| seen.agents[0].calls.time = Duration::from_secs(7),
            "agents.a.calls.time is 7 s, at most 0 ms can be",
        );
    }
}
