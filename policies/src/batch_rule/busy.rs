//! `busy`: batch while busy. A slot that falls idle takes all that waits, up to the largest
//! batch allowed, and never waits for more.
//!
//! The rule of group commit and of Nagle (RFC 896) with one call in flight: it clocks itself.
//! With call time a + c·m, W slots and λ messages a second, batches of
//! m = (λ/W)·a / (1 − c·λ/W) follow by themselves, so nothing needs to be learnt.

use serde::Deserialize;

use super::{BatchRule, BatchWish};
use crate::observation::Observation;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Largest batch, 1–1,000,000; left out: what the bounds allow.
    pub most: Option<u32>,
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("most");

    fn check(&self) -> Result<(), SettingError> {
        within("most", self.most.unwrap_or(1), 1..=1_000_000)
    }
}

/// Never waits to fill a batch.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    settings: Settings,
}

impl Configured for Busy {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl BatchRule for Busy {
    fn decide(&mut self, observation: &Observation) -> BatchWish {
        let allowed = observation.bounds.max_batch_size;
        BatchWish {
            size: f64::from(self.settings.most.unwrap_or(allowed).min(allowed)),
            timeout: Some(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::observation;
    use crate::units::Time;

    #[test]
    fn takes_all_that_the_bounds_allow_at_once() {
        let seen = observation(Time::ZERO);
        let wish = |most| Busy::new(Settings { most }).decide(&seen);
        assert_eq!(wish(None).timeout, Some(Duration::ZERO));
        assert_eq!(wish(None).size, 50.0);
        assert_eq!(wish(Some(8)).size, 8.0);
        assert_eq!(wish(Some(80)).size, 50.0);
    }
}
