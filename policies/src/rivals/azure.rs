//! `azure`: Azure Functions, target-based scaling over a dynamically learned concurrency.
//!
//! After Azure/azure-webjobs-sdk (commit f79ea0b), `Scale/{ConcurrencyStatus,ConcurrencyManager,
//! ConcurrencyOptions,DefaultConcurrencyThrottleManager,DefaultHostProcessMonitor}.cs`, read in the
//! source, for the concurrency; the target-based scaler's division was read in copies of the
//! Azure SDK for .NET, its poll of 10 s and its step of four instances are documentation only.
//!
//! Mapping: an instance is a worker, its concurrency the calls it should have at once, at most
//! its slots. The host's CPU is the share of slot-time with a call, over five seconds: from 80 %
//! on an instance is unhealthy. (In the original it is the host's own CPU, which says nothing of
//! a remote agent.) The queue counts what waits and what is in a call, as the active messages
//! of Service Bus do; a batch counts as one. Deliberately absent: refusing new work while
//! unhealthy, and holding a worker to its concurrency, neither of which a policy can steer;
//! snapshots across restarts; the older votes. Known traps, kept: no arrival rate, so the
//! queue of one instant decides; ten seconds between looks.

mod concurrency;

use std::collections::VecDeque;

use concurrency::{Concurrency, Seen};
use serde::Deserialize;

use super::pool::{peak_in_flight, slot_seconds, slots_needed, wish};
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

/// Length of a reading of the CPU.
const READING: Duration = Duration::from_secs(1);
/// Readings that are averaged; with fewer the health is unknown.
const READINGS: usize = 5;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Calls that an instance should have at once; `None`: learned.
    pub concurrency: Option<u32>,
    /// Most calls that may be learned.
    pub max_concurrency: u32,
    /// Share of the slot-time with a call from which an instance is unhealthy.
    pub cpu_threshold: f64,
    /// The queue is looked at this often.
    pub interval: Duration,
    /// Instances that one look may add.
    pub max_step_up: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: None,
            max_concurrency: 500,
            cpu_threshold: 0.8,
            interval: Duration::from_secs(10),
            max_step_up: 4,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("concurrency");

    fn check(&self) -> Result<(), SettingError> {
        let hour = Duration::from_secs(3_600);
        within("concurrency", self.concurrency.unwrap_or(1), 1..=1_000_000)?;
        within("max_concurrency", self.max_concurrency, 1..=1_000_000)?;
        within("cpu_threshold", self.cpu_threshold, 0.01..=1.0)?;
        within("interval", self.interval, Duration::ZERO..=hour)?;
        within("max_step_up", self.max_step_up, 1..=1_000_000)
    }
}

/// Instances for a queue, by what each can have at once.
#[derive(Clone, Debug)]
pub struct Azure {
    settings: Settings,
    learned: Concurrency,
    /// The reading that fills: its length, slot-seconds with a call and in all.
    reading: (Duration, f64, f64),
    readings: VecDeque<f64>,
    /// When the queue was last looked at, and the instances wanted since.
    looked: Option<(Time, u32)>,
}

impl Configured for Azure {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            learned: Concurrency::default(),
            reading: (Duration::ZERO, 0.0, 0.0),
            readings: VecDeque::new(),
            looked: None,
        }
    }
}

impl Azure {
    /// Learns from an interval what an instance can have at once.
    fn learn(&mut self, seen: &Observation) {
        let (busy, all) = slot_seconds(seen);
        let calls = seen.agents.iter().map(|agent| &agent.calls);
        let (ended, time_s) = calls.fold((0.0, 0.0), |(ended, time_s), it| {
            (ended + it.succeeded as f64, time_s + it.time.as_secs_f64())
        });
        let instances = u64::from(seen.workers.ready.max(1));
        self.learned.note(Seen {
            peak: peak_in_flight(seen).div_ceil(instances),
            ended,
            time_s,
        });
        let reading = &mut self.reading;
        *reading = (reading.0 + seen.interval, reading.1 + busy, reading.2 + all);
        if reading.0 < READING {
            return;
        }
        if reading.2 > 0.0 {
            self.readings.push_back(reading.1 / reading.2);
        }
        *reading = (Duration::ZERO, 0.0, 0.0);
        if self.readings.len() > READINGS {
            self.readings.pop_front();
        }
        let cpu = self.readings.iter().sum::<f64>() / READINGS as f64;
        let is_known = self.readings.len() == READINGS;
        let health = is_known.then_some(cpu < self.settings.cpu_threshold);
        let most = self.settings.max_concurrency.min(seen.parallelism).max(1);
        self.learned.check(seen.at, health, most);
    }

    /// Instances for `queue` calls where `present` run.
    fn instances(&self, queue: u64, present: u32, target: u32) -> u32 {
        let wanted = queue.div_ceil(u64::from(target.max(1)));
        let most = present.saturating_add(self.settings.max_step_up);
        u32::try_from(wanted).unwrap_or(u32::MAX).min(most)
    }
}

impl Policy for Azure {
    fn name(&self) -> &str {
        "azure"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.learn(observation);
        let now = observation.at;
        let target = self.settings.concurrency.unwrap_or(self.learned.current());
        let is_due = |at: Time| now.since(at) >= self.settings.interval;
        let wanted = match self.looked {
            Some((at, wanted)) if !is_due(at) => wanted,
            _ => {
                let queue = slots_needed(observation);
                let wanted = self.instances(queue, observation.setting.workers, target);
                self.looked = Some((now, wanted));
                wanted
            }
        };
        let why = format!("{target} calls an instance, for the queue of the last look");
        wish(f64::from(wanted), observation, why)
    }
}

#[cfg(test)]
mod tests;
