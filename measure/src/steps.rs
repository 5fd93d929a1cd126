//! What changes now and then, as a list of changes that stays small however long the run is.

use ebbtide_core::units::{Duration, Time};

/// Most steps that are kept.
pub const MAX_STEPS: usize = 4_096;

/// A value that changes now and then: each change with its time, at most [`MAX_STEPS`].
///
/// When there are more, changes closer together than a gap are merged into the last of them,
/// and the gap doubles as often as needed.
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

    /// Changes closer together than this were merged into the last of them; zero: none were.
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
