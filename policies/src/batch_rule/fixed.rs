//! `batch`: a fixed size, with a fixed timeout or the one at the start: `batch(20)`,
//! `batch(size: 20, timeout: "50ms")`.
//!
//! What an operator writes into a configuration file; with the size that is best in hindsight
//! it is the fairest companion of a policy that knows no batches.

use serde::Deserialize;

use super::{BatchRule, BatchWish};
use crate::observation::Observation;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Messages a batch may carry, 1–1,000,000; left out: as at the start.
    pub size: Option<u32>,
    /// How long a batch waits to fill; left out: as at the start.
    pub timeout: Option<Duration>,
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("size");

    fn check(&self) -> Result<(), SettingError> {
        within("size", self.size.unwrap_or(1), 1..=1_000_000)?;
        let day = Duration::from_secs(86_400);
        within("timeout", self.timeout.unwrap_or(day), Duration::ZERO..=day)
    }
}

/// Batches as they were set once.
#[derive(Clone, Copy, Debug)]
pub struct FixedBatch {
    settings: Settings,
}

impl Configured for FixedBatch {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl BatchRule for FixedBatch {
    fn decide(&mut self, observation: &Observation) -> BatchWish {
        let size = self.settings.size.unwrap_or(observation.setting.batch_size);
        BatchWish {
            size: f64::from(size),
            timeout: self.settings.timeout,
        }
    }
}
