//! What can be set, the published defaults, and the rules of server and client that follow from it.

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

/// What the server sees of its queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub(super) backlog_age: Option<Duration>,
    pub(super) added_per_s: f64,
    pub(super) dispatched_per_s: f64,
}

impl Settings {
    /// Whether the server hints to grow. Of nothing over nothing it makes nothing.
    pub(super) fn hints_growth(&self, queue: Queue) -> bool {
        queue.backlog_age.is_some_and(|age| age > self.backlog_age)
            || queue.added_per_s / queue.dispatched_per_s > self.ratio
    }

    /// Whether the client heeds hints to grow after two periods with these tasks.
    pub(super) fn opens_gate(&self, this: f64, last: f64) -> bool {
        let needed = 1.1 * last;
        match self.sdk {
            // Of 1.1 times ten the product is 11.000000000000002, which truncates as it should.
            Sdk::Core => this >= needed.trunc(),
            Sdk::Go => this >= needed - 1e-9,
        }
    }
}
