//! `ray-serve`: ongoing requests per replica against a target, the autoscaler of Ray Serve.
//!
//! Source (read): ray-project/ray at 00590c4 `python/ray/serve/autoscaling_policy.py`, at 00239d4
//! `config.py`, at 0021519 `_private/autoscaling_state.py`. Requests waiting and running are
//! averaged over 30 s, pushed every 10 s; the wish must point the same way at each pass of the
//! control loop (0.1 s) for 30 s to grow and 600 s to shrink, and the last pass says how far.
//! Known weakness: 40–70 s from a change of load to a change of replicas.
//!
//! Mapping: a replica is a worker, a request is a call (a batch counts once), running replicas
//! are ready workers; the bounds stand for min and max replicas (Ray's own maximum is 1). The
//! default target of 2 goes with Ray's 5 requests at a time in a replica; with `per_slot` the
//! target is for each slot, so that it fits workers of any parallelism.

use serde::Deserialize;

use super::demand::{calls_in_flight, calls_waiting};
use super::mean::WindowMean;
use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

mod delay;

use delay::Delay;

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `target_ongoing_requests` of a replica, 0.01–1,000,000.
    pub target: f64,
    /// Whether the target is for each slot of a worker.
    pub per_slot: bool,
    /// `metrics_interval_s`: how often the average is renewed.
    pub metrics_interval: Duration,
    /// `look_back_period_s`: what it is taken over.
    pub look_back: Duration,
    /// `upscale_delay_s`.
    pub upscale_delay: Duration,
    /// `downscale_delay_s`.
    pub downscale_delay: Duration,
    /// `upscaling_factor`: share of the gap to go, above 0, at most 100.
    pub upscaling_factor: f64,
    /// `downscaling_factor`.
    pub downscaling_factor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: 2.0,
            per_slot: false,
            metrics_interval: Duration::from_secs(10),
            look_back: Duration::from_secs(30),
            upscale_delay: Duration::from_secs(30),
            downscale_delay: Duration::from_secs(600),
            upscaling_factor: 1.0,
            downscaling_factor: 1.0,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("target");

    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within("target", self.target, 0.01..=1e6)?;
        within(
            "metrics_interval",
            self.metrics_interval,
            Duration::ZERO..=day,
        )?;
        within(
            "look_back",
            self.look_back,
            Duration::from_millis(100)..=day,
        )?;
        within("upscale_delay", self.upscale_delay, Duration::ZERO..=day)?;
        within(
            "downscale_delay",
            self.downscale_delay,
            Duration::ZERO..=day,
        )?;
        within("upscaling_factor", self.upscaling_factor, 0.001..=100.0)?;
        within("downscaling_factor", self.downscaling_factor, 0.001..=100.0)
    }
}

impl Settings {
    /// Replicas wanted, before bounds and delays, of `running` ones with `total` requests.
    fn desired(&self, running: f64, total: f64, target: f64) -> f64 {
        let desired = total / target;
        let factor = if desired > running {
            self.upscaling_factor
        } else {
            self.downscaling_factor
        };
        let wanted = (running + factor * (desired - running)).ceil();
        // A factor below 1 must not keep it from the last step down.
        if desired.ceil() < running && wanted == running {
            running - 1.0
        } else {
            wanted
        }
    }
}

/// Ray Serve's replica autoscaler.
#[derive(Clone, Debug)]
pub struct RayServe {
    settings: Settings,
    requests: WindowMean,
    /// The average of late, and when it was taken.
    pushed: Option<(Time, f64)>,
    delay: Delay,
    /// Replicas wanted; `None`: those that are there, at first.
    target: Option<u32>,
}

impl Configured for RayServe {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            requests: WindowMean::new(settings.look_back),
            pushed: None,
            delay: Delay::default(),
            target: None,
        }
    }
}

impl RayServe {
    /// Requests ongoing, averaged, as last pushed.
    fn ongoing(&mut self, observation: &Observation) -> f64 {
        let now = observation.at;
        let requests = calls_waiting(observation).saturating_add(calls_in_flight(observation));
        (self.requests).push(now, observation.interval, requests as f64);
        match self.pushed {
            Some((at, mean)) if now.since(at) < self.settings.metrics_interval => mean,
            _ => {
                let mean = self.requests.mean().unwrap_or(0.0);
                self.pushed = Some((now, mean));
                mean
            }
        }
    }
}

impl Policy for RayServe {
    fn name(&self) -> &str {
        "ray-serve"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let ongoing = self.ongoing(observation);
        let bounds = observation.bounds;
        let target = self.target.unwrap_or(observation.setting.workers);
        let running = f64::from(observation.workers.ready);
        let slots = if self.settings.per_slot {
            f64::from(observation.parallelism.max(1))
        } else {
            1.0
        };
        let interval_s = observation.interval.as_secs_f64();
        let wanted = if running == 0.0 {
            // With requests and no replica, one is started at once.
            let first = f64::from(u8::from(ongoing > 0.0)) * self.settings.upscaling_factor;
            target.max(first.ceil() as u32)
        } else {
            let desired = (self.settings).desired(running, ongoing, self.settings.target * slots);
            let desired = (desired as u32).clamp(bounds.min_workers, bounds.max_workers);
            (self.delay).passes(interval_s, desired, target, &self.settings)
        };
        self.target = Some(wanted);
        let reason = Reason::new(
            "ongoing-requests",
            format!("{ongoing:.1} requests ongoing on average, {running} replicas run"),
        );
        Decision::of_workers(f64::from(wanted), observation, reason)
    }
}

#[cfg(test)]
mod tests;
