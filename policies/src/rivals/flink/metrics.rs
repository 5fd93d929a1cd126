//! What the pool did within the window, and what it could do.

use std::collections::VecDeque;

use super::Settings;
use crate::observation::Observation;
use crate::rivals::pool::slot_seconds;
use crate::units::Time;

/// From a lag of this many seconds of input on the rate observed is a true one …
const OBSERVED_LAG_S: f64 = 30.0;
/// … and replaces one by busy time that exceeds it by this share …
const OBSERVED_SWITCH: f64 = 0.15;
/// … if it was observed this often.
const OBSERVATIONS: usize = 2;

/// What an interval showed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) at: Time,
    pub(super) length_s: f64,
    pub(super) started: f64,
    pub(super) busy_s: f64,
    pub(super) slots_s: f64,
    pub(super) lag: f64,
}

/// The interval that fills, and those before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    filling: Sample,
    samples: VecDeque<Sample>,
    /// When the pool last changed, or was first seen.
    changed: Option<Time>,
}

impl Window {
    /// Forgets everything: the pool has changed.
    pub(super) fn restart(&mut self, now: Time) {
        *self = Self {
            changed: Some(now),
            ..Self::default()
        };
    }

    /// Takes an interval in; the metrics, if one is over and the window full.
    pub(super) fn look(&mut self, settings: &Settings, seen: &Observation) -> Option<Metrics> {
        let changed = *self.changed.get_or_insert(seen.at);
        if !self.fill(seen, settings.interval.as_secs_f64()) {
            return None;
        }
        let sample = std::mem::take(&mut self.filling);
        let passed = seen.at.since(changed);
        if passed > settings.stabilization {
            self.samples.push_back(sample);
        }
        let is_old = |it: &Sample| seen.at.since(it.at) >= settings.window;
        while self.samples.front().is_some_and(is_old) {
            self.samples.pop_front();
        }
        if passed < settings.stabilization + settings.window {
            return None;
        }
        Metrics::of(&self.samples)
    }

    /// Fills the interval; whether it is over.
    fn fill(&mut self, seen: &Observation, interval_s: f64) -> bool {
        let (busy_s, slots_s) = slot_seconds(seen);
        let it = &mut self.filling;
        it.at = seen.at;
        it.length_s += seen.interval.as_secs_f64();
        it.started += seen.flow.started as f64;
        it.busy_s += busy_s;
        it.slots_s += slots_s;
        it.lag = seen.queue.waiting as f64;
        // Ticks end on the nanosecond, intervals that were divided may not.
        it.length_s > 0.0 && it.length_s >= interval_s - 1e-9
    }
}

/// Averages over a window, in messages a second, and the lag in messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Metrics {
    pub(super) input: f64,
    /// What the pool would do if it were always busy; infinite if it did nothing.
    pub(super) capacity: f64,
    pub(super) lag: f64,
    pub(super) lag_growth: f64,
}

impl Metrics {
    /// `None` of an empty window.
    pub(super) fn of(window: &VecDeque<Sample>) -> Option<Self> {
        let (first, last) = (window.front()?, window.back()?);
        let sum = |of: fn(&Sample) -> f64| window.iter().map(of).sum::<f64>();
        let input = sum(|it| it.started) / sum(|it| it.length_s);
        let busy = sum(|it| it.busy_s) / sum(|it| it.slots_s);
        let by_busy_time = if input > 0.0 && busy > 0.0 {
            input / busy
        } else {
            f64::INFINITY
        };
        let rates = window.iter().map(|it| (it.started / it.length_s, it.lag));
        let behind = rates.filter(|(rate, lag)| *lag > OBSERVED_LAG_S * rate);
        let observed: Vec<f64> = behind.map(|(rate, _)| rate).collect();
        let mean = observed.iter().sum::<f64>() / observed.len().max(1) as f64;
        let is_observed = observed.len() >= OBSERVATIONS && mean > 0.0;
        let passed_s = last.at.since(first.at).as_secs_f64();
        Some(Self {
            input,
            capacity: match is_observed && by_busy_time > mean * (1.0 + OBSERVED_SWITCH) {
                true => mean,
                false => by_busy_time,
            },
            lag: last.lag,
            lag_growth: if passed_s > 0.0 {
                (last.lag - first.lag) / passed_s
            } else {
                0.0
            },
        })
    }

    /// Messages a second that are to be done.
    pub(super) fn target(&self) -> f64 {
        (self.input + self.lag_growth).max(0.0)
    }
}
