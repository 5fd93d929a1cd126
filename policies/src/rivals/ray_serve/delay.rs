//! A wish must point the same way at each pass of the control loop for its delay.

use super::Settings;
use crate::units::Duration;

/// A pass of the control loop (`CONTROL_LOOP_INTERVAL_S`), in seconds.
pub(super) const LOOP_S: f64 = 0.1;

/// How long the wish has pointed one way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delay {
    /// Passes in a row that wished for more (positive) or fewer (negative).
    run: i64,
    /// Time since the last pass, in seconds.
    rest_s: f64,
}

impl Delay {
    /// Passes of the loop within `interval_s`, the wish being `wanted` in all of them: what the
    /// target is then.
    pub(super) fn passes(
        &mut self,
        interval_s: f64,
        wanted: u32,
        target: u32,
        settings: &Settings,
    ) -> u32 {
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
