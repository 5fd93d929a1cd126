//! What can be turned about `adaptive`, with the reason for each default. None is about a
//! scenario; none needs to be set by users. They are fields, not constants, so that their
//! sensitivity can be measured: `adaptive(switch: 0.5)` is a policy like any other, and
//! `docs/sensitivity.md` has the figures.

use serde::Deserialize;

use crate::settings::{SettingError, within};

/// The constants of [`Adaptive`](super::Adaptive).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What a change of the number of workers costs, in worker-seconds: a worker that starts is
    /// paid before it works, and an answer to noise is taken back.
    pub switch: f64,
    /// How far the value of a state looks ahead, in seconds: loads rarely last longer unchanged.
    pub horizon_s: f64,
    /// Shrinking goes to the largest wish of this long, in seconds: two ticks' noise.
    pub hold_s: f64,
    /// Share of a queue's standing lateness that counts: the value iteration sees part of it as
    /// noise of the backlog.
    pub standing: f64,
    /// Randomness makes a pool's queue no longer than it can grow within this many seconds: then
    /// the policy has acted.
    pub relaxation_s: f64,
    /// Control intervals, and a start-up, after which what waits has got the workers that it
    /// needs: no message waits longer for chance alone.
    pub reaction: f64,
    /// Standard errors of the rate that standing lateness must be right for, either way.
    pub rate_errors: f64,
    /// Standard errors of the rate, in a step of the value iteration.
    pub step_errors: f64,
    /// Standard errors by which a load that comes back must have been foretold better by that than by its trend.
    pub season_errors: f64,
    /// Standard deviations by which what waits came faster than usual: that is why it waits, and
    /// so it is younger than the usual rate says.
    pub burst_errors: f64,
    /// Jumps that are believed to have happened, before any is seen …
    pub prior_jumps: f64,
    /// … in this many seconds.
    pub prior_s: f64,
    /// A first jump is expected to be by this factor.
    pub jump_factor: f64,
    /// A jump's rate is expected to last for this long, in seconds, before one was seen to end.
    pub jump_stay_s: f64,
    /// Share of the capacity that workers which just saturate a rate limit make of it.
    pub token_share: f64,
    /// Standard deviations by which arrivals call for an early tick.
    pub early_errors: f64,
    /// Share of the objective that a wait may reach before it calls for an early tick.
    pub early_wait: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            switch: 2.0,
            horizon_s: 100.0,
            hold_s: 2.0,
            standing: 0.5,
            relaxation_s: 4.0,
            reaction: 2.0,
            rate_errors: 1.0,
            step_errors: 1.0,
            season_errors: 1.0,
            burst_errors: 0.3,
            prior_jumps: 0.5,
            prior_s: 150.0,
            jump_factor: 3.0,
            jump_stay_s: 15.0,
            token_share: 0.93,
            early_errors: 3.0,
            early_wait: 0.25,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let positive = 1e-3..=1e6;
        within("switch", self.switch, 0.0..=1e6)?;
        within("horizon_s", self.horizon_s, positive.clone())?;
        within("hold_s", self.hold_s, 0.0..=3_600.0)?;
        within("standing", self.standing, 0.0..=100.0)?;
        within("relaxation_s", self.relaxation_s, positive.clone())?;
        within("reaction", self.reaction, 0.0..=1e6)?;
        within("rate_errors", self.rate_errors, 0.0..=100.0)?;
        within("step_errors", self.step_errors, 0.0..=100.0)?;
        within("season_errors", self.season_errors, 0.0..=100.0)?;
        within("burst_errors", self.burst_errors, 0.0..=100.0)?;
        within("prior_jumps", self.prior_jumps, 0.0..=100.0)?;
        within("prior_s", self.prior_s, positive.clone())?;
        within("jump_factor", self.jump_factor, positive.clone())?;
        within("jump_stay_s", self.jump_stay_s, positive)?;
        within("token_share", self.token_share, 0.01..=1.0)?;
        within("early_errors", self.early_errors, 0.0..=100.0)?;
        within("early_wait", self.early_wait, 0.0..=100.0)
    }
}
