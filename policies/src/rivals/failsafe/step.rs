//! How the limit steps: up, down or not at all, by what a window says of the load.

use super::Settings;

/// What a window says of the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    pub(super) base_s: f64,
    pub(super) recent_s: f64,
    pub(super) is_full: bool,
    pub(super) throughput_correlation: f64,
    pub(super) throughput_variation: f64,
    pub(super) time_correlation: f64,
}

impl Settings {
    /// By how many slots a limit changes: one step up or down, or none.
    pub(super) fn change(&self, limit: f64, signs: Signs) -> f64 {
        let step = step(limit);
        let queue = (limit * (1.0 - signs.base_s / signs.recent_s)).ceil();
        let follows_no_more = signs.throughput_correlation < 0.0;
        let only_slower = signs.time_correlation > 0.5
            && (signs.throughput_correlation < 0.3 || signs.throughput_variation < 0.2);
        if queue > self.beta * step || signs.is_full && (follows_no_more || only_slower) {
            -step
        } else if queue < self.alpha * step {
            step
        } else {
            0.0
        }
    }

    /// A limit after a change, under the cap that follows from the calls in flight.
    pub(super) fn limited(&self, limit: f64, change: f64, peak: f64, most: f64) -> f64 {
        let cap = peak * self.max_limit_factor;
        let next = limit + change;
        let next = match next > cap {
            true if limit > cap => limit - step(limit),
            true => cap,
            false => next,
        };
        next.min(self.max_limit.min(most))
            .max(self.min_limit.min(most))
    }
}

/// The decimal logarithm of a limit, truncated, at least 1.
fn step(limit: f64) -> f64 {
    limit.max(1.0).log10().floor().max(1.0)
}
