//! A control decision as text: what the policy saw, chose, predicted and rejected, and why.

use ebbtide_policies::counted::Counted;
use std::fmt::{self, Write as _};

use ebbtide_core::event::DecisionRecord;
use ebbtide_policies::decision::{Alternative, Prediction};
use ebbtide_policies::latency::LatencyHistogram;
use ebbtide_policies::observation::{
    AgentObservation, Bounds, BreakerState, Observation, Setting, SlotTime,
};
use ebbtide_policies::units::{Duration, Time};
use ebbtide_sim::observation_fault::View;

use crate::output::{number, table};
use crate::run_dir::Logged;

/// What is asked about: an instant of a run under a policy or profile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// When.
    pub(crate) at: Time,
    /// Under which policy or profile, as it was asked for.
    pub(crate) policy: &'a str,
}

/// Where in its run a decision stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Another follows.
    Within,
    /// None does.
    Last {
        /// How often ticks come, if that is known.
        tick: Option<Duration>,
    },
}

/// The decision that is in force then.
pub(crate) fn render(logged: &Logged, asked: Asked<'_>, place: Place) -> String {
    let mut text = String::new();
    write_decision(&mut text, logged, asked, place).expect("a string takes any text");
    text
}

/// What to say of an instant before `first`, the run's first decision.
pub(crate) fn render_start(first: &DecisionRecord, asked: Asked<'_>) -> String {
    format!(
        "at {} under {}: {}\nthe start setting: the first decision comes at {}\n",
        instant(asked.at),
        asked.policy,
        Shown(&first.before),
        instant(first.at)
    )
}

fn write_decision(
    text: &mut String,
    logged: &Logged,
    asked: Asked<'_>,
    place: Place,
) -> fmt::Result {
    let record = &logged.record;
    let at = instant(asked.at);
    writeln!(
        text,
        "at {at} under {}: {}",
        asked.policy,
        Shown(&record.applied)
    )?;
    let (last, next_tick) = match place {
        Place::Within => ("", None),
        Place::Last { tick } => (", the last", tick.map(|tick| record.at + tick)),
    };
    writeln!(
        text,
        "decided at {} (decision {}{last})",
        instant(record.at),
        record.number + 1
    )?;
    if let Some(next) = next_tick.filter(|next| asked.at >= *next) {
        writeln!(text, "the run ended before {}", instant(next))?;
    }
    let reason = &record.decision.reason;
    writeln!(text, "because {} ({})", reason.text, reason.code)?;
    let seen = write_seen(text, logged)?;
    write_choice(text, record)?;
    write_prediction(text, record.decision.prediction.as_ref(), seen)?;
    write_rejected(text, &record.decision.rejected)
}

/// What the policy saw and, if that was at fault, what was true; returns the former.
fn write_seen<'l>(
    text: &mut String,
    logged: &'l Logged,
) -> Result<Option<&'l Observation>, fmt::Error> {
    let truth = logged.record.observation.as_ref();
    let Some(shown) = &logged.shown else {
        match truth {
            Some(seen) => write_observation(text, "saw", seen)?,
            None => writeln!(text, "\nsaw\n  the log does not say")?,
        }
        return Ok(truth);
    };
    let view = match shown {
        View::Nothing => {
            writeln!(text, "\nsaw\n  nothing: the observation was lost or late")?;
            None
        }
        View::Observation(view) => {
            write_observation(text, "saw what was not so", view)?;
            Some(&**view)
        }
    };
    if let Some(truth) = truth {
        write_observation(text, "in truth", truth)?;
    }
    Ok(view.or(truth))
}

fn write_observation(text: &mut String, what: &str, seen: &Observation) -> fmt::Result {
    let began = seen.at.as_nanos().saturating_sub(seen.interval.as_nanos());
    let began = Time::from_nanos(began);
    let early = if seen.early { ", an early tick" } else { "" };
    let (began, ended) = (instant(began), instant(seen.at));
    writeln!(text, "\n{what}, from {began} to {ended}{early}")?;
    write_flow(text, seen)?;
    write_queue(text, seen)?;
    line(text, "wait", histogram(&seen.wait))?;
    line(text, "sojourn", histogram(&seen.sojourn))?;
    let pool = seen.workers;
    line(
        text,
        "workers",
        format!(
            "{} wanted, {} starting, {} ready ({} busy), {} draining",
            pool.wanted, pool.starting, pool.ready, pool.busy, pool.draining
        ),
    )?;
    line(text, "slot time", slots(&seen.slots))?;
    if let Some(objective) = seen.objective {
        line(text, "objective", objective.to_string())?;
    }
    for agent in &seen.agents {
        line(text, &agent.name, agent_line(agent))?;
    }
    Ok(())
}

