//! Bounds and paces what a policy asks for; no policy can break its rules (invariant 4).
//!
//! Apart from the policies, so that a wild one is as harmless as a tame one, and apart from
//! core, so that a test of a policy meets the same rules as the broker. Deliberately absent:
//! a queue of wishes. What the governor cuts is dropped; the policy asks again at its next tick.

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::observation::{Bounds, Setting};
use crate::units::{Duration, Time};
use crate::window::WindowMax;

/// How changes of the number of workers are paced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GovernorConfig {
    /// The pool shrinks only to the largest wish of a window of this length. Zero: a wish
    /// counts for its own instant only.
    pub shrink_window: Duration,
    /// The pool shrinks only when the last change of workers is at least this long ago.
    pub cool_down: Duration,
}

/// What the governor let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The setting to apply, within the bounds.
    pub setting: Setting,
    /// How much longer shrinking waits for the cool-down; zero if it does not.
    pub cool_down: Duration,
}

/// Turns wishes into settings, in this order: a wish that is not finite keeps the present;
/// bounds; hysteresis (shrink to the largest wish of the window); cool-down, which never
/// delays growth. Batch size and timeout are bounded, not paced.
///
/// A present setting that lies outside the bounds (they were narrowed meanwhile) moves to the
/// nearest bound at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Governor {
    cool_down: Duration,
    wishes: WindowMax,
    last_change: Option<Time>,
}

impl Governor {
    /// A governor that has seen nothing yet.
    #[must_use]
    pub fn new(config: GovernorConfig) -> Self {
        Self {
            cool_down: config.cool_down,
            wishes: WindowMax::new(config.shrink_window),
            last_change: None,
        }
    }

    /// The setting that follows `present` when a policy decides at `now`. Calls must not go
    /// back in time.
    pub fn apply(
        &mut self,
        now: Time,
        present: Setting,
        bounds: &Bounds,
        decision: &Decision,
    ) -> Applied {
        let held = present
            .workers
            .clamp(bounds.min_workers, bounds.max_workers);
        let wish = workers_wished(decision.workers, bounds).unwrap_or(held);
        let paced = self.wishes.push(now, wish).min(bounds.max_workers);
        let workers = if wish >= held {
            wish
        } else if self.cool_down_left(now).is_zero() {
            paced.min(held)
        } else {
            held
        };
        if workers != present.workers {
            self.last_change = Some(now);
        }
        let batch_size = batch_wished(decision.batch_size, bounds).unwrap_or(present.batch_size);
        let batch_timeout = decision.batch_timeout.unwrap_or(present.batch_timeout);
        Applied {
            setting: Setting {
                workers,
                batch_size: batch_size.clamp(bounds.min_batch_size, bounds.max_batch_size),
                batch_timeout: batch_timeout.min(bounds.max_batch_timeout),
            },
            cool_down: self.cool_down_left(now),
        }
    }

    /// What [`Self::apply`] would give. The wish counts, and no change is made: for a broker
    /// that lets its policy decide and applies nothing.
    pub fn would_apply(
        &mut self,
        now: Time,
        present: Setting,
        bounds: &Bounds,
        decision: &Decision,
    ) -> Applied {
        let last_change = self.last_change;
        let applied = self.apply(now, present, bounds, decision);
        self.last_change = last_change;
        applied
    }

    /// Paces by `config` from now on; what was wished and changed before still counts, as far
    /// as the window has not forgotten it.
    pub fn reconfigure(&mut self, config: GovernorConfig) {
        self.cool_down = config.cool_down;
        self.wishes.set_length(config.shrink_window);
    }

    fn cool_down_left(&self, now: Time) -> Duration {
        self.last_change.map_or(Duration::ZERO, |at| {
            self.cool_down.saturating_sub(now.since(at))
        })
    }
}

/// A finite wish in whole workers within the bounds, fractions rounded up.
fn workers_wished(workers: f64, bounds: &Bounds) -> Option<u32> {
    // The cast saturates: a wish beyond u32 is cut by the bounds like any other.
    workers
        .is_finite()
        .then(|| (workers.ceil() as u32).clamp(bounds.min_workers, bounds.max_workers))
}

