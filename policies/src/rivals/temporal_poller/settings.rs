//! What can be set, and the published defaults.

use serde::Deserialize;

use crate::settings::{SettingError, within};
use crate::units::Duration;

/// Whose client it is: they differ in rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Sdk {
    /// sdk-core, in Rust, which most languages use.
    #[default]
    Core,
    /// The SDK for Go.
    Go,
}

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Pollers at first.
    pub initial: u32,
    /// Fewest pollers, at least 1.
    pub min: u32,
    /// Most pollers, at least 1.
    pub max: u32,
    /// `matching.pollerScalingWaitTime`.
    pub wait: Duration,
    /// Backlog age above which there is a hint to grow.
    pub backlog_age: Duration,
    /// Arrivals over dispatches above which there is one, 1–1,000.
    pub ratio: f64,
    /// Whose client rounds.
    pub sdk: Sdk,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            initial: 5,
            min: 1,
            max: 100,
            wait: Duration::from_secs(1),
            backlog_age: Duration::from_millis(200),
            ratio: 1.2,
            sdk: Sdk::Core,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within("initial", self.initial, 1..=1_000_000)?;
        within("min", self.min, 1..=1_000_000)?;
        within("max", self.max, self.min..=1_000_000)?;
        within("wait", self.wait, Duration::from_millis(1)..=day)?;
        within("backlog_age", self.backlog_age, Duration::ZERO..=day)?;
        within("ratio", self.ratio, 1.0..=1_000.0)
    }
}
