//! `flink`: the Flink Kubernetes operator's autoscaler, DS2's rule in production.
//!
//! After apache/flink-kubernetes-operator (commit 6e9caeb), `flink-autoscaler/…/{JobVertexScaler,
//! ScalingMetricEvaluator,ScalingExecutor,ScalingMetricCollector}.java`, `AutoScalerOptions.java`,
//! `AutoScalerUtils.java`, read in the source. The true rate, which is what the pool would do if
//! it were always busy, is set against the rate to be done, with room for a target utilisation,
//! for catching up with the lag and for a restart (`plan`).
//!
//! Mapping: a subtask is a worker; the input rate is messages whose call started, the lag what
//! waits, so input plus the growth of the lag is the arrival rate; busy time is the share of
//! slot-time with a call, of all workers (the original takes the busiest subtask). Deliberately
//! absent: key groups and partitions, the observed scalability (off there), and the restart
//! itself, which costs nothing here. Known trap, kept: minutes to hours by default, so that it
//! does nothing in the first 20 minutes; `speed` divides all times by a factor, as one would
//! for workers that start in a second (`speed: 60`).

mod metrics;
mod plan;

use metrics::Window;
use plan::Plan;
use serde::Deserialize;

use super::pool::wish;
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Utilisation that is aimed at …
    pub utilization_target: f64,
    /// … and the band in which nothing changes.
    pub utilization_min: f64,
    /// Its upper end.
    pub utilization_max: f64,
    /// Time between two looks.
    pub interval: Duration,
    /// Metrics are averaged over this long.
    pub window: Duration,
    /// Metrics do not count for this long after a change.
    pub stabilization: Duration,
    /// A wish to shrink is carried out after this long, at its largest.
    pub scale_down_interval: Duration,
    /// Within which a lag should be gone; zero: it does not count.
    pub catch_up: Duration,
    /// How long a restart is thought to take.
    pub restart: Duration,
    /// Most growth of one change, as a share of the present.
    pub scale_up_factor: f64,
    /// Most shrinkage of one change, as a share of the present.
    pub scale_down_factor: f64,
    /// Whether growth that did not help is blocked.
    pub effectiveness: bool,
    /// All times are divided by this (ours).
    pub speed: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            utilization_target: 0.7,
            utilization_min: 0.4,
            utilization_max: 1.0,
            interval: Duration::from_secs(60),
            window: Duration::from_secs(900),
            stabilization: Duration::from_secs(300),
            scale_down_interval: Duration::from_secs(3_600),
            catch_up: Duration::from_secs(1_800),
            restart: Duration::from_secs(300),
            scale_up_factor: 100_000.0,
            scale_down_factor: 0.6,
            effectiveness: false,
            speed: 1.0,
        }
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("speed");

    fn check(&self) -> Result<(), SettingError> {
        let week = Duration::from_secs(604_800);
        within("utilization_target", self.utilization_target, 0.05..=1.0)?;
        within(
            "utilization_min",
            self.utilization_min,
            0.0..=self.utilization_target,
        )?;
        within(
            "utilization_max",
            self.utilization_max,
            self.utilization_target..=1.0,
        )?;
        within("interval", self.interval, Duration::ZERO..=week)?;
        within("window", self.window, self.interval..=week)?;
        within("stabilization", self.stabilization, Duration::ZERO..=week)?;
        within(
            "scale_down_interval",
            self.scale_down_interval,
            Duration::ZERO..=week,
        )?;
        within("catch_up", self.catch_up, Duration::ZERO..=week)?;
        within("restart", self.restart, Duration::ZERO..=week)?;
        within("scale_up_factor", self.scale_up_factor, 0.0..=1e9)?;
        within("scale_down_factor", self.scale_down_factor, 0.0..=1.0)?;
        within("speed", self.speed, 0.001..=1e4)
    }
}

/// Scales by true rates.
#[derive(Clone, Debug)]
pub struct Flink {
    settings: Settings,
    plan: Plan,
    window: Window,
}

impl Configured for Flink {
    type Settings = Settings;

    fn new(mut settings: Settings) -> Self {
        for time in [
            &mut settings.interval,
            &mut settings.window,
            &mut settings.stabilization,
            &mut settings.scale_down_interval,
            &mut settings.catch_up,
            &mut settings.restart,
        ] {
            *time = time.mul_f64(1.0 / settings.speed);
        }
        Self {
            settings,
            plan: Plan::new(settings),
            window: Window::default(),
        }
    }
}

impl Policy for Flink {
    fn name(&self) -> &str {
        "flink"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let (now, present) = (observation.at, observation.setting.workers);
        let Some(metrics) = self.window.look(&self.settings, observation) else {
            let why = "it is not time to look, or the window is not full yet";
            return wish(f64::from(present), observation, why);
        };
        let bounds = &observation.bounds;
        let range = bounds.min_workers..=bounds.max_workers;
        let wanted = self.plan.next(now, present, &metrics, range);
        if wanted != present {
            self.window.restart(now);
        }
        let rate = metrics.target();
        let does = match metrics.capacity {
            capacity if capacity.is_finite() => format!("busy workers do {capacity:.1}"),
            _ => "how many busy workers do is unknown".to_owned(),
        };
        let why = format!("{rate:.1} messages a second are to be done, {does}");
        wish(f64::from(wanted), observation, why)
    }
}

#[cfg(test)]
mod tests;