fn write_flow(text: &mut String, seen: &Observation) -> fmt::Result {
    let flow = &seen.flow;
    let per_s = flow.arrivals as f64 / seen.interval.as_secs_f64();
    let rate = if per_s.is_finite() { per_s } else { 0.0 };
    let arrivals = format!(
        "{} ({}/s)",
        number::count(flow.arrivals as f64),
        number::significant(rate)
    );
    let parts = [
        ("refused", flow.refused),
        ("retried", flow.retries),
        ("started", flow.started),
        ("delivered", flow.delivered),
        ("expired", flow.expired),
        ("dead-lettered", flow.dead_lettered),
    ];
    line(text, "arrivals", format!("{arrivals}{}", counted(&parts)))
}

fn write_queue(text: &mut String, seen: &Observation) -> fmt::Result {
    let queue = &seen.queue;
    let oldest = match queue.oldest_wait {
        Some(age) => format!(", the oldest for {}", time(age)),
        None => String::new(),
    };
    let waiting = number::count(queue.waiting as f64);
    let delayed = counted(&[("delayed", queue.delayed)]);
    line(text, "queue", format!("{waiting} waiting{oldest}{delayed}"))
}

fn agent_line(agent: &AgentObservation) -> String {
    let calls = &agent.calls;
    let mut text = format!("{} calls ended well", number::count(calls.succeeded as f64));
    if calls.succeeded > 0 {
        let mean = calls.time.as_secs_f64() / calls.succeeded as f64;
        let batch = calls.messages as f64 / calls.succeeded as f64;
        let _ = write!(text, ", {} each", number::seconds(mean));
        if agent.is_batch {
            let plural = if batch == 1.0 { "" } else { "s" };
            let batch = number::significant(batch);
            let _ = write!(text, ", {batch} message{plural} each");
        }
    }
    text += &counted(&[
        ("failed", calls.failed),
        ("answered \"too many requests\"", calls.rate_limited),
        ("in flight", u64::from(agent.in_flight)),
        ("waiting", agent.waiting),
        ("of them behind another of their key", agent.behind),
    ]);
    if let Some(limit) = agent.limit {
        let _ = write!(text, ", limit {limit}");
    }
    match agent.breaker {
        BreakerState::Closed => {}
        BreakerState::Open => text += ", breaker open",
        BreakerState::HalfOpen => text += ", breaker half-open",
        BreakerState::Recovering => text += ", breaker recovering",
    }
    if agent.paused {
        text += ", paused";
    }
    text
}

fn write_choice(text: &mut String, record: &DecisionRecord) -> fmt::Result {
    let DecisionRecord {
        before, applied, ..
    } = record;
    writeln!(text, "\nchose")?;
    line(text, "before", Shown(before).to_string())?;
    line(text, "asked", asked(record))?;
    line(text, "applied", Shown(applied).to_string())?;
    match governed(record) {
        Some(why) => line(text, "governor", why),
        None => Ok(()),
    }
}

/// Why the governor let through other workers than were asked for, or will.
fn governed(record: &DecisionRecord) -> Option<String> {
    if !record.cool_down.is_zero() {
        let left = time(record.cool_down);
        return Some(format!("shrinking waits another {left} for the cool-down"));
    }
    let (wish, workers) = (record.decision.workers.ceil(), record.applied.workers);
    if !wish.is_finite() || record.withheld.is_some() || wish == f64::from(workers) {
        return None;
    }
    let bounds = record.observation.as_ref().map(|seen| seen.bounds);
    let is_bound = |bounds: &Bounds| match wish > f64::from(workers) {
        true => workers == bounds.max_workers,
        false => workers == bounds.min_workers,
    };
    Some(match bounds.filter(is_bound) {
        Some(bounds) => format!(
            "from {} to {} workers are allowed",
            bounds.min_workers, bounds.max_workers
        ),
        None => "the pool shrinks to the most that was asked for within the shrink window".into(),
    })
}

/// The wish in its own numbers: fractions and all.
fn asked(record: &DecisionRecord) -> String {
    let wish = &record.decision;
    let or_keep = |value: f64, what: &str| {
        if value.is_finite() {
            format!("{} {what}", number::significant(value))
        } else {
            format!("the same {what}")
        }
    };
    let timeout = match wish.batch_timeout {
        Some(timeout) => time(timeout),
        None => "the same".to_owned(),
    };
    format!(
        "{}, {}, batch timeout {timeout}",
        or_keep(
            wish.workers,
            if wish.workers == 1.0 {
                "worker"
            } else {
                "workers"
            }
        ),
        or_keep(wish.batch_size, "messages a batch")
    )
}

