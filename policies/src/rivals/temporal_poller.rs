//! `temporal-poller`: one poller more or less by hints that come with each poll, Temporal's
//! poller autoscaling.
//!
//! Source (read): temporalio/temporal `service/matching/physical_task_queue_manager.go` (a stored
//! copy without commit), temporalio/sdk-core at 3e6ca9f
//! `crates/sdk-core/src/pollers/poll_buffer.rs`, temporalio/sdk-go at 83fc2bc
//! `internal/internal_worker_base.go`. The server answers a poll that waited 1 s or longer with
//! −1; else, ten times a second for each poller it knows, with +1 if the backlog is older than
//! 200 ms or tasks are added 1.2 times as fast as dispatched. The client obeys −1 always, and +1
//! only while the last 100 ms brought 1.1 times as many tasks as the 100 ms before; its core (in
//! Rust) truncates that product, the SDK for Go does not. A poll that ends empty (60 s) is −1.
//! Known weakness: pollers that are served in turn never shrink while each gets a task a second.
//!
//! Mapping: a poller is a slot, and polls while it is free; a task is a call. What a poll waited
//! is the free time of an interval's pollers over its calls, alike for all, since they are served
//! in turn. "Pollers known" to the server are workers, as it counts identities. Rates are over
//! 30 s (from memory). While a backlog is older than the limit the policy is ticked every tenth
//! of a control interval, so that it sees the 100 ms periods; otherwise a tick's calls are spread
//! evenly over them. Min is 1, the start 5 and the maximum 100 pollers, and the bounds.

use super::demand::{CallFlow, calls_in_flight, calls_waiting, workers};
use super::mean::WindowMean;
use crate::decision::{Decision, EarlyTick, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::Configured;
use crate::units::{Duration, Time};

mod settings;

use settings::Queue;
pub use settings::{Sdk, Settings};

/// What rates are taken over.
const RATE_WINDOW: Duration = Duration::from_secs(30);
/// The client compares what came in periods of this length.
const PERIOD_S: f64 = 0.1;
/// Hints a second that the server gives for each poller it knows.
const HINTS_PER_S: f64 = 10.0;
/// A poll that brings nothing ends after this.
const POLL_TIMEOUT: Duration = Duration::from_secs(60);
/// Periods of one interval that are followed one by one.
const MOST_PERIODS: f64 = 1_000.0;

/// Temporal's server and client in one.
#[derive(Clone, Debug)]
pub struct TemporalPoller {
    settings: Settings,
    pollers: f64,
    is_open: bool,
    /// Tasks of the last period.
    last: f64,
    flow: CallFlow,
    added: WindowMean,
    dispatched: WindowMean,
    last_task: Option<Time>,
}

impl Configured for TemporalPoller {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            pollers: settings.initial.into(),
            is_open: true,
            last: 0.0,
            flow: CallFlow::default(),
            added: WindowMean::new(RATE_WINDOW),
            dispatched: WindowMean::new(RATE_WINDOW),
            last_task: None,
        }
    }
}

impl TemporalPoller {
    fn change(&mut self, by: f64, most: f64) {
        self.pollers = (self.pollers + by).clamp(self.settings.min.into(), most);
    }

    /// Polls of an interval that each waited `wait_s`: as many leave as it takes for the rest to
    /// wait less.
    fn shrink(&mut self, tasks: f64, free: f64, per_s: f64, most: f64) {
        let enough = per_s * self.settings.wait.as_secs_f64();
        self.change(
            -(free - enough).floor().min(tasks - 1.0).max(0.0) - 1.0,
            most,
        );
    }

    /// The periods of an interval with `tasks`, each of which was answered with +1 in so far as
    /// the server hands out `hints` in all; what the client makes of it.
    fn periods(&mut self, interval_s: f64, tasks: f64, hints: f64, most: f64) {
        let periods = (interval_s / PERIOD_S).round().clamp(1.0, MOST_PERIODS);
        let each = (tasks / periods).round();
        for _ in 0..periods as u32 {
            if self.is_open {
                self.change((hints / periods).min(tasks / periods), most);
            }
            self.is_open = self.settings.opens_gate(each, self.last);
            self.last = each;
        }
    }

    fn queue(&self, seen: &Observation) -> Queue {
        Queue {
            backlog_age: (calls_waiting(seen) > 0)
                .then_some(seen.queue.oldest_wait)
                .flatten(),
            added_per_s: self.added.mean().unwrap_or(0.0),
            dispatched_per_s: self.dispatched.mean().unwrap_or(0.0),
        }
    }

    /// The polls of an interval that brought `tasks` are answered.
    fn answer(&mut self, seen: &Observation, tasks: f64, most: f64) {
        let (now, interval_s) = (seen.at, seen.interval.as_secs_f64().max(1e-9));
        let busy = seen.slots.with_call.as_secs_f64() / interval_s;
        let free = (self.pollers - busy).max(0.0);
        let idle_since = *self.last_task.get_or_insert(now);
        if tasks == 0.0 {
            if now.since(idle_since) >= POLL_TIMEOUT {
                // All open polls end empty.
                self.change(-free.floor(), most);
                self.last_task = Some(now);
            }
            return self.periods(interval_s, 0.0, 0.0, most);
        }
        self.last_task = Some(now);
        let per_s = tasks / interval_s;
        if free / per_s >= self.settings.wait.as_secs_f64() {
            self.shrink(tasks, free, per_s, most);
            return self.periods(interval_s, tasks, 0.0, most);
        }
        let known = f64::from(seen.workers.ready.max(1));
        let allowed = HINTS_PER_S * known * interval_s;
        let grows = self.settings.hints_growth(self.queue(seen));
        let hints = if grows { tasks.min(allowed) } else { 0.0 };
        self.periods(interval_s, tasks, hints, most);
    }

    fn reason(&self, seen: &Observation, before: f64) -> Reason {
        if self.pollers > before {
            let text = "tasks wait, or come faster than they are dispatched";
            Reason::new("backlog", text)
        } else if self.pollers < before {
            Reason::new("polls-waited", "polls waited long for a task")
        } else {
            let busy = calls_in_flight(seen);
            Reason::new(
                "steady",
                format!("{:.0} pollers, {busy} busy", self.pollers),
            )
        }
    }
}

impl Policy for TemporalPoller {
    fn name(&self) -> &str {
        "temporal-poller"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, interval) = (observation.at, observation.interval);
        let interval_s = interval.as_secs_f64().max(1e-9);
        let (started, _) = self.flow.observe(observation);
        let tasks = started as f64;
        self.added
            .push(now, interval, observation.flow.arrivals as f64 / interval_s);
        (self.dispatched).push(now, interval, observation.flow.started as f64 / interval_s);
        let bounds = observation.bounds;
        let slots = f64::from(observation.parallelism.max(1));
        let most = (f64::from(bounds.max_workers) * slots)
            .min(self.settings.max.into())
            .max(self.settings.min.into());
        let before = self.pollers;
        self.answer(observation, tasks, most);
        let wanted = workers(self.pollers.floor().max(1.0), observation);
        let reason = self.reason(observation, before);
        let early_tick = (self.pollers < most).then_some(EarlyTick {
            oldest_wait: Some(self.settings.backlog_age),
            arrivals: None,
        });
        Decision {
            early_tick,
            ..Decision::of_workers(wanted, observation, reason)
        }
    }
}

#[cfg(test)]
mod tests;
