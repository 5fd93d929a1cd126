//! A lower bound on what a run costs, under any policy; `docs/oracles.md` argues it.
//!
//! Work is a fluid here: it is cut at will and served by fractions of workers, without slots,
//! limits, start-ups or a thought for what is unknown. The fewest workers are paid in any case.
//! What arrives beyond what they could serve in time is served by others, who are paid for it, or
//! is late. Nothing attains it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ebbtide_policies::objective::Measure;
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{Agent, Drift, Effect, Service};

use super::path::{Message, Path};

/// The bound in worker-seconds.
pub(crate) fn bound(path: &Path<'_>, prices: Prices) -> f64 {
    let workers = f64::from(path.config.min_workers);
    let mut sum = workers * path.plan.run.length.as_secs_f64();
    let factors: Vec<f64> = path
        .plan
        .agents
        .iter()
        .map(|it| least_factor(path, it))
        .collect();
    let mut jobs = Vec::new();
    for message in &path.messages {
        let least = Least::of(path, prices, message, factors[message.agent as usize]);
        sum += least.late;
        if let Some(job) = least.job {
            sum += least.worth;
            jobs.push(job);
        }
    }
    sum - servable(&jobs, workers)
}

/// What a message costs at least.
struct Least {
    /// For the lateness of its own call.
    late: f64,
    /// For being served by a worker of its own, or late, or lost.
    worth: f64,
    /// How it may be served by the workers who are paid anyway; `None`: for nothing.
    job: Option<Job>,
}

/// Work that may be served at any time of a stretch.
struct Job {
    from: Time,
    until: Time,
    /// Worker-seconds.
    work: f64,
}

impl Least {
    fn of(path: &Path<'_>, prices: Prices, message: &Message, factor: f64) -> Self {
        let agent = &path.plan.agents[message.agent as usize];
        let weight = prices.late * path.work[message.agent as usize];
        let most = largest_batch(path, agent);
        let per_call = agent.per_call.map_or(0.0, Duration::as_secs_f64);
        let demand = demand_of(message);
        // A call is given up when its lease ends, and the next one draws another length.
        let lease = agent.protect.call_timeout;
        let lease = lease.unwrap_or(path.config.call_timeout());
        let call = Duration::from_secs_f64((demand + per_call) * factor).min(lease);
        let lost = weight * path.beyond_when_lost(message, Duration::ZERO);
        let late = (weight * path.beyond(Measure::Sojourn, call)).min(lost);
        let slots = f64::from(path.config.delivery_parallelism);
        let share = (demand + per_call / most) * factor;
        let work = share.min(lease.as_secs_f64() / most) / slots;
        let worth = (work + prices.call / most).min(lost - late);
        // After so long it costs as much to be late as to be served by a worker of its own.
        let patience = if weight > 0.0 { worth / weight } else { 0.0 };
        let in_time = path
            .config
            .objective
            .map_or(Duration::MAX, |it| match it.measure {
                Measure::Sojourn => it.limit.max(call),
                // Of a batch its part may come last.
                Measure::Wait => it.limit + if most > 1.0 { lease } else { call },
            });
        let until = message.sent + in_time + Duration::from_secs_f64(patience);
        let is_certain =
            until < path.plan.end() && !may_fail_fast(path, agent, message.sent, until);
        let job = Job {
            from: message.sent,
            until,
            work: work.min(worth),
        };
        Self {
            late: if is_certain { late } else { 0.0 },
            worth,
            job: (is_certain && worth > 0.0).then_some(job),
        }
    }
}

/// The most work that so many workers can serve in time, if it may be cut at will: what ends
/// first goes first, which serves as much as can be.
fn servable(jobs: &[Job], workers: f64) -> f64 {
    let mut open: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    let mut left: Vec<f64> = jobs.iter().map(|job| job.work).collect();
    let (mut now, mut served) = (0.0_f64, 0.0);
    for next in 0..=jobs.len() {
        let until = jobs
            .get(next)
            .map_or(f64::INFINITY, |job| job.from.as_secs_f64());
        while now < until
            && let Some(Reverse((ends, index))) = open.pop()
        {
            let time = (ends.as_secs_f64().min(until) - now).max(0.0);
            let done = left[index].min(workers * time);
            served += done;
            left[index] -= done;
            now += done / workers;
            if left[index] > 0.0 && ends.as_secs_f64() > until {
                open.push(Reverse((ends, index)));
                now = until;
            }
        }
        now = now.max(until);
        if let Some(job) = jobs.get(next) {
            open.push(Reverse((job.until, next)));
        }
    }
    served
}

/// Whether a call for a message that is called between these instants may end before its time, so
/// that the next one, of another length, is the one that counts.
fn may_fail_fast(path: &Path<'_>, agent: &Agent, from: Time, until: Time) -> bool {
    let at_once = agent
        .failures
        .as_ref()
        .is_some_and(|failures| failures.time.is_some());
    let fault = path
        .plan
        .faults
        .iter()
        .filter(|fault| fault.agent == agent.name);
    let mut fault = fault.filter(|fault| fault.from < until && from < fault.until);
    at_once
        || agent.rate_limit.is_some()
        || agent.hangs > 0.0
        || path
            .plan
            .worker_deaths
            .iter()
            .any(|death| from <= death.at && death.at <= until)
        || fault.any(|it| {
            matches!(
                it.effect,
                Effect::Outage | Effect::RateLimit(_) | Effect::Hang(_)
            )
        })
}

