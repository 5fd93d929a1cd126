//! `laravel`: Little's law, urgency by the objective and a forecast, the `HybridStrategy` of
//! laravel-queue-autoscale.
//!
//! Source (read): cboxdk/laravel-queue-autoscale at d95734d and 2329277,
//! `src/Scaling/Strategies/HybridStrategy.php`, `src/Scaling/Calculators/*`,
//! `src/Policies/ConservativeScaleDownPolicy.php`, `src/Configuration/Profiles/*`; constants are
//! those of the profile "balanced". Every 5 s: arrivals are throughput plus the growth of the
//! backlog, blended with a straight line through its past; workers are the larger of arrivals ×
//! job time and of what drains the backlog before the objective is breached, the latter with a
//! factor that grows from half of the objective on. Then a smoother (at most one fewer a look
//! while throughput is steady), a minute between opposite directions, and at most a quarter fewer
//! at a time. Known weaknesses: not monotone in the age of the backlog, explosive close to the
//! objective, no headroom over arrivals × job time.
//!
//! Mapping: a worker process is a worker, p slots making it p times as fast; a job is a call, so
//! that a batch counts once; the time until pick-up is our wait. The objective's limit stands for
//! the published 30 s where the broker has one. Spawn latency is the configured start of a worker.
//! Jobs outside 0.01–600 s count as 2 s, as published. Deliberately absent: host capacity.

use super::demand::{CallFlow, calls_waiting};
use super::mean::WindowMean;
use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::Configured;
use crate::units::{Duration, Time};

mod arrivals;
mod calls;
mod drain;
mod pace;
mod pickups;
mod settings;

use arrivals::Arrivals;
use calls::Calls;
use pace::Pace;
use pickups::Pickups;
pub use settings::Settings;

/// The published objective, where the broker has none.
const OBJECTIVE: Duration = Duration::from_secs(30);
/// Throughput is that of the last minute.
const THROUGHPUT_WINDOW: Duration = Duration::from_secs(60);

/// The strategy, with what it remembers.
#[derive(Clone, Debug)]
pub struct Laravel {
    settings: Settings,
    flow: CallFlow,
    throughput: WindowMean,
    arrivals: Arrivals,
    pace: Pace,
    pickups: Pickups,
    /// Call time and calls that the present job time is the quotient of, and failures of all calls.
    calls: Calls,
    /// When it looked last, and the workers it wanted.
    last: Option<(Time, u32)>,
}

impl Configured for Laravel {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            flow: CallFlow::default(),
            throughput: WindowMean::new(THROUGHPUT_WINDOW),
            arrivals: Arrivals::default(),
            pace: Pace::default(),
            pickups: Pickups::default(),
            calls: Calls::default(),
            last: None,
        }
    }
}

/// What one look works with.
struct Look {
    backlog: f64,
    oldest_s: f64,
    throughput_per_s: f64,
    objective_s: f64,
    /// The objective less what a new worker takes to start.
    effective_s: f64,
    job_s: f64,
}

impl Laravel {
    /// Arrivals a second, free of retries.
    fn arrivals_per_s(&mut self, now: Time, look: &Look) -> f64 {
        let (throughput, settings) = (look.throughput_per_s, self.settings);
        let mut rate = (self.arrivals).estimate(now, look.backlog, throughput, &settings);
        if rate == 0.0 && look.backlog >= 3.0 {
            let urgency = (look.oldest_s / (0.5 * look.objective_s)).min(2.0);
            let urgency = if look.oldest_s > 0.0 { urgency } else { 1.0 };
            rate = look.backlog / look.objective_s * urgency;
        }
        let failures = self.calls.failure_percent();
        if failures > 5.0 {
            rate -= (throughput * (failures / 100.0).sqrt()).min(0.3 * rate);
        }
        rate.max(0.0)
    }

    /// One look: the workers wanted of `active` ones.
    fn look(&mut self, observation: &Observation, active: u32) -> (u32, Reason) {
        let now = observation.at;
        let objective = observation.objective.map(|objective| objective.limit);
        let objective = self.settings.objective.or(objective).unwrap_or(OBJECTIVE);
        let slots = f64::from(observation.parallelism.max(1));
        let oldest = observation.queue.oldest_wait.unwrap_or_default();
        let look = Look {
            backlog: calls_waiting(observation) as f64,
            oldest_s: oldest.as_secs_f64(),
            throughput_per_s: self.throughput.mean().unwrap_or(0.0),
            objective_s: objective.as_secs_f64(),
            effective_s: (objective - observation.worker_start)
                .as_secs_f64()
                .max(1.0),
            job_s: self.calls.job_s() / slots,
        };
        let signal_s = (self.pickups.quantile_s(&self.settings)).unwrap_or(look.oldest_s);
        let rate = self.arrivals_per_s(now, &look);
        let steady = rate * look.job_s;
        let threshold = self.settings.breach_threshold;
        let drain = drain::workers(
            look.backlog,
            signal_s,
            look.effective_s,
            look.job_s,
            threshold,
        );
        let mut wanted = steady.max(drain);
        let is_saturated = self.calls.busy_s >= 0.9 * self.calls.slots_s && self.calls.busy_s > 0.0;
        if is_saturated && wanted <= f64::from(active) {
            wanted = f64::from(active) + 1.0;
        }
        (self.calls.busy_s, self.calls.slots_s) = (0.0, 0.0);
        let bounds = observation.bounds;
        // The cast saturates.
        let wanted = (wanted.ceil() as u32).clamp(bounds.min_workers, bounds.max_workers);
        let is_breached = look.oldest_s >= look.objective_s;
        let wanted = (self.pace).apply(
            now,
            active,
            wanted,
            look.throughput_per_s,
            is_breached,
            self.settings.cool_down,
        );
        let reason = if drain > steady {
            Reason::new(
                "backlog",
                format!(
                    "{:.0} waiting ask for {drain:.1} workers to be in time",
                    look.backlog
                ),
            )
        } else {
            Reason::new(
                "rate",
                format!("{rate:.1} arrivals a second are {steady:.1} workers"),
            )
        };
        (wanted, reason)
    }
}

impl Policy for Laravel {
    fn name(&self) -> &str {
        "laravel"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, interval) = (observation.at, observation.interval);
        let (_, ended) = self.flow.observe(observation);
        (self.throughput).push(now, interval, ended as f64 / interval.as_secs_f64());
        self.calls.note(observation);
        let begun = self.last.map_or(Time::ZERO, |(at, _)| at);
        (self.pickups).note(now, begun, &observation.wait, self.settings.window);
        let (due, active) = match self.last {
            Some((at, wanted)) => (now.since(at) >= self.settings.interval, wanted),
            None => (true, observation.setting.workers),
        };
        if !due {
            let reason = Reason::new("between-looks", "the next look is not due yet");
            return Decision::of_workers(f64::from(active), observation, reason);
        }
        let (wanted, reason) = self.look(observation, active);
        self.last = Some((now, wanted));
        Decision::of_workers(f64::from(wanted), observation, reason)
    }
}

#[cfg(test)]
mod tests;
