//! When the cheapest setting may be asked for: growth at once, shrinking to the largest wish of
//! the last moments, and a bar on shrinking that was soon regretted.
//!
//! The governor paces every policy; this is the policy's own patience, which knows the load.

use crate::units::{Duration, Time};
use crate::window::WindowMax;

/// Growth this soon after shrinking, under the same load, regrets it.
const REGRET_WITHIN: Duration = Duration::from_secs(120);
/// A regretted shrink is barred this long at first, then twice as long each time …
const FIRST_BAR: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;
/// Loads that differ by less than this share are the same. A bar keyed on time alone would
/// keep the workers of a load that has gone.
const SAME_LOAD: f64 = 0.12;
/// One worker of so many is given up at once for an agent that seems crowded: whether it is the
/// calls under way that slow it down shows in a step of them.
const CROWDED_STEP: u32 = 4;
/// Regrets are forgotten after this long without a new one.
const FORGIVEN_AFTER: Duration = Duration::from_secs(900);

/// The policy's patience.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    wishes: WindowMax,
    last_shrink: Option<Shrink>,
    bar: Option<Bar>,
    regrets: u32,
}

#[derive(Clone, Copy, Debug)]
struct Shrink {
    at: Time,
    from: u32,
    load: f64,
}

/// Do not shrink below `workers` until then, unless the load falls.
#[derive(Clone, Copy, Debug)]
struct Bar {
    at: Time,
    until: Time,
    workers: u32,
    load: f64,
}

/// What the choice of the moment says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) now: Time,
    pub(super) present: u32,
    /// Workers of the cheapest setting.
    pub(super) best: u32,
    /// Whether fewer would do more, an agent being crowded while messages wait.
    pub(super) is_crowded: bool,
    /// Slots that the load keeps busy.
    pub(super) load: f64,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pacing {
    Grow,
    Keep,
    /// More were wanted a moment ago.
    KeepForNow,
    /// Shrinking was regretted lately.
    Barred,
    Shrink,
}

impl Pace {
    /// Shrinks to the largest wish of the last `hold`.
    pub(super) fn new(hold: Duration) -> Self {
        Self {
            wishes: WindowMax::new(hold),
            last_shrink: None,
            bar: None,
            regrets: 0,
        }
    }

    /// How many workers to ask for.
    pub(super) fn pace(&mut self, wanted: Wanted) -> (u32, Pacing) {
        let Wanted {
            now,
            present,
            best,
            is_crowded,
            load,
        } = wanted;
        let step = (present / CROWDED_STEP).max(1);
        let best = if is_crowded {
            best.max(present.saturating_sub(step))
        } else {
            best
        };
        let largest = self.wishes.push(now, best);
        if best > present {
            self.note_regret(wanted);
            return (best, Pacing::Grow);
        }
        if best == present {
            return (present, Pacing::Keep);
        }
        if largest >= present {
            return (present, Pacing::KeepForNow);
        }
        if !is_crowded {
            if self.bar.is_some_and(|bar| bar.holds(now, present, load)) {
                return (present, Pacing::Barred);
            }
            self.last_shrink = Some(Shrink {
                at: now,
                from: present,
                load,
            });
        }
        (largest, Pacing::Shrink)
    }

    /// Sees whether this growth takes back a recent shrink under the same load.
    fn note_regret(&mut self, wanted: Wanted) {
        let Wanted { now, load, .. } = wanted;
        if self
            .bar
            .is_some_and(|bar| now.since(bar.at) > FORGIVEN_AFTER)
        {
            self.regrets = 0;
        }
        let Some(shrink) = self.last_shrink.take() else {
            return;
        };
        let is_same_load = load < shrink.load * (1.0 + SAME_LOAD);
        if now.since(shrink.at) <= REGRET_WITHIN && is_same_load {
            let length = FIRST_BAR * (1 << self.regrets.min(MOST_DOUBLINGS));
            self.regrets += 1;
            self.bar = Some(Bar {
                at: now,
                until: now + length,
                workers: shrink.from,
                load,
            });
        }
    }
}

impl Bar {
    fn holds(self, now: Time, present: u32, load: f64) -> bool {
        let is_same_load = load > self.load * (1.0 - SAME_LOAD);
        now < self.until && present <= self.workers && is_same_load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(Duration::from_secs(2))
    }

    fn wanted(second: u64, present: u32, best: u32, load: f64) -> Wanted {
        Wanted {
            now: Time::ZERO + Duration::from_secs(second),
            present,
            best,
            is_crowded: false,
            load,
        }
    }

    #[test]
    fn grows_at_once_and_all_the_way() {
        assert_eq!(pace().pace(wanted(1, 1, 9, 80.0)), (9, Pacing::Grow));
    }

    #[test]
    fn shrinks_to_the_largest_wish_of_the_last_moments() {
        let mut pace = pace();
        pace.pace(wanted(10, 5, 5, 45.0));
        assert_eq!(pace.pace(wanted(11, 5, 2, 5.0)), (5, Pacing::KeepForNow));
        assert_eq!(pace.pace(wanted(12, 5, 1, 5.0)), (2, Pacing::Shrink));
        assert_eq!(pace.pace(wanted(13, 2, 1, 5.0)), (1, Pacing::Shrink));
    }

    /// Shrinks 3 → 2 at second 14 and grows back at 30, all under a load of 18.
    fn regretful() -> Pace {
        let mut pace = pace();
        assert_eq!(pace.pace(wanted(14, 3, 2, 18.0)).1, Pacing::Shrink);
        assert_eq!(pace.pace(wanted(30, 2, 3, 18.5)).1, Pacing::Grow);
        pace
    }

    #[test]
    fn a_regretted_shrink_is_barred_for_a_minute() {
        let mut pace = regretful();
        assert_eq!(pace.pace(wanted(89, 3, 2, 18.0)).1, Pacing::Barred);
        assert_eq!(pace.pace(wanted(90, 3, 2, 18.0)).1, Pacing::Shrink);
        // Regretted again: barred for two minutes.
        assert_eq!(pace.pace(wanted(99, 2, 3, 18.5)).1, Pacing::Grow);
        assert_eq!(pace.pace(wanted(218, 3, 2, 18.0)).1, Pacing::Barred);
        assert_eq!(pace.pace(wanted(219, 3, 2, 18.0)).1, Pacing::Shrink);
    }

    #[test]
    fn a_crowded_agent_is_relieved_step_by_step_whatever_was_regretted() {
        let mut pace = regretful();
        let crowded = |second, present| Wanted {
            is_crowded: true,
            ..wanted(second, present, 1, 18.0)
        };
        pace.pace(wanted(40, 10, 10, 18.0));
        assert_eq!(pace.pace(crowded(41, 10)), (10, Pacing::KeepForNow));
        assert_eq!(pace.pace(crowded(43, 10)), (8, Pacing::Shrink));
        assert_eq!(pace.pace(crowded(44, 8)), (8, Pacing::KeepForNow));
        assert_eq!(pace.pace(crowded(46, 8)), (6, Pacing::Shrink));
    }

    #[test]
    fn a_load_that_has_gone_lifts_the_bar() {
        assert_eq!(regretful().pace(wanted(40, 3, 1, 6.0)).1, Pacing::Shrink);
    }
}