fn demand_of(message: &Message) -> f64 {
    match message.service {
        Service::Stated(service) => service.as_secs_f64(),
        Service::Drawn(nanos) => nanos / 1e9,
        Service::Unknown => 0.0,
    }
}

fn largest_batch(path: &Path<'_>, agent: &Agent) -> f64 {
    let cap = agent.protect.max_batch.unwrap_or(u32::MAX);
    let is_batch = agent.is_batch() && path.config.enable_batching;
    let most = if is_batch {
        path.config.max_batch_size.min(cap)
    } else {
        1
    };
    f64::from(most)
}

/// The least that noise, drift and faults can make of a call's time.
fn least_factor(path: &Path<'_>, agent: &Agent) -> f64 {
    if agent.noise.is_some() {
        return 0.0;
    }
    let drift = match &agent.drift {
        None => Vec::new(),
        Some(Drift::Steps(steps)) => steps.iter().map(|(_, factor)| factor.0).collect(),
        Some(Drift::File { file, base, speed }) => {
            let factors = path.plan.files.series(file).factors(*base, *speed);
            factors.into_iter().map(|(_, factor)| factor).collect()
        }
    };
    let own = path
        .plan
        .faults
        .iter()
        .filter(|fault| fault.agent == agent.name);
    let slow = own.map(|fault| match fault.effect {
        Effect::Slow(factor) => factor.min(1.0),
        _ => 1.0,
    });
    drift.into_iter().fold(1.0, f64::min) * slow.product::<f64>()
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::observation::Setting;

    use super::*;
    use crate::arena::oracle::{PRICES, Schedule, score};
    use crate::files::Files;
    use crate::plan::Plan;

    /// The bound of a scenario of one agent, and what the cheapest number of workers costs there.
    #[track_caller]
    fn check(class: &str, agent: &str, objective: &str, price: f64) {
        let text = format!(
            "(run: (length: \"300s\"), traffic: [(arrivals: Poisson(\"2/s\"), classes: [(name: \"m\", \
             to: Agent(\"a\"){class})])], agents: [(name: \"a\", {agent})], broker: (max_workers: 12, \
             worker_start_ms: 0, delivery_parallelism: 1, batch_timeout_ms: 0, objective: \"{objective}\"))"
        );
        let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
        let config = &plan.contenders[0].config;
        let prices = Prices {
            late: price,
            call: 0.0,
        };
        let bound = bound(&Path::new(&plan, config, 0), prices);
        for workers in 1..=12 {
            let kept = Schedule::fixed(Setting {
                workers,
                batch_size: config.batch_size,
                batch_timeout: config.batch_timeout(),
            });
            let cost = score(&plan, config, 0, &kept).expect("it runs");
            let cost = cost.total(prices);
            assert!(bound <= cost, "{workers} workers cost {cost}, not {bound}");
        }
    }

    /// A call of a quarter of an hour is given up after two seconds; it counted whole.
    #[test]
    fn no_call_is_longer_than_its_lease() {
        let protect = "protect: (call_timeout: \"2s\", retry_backoff: \"10ms\")";
        let long = "call: LogNormal(median: \"200ms\", sigma: 3.0)";
        let batch = "per_call: \"20ms\", per_item: LogNormal(median: \"200ms\", sigma: 3.0)";
        for objective in ["p95(sojourn) < 1s", "p95(wait) < 1s"] {
            for price in PRICES {
                check("", &format!("{long}, {protect}"), objective, price);
                check("", &format!("{batch}, {protect}"), objective, price);
            }
        }
    }

    /// A message that waits for five seconds at most is lost before its call of a minute; the call
    /// counted.
    #[test]
    fn what_is_lost_need_not_have_been_called() {
        let long = "call: Constant(\"60s\"), protect: (call_timeout: \"2min\")";
        for price in PRICES {
            check(", deadline: \"5s\"", long, "p95(sojourn) < 1s", price);
        }
    }

    fn seconds(s: f64) -> Time {
        Time::ZERO + Duration::from_secs_f64(s)
    }

    #[test]
    fn as_much_is_served_as_can_be() {
        let job = |from, until, work| Job {
            from: seconds(from),
            until: seconds(until),
            work,
        };
        // The second is urgent and goes first; the first finishes after it.
        assert!((servable(&[job(0.0, 10.0, 4.0), job(1.0, 3.0, 2.0)], 1.0) - 6.0).abs() < 1e-9);
        // No time for both.
        assert!((servable(&[job(0.0, 3.0, 4.0), job(1.0, 3.0, 2.0)], 1.0) - 3.0).abs() < 1e-9);
        assert!((servable(&[job(0.0, 3.0, 4.0), job(1.0, 3.0, 2.0)], 2.0) - 6.0).abs() < 1e-9);
        // An idle stretch serves nothing later.
        assert!((servable(&[job(0.0, 9.0, 1.0), job(8.0, 9.0, 5.0)], 1.0) - 2.0).abs() < 1e-9);
    }
}
