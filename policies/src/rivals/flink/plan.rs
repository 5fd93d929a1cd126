//! What parallelism the metrics of a window ask for, and when it is carried out.

use std::ops::RangeInclusive;

use super::Settings;
use super::metrics::Metrics;
use crate::units::{Duration, Time};

/// A lag of this many seconds of input is a backlog to be worked off, whatever the band.
const BACKLOG_S: f64 = 300.0;
/// Growth that gained less than this share of what was expected did not help.
const EFFECTIVE: f64 = 0.1;

/// What was last done, to see whether it helped.
#[derive(Clone, Copy, Debug)]
struct Growth {
    to: u32,
    before: f64,
    expected: f64,
}

/// Carries out what the metrics ask for.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    settings: Settings,
    /// Since when fewer were wanted, and the most of them.
    shrinking: Option<(Time, u32)>,
    grown: Option<Growth>,
}

impl Plan {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            shrinking: None,
            grown: None,
        }
    }

    /// The rate that the pool should have at a utilisation.
    fn wanted_rate(&self, metrics: &Metrics, utilization: f64, with_restart: bool) -> f64 {
        let (catch_up, restart) = (self.settings.catch_up, self.settings.restart);
        let mut extra = 0.0;
        if catch_up > Duration::ZERO {
            extra = metrics.lag / catch_up.as_secs_f64();
            if with_restart {
                extra += metrics.target() * restart.as_secs_f64() / catch_up.as_secs_f64();
            }
        }
        (extra + metrics.target() / utilization).round()
    }

    fn is_outside_band(&self, metrics: &Metrics) -> bool {
        let is_backlogged = metrics.lag > BACKLOG_S / self.settings.speed * metrics.input;
        let (most, least) = match is_backlogged {
            true => (1.0, 0.0),
            false => (self.settings.utilization_max, self.settings.utilization_min),
        };
        metrics.capacity < self.wanted_rate(metrics, most, false)
            || metrics.capacity > self.wanted_rate(metrics, least, true)
    }

    /// The parallelism that the rates ask for, and the rate that is expected of it.
    pub(super) fn parallelism(&self, present: u32, metrics: &Metrics) -> (f64, f64) {
        let wanted = self.wanted_rate(metrics, self.settings.utilization_target, true);
        let (down, up) = (
            self.settings.scale_down_factor,
            self.settings.scale_up_factor,
        );
        let factor = (wanted / metrics.capacity).min(1.0 + up).max(1.0 - down);
        // What is whole but for rounding is whole.
        let parallelism = (factor * f64::from(present) - 1e-9).ceil();
        (parallelism, factor * metrics.capacity)
    }

    /// The workers that follow `present`.
    pub(super) fn next(
        &mut self,
        now: Time,
        present: u32,
        metrics: &Metrics,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let (parallelism, expected) = self.parallelism(present, metrics);
        // The cast saturates; NaN, from rates beyond any sense, keeps the present.
        let wanted = match parallelism.is_nan() {
            true => present,
            false => (parallelism as u32).min(*range.end()).max(*range.start()),
        };
        let is_outside = self.is_outside_band(metrics);
        if wanted >= present {
            self.shrinking = None;
            if wanted == present || !is_outside || self.is_blocked(present, metrics) {
                return present;
            }
            self.grown = Some(Growth {
                to: wanted,
                before: metrics.capacity,
                expected,
            });
            return wanted;
        }
        let (since, most) = self.shrinking.unwrap_or((now, wanted));
        let most = most.max(wanted);
        self.shrinking = Some((since, most));
        if !is_outside || now.since(since) < self.settings.scale_down_interval {
            return present;
        }
        self.shrinking = None;
        most.min(present)
    }

    /// Whether growth did not help last time.
    fn is_blocked(&self, present: u32, metrics: &Metrics) -> bool {
        let grown = self.grown.filter(|it| it.to == present);
        self.settings.effectiveness
            && grown.is_some_and(|it| {
                (metrics.capacity - it.before) / (it.expected - it.before) < EFFECTIVE
            })
    }
}
