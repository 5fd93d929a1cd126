//! `chiron`: instances by how many are busy, batches by back-pressure, after Chiron.
//!
//! After Patke et al. (arXiv 2501.08090) as far as it could be read: the rule for instances is
//! that of a published reimplementation (kjain1810/SageServe, commit fcfde73, `arbiter.py`), read
//! in code but secondary; the rule for batches and the dead band are from memory of the paper,
//! and its growth step is unknown. So: Chiron-like, not Chiron.
//!
//! Instances: one more while the share of busy ones exceeds `theta`, one fewer below
//! `theta - delta`, nothing while one is starting. Batches: back-pressure is the larger of call
//! time over its limit and of throughput before over throughput now; above 1 the batch is
//! halved, else it grows by `growth`, once a window of ten calls or ten seconds.
//!
//! Mapping: there is one class of messages, the interactive one. An instance is a worker, and
//! busy by its share of slot-time with a call since the last change, not by a glance: with
//! several slots a worker almost always has a call. Messages stand for tokens; the limit on call
//! time is the objective's. Throughput counts only while messages wait: a batch is not too large
//! because fewer arrive. (Even so a cut lowers it, which reads as a reason for the next cut:
//! `after_growth` lets it count only where the batch grew before.) Batches never wait to fill. `deadline` takes what waits for Chiron's
//! batch class beside it: as many instances as clear it within that time. Ours: the dead band of
//! 0.2 (0 gives the reimplementation, and its limit cycle); doubling as the growth step, the
//! better of the three candidates, since anything smaller loses to the halvings that mere noise
//! of the throughput causes. Known trap, kept: at most 60 % busy is dear in a small pool.

mod batches;

use batches::{Batches, Sums};
use serde::Deserialize;

use super::demand::ServiceTimes;
use super::pool::wish;
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// Service times are averaged over this long.
const SERVICE_MEMORY: Duration = Duration::from_secs(60);

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share of busy instances above which there are too few.
    pub theta: f64,
    /// Width of the band below it in which nothing changes.
    pub delta: f64,
    /// Factor by which a batch grows.
    pub growth: f64,
    /// Whether lower throughput counts only after the batch grew (ours).
    pub after_growth: bool,
    /// Within which what waits should be gone; `None`: it does not count.
    pub deadline: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theta: 0.6,
            delta: 0.2,
            growth: 2.0,
            after_growth: false,
            deadline: None,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("theta");

    fn check(&self) -> Result<(), SettingError> {
        within("theta", self.theta, 0.01..=1.0)?;
        within("delta", self.delta, 0.0..=self.theta)?;
        within("growth", self.growth, 1.0..=100.0)?;
        let (least, day) = (Duration::from_millis(1), Duration::from_secs(86_400));
        within("deadline", self.deadline.unwrap_or(day), least..=day)
    }
}

impl Settings {
    /// Instances that follow `present`, of which a share is busy.
    fn instances(&self, present: u32, busy: f64) -> u32 {
        // Shares of small whole numbers meet their limits but for rounding.
        if busy > self.theta + 1e-9 {
            present.saturating_add(1)
        } else if busy < self.theta - self.delta - 1e-9 || self.delta == 0.0 {
            present.saturating_sub(1)
        } else {
            present
        }
    }
}

/// Instances that clear `waiting` messages within `left_s`, at `rate` messages a second each.
fn clearing(waiting: f64, rate: f64, left_s: f64) -> f64 {
    // Without time left it is very many; infinitely many would mean "keep". What is whole but for rounding is whole.
    (waiting / (left_s.max(1e-9) * rate) - 1e-9).ceil()
}

/// Instances by their use, batches by back-pressure.
#[derive(Clone, Debug)]
pub struct Chiron {
    settings: Settings,
    service: ServiceTimes,
    /// Since the last change of instances.
    used: Sums,
    batches: Batches,
}

impl Configured for Chiron {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            service: ServiceTimes::new(SERVICE_MEMORY),
            used: Sums::default(),
            batches: Batches::default(),
        }
    }
}

impl Chiron {
    fn instances(&mut self, seen: &Observation) -> f64 {
        let present = seen.setting.workers;
        self.used.add(seen);
        if seen.workers.starting > 0 || self.used.slots_s <= 0.0 {
            return f64::from(present);
        }
        let used = std::mem::take(&mut self.used);
        let wanted = self.settings.instances(present, used.busy_s / used.slots_s);
        let batch_class = match (self.settings.deadline, self.service.mean()) {
            (Some(deadline), Some(service_s)) => {
                let oldest = seen.queue.oldest_wait.unwrap_or_default();
                let left_s = deadline.saturating_sub(oldest).as_secs_f64();
                let rate = f64::from(seen.parallelism) / service_s;
                clearing(seen.queue.waiting as f64, rate, left_s)
            }
            _ => 0.0,
        };
        f64::from(wanted).max(batch_class)
    }
}

impl Policy for Chiron {
    fn name(&self) -> &str {
        "chiron"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.service.observe(observation);
        let workers = self.instances(observation);
        let batch = self.batches.next(observation, &self.settings);
        let is_batch = observation.agents.iter().any(|agent| agent.is_batch);
        let theta = self.settings.theta * 100.0;
        let why = format!("no more than {theta:.0} % of the slots should be busy");
        let decision = wish(workers, observation, why);
        if !is_batch {
            return decision;
        }
        Decision {
            batch_size: batch,
            batch_timeout: Some(Duration::ZERO),
            ..decision
        }
    }
}

#[cfg(test)]
mod tests;
