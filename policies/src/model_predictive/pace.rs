//! When the cheapest setting may be asked for: growth at once, shrinking one worker at a time
//! after the load has stayed low, and a bar on shrinking that was soon regretted.
//!
//! The governor paces every policy; this is the policy's own patience, which knows the load.

use crate::units::{Duration, Time};

/// The load must have stayed low for this long, and for another start-up of a worker, since a
/// worker that is missed takes that long to come back.
const PATIENCE: Duration = Duration::from_secs(3);
/// Growth this soon after shrinking, under the same load, regrets it.
const REGRET_WITHIN: Duration = Duration::from_secs(120);
/// A regretted shrink is barred this long at first, then twice as long each time …
const FIRST_BAR: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;
/// Loads that differ by less than this share are the same. A bar keyed on time alone would
/// keep the workers of a load that has gone.
const SAME_LOAD: f64 = 0.12;
/// Regrets are forgotten after this long without a new one.
const FORGIVEN_AFTER: Duration = Duration::from_secs(900);

/// The policy's patience.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    low_since: Option<Time>,
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
    /// Whether one worker less would do even under a somewhat higher load.
    pub(super) one_less_is_safe: bool,
    /// Slots that the load keeps busy.
    pub(super) load: f64,
    /// A worker's start-up.
    pub(super) lead: Duration,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pacing {
    Grow,
    Keep,
    /// Fewer would do at the expected load, not at a somewhat higher one.
    KeepForSafety,
    /// The load has not stayed low for long enough.
    KeepForNow,
    /// Shrinking was regretted lately.
    Barred,
    Shrink,
}

impl Pace {
    /// How many workers to ask for.
    pub(super) fn pace(&mut self, wanted: Wanted) -> (u32, Pacing) {
        let Wanted {
            now,
            present,
            best,
            load,
            ..
        } = wanted;
        if best > present {
            self.note_regret(wanted);
            self.low_since = None;
            return (best, Pacing::Grow);
        }
        if best == present || !wanted.one_less_is_safe {
            self.low_since = None;
            let why = if best == present {
                Pacing::Keep
            } else {
                Pacing::KeepForSafety
            };
            return (present, why);
        }
        let since = *self.low_since.get_or_insert(now);
        if now.since(since) < PATIENCE + wanted.lead {
            return (present, Pacing::KeepForNow);
        }
        if self.bar.is_some_and(|bar| bar.holds(now, present, load)) {
            return (present, Pacing::Barred);
        }
        self.last_shrink = Some(Shrink {
            at: now,
            from: present,
            load,
        });
        (present - 1, Pacing::Shrink)
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

    fn wanted(second: u64, present: u32, best: u32, load: f64) -> Wanted {
        Wanted {
            now: Time::ZERO + Duration::from_secs(second),
            present,
            best,
            one_less_is_safe: true,
            load,
            lead: Duration::from_secs(1),
        }
    }

    #[test]
    fn grows_at_once_and_all_the_way() {
        assert_eq!(
            Pace::default().pace(wanted(1, 1, 9, 80.0)),
            (9, Pacing::Grow)
        );
    }

    #[test]
    fn shrinks_by_one_after_patience() {
        let mut pace = Pace::default();
        for second in 10..14 {
            assert_eq!(
                pace.pace(wanted(second, 5, 1, 5.0)),
                (5, Pacing::KeepForNow)
            );
        }
        assert_eq!(pace.pace(wanted(14, 5, 1, 5.0)), (4, Pacing::Shrink));
    }

    #[test]
    fn a_tick_of_need_starts_patience_anew() {
        let mut pace = Pace::default();
        pace.pace(wanted(10, 5, 4, 35.0));
        pace.pace(wanted(13, 5, 5, 45.0));
        assert_eq!(pace.pace(wanted(14, 5, 4, 35.0)), (5, Pacing::KeepForNow));
        let unsafe_now = Wanted {
            one_less_is_safe: false,
            ..wanted(20, 5, 4, 35.0)
        };
        assert_eq!(pace.pace(unsafe_now), (5, Pacing::KeepForSafety));
        assert_eq!(pace.pace(wanted(21, 5, 4, 35.0)), (5, Pacing::KeepForNow));
    }

    /// Shrinks 3 → 2 at second 14 and grows back at 30, all under a load of 18.
    fn regretful() -> Pace {
        let mut pace = Pace::default();
        pace.pace(wanted(10, 3, 2, 18.0));
        assert_eq!(pace.pace(wanted(14, 3, 2, 18.0)).1, Pacing::Shrink);
        assert_eq!(pace.pace(wanted(30, 2, 3, 18.5)).1, Pacing::Grow);
        pace.pace(wanted(31, 3, 2, 18.0));
        pace
    }

    #[test]
    fn a_regretted_shrink_is_barred_for_a_minute() {
        let mut pace = regretful();
        assert_eq!(pace.pace(wanted(89, 3, 2, 18.0)).1, Pacing::Barred);
        assert_eq!(pace.pace(wanted(90, 3, 2, 18.0)).1, Pacing::Shrink);
        // Regretted again: barred for two minutes.
        assert_eq!(pace.pace(wanted(99, 2, 3, 18.5)).1, Pacing::Grow);
        pace.pace(wanted(100, 3, 2, 18.0));
        assert_eq!(pace.pace(wanted(218, 3, 2, 18.0)).1, Pacing::Barred);
        assert_eq!(pace.pace(wanted(219, 3, 2, 18.0)).1, Pacing::Shrink);
    }

    #[test]
    fn a_load_that_has_gone_lifts_the_bar() {
        assert_eq!(regretful().pace(wanted(40, 3, 1, 6.0)).1, Pacing::Shrink);
    }
}
