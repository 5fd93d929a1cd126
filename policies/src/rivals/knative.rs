//! `knative`: concurrency per pod over a stable and a panic window, Knative's pod autoscaler
//! (KPA).
//!
//! Source (read): knative/serving at 98e5ef9, `pkg/autoscaler/scaling/autoscaler.go`,
//! `pkg/autoscaler/config/config.go`, `pkg/autoscaler/aggregation/bucketing.go`,
//! `pkg/reconciler/autoscaling/resources/target.go`. Every 2 s the average concurrency over 60 s
//! is divided by the target, 70 % of what a pod takes at a time. When the average over 6 s asks
//! for twice the pods that are ready, it panics: it follows the larger wish and never shrinks
//! until 60 s after the last such moment. It at most halves at a time. Known weakness: it holds
//! the peak of a panic for a minute.
//!
//! Mapping: a pod is a worker and its slots are its hard limit, so that the target is 70 % of
//! them (`concurrency` overrides); concurrency is calls, running (time-averaged) and waiting (as
//! in the activator; a batch counts once). Like a restarted autoscaler it begins in panic where
//! several pods are ready. Deliberately absent: scaling to zero, its activation scale, and the
//! burst capacity that decides whether the activator stays in the path.

use serde::Deserialize;

use super::demand::calls_waiting;
use super::mean::WindowMean;
use crate::decision::{Decision, Reason};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

mod autoscaler;

use autoscaler::Autoscaler;

/// What can be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share of a pod's concurrency that is aimed at
    /// (`container-concurrency-target-percentage`), 0.01–1.
    pub target: f64,
    /// What a pod takes at a time, 0.01–1,000,000; left out: the slots of a worker.
    pub concurrency: Option<f64>,
    /// `stable-window`, 6 s – 1 h (shorter than Knative allows, for fast workers: from 1 s).
    pub stable_window: Duration,
    /// `panic-window-percentage` of it, as a share, 0.01–1.
    pub panic_window: f64,
    /// `panic-threshold-percentage`, as a factor, 1.1–10.
    pub panic_threshold: f64,
    /// `max-scale-up-rate`, 1.01–1,000,000.
    pub max_scale_up_rate: f64,
    /// `max-scale-down-rate`, 1.01–1,000,000.
    pub max_scale_down_rate: f64,
    /// `scale-down-delay`, up to 1 h.
    pub scale_down_delay: Duration,
    /// How often it decides (`tick-interval`).
    pub tick: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: 0.7,
            concurrency: None,
            stable_window: Duration::from_secs(60),
            panic_window: 0.1,
            panic_threshold: 2.0,
            max_scale_up_rate: 1_000.0,
            max_scale_down_rate: 2.0,
            scale_down_delay: Duration::ZERO,
            tick: Duration::from_secs(2),
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("target");

    fn check(&self) -> Result<(), SettingError> {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
        within("target", self.target, 0.01..=1.0)?;
        within("concurrency", self.concurrency.unwrap_or(1.0), 0.01..=1e6)?;
        within("stable_window", self.stable_window, second..=hour)?;
        within("panic_window", self.panic_window, 0.01..=1.0)?;
        within("panic_threshold", self.panic_threshold, 1.1..=10.0)?;
        within("max_scale_up_rate", self.max_scale_up_rate, 1.01..=1e6)?;
        within("max_scale_down_rate", self.max_scale_down_rate, 1.01..=1e6)?;
        within(
            "scale_down_delay",
            self.scale_down_delay,
            Duration::ZERO..=hour,
        )?;
        within("tick", self.tick, Duration::ZERO..=hour)
    }
}

/// Knative's pod autoscaler.
#[derive(Clone, Debug)]
pub struct Knative {
    autoscaler: Autoscaler,
    concurrency: WindowMean,
    /// When it decided last, and on how many pods.
    last: Option<(Time, u32)>,
    /// Calls that waited at the last tick.
    waited: f64,
}

impl Configured for Knative {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            autoscaler: Autoscaler::new(settings),
            concurrency: WindowMean::new(settings.stable_window),
            last: None,
            waited: 0.0,
        }
    }
}

impl Knative {
    /// Adds the interval's average concurrency: what ran, exactly, and what waited, as the mean
    /// of its ends.
    fn note(&mut self, observation: &Observation) {
        let waiting = calls_waiting(observation) as f64;
        let running =
            observation.slots.with_call.as_secs_f64() / observation.interval.as_secs_f64();
        let average = running + f64::midpoint(self.waited, waiting);
        (self.concurrency).push(observation.at, observation.interval, average);
        self.waited = waiting;
    }

    fn is_due(&self, now: Time) -> bool {
        let tick = self.autoscaler.settings.tick;
        self.last.is_none_or(|(last, _)| now.since(last) >= tick)
    }

    fn reason(&self, averages: (f64, f64), target: f64) -> Reason {
        let panic_s = self.autoscaler.settings.stable_window.as_secs_f64()
            * self.autoscaler.settings.panic_window;
        if self.autoscaler.panic.is_some() {
            let text = format!(
                "in panic: a concurrency of {:.1} over {panic_s} s, {target:.1} a pod aimed at",
                averages.1
            );
            return Reason::new("panic", text);
        }
        let text = format!(
            "a concurrency of {:.1}, {target:.1} a pod aimed at",
            averages.0
        );
        Reason::new("concurrency", text)
    }
}

impl Policy for Knative {
    fn name(&self) -> &str {
        "knative"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, settings) = (observation.at, self.autoscaler.settings);
        let wish = self
            .last
            .map_or(observation.setting.workers, |(_, wish)| wish);
        let keep = |reason| Decision::of_workers(f64::from(wish), observation, reason);
        self.note(observation);
        if !self.is_due(now) {
            return keep(Reason::new(
                "between-ticks",
                "the next decision is not due yet",
            ));
        }
        let panic_window = settings.stable_window.mul_f64(settings.panic_window);
        let stable = self.concurrency.mean_since(now, settings.stable_window);
        let panic = self.concurrency.mean_since(now, panic_window);
        let (Some(stable), Some(panic)) = (stable, panic) else {
            return keep(Reason::new(
                "no-data",
                "nothing was measured within the window",
            ));
        };
        let ready = observation.workers.ready;
        if self.last.is_none() && ready > 1 {
            self.autoscaler.panic = Some(now);
            self.autoscaler.max_panic = ready.into();
        }
        let slots = f64::from(observation.parallelism.max(1));
        let target = (settings.concurrency.unwrap_or(slots) * settings.target).max(0.01);
        let wanted = self.autoscaler.scale(now, ready, (stable, panic), target);
        self.last = Some((now, wanted));
        let reason = self.reason((stable, panic), target);
        Decision::of_workers(f64::from(wanted), observation, reason)
    }
}

#[cfg(test)]
mod tests;
