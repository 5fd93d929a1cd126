//! `temporal-rate`: the rate-based rule of Temporal's worker controller.
//!
//! Source (read): temporalio/temporal-auto-scaled-workers at 43fc6eb,
//! `wci/workflow/scaling_algorithm/rate_based.go`, and its specification at 6388e2b,
//! `docs/simulators/workerset-ewma/SPEC.md`. Every 60 s: exponential averages (α 0.45) of
//! arrivals and dispatches, a learned capacity per worker (sampled while the backlog is material),
//! ρ = (arrivals + 2/s if anything waits) / capacity, and as many workers as ρ/0.8 or
//! ρ + β√ρ (Halfin–Whitt) say. Up by four at most, down by one, with cool-downs. Beside it, at
//! once: an arrival that finds no free slot ("no-sync match") adds a worker, once in 2 s, and
//! forbids shrinking for 90 s. Known weaknesses, its own document names them: the drain rate does
//! not depend on the backlog's size; capacity is low while workers start and frozen under light load.
//!
//! Mapping: a worker is a worker, planned ones are those in force, and dispatches are started
//! messages; rates are over 30 s, as in its simulator. A no-sync match cannot be seen one by one:
//! it is an interval with arrivals in which a message waited longer than the batch timeout (zero
//! without batch agents), unless agents' own limits held messages while a slot was free, in the
//! mean, for all of it: then an idle worker was there to match. The policy asks to be ticked early
//! when one waits, as soon as another worker may be added. Min and max are the bounds.

use super::mean::WindowMean;
use super::pool::slot_seconds;
use crate::decision::{Decision, EarlyTick, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::Configured;
use crate::units::{Duration, Time};

mod controller;
mod settings;

use controller::{Controller, Metrics, is_over};
pub use settings::Settings;

/// What rates are taken over.
const RATE_WINDOW: Duration = Duration::from_secs(30);
/// A message that waited no longer was matched at once.
const AT_ONCE: Duration = Duration::from_millis(1);

/// The rate-based worker controller.
#[derive(Clone, Debug)]
pub struct TemporalRate {
    controller: Controller,
    arrivals: WindowMean,
    dispatches: WindowMean,
    /// When rates were last looked at, or it began.
    last_look: Option<Time>,
}

impl Configured for TemporalRate {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            controller: Controller::new(settings),
            arrivals: WindowMean::new(RATE_WINDOW),
            dispatches: WindowMean::new(RATE_WINDOW),
            last_look: None,
        }
    }
}

/// How long a message waits that is matched at once: as long as its batch stays open.
fn at_once(observation: &Observation) -> Duration {
    if observation.agents.iter().any(|agent| agent.is_batch) {
        observation.setting.batch_timeout + AT_ONCE
    } else {
        AT_ONCE
    }
}

/// Whether some arrival of the interval found no free slot.
fn is_no_sync(observation: &Observation) -> bool {
    let limit = at_once(observation);
    let has_waited = |longest: Option<Duration>| longest.is_some_and(|wait| wait > limit);
    let waited = has_waited(observation.queue.oldest_wait)
        || observation
            .wait
            .share_above(limit)
            .is_some_and(|share| share > 0.0);
    observation.flow.arrivals > 0 && waited && !is_held_by_agents(observation)
}

/// Whether agents' own limits, or the order of their keys, held messages while a slot was free.
fn is_held_by_agents(observation: &Observation) -> bool {
    let blocked = observation.slots.blocked;
    let by_agent = [
        blocked.limit,
        blocked.bulkhead,
        blocked.breaker,
        blocked.paused,
        blocked.rate_limit,
        blocked.key,
    ];
    let (busy, all) = slot_seconds(observation);
    let is_free = all - busy >= observation.interval.as_secs_f64();
    is_free && by_agent.iter().any(|time| !time.is_zero())
}

impl Policy for TemporalRate {
    fn name(&self) -> &str {
        "temporal-rate"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, interval) = (observation.at, observation.interval);
        let per_s = |count: u64| count as f64 / interval.as_secs_f64();
        (self.arrivals).push(now, interval, per_s(observation.flow.arrivals));
        (self.dispatches).push(now, interval, per_s(observation.flow.started));
        let bounds = (
            observation.bounds.min_workers,
            observation.bounds.max_workers,
        );
        if self.last_look.is_none() {
            self.controller.planned = observation.setting.workers;
        }
        let present = self.controller.planned.clamp(bounds.0, bounds.1);
        (self.controller.planned, self.controller.bounds) = (present, bounds);
        let dispatches_per_s = self.dispatches.mean().unwrap_or(0.0);
        let no_sync = is_no_sync(observation);
        if no_sync {
            self.controller.no_sync(now, dispatches_per_s);
        }
        let begun = *self.last_look.get_or_insert(now);
        if now.since(begun) >= self.controller.settings.metrics_interval {
            self.last_look = Some(now);
            let seen = Metrics {
                backlog: observation.queue.waiting,
                arrivals_per_s: self.arrivals.mean().unwrap_or(0.0),
                dispatches_per_s,
            };
            self.controller.look(now, seen);
        }
        let planned = self.controller.planned;
        let reason = match (planned > present, no_sync) {
            (true, true) => Reason::new("no-sync-match", "a message found no free slot"),
            _ => Reason::new(
                "rates",
                format!(
                    "a worker manages {:.2} messages a second",
                    self.controller.capacity
                ),
            ),
        };
        let may_grow = planned < observation.bounds.max_workers
            && is_over(
                self.controller.last_up,
                now,
                self.controller.settings.cool_down_up,
            );
        Decision {
            early_tick: may_grow.then(|| EarlyTick {
                oldest_wait: Some(at_once(observation)),
                arrivals: None,
            }),
            ..Decision::of_workers(f64::from(planned), observation, reason)
        }
    }
}

#[cfg(test)]
mod tests;
