//! A number that changes now and then (messages waiting, slots with a call), summed over time
//! in constant work per change.

use ebbtide_core::units::Time;

/// A level, what it came to since it was last drained, and since it was last restarted; its peak is of all the time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    now: u64,
    since: Time,
    section: Section,
    drained: Section,
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
    #[inline(always)]
    pub(crate) fn rise(&mut self, at: Time) {
        self.hold(at);
        self.now += 1;
    }

    /// One less from `at` on.
    #[inline(always)]
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

    /// What it came to until `at` since it was last drained.
    pub(crate) fn drain(&mut self, at: Time) -> Section {
        self.hold(at);
        self.drained.append(self.section);
        std::mem::take(&mut self.section)
    }

    /// Forgets what it came to until `at`, but for how high it was.
    pub(crate) fn restart(&mut self, at: Time) {
        self.drain(at);
        self.drained.area = 0;
    }

    /// What it came to until `at` since it was last restarted, with its peak since it began.
    pub(crate) fn since_restart(&self, at: Time) -> Section {
        let mut held = *self;
        held.drain(at);
        held.drained
    }

    #[inline(always)]
    fn hold(&mut self, at: Time) {
        if at > self.since {
            let held = at.as_nanos() - self.since.as_nanos();
            self.section.area += u128::from(self.now) * u128::from(held);
            if self.now > self.section.peak {
                self.section.peak = self.now;
            }
            self.since = at;
        }
    }
}

impl Section {
    /// Adds a stretch that follows.
    pub(crate) fn append(&mut self, next: Self) {
        self.area += next.area;
        self.reach(next);
    }

    /// It was as high as `later` too.
    pub(crate) fn reach(&mut self, later: Self) {
        self.peak = self.peak.max(later.peak);
    }

    /// Summed over time, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.area as f64 / 1e9
    }
}

/// The parts of a level along one dimension (its agents, say). As long as all of it is one
/// part, that part is the whole and costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    levels: Vec<Level>,
    /// The only part so far, or [`Self::NONE`], or [`Self::SEVERAL`].
    only: usize,
}

impl Parts {
    const NONE: usize = usize::MAX;
    const SEVERAL: usize = usize::MAX - 1;

    /// `count` parts, named from 0 on.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            levels: vec![Level::default(); count],
            only: Self::NONE,
        }
    }

    /// One more in `part` from `at` on; `whole` is the level before.
    pub(crate) fn rise(&mut self, at: Time, part: usize, whole: &Level) {
        if self.only != part {
            self.split(part, whole);
            if self.only != part {
                self.levels[part].rise(at);
            }
        }
    }

    /// One less in `part` from `at` on.
    pub(crate) fn fall(&mut self, at: Time, part: usize) {
        if self.only != part {
            self.levels[part].fall(at);
        }
    }

    fn split(&mut self, part: usize, whole: &Level) {
        match self.only {
            Self::SEVERAL => {}
            Self::NONE => self.only = part,
            only => {
                self.levels[only] = *whole;
                self.only = Self::SEVERAL;
            }
        }
    }

    /// Forgets what they came to until `at`, but for how high they were.
    pub(crate) fn restart(&mut self, at: Time) {
        for level in &mut self.levels {
            level.restart(at);
        }
    }

    /// What each came to until `at` since they were last restarted, with its peak since it began.
    pub(crate) fn since_restart(&self, at: Time, whole: &Level) -> Vec<Section> {
        let section = |(part, level): (usize, &Level)| {
            let level = if part == self.only { whole } else { level };
            level.since_restart(at)
        };
        self.levels.iter().enumerate().map(section).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn a_level_is_summed_over_time_and_what_lasts_no_time_is_no_peak() {
        let mut level = Level::default();
        level.rise(at(10));
        level.rise(at(10));
        level.fall(at(10));
        level.rise(at(30));
        level.fall(at(35));
        let (first, second) = (level.drain(at(40)), level.drain(at(50)));
        assert_eq!(first, Section { area: 35, peak: 2 });
        assert_eq!(second, Section { area: 10, peak: 1 });
        let all = Section { area: 45, peak: 2 };
        assert_eq!(level.since_restart(at(50)), all);
        level.restart(at(50));
        let rest = Section { area: 7, peak: 2 };
        assert_eq!(level.since_restart(at(57)), rest);
    }

    #[test]
    fn the_first_part_is_told_from_the_whole_when_a_second_comes() {
        let mut whole = Level::default();
        let mut parts = Parts::new(3);
        let mut change = |time, part, rises| {
            if rises {
                parts.rise(at(time), part, &whole);
                whole.rise(at(time));
            } else {
                parts.fall(at(time), part);
                whole.fall(at(time));
            }
        };
        change(10, 1, true);
        change(20, 1, true);
        change(30, 2, true);
        change(40, 1, false);
        change(50, 2, false);
        let sections = parts.since_restart(at(60), &whole);
        let expected = [
            Section::default(),
            Section {
                area: 10 + 2 * 20 + 20,
                peak: 2,
            },
            Section { area: 20, peak: 1 },
        ];
        assert_eq!(sections, expected);
        let sum: u128 = expected.iter().map(|section| section.area).sum();
        assert_eq!(whole.since_restart(at(60)).area, sum);
    }

    #[test]
    fn a_part_alone_is_the_whole() {
        let mut whole = Level::default();
        let mut parts = Parts::new(2);
        parts.rise(at(5), 1, &whole);
        whole.rise(at(5));
        let expected = [Section::default(), Section { area: 10, peak: 1 }];
        assert_eq!(parts.since_restart(at(15), &whole), expected);
    }
}
