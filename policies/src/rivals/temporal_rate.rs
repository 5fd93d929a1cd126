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
//! without batch agents), unless only an agent's own limits held it; the policy asks to be ticked
//! early when one waits, as soon as another worker may be added. Min and max are the bounds.

use serde::Deserialize;

use super::mean::WindowMean;
use crate::decision::{Decision, EarlyTick, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

/// What rates are taken over.
const RATE_WINDOW: Duration = Duration::from_secs(30);
/// A message that waited no longer was matched at once.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How often rates are looked at.
    pub metrics_interval: Duration,
    /// Weight of the newest sample, 0.001–1.
    pub alpha: f64,
    /// Messages a second that a worker is first thought to manage, 0.001–1,000,000.
    pub initial_capacity: f64,
    /// Messages a second by which a backlog is to shrink.
    pub drain_rate: f64,
    /// Backlog from which dispatches show a worker's capacity.
    pub material_backlog: u64,
    /// Utilisation aimed at, 0.01–1.
    pub utilisation: f64,
    /// Halfin–Whitt β, 0–10.
    pub beta: f64,
    /// Largest step up.
    pub max_step: u32,
    /// Between two steps up.
    pub cool_down_up: Duration,
    /// Between two steps down.
    pub cool_down_down: Duration,
    /// Since the last no-sync match before a step down.
    pub quiet: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            metrics_interval: Duration::from_secs(60),
            alpha: 0.45,
            initial_capacity: 2.0,
            drain_rate: 2.0,
            material_backlog: 50,
            utilisation: 0.8,
            beta: 0.5,
            max_step: 4,
            cool_down_up: Duration::from_secs(2),
            cool_down_down: Duration::from_secs(60),
            quiet: Duration::from_secs(90),
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within(
            "metrics_interval",
            self.metrics_interval,
            Duration::ZERO..=day,
        )?;
        within("alpha", self.alpha, 0.001..=1.0)?;
        within("initial_capacity", self.initial_capacity, 0.001..=1e6)?;
        within("drain_rate", self.drain_rate, 0.0..=1e6)?;
        within("utilisation", self.utilisation, 0.01..=1.0)?;
        within("beta", self.beta, 0.0..=10.0)?;
        within("max_step", self.max_step, 1..=u32::MAX)?;
        within("cool_down_up", self.cool_down_up, Duration::ZERO..=day)?;
        within("cool_down_down", self.cool_down_down, Duration::ZERO..=day)?;
        within("quiet", self.quiet, Duration::ZERO..=day)
    }
}

/// What is looked at every metrics interval.
#[derive(Clone, Copy, Debug)]
struct Metrics {
    backlog: u64,
    arrivals_per_s: f64,
    dispatches_per_s: f64,
}

/// The controller's state.
#[derive(Clone, Debug)]
struct Controller {
    settings: Settings,
    /// Workers wanted, starting ones included.
    planned: u32,
    bounds: (u32, u32),
    /// Messages a second of one worker.
    capacity: f64,
    arrivals: Option<f64>,
    dispatches: Option<f64>,
    last_up: Option<Time>,
    last_down: Option<Time>,
    last_no_sync: Option<Time>,
}

/// Whether `length` has passed since, or it never happened.
fn is_over(since: Option<Time>, now: Time, length: Duration) -> bool {
    since.is_none_or(|at| now.since(at) >= length)
}

