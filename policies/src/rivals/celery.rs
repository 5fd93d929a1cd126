//! `celery`: as many processes as there are requests, the autoscaler of Celery's worker.
//!
//! Source (read): celery/celery at 5dc781f, `celery/worker/{autoscale,components,state}.py`,
//! `celery/app/defaults.py`; billiard's `pool.py` for shrinking. It counts the requests that the
//! worker has reserved: prefetched (at most max · 4, whatever waits behind) and running. It grows
//! by the whole gap at once; it shrinks by the whole gap at once, idle processes only, when the
//! last *growth* is more than `keepalive` (30 s) ago, so that what it holds is about the most
//! requests of the last 30 s. Known weakness: it grows to what an instant shows and knows neither
//! rate nor objective.
//!
//! Mapping: a process is a slot; a request is a call, so that a batch counts once. The pool of
//! processes starts at `min`, as Celery's does, whatever the broker starts with. Celery looks at
//! each message it receives and every `keepalive`; here it looks at ticks with arrivals, and is
//! ticked early when more have come than there are slots left, so that growth is a tenth of a
//! control interval late at most.

use serde::Deserialize;

use super::demand::{calls_in_flight, calls_waiting, workers};
use crate::decision::{Decision, EarlyTick, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Most processes (`--autoscale=max,min`), at least 1; left out: what the bounds allow.
    pub max: Option<u32>,
    /// Fewest processes.
    pub min: u32,
    /// How long after the last growth it may shrink (`AUTOSCALE_KEEPALIVE`), above zero.
    pub keepalive: Duration,
    /// Requests prefetched for each process there may be (`worker_prefetch_multiplier`).
    pub prefetch_multiplier: u32,
    /// Whether running requests fill the prefetch window too (`task_acks_late`).
    pub acks_late: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max: None,
            min: 0,
            keepalive: Duration::from_secs(30),
            prefetch_multiplier: 4,
            acks_late: false,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within("max", self.max.unwrap_or(1), 1..=u32::MAX)?;
        within("min", self.min, 0..=self.max.unwrap_or(u32::MAX))?;
        within("keepalive", self.keepalive, Duration::from_millis(1)..=day)?;
        within("prefetch_multiplier", self.prefetch_multiplier, 1..=1_000)
    }
}

/// Celery's autoscaler.
#[derive(Clone, Debug)]
pub struct Celery {
    settings: Settings,
    processes: u64,
    last_up: Option<Time>,
    last_look: Time,
}

impl Configured for Celery {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            processes: settings.min.into(),
            last_up: None,
            last_look: Time::ZERO,
        }
    }
}

impl Celery {
    /// Requests that the worker has reserved, of `waiting` and `running` ones.
    fn reserved(&self, waiting: u64, running: u64, max: u64) -> u64 {
        let window = max.saturating_mul(self.settings.prefetch_multiplier.into());
        if self.settings.acks_late {
            waiting.saturating_add(running).min(window)
        } else {
            waiting.min(window).saturating_add(running)
        }
    }

    /// One look at the number of requests (`_maybe_scale`).
    fn look(&mut self, now: Time, requests: u64, busy: u64, max: u64) {
        let up = requests.min(max);
        if up > self.processes {
            self.processes = up;
            self.last_up = Some(now);
            return;
        }
        let down = requests.max(self.settings.min.into());
        let may_shrink = (self.last_up).is_some_and(|up| now.since(up) > self.settings.keepalive);
        if down < self.processes && may_shrink {
            let idle = self.processes.saturating_sub(busy);
            self.processes -= (self.processes - down).min(idle);
        }
    }
}

impl Policy for Celery {
    fn name(&self) -> &str {
        "celery"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, slots_each) = (observation.at, u64::from(observation.parallelism.max(1)));
        let bound = u64::from(observation.bounds.max_workers).saturating_mul(slots_each);
        let max = self.settings.max.map_or(bound, u64::from);
        let running = calls_in_flight(observation);
        let requests = self.reserved(calls_waiting(observation), running, max);
        let heard = observation.flow.arrivals > 0 || observation.flow.retries > 0;
        if heard || now.since(self.last_look) >= self.settings.keepalive {
            self.last_look = now;
            self.look(now, requests, running, max);
        }
        let processes = self.processes;
        let wanted = workers(processes as f64, observation);
        let reason = Reason::new(
            "requests",
            format!("{requests} requests are reserved, {processes} processes run"),
        );
        let slots = (wanted.max(1.0) as u64).saturating_mul(slots_each);
        let early_tick = (slots < max).then(|| EarlyTick {
            oldest_wait: None,
            arrivals: Some(slots.saturating_sub(requests)),
        });
        Decision {
            early_tick,
            ..Decision::of_workers(wanted, observation, reason)
        }
    }
}

#[cfg(test)]
mod tests;