/// A finite wish in whole messages, rounded to the nearest.
fn batch_wished(batch_size: f64, bounds: &Bounds) -> Option<u32> {
    batch_size
        .is_finite()
        .then(|| (batch_size.round() as u32).clamp(bounds.min_batch_size, bounds.max_batch_size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Reason;

    const BOUNDS: Bounds = Bounds {
        min_workers: 1,
        max_workers: 10,
        min_batch_size: 1,
        max_batch_size: 50,
        max_batch_timeout: Duration::from_secs(1),
    };

    fn wish(workers: f64) -> Decision {
        Decision {
            workers,
            batch_size: f64::NAN,
            batch_timeout: None,
            reason: Reason {
                code: "test".into(),
                text: "a test".into(),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        }
    }

    fn setting(workers: u32) -> Setting {
        Setting {
            workers,
            batch_size: 20,
            batch_timeout: Duration::from_millis(100),
        }
    }

    /// Applies one wish a second from second 1 on and returns the workers after each.
    #[track_caller]
    fn check(config: GovernorConfig, start: u32, wishes: &[f64], expected: &[u32]) {
        let mut governor = Governor::new(config);
        let mut present = setting(start);
        let mut applied = Vec::new();
        for (second, &workers) in (1..).zip(wishes) {
            let now = Time::ZERO + Duration::from_secs(second);
            present = governor
                .apply(now, present, &BOUNDS, &wish(workers))
                .setting;
            applied.push(present.workers);
        }
        assert_eq!(applied, expected);
    }

    fn paced(window_s: u64, cool_down_s: u64) -> GovernorConfig {
        GovernorConfig {
            shrink_window: Duration::from_secs(window_s),
            cool_down: Duration::from_secs(cool_down_s),
        }
    }

    #[test]
    fn wishes_that_are_not_finite_keep_the_present() {
        let absurd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        check(paced(0, 0), 4, &absurd, &[4, 4, 4]);
        let mut governor = Governor::new(paced(0, 0));
        let applied = governor.apply(Time::ZERO, setting(4), &BOUNDS, &wish(f64::NAN));
        assert_eq!(applied.setting, setting(4));
    }

    #[test]
    fn wishes_are_cut_to_the_bounds_and_fractions_round_up() {
        check(
            paced(0, 0),
            4,
            &[2.1, 1e300, -1e300, 0.0, 10.01],
            &[3, 10, 1, 1, 10],
        );
    }

    #[test]
    fn batch_rounds_to_the_nearest_and_timeout_is_cut() {
        let mut decision = wish(4.0);
        decision.batch_size = 7.4;
        decision.batch_timeout = Some(Duration::MAX);
        let mut governor = Governor::new(paced(5, 5));
        let applied = governor.apply(Time::ZERO, setting(4), &BOUNDS, &decision);
        assert_eq!(applied.setting.batch_size, 7);
        assert_eq!(applied.setting.batch_timeout, Duration::from_secs(1));
        decision.batch_size = 1e9;
        let applied = governor.apply(Time::ZERO, setting(4), &BOUNDS, &decision);
        assert_eq!(applied.setting.batch_size, 50);
    }

    #[test]
    fn shrinks_to_the_largest_wish_of_the_window() {
        // The 6 of second 2 leaves the window of 3 s at second 5, the 3 of second 4 at 7.
        check(
            paced(3, 0),
            5,
            &[5.0, 6.0, 1.0, 3.0, 1.0, 1.0, 1.0],
            &[5, 6, 6, 6, 3, 3, 1],
        );
    }

    #[test]
    fn grows_at_once_in_cool_down_and_shrinks_after_it() {
        // Changes at seconds 1 and 2; shrinking waits until second 5, and then again.
        check(
            paced(0, 3),
            5,
            &[6.0, 8.0, 2.0, 2.0, 2.0, 1.0, 4.0, 1.0],
            &[6, 8, 8, 8, 2, 2, 4, 4],
        );
    }

    #[test]
    fn what_would_be_applied_is_no_change() {
        let mut governor = Governor::new(paced(2, 9));
        let mut would = |second: u64, workers: f64| {
            let now = Time::ZERO + Duration::from_secs(second);
            let applied = governor.would_apply(now, setting(5), &BOUNDS, &wish(workers));
            (applied.setting.workers, applied.cool_down)
        };
        assert_eq!(would(1, 7.0), (7, Duration::from_secs(9)));
        assert_eq!(would(2, 3.0), (5, Duration::ZERO), "7 is in the window");
        assert_eq!(would(3, 2.0), (3, Duration::from_secs(9)), "no change yet");
    }

    #[test]
    fn a_window_that_is_made_shorter_forgets_at_once() {
        let mut governor = Governor::new(paced(60, 0));
        let apply = |governor: &mut Governor, second: u64, workers: f64| {
            let now = Time::ZERO + Duration::from_secs(second);
            let applied = governor.apply(now, setting(8), &BOUNDS, &wish(workers));
            applied.setting.workers
        };
        assert_eq!(apply(&mut governor, 1, 8.0), 8);
        assert_eq!(apply(&mut governor, 2, 2.0), 8);
        governor.reconfigure(paced(1, 0));
        assert_eq!(apply(&mut governor, 3, 2.0), 2);
    }

    #[test]
    fn what_is_cut_is_dropped() {
        // The wish for 1 during the cool-down is not carried out after it.
        check(paced(0, 3), 5, &[6.0, 1.0, 6.0, 6.0, 6.0], &[6; 5]);
    }

    #[test]
    fn says_how_long_the_cool_down_lasts() {
        let mut governor = Governor::new(paced(0, 3));
        let at = Time::ZERO + Duration::from_secs(1);
        let applied = governor.apply(at, setting(5), &BOUNDS, &wish(6.0));
        assert_eq!(applied.cool_down, Duration::from_secs(3));
        let later = at + Duration::from_secs(2);
        let applied = governor.apply(later, setting(6), &BOUNDS, &wish(6.0));
        assert_eq!(applied.cool_down, Duration::from_secs(1));
    }

    #[test]
    fn a_present_outside_the_bounds_moves_to_the_nearest_at_once() {
        check(paced(60, 60), 14, &[f64::NAN], &[10]);
        check(paced(60, 60), 0, &[f64::NAN], &[1]);
    }
}