impl Controller {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            planned: 0,
            bounds: (0, u32::MAX),
            capacity: settings.initial_capacity,
            arrivals: None,
            dispatches: None,
            last_up: None,
            last_down: None,
            last_no_sync: None,
        }
    }

    fn averaged(&self, old: Option<f64>, new: f64) -> f64 {
        let alpha = self.settings.alpha;
        old.map_or(new, |old| alpha * new + (1.0 - alpha) * old)
    }

    /// Learns what a worker manages from what all of them were given.
    fn sample(&mut self, dispatches_per_s: f64) {
        if self.planned > 0 && dispatches_per_s > 0.0 {
            let each = dispatches_per_s / f64::from(self.planned);
            self.capacity = self.averaged(Some(self.capacity), each);
        }
    }

    /// An arrival found no free slot.
    fn no_sync(&mut self, now: Time, dispatches_per_s: f64) {
        self.last_no_sync = Some(now);
        if self.planned < self.bounds.1 && is_over(self.last_up, now, self.settings.cool_down_up) {
            self.planned += 1;
            self.last_up = Some(now);
        }
        self.sample(dispatches_per_s);
    }

    /// Workers for a load of `rho` workers.
    fn wanted(&self, rho: f64) -> u32 {
        let by_share = (rho / self.settings.utilisation).ceil();
        let by_root = (rho + self.settings.beta * rho.sqrt()).ceil();
        // The cast saturates.
        (by_share.max(by_root) as u32).clamp(self.bounds.0, self.bounds.1)
    }

    /// A look at the rates.
    fn look(&mut self, now: Time, seen: Metrics) {
        let arrivals = self.averaged(self.arrivals, seen.arrivals_per_s);
        let dispatches = self.averaged(self.dispatches, seen.dispatches_per_s);
        let is_idle =
            seen.backlog == 0 && seen.arrivals_per_s == 0.0 && seen.dispatches_per_s == 0.0;
        let arrivals = if is_idle { 0.0 } else { arrivals };
        self.arrivals = Some(arrivals);
        self.dispatches = Some(if is_idle { 0.0 } else { dispatches });
        if seen.backlog >= self.settings.material_backlog {
            self.sample(seen.dispatches_per_s);
        }
        let drain = if seen.backlog > 0 {
            self.settings.drain_rate
        } else {
            0.0
        };
        let wanted = self.wanted((arrivals + drain) / self.capacity);
        if wanted > self.planned && is_over(self.last_up, now, self.settings.cool_down_up) {
            self.planned += (wanted - self.planned).min(self.settings.max_step);
            self.last_up = Some(now);
        } else if wanted < self.planned
            && is_over(self.last_no_sync, now, self.settings.quiet)
            && is_over(self.last_down, now, self.settings.cool_down_down)
        {
            self.planned -= 1;
            self.last_down = Some(now);
        }
    }
}

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
    let blocked = observation.slots.blocked;
    let by_agent = [
        blocked.limit,
        blocked.bulkhead,
        blocked.breaker,
        blocked.paused,
        blocked.rate_limit,
    ];
    let by_agent = by_agent.iter().any(|time| !time.is_zero());
    observation.flow.arrivals > 0 && waited && !by_agent
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
mod tests {
    use super::*;
    use crate::testing::observation;

    fn controller(planned: u32, capacity: f64) -> Controller {
        Controller {
            planned,
            bounds: (1, 10),
            capacity,
            ..Controller::new(Settings::default())
        }
    }

    #[test]
    fn workers_follow_utilisation_and_square_root() {
        // Computed.
        let controller = Controller::new(Settings::default());
        let rhos = [0.5, 1.0, 2.0, 4.0, 5.0, 6.0, 9.0, 0.7, 1.5];
        let wanted = rhos.map(|rho| controller.wanted(rho));
        assert_eq!(wanted, [1, 2, 3, 5, 7, 8, 12, 2, 3]);
    }

    #[test]
    fn looks_each_minute_learn_and_step() {
        // Computed: backlog, arrivals, dispatches, and the workers planned after it.
        let looks = [
            (0, 10.0, 2.0, 5),
            (120, 20.0, 9.0, 9),
            (120, 20.0, 16.0, 10),
            (0, 20.0, 20.0, 10),
            (0, 2.0, 2.0, 9),
            (0, 2.0, 2.0, 8),
            (0, 2.0, 2.0, 7),
            (0, 0.0, 0.0, 6),
            (0, 0.0, 0.0, 5),
        ];
        let mut controller = controller(1, 2.0);
        for (minute, (backlog, arrivals_per_s, dispatches_per_s, planned)) in (1..).zip(looks) {
            let seen = Metrics {
                backlog,
                arrivals_per_s,
                dispatches_per_s,
            };
            controller.look(Time::ZERO + Duration::from_secs(60 * minute), seen);
            assert_eq!(controller.planned, planned, "minute {minute}");
        }
        assert!((controller.capacity - 1.8505).abs() < 1e-9);
    }

    #[test]
    fn a_no_sync_match_adds_a_worker_once_in_two_seconds() {
        // Computed: seconds, dispatches, workers and capacity after it.
        let matches = [
            (0, 4.0, 2, 3.65),
            (1_000, 4.0, 2, 2.9075),
            (2_000, 8.0, 3, 2.7991),
            (3_900, 8.0, 3, 2.7395),
            (4_000, 9.0, 4, 2.5192),
        ];
        let mut controller = controller(1, 5.0);
        for (ms, dispatches, planned, capacity) in matches {
            controller.no_sync(Time::ZERO + Duration::from_millis(ms), dispatches);
            assert_eq!(controller.planned, planned);
            assert!((controller.capacity - capacity).abs() < 1e-4);
        }
    }

    #[test]
    fn waiting_for_a_batch_or_an_agent_is_no_missed_match() {
        let mut seen = observation(Time::ZERO);
        seen.flow.arrivals = 1;
        seen.queue.oldest_wait = Some(Duration::from_millis(90));
        assert!(is_no_sync(&seen));
        seen.agents = vec![crate::testing::agent("rank")];
        seen.agents[0].is_batch = true;
        assert!(!is_no_sync(&seen));
        seen.queue.oldest_wait = Some(Duration::from_millis(300));
        assert!(is_no_sync(&seen));
        seen.slots.blocked.limit = Duration::from_millis(1);
        assert!(!is_no_sync(&seen));
    }
}
