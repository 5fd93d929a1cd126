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
use crate::window::WindowMax;

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

/// The autoscaler of one revision.
#[derive(Clone, Debug)]
struct Autoscaler {
    settings: Settings,
    /// When the panic began or was last extended.
    panic: Option<Time>,
    max_panic: f64,
    delayed: WindowMax,
}

impl Autoscaler {
    /// Pods wanted with these averages over the two windows, of `ready` ones, each aiming at
    /// `target`.
    fn scale(&mut self, now: Time, ready: u32, averages: (f64, f64), target: f64) -> u32 {
        let ready = f64::from(ready.max(1));
        let most = (self.settings.max_scale_up_rate * ready).ceil();
        let fewest = (ready / self.settings.max_scale_down_rate).floor();
        let pods = |average: f64| (average / target).ceil();
        let bounded = |pods: f64| pods.max(fewest).min(most);
        let (stable, panic) = (bounded(pods(averages.0)), bounded(pods(averages.1)));
        if pods(averages.1) / ready >= self.settings.panic_threshold {
            self.panic = Some(now);
        } else if (self.panic).is_some_and(|at| at + self.settings.stable_window < now) {
            self.panic = None;
            self.max_panic = 0.0;
        }
        let wanted = if self.panic.is_some() {
            self.max_panic = self.max_panic.max(stable).max(panic);
            self.max_panic
        } else {
            stable
        };
        // The cast saturates.
        if self.settings.scale_down_delay.is_zero() {
            return wanted as u32;
        }
        self.delayed.push(now, wanted as u32)
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
            autoscaler: Autoscaler {
                settings,
                panic: None,
                max_panic: 0.0,
                delayed: WindowMax::new(settings.scale_down_delay),
            },
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
mod tests {
    use super::*;
    use crate::testing::observation;

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    fn autoscaler() -> Autoscaler {
        Knative::new(Settings::default()).autoscaler
    }

    #[test]
    fn panics_when_twice_the_ready_pods_are_needed() {
        // Computed, target 70.
        for (average, pods, panics) in [(140.0, 2, true), (139.0, 2, true), (70.0, 1, false)] {
            let mut autoscaler = autoscaler();
            assert_eq!(autoscaler.scale(at(2), 1, (average, average), 70.0), pods);
            assert_eq!(autoscaler.panic.is_some(), panics);
        }
    }

    #[test]
    fn halves_at_most() {
        let mut autoscaler = autoscaler();
        let mut wish = |ready| autoscaler.scale(at(2), ready, (70.0, 70.0), 70.0);
        assert_eq!([wish(10), wish(5), wish(2)], [5, 2, 1]);
    }

    #[test]
    fn holds_the_peak_of_a_panic_for_the_stable_window() {
        let mut autoscaler = autoscaler();
        assert_eq!(autoscaler.scale(at(0), 1, (700.0, 700.0), 70.0), 10);
        for tick in 1..=30 {
            assert_eq!(autoscaler.scale(at(2 * tick), 10, (0.0, 0.0), 70.0), 10);
        }
        assert_eq!(autoscaler.scale(at(62), 10, (0.0, 0.0), 70.0), 5);
    }

    /// The wish after each second with this concurrency, one pod of 100 staying ready.
    fn run(concurrency: &[f64]) -> Vec<f64> {
        let mut policy = Knative::new(Settings {
            concurrency: Some(100.0),
            ..Settings::default()
        });
        let mut wishes = Vec::new();
        for (second, &calls) in (1..).zip(concurrency) {
            let mut seen = observation(at(second));
            seen.slots.with_call = Duration::from_secs_f64(calls);
            wishes.push(policy.decide(&seen).workers);
        }
        wishes
    }

    #[test]
    fn a_short_burst_shows_in_the_panic_window() {
        // Computed: 60 s of nothing, then 700 for 6 s: 70 on average, and 700 over 6 s.
        let mut seconds = vec![0.0; 60];
        seconds.extend([700.0; 7]);
        assert_eq!(run(&seconds).last(), Some(&10.0));
        // Without a past the windows are as long as there is.
        assert_eq!(run(&[700.0]), [10.0]);
    }

    #[test]
    fn begins_in_panic_where_several_pods_are_ready() {
        let mut policy = Knative::new(Settings::default());
        let mut seen = observation(at(1));
        seen.setting.workers = 5;
        seen.workers.ready = 5;
        assert_eq!(policy.decide(&seen).workers, 5.0);
        assert_eq!(policy.decide(&seen).reason.code, "between-ticks");
    }
}
