//! What changes now and then, as a list of changes that stays small however long the run is.

use ebbtide_core::units::{Duration, Time};

/// Most steps that are kept.
pub const MAX_STEPS: usize = 4_096;

/// A value that changes now and then: each change with its time, at most [`MAX_STEPS`].
///
/// When there are more, changes closer together than a gap are merged: the last of them stands
/// at the time of the first. The gap doubles as often as needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps<T> {
    points: Vec<(Time, T)>,
    gap: Duration,
}

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            gap: Duration::ZERO,
        }
    }
}

impl<T> Steps<T> {
    /// Changes that are known, in the order of time: read back from a file, say.
    #[must_use]
    pub const fn from_points(points: Vec<(Time, T)>) -> Self {
        let gap = Duration::ZERO;
        Self { points, gap }
    }

    /// The value is `value` from `at` on; not before the last change.
    pub(crate) fn push(&mut self, at: Time, value: T) {
        match self.points.last_mut() {
            Some((last, old)) if at.since(*last) <= self.gap => *old = value,
            _ => self.points.push((at, value)),
        }
        if self.points.len() > MAX_STEPS {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let span = self.points[self.points.len() - 1].0.since(self.points[0].0);
        let least = Duration::from_nanos(span.as_nanos() / (MAX_STEPS as u64 / 2));
        self.gap = (self.gap * 2).max(least);
        let mut kept: Vec<(Time, T)> = Vec::with_capacity(MAX_STEPS);
        for (at, value) in self.points.drain(..) {
            match kept.last_mut() {
                Some((last, old)) if at.since(*last) <= self.gap => *old = value,
                _ => kept.push((at, value)),
            }
        }
        self.points = kept;
    }

    /// Every change that was kept, in the order of time: from then on the value is this.
    #[must_use]
    pub fn points(&self) -> &[(Time, T)] {
        &self.points
    }

    /// Changes closer together than this were merged, so that a step may stand up to twice this
    /// early; zero: none were.
    #[must_use]
    pub const fn thinned_to(&self) -> Duration {
        self.gap
    }

    /// The value at `at`; `None` before the first change.
    #[must_use]
    pub fn at(&self, at: Time) -> Option<&T> {
        let after = self.points.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map(|index| &self.points[index].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn the_value_holds_from_its_change_on() {
        let mut steps = Steps::default();
        steps.push(at(1), 'a');
        steps.push(at(3), 'b');
        steps.push(at(3), 'c');
        let seen = [0, 1, 2, 3, 9].map(|secs| steps.at(at(secs)).copied());
        assert_eq!(seen, [None, Some('a'), Some('a'), Some('c'), Some('c')]);
        assert_eq!(
            steps.points().len(),
            2,
            "the last change of an instant counts"
        );
        assert_eq!(steps.thinned_to(), Duration::ZERO);
    }

    #[test]
    fn too_many_changes_are_thinned_and_the_last_values_stay() {
        let mut steps = Steps::default();
        for secs in 0..100_000 {
            steps.push(at(secs), secs);
            assert!(steps.points().len() <= MAX_STEPS);
        }
        let gap = steps.thinned_to();
        assert!(gap > Duration::ZERO);
        assert_eq!(steps.at(at(100_000)), Some(&99_999));
        assert!(steps.points().is_sorted_by_key(|(at, _)| *at));
        for (from, value) in steps.points() {
            assert!(
                at(*value).since(*from) <= gap * 2,
                "a step is at most two gaps early"
            );
        }
    }
}
