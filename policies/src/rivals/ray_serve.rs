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

/// A pass of the control loop (`CONTROL_LOOP_INTERVAL_S`).
const LOOP_S: f64 = 0.1;

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

/// How long the wish has pointed one way.
#[derive(Clone, Copy, Debug, Default)]
struct Delay {
    /// Passes in a row that wished for more (positive) or fewer (negative).
    run: i64,
    /// Time since the last pass, in seconds.
    rest_s: f64,
}

impl Delay {
    /// Passes of the loop within `interval_s`, the wish being `wanted` in all of them: what the
    /// target is then.
    fn passes(&mut self, interval_s: f64, wanted: u32, target: u32, settings: &Settings) -> u32 {
        // An absurd length saturates in the cast. The share of a pass that floats lose is given back.
        let passes = ((self.rest_s + interval_s) / LOOP_S + 1e-6).floor();
        self.rest_s = (self.rest_s + interval_s - passes * LOOP_S).max(0.0);
        let passes = passes.min(1e12) as i64;
        let needed = |delay: Duration| (delay.as_secs_f64() / LOOP_S) as i64;
        let is_through = match wanted.cmp(&target) {
            std::cmp::Ordering::Greater => {
                self.run = self.run.max(0) + passes;
                self.run > needed(settings.upscale_delay)
            }
            std::cmp::Ordering::Less => {
                self.run = self.run.min(0) - passes;
                -self.run > needed(settings.downscale_delay)
            }
            std::cmp::Ordering::Equal => true,
        };
        if !is_through {
            return target;
        }
        self.run = 0;
        wanted
    }
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
mod tests {
    use super::*;
    use crate::testing::{agent, observation};

    /// Seconds (in passes of 0.1 s) until the target changes, and what it changes to.
    fn first_change(from: u32, wanted: u32) -> (u32, u32) {
        let (mut delay, settings) = (Delay::default(), Settings::default());
        let mut pass = || delay.passes(LOOP_S, wanted, from, &settings);
        let changed = (1..10_000).map(|k| (k, pass())).find(|&(_, to)| to != from);
        changed.expect("it changes")
    }

    #[test]
    fn the_wish_follows_the_target_and_the_factors() {
        // Computed, target 2.
        let plain = Settings::default();
        assert_eq!(plain.desired(4.0, 20.0, 2.0), 10.0);
        assert_eq!(plain.desired(10.0, 1.0, 2.0), 1.0);
        let down = Settings {
            downscaling_factor: 0.5,
            ..plain
        };
        assert_eq!(down.desired(4.0, 6.0, 2.0), 3.0);
        assert_eq!(down.desired(4.0, 7.0, 2.0), 4.0);
        let up = Settings {
            upscaling_factor: 0.5,
            ..plain
        };
        assert_eq!(up.desired(4.0, 20.0, 2.0), 7.0);
    }

    #[test]
    fn a_wish_must_hold_for_its_delay() {
        // Computed: 30.1 s up, 600.1 s down.
        assert_eq!(first_change(4, 10), (301, 10));
        assert_eq!(first_change(10, 1), (6_001, 1));
    }

    #[test]
    fn a_wish_that_turns_starts_again() {
        let (mut delay, settings) = (Delay::default(), Settings::default());
        assert_eq!(delay.passes(30.0, 10, 4, &settings), 4);
        assert_eq!(delay.passes(0.1, 3, 4, &settings), 4);
        assert_eq!(delay.passes(30.0, 10, 4, &settings), 4);
        assert_eq!(delay.passes(0.1, 10, 4, &settings), 10);
    }

    #[test]
    fn ticks_of_a_second_are_ten_passes() {
        let mut policy = RayServe::new(Settings::default());
        let mut wishes = Vec::new();
        for second in 1..=40 {
            let mut seen = observation(Time::ZERO + Duration::from_secs(second));
            seen.setting.workers = 4;
            seen.workers.ready = 4;
            seen.agents = vec![agent("a")];
            seen.agents[0].waiting = 12;
            seen.agents[0].in_flight = 8;
            wishes.push(policy.decide(&seen).workers);
        }
        assert_eq!(wishes.iter().position(|&w| w == 10.0), Some(30));
    }

    #[test]
    fn the_first_replica_is_started_at_once() {
        let mut seen = observation(Time::ZERO);
        seen.setting.workers = 0;
        seen.workers.ready = 0;
        seen.agents = vec![agent("a")];
        seen.agents[0].waiting = 1;
        assert_eq!(
            RayServe::new(Settings::default()).decide(&seen).workers,
            1.0
        );
    }
}
