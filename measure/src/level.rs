//! A number that changes now and then (messages waiting, slots with a call), summed over time
//! in constant work per change.

use ebbtide_core::units::Time;

/// A level, and what it came to since it was last drained.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    now: u64,
    since: Time,
    section: Section,
}

/// A level over a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// Summed over time, in nanoseconds.
    pub(crate) area: u128,
    /// The highest; what lasted no time does not count.
    pub(crate) peak: u64,
}

impl Level {
    /// One more from `at` on, which is not before the last change.
    pub(crate) fn rise(&mut self, at: Time) {
        self.hold(at);
        self.now += 1;
    }

    /// One less from `at` on.
    pub(crate) fn fall(&mut self, at: Time) {
        self.hold(at);
        debug_assert!(self.now > 0, "more left than came");
        self.now -= 1;
    }

    /// `now` from `at` on.
    pub(crate) fn set(&mut self, at: Time, now: u64) {
        self.hold(at);
        self.now = now;
    }

    /// The level.
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// What it came to until `at` since it was last drained, and begins again.
    pub(crate) fn drain(&mut self, at: Time) -> Section {
        self.hold(at);
        std::mem::take(&mut self.section)
    }

    fn hold(&mut self, at: Time) {
        let held = at.since(self.since).as_nanos();
        if held > 0 {
            self.section.area += u128::from(self.now) * u128::from(held);
            self.section.peak = self.section.peak.max(self.now);
            self.since = at;
        }
    }
}

impl Section {
    /// Adds a stretch that follows.
    pub(crate) fn append(&mut self, next: Self) {
        self.area += next.area;
        self.peak = self.peak.max(next.peak);
    }

    /// Summed over time, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.area as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_summed_over_time_and_what_lasts_no_time_is_no_peak() {
        let at = Time::from_nanos;
        let mut level = Level::default();
        level.rise(at(10));
        level.rise(at(10));
        level.fall(at(10));
        level.rise(at(30));
        level.fall(at(35));
        assert_eq!(
            level.drain(at(40)),
            Section {
                area: 20 + 10 + 5,
                peak: 2
            }
        );
        assert_eq!(level.drain(at(50)), Section { area: 10, peak: 1 });
    }
}
