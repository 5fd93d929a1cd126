//! `gradient2`: Netflix's concurrency limit by the gradient of call times.
//!
//! After Netflix/concurrency-limits (commit 78a74b9), `Gradient2Limit.java`,
//! `ExpAvgMeasurement.java` and, for the windows of a second, `WindowedLimit.java`; all read in
//! the source. Call time above 1.5 times its long average lets the limit fall, else it grows by
//! a fixed allowance; it holds while fewer than half of it are in use. Drops play no part.
//!
//! Mapping: one limiter over the pool. A call's time is its round trip, the calls in flight at
//! its start are the in-flight figure (summed over agents), the limit counts slots and rounds
//! up to workers; it ends at the most slots the bounds allow, so that it does not wind up.
//! Known traps, kept: the floor of 20 slots at the defaults (a small pool wants
//! `min_limit: 1, initial_limit: 4, queue_size: 1`); a window with fewer than ten calls says
//! nothing, so slow agents want `window_samples: 1`; an overload that lasts is forgotten within
//! some 120 windows; no load, no change. The limiter says how many slots there may be, so by
//! default a pool keeps them all; `release` gives back what was not needed for that long, as the
//! executors behind such limiters do (ours).

use serde::Deserialize;

use super::demand::workers;
use super::limiter::{CallWindow, Release};
use super::pool::wish;
use super::statistics::Average;
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// Shorter call times are no samples (`WindowedLimit`, minRttThreshold).
const SHORTEST: Duration = Duration::from_nanos(100_000);

/// Knobs of [`Gradient2`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Slots at the start.
    pub initial_limit: f64,
    /// Fewest slots.
    pub min_limit: f64,
    /// Most slots.
    pub max_limit: f64,
    /// Slots that the limit may grow by while call times stay low.
    pub queue_size: f64,
    /// Weight of the new limit, 0–1.
    pub smoothing: f64,
    /// Samples that the long average spans.
    pub long_window: f64,
    /// Call time over its long average up to which nothing is wrong.
    pub tolerance: f64,
    /// Calls are averaged over this long.
    pub window: Duration,
    /// Calls without which a window says nothing.
    pub window_samples: u64,
    /// Slots not needed for this long are given back; `None`: never.
    pub release: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            initial_limit: 20.0,
            min_limit: 20.0,
            max_limit: 200.0,
            queue_size: 4.0,
            smoothing: 0.2,
            long_window: 600.0,
            tolerance: 1.5,
            window: Duration::from_secs(1),
            window_samples: 10,
            release: None,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        within("initial_limit", self.initial_limit, 1.0..=1e6)?;
        within("min_limit", self.min_limit, 1.0..=1e6)?;
        within("max_limit", self.max_limit, self.min_limit..=1e6)?;
        within("queue_size", self.queue_size, 0.0..=1e6)?;
        within("smoothing", self.smoothing, 0.0..=1.0)?;
        within("long_window", self.long_window, 1.0..=1e6)?;
        within("tolerance", self.tolerance, 1.0..=1e6)?;
        let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        within("window", self.window, Duration::ZERO..=hour)?;
        within("window_samples", self.window_samples, 1..=100_000)?;
        within("release", self.release.unwrap_or(day), Duration::ZERO..=day)
    }
}

/// The limit and the long average of call times.
#[derive(Clone, Debug)]
struct Limit {
    slots: f64,
    long: Average,
}

impl Limit {
    /// Takes one round trip in seconds with its calls in flight; at most `most` slots.
    fn sample(&mut self, settings: &Settings, rtt_s: f64, in_flight: f64, most: f64) {
        let long_s = self.long.add(rtt_s, settings.long_window);
        if long_s / rtt_s > 2.0 {
            self.long.value *= 0.95; // for the next sample
        }
        if in_flight >= self.slots / 2.0 {
            let gradient = (settings.tolerance * long_s / rtt_s).clamp(0.5, 1.0);
            let new = self.slots * gradient + settings.queue_size;
            let new = self.slots * (1.0 - settings.smoothing) + new * settings.smoothing;
            let most = settings.max_limit.min(most);
            self.slots = new.min(most).max(settings.min_limit.min(most));
        }
    }
}

/// Limits the slots by the gradient of call times.
#[derive(Clone, Debug)]
pub struct Gradient2 {
    settings: Settings,
    limit: Limit,
    window: CallWindow,
    release: Release,
}

impl Configured for Gradient2 {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            limit: Limit {
                slots: settings.initial_limit,
                long: Average::default(),
            },
            window: CallWindow::default(),
            release: Release::after(settings.release),
        }
    }
}

impl Policy for Gradient2 {
    fn name(&self) -> &str {
        "gradient2"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.window.fill(observation, SHORTEST);
        if self.window.length >= self.settings.window {
            let window = std::mem::take(&mut self.window);
            let most =
                f64::from(observation.bounds.max_workers) * f64::from(observation.parallelism);
            if let Some(rtt_s) = window.mean_s()
                && window.calls >= self.settings.window_samples
            {
                (self.limit).sample(&self.settings, rtt_s, window.peak as f64, most);
            }
        }
        let limit = self.limit.slots.floor();
        let kept = self.release.cap(observation.at, observation, limit);
        let why = format!("the limit is {limit} slots");
        wish(workers(kept, observation), observation, why)
    }
}

#[cfg(test)]
mod tests;
