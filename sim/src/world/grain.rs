//! Timers with a grain, as a runtime has them.

use ebbtide_policies::units::Time;

use super::{Running, World};
use crate::calendar::Entry;

impl World<'_> {
    /// When a timer set for `at` goes off.
    #[inline]
    pub(super) fn grain(&self, at: Time) -> Time {
        match self.plan.time_grain.as_nanos() {
            0 => at,
            grain => Time::from_nanos(at.as_nanos().div_ceil(grain).saturating_mul(grain)),
        }
    }

    /// Where timers have a grain many calls end at one instant. As a runtime has it, a worker
    /// wakes by the first of its own and settles all of them then.
    pub(super) fn happen_by_worker(&mut self) {
        let mut due = Vec::new();
        while self.calendar.next() <= self.now {
            due.push(self.calendar.pop());
        }
        let mut awake = Vec::new();
        due.sort_by_cached_key(|entry| match *entry {
            Entry::CallEnds { slot, .. } => {
                let Running { worker, lease, .. } = self.running[slot as usize];
                let place = awake.iter().position(|it| *it == worker);
                let place = place.unwrap_or_else(|| {
                    awake.push(worker);
                    awake.len() - 1
                });
                (place, Some(lease))
            }
            _ => (usize::MAX, None),
        });
        due.into_iter().for_each(|entry| self.happen(entry));
    }
}
