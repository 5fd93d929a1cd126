//! `failsafe`: failsafe-go's adaptive limiter, Vegas with a moving baseline and guards by
//! correlation (the published idea of Uber's Cinnamon).
//!
//! After failsafe-go/failsafe-go (commit 5759a5e), `adaptivelimiter/adaptivelimiter.go` and
//! `internal/util/{average,median,windows,util}.go`, read in the source. Once a window has its
//! samples, its 90th percentile, smoothed, is set against a slower average of itself: the queue
//! that the difference betrays lets the limit step up, hold or step down, and a full limiter
//! whose throughput does not follow its calls in flight steps down too.
//!
//! Mapping: one limiter over the pool; a call is an execution, calls in flight at its start are
//! summed over agents, "full" means that no slot of the ready workers, nor of the limit, is
//! free. The limit counts slots, rounds up to workers and ends at the most the bounds allow.
//! Where an interval's samples were thinned the percentile is theirs, the count the true one.
//! Rejection and queueing are the broker's matter. Known traps, kept: fifty calls a step
//! (slow agents want `min_samples: 10`); thresholds made for hundreds of slots (with up to ten
//! Q cannot exceed `beta`: `alpha: 1, beta: 2` there); the baseline drifts under a lasting
//! overload. The cap of five times the calls in flight lets an idle pool shrink, a step a
//! window; `release` gives back at once what was not needed for that long (ours).

mod step;

use serde::Deserialize;
use step::Signs;

use super::demand::{calls_in_flight, workers};
use super::limiter::{CallWindow, Release};
use super::pool::wish;
use super::statistics::{Average, Correlation, Smoothed};
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// Knobs of [`Failsafe`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Slots at the start.
    pub initial_limit: f64,
    /// Fewest slots.
    pub min_limit: f64,
    /// Most slots.
    pub max_limit: f64,
    /// The limit stays below this many times the calls in flight.
    pub max_limit_factor: f64,
    /// A window lasts at least this long, or twice its shortest call …
    pub min_window: Duration,
    /// … but need not last longer than this.
    pub max_window: Duration,
    /// Calls without which a window goes on.
    pub min_samples: u64,
    /// The quantile of a window's call times, 0–1.
    pub quantile: f64,
    /// Windows that the baseline spans.
    pub baseline_age: f64,
    /// Windows over which correlations are taken.
    pub correlation_window: usize,
    /// Times lg(limit): the queue below which the limit grows.
    pub alpha: f64,
    /// Times lg(limit): the queue above which it shrinks.
    pub beta: f64,
    /// Slots not needed for this long are given back; `None`: never.
    pub release: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            initial_limit: 20.0,
            min_limit: 1.0,
            max_limit: 200.0,
            max_limit_factor: 5.0,
            min_window: Duration::from_secs(1),
            max_window: Duration::from_secs(30),
            min_samples: 50,
            quantile: 0.9,
            baseline_age: 10.0,
            correlation_window: 50,
            alpha: 3.0,
            beta: 6.0,
            release: None,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        within("min_limit", self.min_limit, 1.0..=1e6)?;
        within("max_limit", self.max_limit, self.min_limit..=1e6)?;
        within(
            "initial_limit",
            self.initial_limit,
            self.min_limit..=self.max_limit,
        )?;
        within("max_limit_factor", self.max_limit_factor, 1.0..=1e6)?;
        let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        within("max_window", self.max_window, Duration::ZERO..=hour)?;
        within(
            "min_window",
            self.min_window,
            Duration::ZERO..=self.max_window,
        )?;
        within("min_samples", self.min_samples, 1..=100_000)?;
        within("quantile", self.quantile, 0.0..=1.0)?;
        within("baseline_age", self.baseline_age, 1.0..=1e6)?;
        within("correlation_window", self.correlation_window, 1..=10_000)?;
        within("alpha", self.alpha, 0.0..=self.beta)?;
        within("beta", self.beta, 0.0..=1e6)?;
        within("release", self.release.unwrap_or(day), Duration::ZERO..=day)
    }
}

/// Limits the slots by call times and their correlations.
#[derive(Clone, Debug)]
pub struct Failsafe {
    settings: Settings,
    limit: f64,
    window: CallWindow,
    recent: Smoothed,
    base: Average,
    throughput: Correlation,
    time: Correlation,
    release: Release,
}

impl Configured for Failsafe {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            limit: settings.initial_limit,
            window: CallWindow::default(),
            recent: Smoothed::default(),
            base: Average::default(),
            throughput: Correlation::new(settings.correlation_window),
            time: Correlation::new(settings.correlation_window),
            release: Release::after(settings.release),
        }
    }
}

impl Failsafe {
    fn is_over(&self) -> bool {
        let (window, settings) = (&self.window, &self.settings);
        window.shortest().is_some_and(|shortest| {
            let length = (shortest * 2).max(settings.min_window);
            window.calls >= settings.min_samples && window.length >= length.min(settings.max_window)
        })
    }

    /// Takes a window's quantile and its most calls in flight in; at most `most` slots.
    fn update(&mut self, quantile_s: f64, peak: f64, is_full: bool, most: f64) {
        let recent_s = self.recent.add(quantile_s);
        let base_s = self.base.add(recent_s, self.settings.baseline_age);
        if recent_s <= 0.0 {
            return;
        }
        let (throughput_correlation, throughput_variation) =
            self.throughput.add(peak, peak / recent_s);
        let (time_correlation, _) = self.time.add(peak, recent_s);
        let signs = Signs {
            base_s,
            recent_s,
            is_full,
            throughput_correlation,
            throughput_variation,
            time_correlation,
        };
        let change = self.settings.change(self.limit, signs);
        self.limit = self.settings.limited(self.limit, change, peak, most);
    }
}

impl Policy for Failsafe {
    fn name(&self) -> &str {
        "failsafe"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.window.fill(observation, Duration::ZERO);
        if self.is_over() {
            let mut window = std::mem::take(&mut self.window);
            let slots = f64::from(observation.parallelism);
            let ready = slots * f64::from(observation.workers.ready);
            let is_full = calls_in_flight(observation) as f64 >= self.limit.floor().min(ready);
            let most = slots * f64::from(observation.bounds.max_workers);
            let quantile_s = window.quantile_s(self.settings.quantile).unwrap_or(0.0);
            self.update(quantile_s, window.peak as f64, is_full, most);
        }
        let limit = self.limit.floor();
        let kept = self.release.cap(observation.at, observation, limit);
        let why = format!("the limit is {limit} slots");
        wish(workers(kept, observation), observation, why)
    }
}

#[cfg(test)]
mod tests;
