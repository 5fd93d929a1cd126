//! `aimd`: Clipper's adaptive batching. Batches grow by a fixed amount while they take no
//! longer than their limit, and shrink by a tenth when one does.
//!
//! Crankshaw et al., "Clipper", NSDI 2017, section 4.3.1, read in secondary sources: the
//! back-off of 10 % is theirs, the fixed amount is not published and is 1 here. Also ours: a
//! batch that was not full says nothing about a larger one, so it lets nothing grow. Clipper
//! steps after every batch of one container; here all slots share one size, which is applied at
//! ticks, so there is one step a tick: back, if any full or larger batch since the last one was
//! late, else onward, if any was full. Clipper's limit is the objective of a call without its
//! wait; `share` of the broker's objective stands for it. Without an objective no batch is late
//! and the size goes to its bound. Batches wait for no message (Clipper's delayed batching is
//! off by default).

use serde::Deserialize;

use super::{BatchRule, BatchWish};
use crate::observation::{AgentObservation, CallSample, Observation};
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Longest call that is in time; left out: `share` of the objective.
    pub limit: Option<Duration>,
    /// What a call may take of the objective, 0.01–1.
    pub share: f64,
    /// Messages that a batch grows by, 1–1,000.
    pub step: u32,
    /// What a batch is multiplied by when one was late, 0.1–0.99.
    pub back_off: f64,
    /// How long a batch waits to fill.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: None,
            share: 1.0,
            step: 1,
            back_off: 0.9,
            timeout: Duration::ZERO,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        within("share", self.share, 0.01..=1.0)?;
        within("step", self.step, 1..=1_000)?;
        within("back_off", self.back_off, 0.1..=0.99)?;
        let day = Duration::from_secs(86_400);
        within("limit", self.limit.unwrap_or(day), Duration::ZERO..=day)?;
        within("timeout", self.timeout, Duration::ZERO..=day)
    }
}

/// Grows by addition, shrinks by multiplication.
#[derive(Clone, Copy, Debug)]
pub struct Aimd {
    settings: Settings,
}

impl Configured for Aimd {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

/// Batches of an agent that ended in the interval, and the size of a full one.
fn batches(agent: &AgentObservation, size: u32) -> impl Iterator<Item = (&CallSample, u32)> {
    let full = agent.max_batch.unwrap_or(size).min(size);
    let samples = agent.samples.iter().filter(|_| agent.is_batch);
    samples.map(move |sample| (sample, full))
}

impl BatchRule for Aimd {
    fn decide(&mut self, observation: &Observation) -> BatchWish {
        let size = observation.setting.batch_size;
        let of_objective = (observation.objective.as_ref())
            .map(|objective| objective.limit.mul_f64(self.settings.share));
        let limit = (self.settings.limit.or(of_objective)).unwrap_or(Duration::MAX);
        let agents = observation.agents.iter();
        let mut full = (agents.flat_map(|agent| batches(agent, size)))
            .filter(|(sample, full)| sample.batch >= *full)
            .peekable();
        let is_full = full.peek().is_some();
        let size = if full.any(|(sample, _)| sample.time > limit) {
            (f64::from(size) * self.settings.back_off).floor().max(1.0)
        } else if is_full {
            f64::from(size.saturating_add(self.settings.step))
        } else {
            f64::from(size)
        };
        BatchWish {
            size,
            timeout: Some(self.settings.timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, observation};
    use crate::units::Time;

    /// The size after an interval with one batch of `batch` messages that took `time`.
    fn step(size: u32, batch: u32, time: Duration, limit_ms: u64) -> u32 {
        let mut seen = observation(Time::ZERO);
        seen.setting.batch_size = size;
        seen.agents = vec![agent("rank")];
        seen.agents[0].is_batch = true;
        seen.agents[0].samples = vec![CallSample {
            batch,
            in_flight: 1,
            time,
        }];
        let settings = Settings {
            limit: Some(Duration::from_millis(limit_ms)),
            ..Settings::default()
        };
        Aimd::new(settings).decide(&seen).size as u32
    }

    /// Sizes from `start` on with full batches of 2 ms + 0.5 ms a message.
    fn run(start: u32, limit_ms: u64, steps: usize) -> Vec<u32> {
        let time = |size: u32| Duration::from_secs_f64(0.002 + 0.0005 * f64::from(size));
        let next = |size: &u32| Some(step(*size, *size, time(*size), limit_ms));
        std::iter::successors(Some(start), next)
            .skip(1)
            .take(steps)
            .collect()
    }

    #[test]
    fn saws_around_the_largest_batch_that_is_in_time() {
        // Computed: 37 messages take 20.5 ms.
        let expected = [31, 32, 33, 34, 35, 36, 37, 33, 34, 35, 36, 37, 33];
        assert_eq!(run(30, 20, 13), expected);
        assert_eq!(run(16, 10, 4), [17, 15, 16, 17]);
    }

    #[test]
    fn grows_by_full_batches_only_and_never_falls_to_nothing() {
        let soon = Duration::from_millis(1);
        assert_eq!(step(20, 19, soon, 20), 20);
        assert_eq!(step(20, 20, soon, 20), 21);
        assert_eq!(step(1, 1, Duration::from_secs(1), 20), 1);
    }
}
