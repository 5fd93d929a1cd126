//! A schedule: which setting is in force when. It is a policy, so that the real core runs it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use ebbtide_policies::Policy;
use ebbtide_policies::decision::{Decision, Reason};
use ebbtide_policies::observation::{Observation, Setting};
use ebbtide_policies::units::{Duration, Time};

/// Settings over time. Written as its changes, each as seconds, workers, batch size and batch
/// timeout in milliseconds: `0:5/20/100 10:7/20/100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// In force from the start.
    start: Setting,
    /// In force from each instant on, in order of time.
    changes: Vec<(Time, Setting)>,
}

impl Schedule {
    /// Always the same.
    #[must_use]
    pub const fn fixed(setting: Setting) -> Self {
        Self {
            start: setting,
            changes: Vec::new(),
        }
    }

    /// From each instant on its setting; later entries are later.
    #[must_use]
    pub fn new(start: Setting, settings: impl IntoIterator<Item = (Time, Setting)>) -> Self {
        let mut schedule = Self::fixed(start);
        for (at, setting) in settings {
            if schedule.last() != setting {
                schedule.changes.push((at, setting));
            }
        }
        schedule
    }

    /// What is in force at the start.
    #[must_use]
    pub const fn start(&self) -> Setting {
        self.start
    }

    /// The changes, in order of time.
    #[must_use]
    pub fn changes(&self) -> &[(Time, Setting)] {
        &self.changes
    }

    /// What is in force from `at` on.
    #[must_use]
    pub fn at(&self, at: Time) -> Setting {
        let passed = self.changes.partition_point(|(from, _)| *from <= at);
        passed
            .checked_sub(1)
            .map_or(self.start, |last| self.changes[last].1)
    }

    /// The same with each change at the nearest multiple of `step`, the last one of several; what
    /// would move to the very start is in force there.
    #[must_use]
    pub fn rounded(&self, step: Duration, length: Duration) -> Self {
        let steps = length.as_nanos().div_ceil(step.as_nanos().max(1));
        let half = Duration::from_nanos(step.as_nanos() / 2);
        let at = |number: u64| Time::ZERO + step * number;
        Self::new(
            self.at(Time::ZERO + half),
            (1..steps).map(|number| (at(number), self.at(at(number) + half))),
        )
    }

    fn last(&self) -> Setting {
        self.changes
            .last()
            .map_or(self.start, |(_, setting)| *setting)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = [(Time::ZERO, self.start)];
        for (number, (at, setting)) in start.iter().chain(&self.changes).enumerate() {
            let gap = if number == 0 { "" } else { " " };
            let seconds = at.as_nanos() as f64 / 1e9;
            let timeout = setting.batch_timeout.as_nanos() as f64 / 1e6;
            let (workers, size) = (setting.workers, setting.batch_size);
            write!(f, "{gap}{seconds}:{workers}/{size}/{timeout}")?;
        }
        Ok(())
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no part of a schedule, write for example 10:7/20/100")]
pub struct NoSchedule(String);

impl FromStr for Schedule {
    type Err = NoSchedule;

    fn from_str(text: &str) -> Result<Self, NoSchedule> {
        let mut parts = text
            .split_ascii_whitespace()
            .map(|part| change(part).ok_or_else(|| NoSchedule(part.to_owned())));
        let first = parts.next().ok_or_else(|| NoSchedule(text.to_owned()))??;
        Ok(Self {
            start: first.1,
            changes: parts.collect::<Result<_, _>>()?,
        })
    }
}

/// One change as text.
fn change(text: &str) -> Option<(Time, Setting)> {
    let nanos = |text: &str, unit: f64| -> Option<u64> {
        let number: f64 = text.parse().ok()?;
        (0.0..1e12)
            .contains(&number)
            .then(|| (number * unit).round() as u64)
    };
    let (at, setting) = text.split_once(':')?;
    let mut fields = setting.split('/');
    let setting = Setting {
        workers: fields.next()?.parse().ok()?,
        batch_size: fields.next()?.parse().ok()?,
        batch_timeout: Duration::from_nanos(nanos(fields.next()?, 1e6)?),
    };
    fields.next().is_none().then_some(())?;
    Some((Time::from_nanos(nanos(at, 1e9)?), setting))
}

/// Decides as a schedule says, at the tick of each change.
#[derive(Clone, Debug)]
pub struct Scheduled(pub Schedule);

impl Policy for Scheduled {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn start_workers(&self) -> Option<u32> {
        Some(self.0.start.workers)
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let setting = self.0.at(observation.at);
        Decision {
            workers: f64::from(setting.workers),
            batch_size: f64::from(setting.batch_size),
            batch_timeout: Some(setting.batch_timeout),
            reason: Reason {
                code: Cow::Borrowed("schedule"),
                text: Cow::Borrowed("the schedule says so"),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(workers: u32, batch_size: u32, timeout_ms: u64) -> Setting {
        Setting {
            workers,
            batch_size,
            batch_timeout: Duration::from_millis(timeout_ms),
        }
    }

    fn seconds(s: u64) -> Time {
        Time::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn a_schedule_reads_back_as_it_was_written() {
        let text = "0:5/20/100 10:7/20/100 20.5:7/50/0.25";
        let schedule: Schedule = text.parse().expect("a schedule");
        assert_eq!(schedule.to_string(), text);
        assert_eq!(schedule.at(seconds(19)), setting(7, 20, 100));
        for wrong in ["", "0:5", "0:5/20/100/1", "x:5/20/100", "0:5/20/-1"] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rounding_moves_each_change_to_the_nearest_step() {
        let changes = [(4, 2), (6, 3), (7, 4), (14, 5), (16, 6), (29, 7)];
        let changes = changes.map(|(at, workers)| (seconds(at), setting(workers, 1, 0)));
        let schedule = Schedule::new(setting(1, 1, 0), changes);
        let rounded = schedule.rounded(Duration::from_secs(10), Duration::from_secs(30));
        assert_eq!(rounded.to_string(), "0:2/1/0 10:5/1/0 20:6/1/0");
    }
}
