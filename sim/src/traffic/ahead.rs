//! Times drawn a few at once: one call through the process's table for all of them, and draws that
//! do not wait for each other.

use ebbtide_policies::units::Time;

use crate::arrivals::Generator;

/// Times drawn at once.
const RUN: usize = 16;

/// A process, some times ahead.
pub(super) struct Ahead {
    process: Box<dyn Generator>,
    times: [Time; RUN],
    /// How many of them were given.
    given: usize,
}

impl Ahead {
    pub(super) fn new(process: Box<dyn Generator>) -> Self {
        Self {
            process,
            times: [Time::MAX; RUN],
            given: RUN,
        }
    }

    /// The next time before `end`; [`Time::MAX`]: there is none, and nobody asks again.
    #[inline]
    pub(super) fn next(&mut self, end: Time) -> Time {
        if let Some(&time) = self.times.get(self.given) {
            self.given += 1;
            return time;
        }
        self.draw(end)
    }

    #[inline(never)]
    fn draw(&mut self, end: Time) -> Time {
        self.process.fill(&mut self.times, end);
        self.given = 1;
        self.times[0]
    }
}
