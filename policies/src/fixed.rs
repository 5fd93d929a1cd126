//! `fixed`: the setting stays what it is, or has a given number of workers.
//!
//! The yardstick for every other policy, and the way to switch the controller off.

use std::borrow::Cow;

use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};

/// Most workers of a pool, under whatever policy.
pub const MOST_WORKERS: u32 = 1_000;

/// What can be set.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Workers, 1 to [`MOST_WORKERS`]; left out: as at the start.
    pub workers: Option<u32>,
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("workers");

    fn check(&self) -> Result<(), SettingError> {
        within("workers", self.workers.unwrap_or(1), 1..=MOST_WORKERS)
    }
}

/// Keeps the present setting, or a number of workers, whatever happens. Allocates nothing.
#[derive(Clone, Debug)]
pub struct Fixed {
    workers: Option<u32>,
    name: Cow<'static, str>,
}

impl Fixed {
    /// Keeps the setting that the broker started with.
    #[must_use]
    pub fn at_start_setting() -> Self {
        Self {
            workers: None,
            name: Cow::Borrowed("fixed"),
        }
    }

    /// Starts with `workers` workers and keeps them. Like any setting that is kept, it has one
    /// worker fewer for each that is lost where lost workers are not replaced.
    #[must_use]
    pub fn at(workers: u32) -> Self {
        Self {
            workers: Some(workers),
            name: Cow::Owned(format!("fixed({workers})")),
        }
    }
}

impl Configured for Fixed {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        settings
            .workers
            .map_or_else(Self::at_start_setting, Self::at)
    }
}

impl Policy for Fixed {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.workers
    }

    fn rests(&self, _: &Observation) -> bool {
        true
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let setting = observation.setting;
        Decision {
            workers: f64::from(setting.workers),
            batch_size: f64::from(setting.batch_size),
            batch_timeout: None,
            reason: Reason {
                code: Cow::Borrowed("fixed"),
                text: Cow::Borrowed("the setting is fixed"),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        }
    }
}
