//! The rule itself: averages, learned capacity, steps and cool-downs.

use super::Settings;
use crate::units::{Duration, Time};

/// What is looked at every metrics interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metrics {
    pub(super) backlog: u64,
    pub(super) arrivals_per_s: f64,
    pub(super) dispatches_per_s: f64,
}

/// The controller's state.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    pub(super) settings: Settings,
    /// Workers wanted, starting ones included.
    pub(super) planned: u32,
    pub(super) bounds: (u32, u32),
    /// Messages a second of one worker.
    pub(super) capacity: f64,
    arrivals: Option<f64>,
    dispatches: Option<f64>,
    pub(super) last_up: Option<Time>,
    last_down: Option<Time>,
    last_no_sync: Option<Time>,
}

/// Whether `length` has passed since, or it never happened.
pub(super) fn is_over(since: Option<Time>, now: Time, length: Duration) -> bool {
    since.is_none_or(|at| now.since(at) >= length)
}

impl Controller {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            planned: 0,
            bounds: (0, u32::MAX),
            capacity: settings.initial_capacity,
            arrivals: None,
            dispatches: None,
            last_up: None,
            last_down: None,
            last_no_sync: None,
        }
    }

    fn averaged(&self, old: Option<f64>, new: f64) -> f64 {
        let alpha = self.settings.alpha;
        old.map_or(new, |old| alpha * new + (1.0 - alpha) * old)
    }

    /// Learns what a worker manages from what all of them were given.
    fn sample(&mut self, dispatches_per_s: f64) {
        if self.planned > 0 && dispatches_per_s > 0.0 {
            let each = dispatches_per_s / f64::from(self.planned);
            self.capacity = self.averaged(Some(self.capacity), each);
        }
    }

    /// An arrival found no free slot.
    pub(super) fn no_sync(&mut self, now: Time, dispatches_per_s: f64) {
        self.last_no_sync = Some(now);
        if self.planned < self.bounds.1 && is_over(self.last_up, now, self.settings.cool_down_up) {
            self.planned += 1;
            self.last_up = Some(now);
        }
        self.sample(dispatches_per_s);
    }

    /// Workers for a load of `rho` workers.
    pub(super) fn wanted(&self, rho: f64) -> u32 {
        let by_share = (rho / self.settings.utilisation).ceil();
        let by_root = (rho + self.settings.beta * rho.sqrt()).ceil();
        // The cast saturates.
        (by_share.max(by_root) as u32).clamp(self.bounds.0, self.bounds.1)
    }

    /// A look at the rates.
    pub(super) fn look(&mut self, now: Time, seen: Metrics) {
        let arrivals = self.averaged(self.arrivals, seen.arrivals_per_s);
        let dispatches = self.averaged(self.dispatches, seen.dispatches_per_s);
        let is_idle =
            seen.backlog == 0 && seen.arrivals_per_s == 0.0 && seen.dispatches_per_s == 0.0;
        let arrivals = if is_idle { 0.0 } else { arrivals };
        self.arrivals = Some(arrivals);
        self.dispatches = Some(if is_idle { 0.0 } else { dispatches });
        if seen.backlog >= self.settings.material_backlog {
            self.sample(seen.dispatches_per_s);
        }
        let drain = if seen.backlog > 0 {
            self.settings.drain_rate
        } else {
            0.0
        };
        let wanted = self.wanted((arrivals + drain) / self.capacity);
        if wanted > self.planned && is_over(self.last_up, now, self.settings.cool_down_up) {
            self.planned += (wanted - self.planned).min(self.settings.max_step);
            self.last_up = Some(now);
        } else if wanted < self.planned
            && is_over(self.last_no_sync, now, self.settings.quiet)
            && is_over(self.last_down, now, self.settings.cool_down_down)
        {
            self.planned -= 1;
            self.last_down = Some(now);
        }
    }
}
