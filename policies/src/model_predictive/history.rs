//! When the messages that wait now arrived, from the counts of past intervals: the queue is
//! taken for first in, first out.

use std::collections::VecDeque;

/// Intervals kept; older ones are as old as the oldest of them.
const MOST: usize = 128;

/// Arrivals of past intervals, newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    intervals: VecDeque<(f64, f64)>,
}

/// Arrivals as a function of how long ago, for one instant.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// Seconds before now, arrivals since; rising.
    points: Vec<(f64, f64)>,
}

impl History {
    /// Takes an interval.
    pub(super) fn observe(&mut self, length_s: f64, arrivals: f64) {
        if self.intervals.len() == MOST {
            self.intervals.pop_front();
        }
        self.intervals.push_back((length_s, arrivals));
    }

    /// The past as far back as `messages` arrivals go, or `seconds`, whichever is farther.
    pub(super) fn past(&self, messages: f64, seconds: f64) -> Past {
        let mut points = Vec::with_capacity(16);
        points.push((0.0, 0.0));
        let (mut ago_s, mut count) = (0.0, 0.0);
        for (length_s, arrivals) in self.intervals.iter().rev() {
            if count >= messages && ago_s >= seconds {
                break;
            }
            ago_s += length_s;
            count += arrivals;
            points.push((ago_s, count));
        }
        Past { points }
    }
}

impl Past {
    /// Arrivals within the last `seconds`.
    pub(super) fn arrivals_within(&self, seconds: f64) -> f64 {
        let at = self.points.partition_point(|point| point.0 < seconds);
        self.between(at, |point| (point.0, point.1), seconds)
    }

    /// How long ago the oldest of the last `messages` arrived, in seconds.
    pub(super) fn age_of(&self, messages: f64) -> f64 {
        let at = self.points.partition_point(|point| point.1 < messages);
        self.between(at, |point| (point.1, point.0), messages)
    }

    /// The other coordinate where the first is `x`, by `of`; `at` is the first point not below.
    fn between(&self, at: usize, of: impl Fn((f64, f64)) -> (f64, f64), x: f64) -> f64 {
        let Some(&after) = self.points.get(at) else {
            return self.points.last().map_or(0.0, |&last| of(last).1);
        };
        let Some(before) = at.checked_sub(1) else {
            return of(after).1;
        };
        let ((x0, y0), (x1, y1)) = (of(self.points[before]), of(after));
        y0 + (y1 - y0) * (x - x0) / (x1 - x0).max(1e-12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_read_both_ways() {
        let mut history = History::default();
        for arrivals in [7.0, 100.0, 10.0, 20.0] {
            history.observe(1.0, arrivals);
        }
        let past = history.past(25.0, 1.5);
        assert_eq!(past.arrivals_within(0.0), 0.0);
        assert_eq!(past.arrivals_within(0.5), 10.0);
        assert_eq!(past.arrivals_within(1.5), 25.0);
        assert_eq!(past.age_of(20.0), 1.0);
        assert_eq!(past.age_of(25.0), 1.5);
        // What lies farther back was not asked for.
        assert_eq!(past.arrivals_within(60.0), 30.0);
    }
}
