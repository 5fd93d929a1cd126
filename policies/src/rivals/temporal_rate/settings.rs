//! What can be set, and the published defaults.

use serde::Deserialize;

use crate::settings::{SettingError, within};
use crate::units::Duration;

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
        within("material_backlog", self.material_backlog, 0..=1_000_000_000)?;
        within("utilisation", self.utilisation, 0.01..=1.0)?;
        within("beta", self.beta, 0.0..=10.0)?;
        within("max_step", self.max_step, 1..=u32::MAX)?;
        within("cool_down_up", self.cool_down_up, Duration::ZERO..=day)?;
        within("cool_down_down", self.cool_down_down, Duration::ZERO..=day)?;
        within("quiet", self.quiet, Duration::ZERO..=day)
    }
}