fn write_prediction(
    text: &mut String,
    prediction: Option<&Prediction>,
    seen: Option<&Observation>,
) -> fmt::Result {
    writeln!(text, "\npredicted")?;
    let Some(expected) = prediction else {
        return writeln!(text, "  nothing: the policy has no model");
    };
    line(
        text,
        "arrivals",
        format!("{}/s", number::significant(expected.arrivals_per_s)),
    )?;
    line(text, "utilisation", number::percent(expected.utilisation))?;
    let limited = match seen.and_then(|seen| seen.objective) {
        Some(objective) => {
            let full = objective.to_string();
            full.split(" <").next().unwrap_or(&full).to_owned()
        }
        None => "p95(wait)".to_owned(),
    };
    line(text, &limited, latency(expected))?;
    line(
        text,
        "cost",
        format!("{} a second", number::significant(expected.cost_per_s)),
    )?;
    let agents = seen.map_or(&[][..], |seen| &seen.agents);
    for agent in agents.iter().filter(|agent| is_at_limit(agent)) {
        let name = &agent.name;
        let left_out = format!("what the own limit of {name} holds back: no pool can help it");
        line(text, "left out", left_out)?;
    }
    Ok(())
}

/// Whether messages wait for an agent that takes no more calls.
fn is_at_limit(agent: &AgentObservation) -> bool {
    let is_full = |limit| agent.in_flight >= limit;
    agent.waiting > 0 && agent.limit.is_some_and(is_full)
}

fn write_rejected(text: &mut String, rejected: &[Alternative]) -> fmt::Result {
    writeln!(text, "\nrejected")?;
    if rejected.is_empty() {
        return writeln!(text, "  nothing: no other setting was weighed");
    }
    let mut rows = table::new([
        "workers", "batch", "timeout", "latency", "cost/s", "why not",
    ]);
    for other in rejected {
        rows.add_row([
            other.workers.to_string(),
            other.batch_size.to_string(),
            time(other.batch_timeout),
            latency(&other.prediction),
            number::significant(other.prediction.cost_per_s),
            other.why_not.to_string(),
        ]);
    }
    writeln!(text, "{}", rows.trim_fmt())
}

fn latency(expected: &Prediction) -> String {
    match expected.latency_s {
        Some(seconds) => number::seconds(seconds),
        None => "without bound".to_owned(),
    }
}

fn histogram(times: &LatencyHistogram) -> String {
    let quantile = |q| times.quantile(q).map(counted_time);
    match (quantile(0.5), quantile(0.95), quantile(0.99)) {
        (Some(p50), Some(p95), Some(p99)) => {
            let count = number::count(times.count() as f64);
            format!("p50 {p50}, p95 {p95}, p99 {p99} of {count}")
        }
        _ => "of none".to_owned(),
    }
}

/// A time out of a histogram that counts from a microsecond on.
fn counted_time(length: Duration) -> String {
    if length <= Duration::from_nanos(1_000) {
        return "0 s".to_owned();
    }
    time(length)
}

/// Where the slots' time went, in shares.
fn slots(slots: &SlotTime) -> String {
    let blocked = &slots.blocked;
    let parts = [
        ("with a call", slots.with_call),
        ("idle", slots.idle),
        ("blocked by an agent's limit", blocked.limit),
        ("blocked by a bulkhead", blocked.bulkhead),
        ("blocked by a breaker", blocked.breaker),
        ("blocked by a pause", blocked.paused),
        ("blocked by a rate limit", blocked.rate_limit),
        ("waiting for a batch to fill", blocked.open_batch),
        ("waiting for an ordering key", blocked.key),
    ];
    let total: f64 = parts.iter().map(|(_, time)| time.as_secs_f64()).sum();
    let shares: Vec<_> = parts
        .iter()
        .filter(|(_, time)| !time.is_zero())
        .map(|(what, time)| format!("{} {what}", number::percent(time.as_secs_f64() / total)))
        .collect();
    if shares.is_empty() {
        return "none: no worker was ready".to_owned();
    }
    shares.join(", ")
}

/// `, 3 refused, 1 retried`: what is not zero.
fn counted(parts: &[(&str, u64)]) -> String {
    let mut text = String::new();
    for (what, count) in parts.iter().filter(|(_, count)| *count > 0) {
        let _ = write!(text, ", {} {what}", number::count(*count as f64));
    }
    text
}

fn line(text: &mut String, label: &str, value: String) -> fmt::Result {
    writeln!(text, "  {label:<12} {value}")
}

/// An instant, always in seconds, so that instants compare at a glance.
fn instant(at: Time) -> String {
    format!("{} s", at.as_secs_f64())
}

fn time(length: Duration) -> String {
    number::seconds(length.as_secs_f64())
}

/// A setting as a phrase.
struct Shown<'a>(&'a Setting);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting {
            workers,
            batch_size,
            batch_timeout,
        } = *self.0;
        let workers = Counted(workers.into(), "worker");
        let timeout = time(batch_timeout);
        write!(
            f,
            "{workers}, batch size {batch_size}, batch timeout {timeout}"
        )
    }
}
