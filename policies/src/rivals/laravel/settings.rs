//! What can be set, and the profile "balanced".

use serde::Deserialize;

use crate::settings::{SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Time until pick-up that must not be exceeded, 1 ms – 1 day; left out: the objective's limit, or 30 s.
    pub objective: Option<Duration>,
    /// Quantile of the pick-up times that is compared with it, 0.5–0.999.
    pub quantile: f64,
    /// What they are taken over.
    pub window: Duration,
    /// Fewer pick-ups than this: the age of the oldest message instead.
    pub min_samples: u64,
    /// Share of the objective from which the backlog is drained, 0–1.
    pub breach_threshold: f64,
    /// How far the forecast looks.
    pub horizon: Duration,
    /// Least R² of a forecast that counts, 0–1.
    pub min_r2: f64,
    /// Its weight, 0–1.
    pub forecast_weight: f64,
    /// How often it looks.
    pub interval: Duration,
    /// Between changes of opposite directions.
    pub cool_down: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            objective: None,
            quantile: 0.95,
            window: Duration::from_secs(300),
            min_samples: 20,
            breach_threshold: 0.5,
            horizon: Duration::from_secs(60),
            min_r2: 0.6,
            forecast_weight: 0.5,
            interval: Duration::from_secs(5),
            cool_down: Duration::from_secs(60),
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let (least, day) = (Duration::from_millis(1), Duration::from_secs(86_400));
        within("objective", self.objective.unwrap_or(least), least..=day)?;
        within("quantile", self.quantile, 0.5..=0.999)?;
        within("window", self.window, Duration::from_secs(1)..=day)?;
        within("min_samples", self.min_samples, 1..=100_000)?;
        within("breach_threshold", self.breach_threshold, 0.0..=1.0)?;
        within("horizon", self.horizon, Duration::ZERO..=day)?;
        within("min_r2", self.min_r2, 0.0..=1.0)?;
        within("forecast_weight", self.forecast_weight, 0.0..=1.0)?;
        within("interval", self.interval, Duration::from_millis(100)..=day)?;
        within("cool_down", self.cool_down, Duration::ZERO..=day)
    }
}
