//! The mean of a figure over a sliding window of time.

use std::collections::VecDeque;

use crate::units::{Duration, Time};

/// Values of intervals, weighted by their length, as far back as `length`.
#[derive(Clone, Debug)]
pub struct WindowMean {
    length: Duration,
    /// When each interval ended, its seconds, its value.
    intervals: VecDeque<(Time, f64, f64)>,
}

impl WindowMean {
    /// Keeps what ended less than `length` ago.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self {
            length,
            intervals: VecDeque::new(),
        }
    }

    /// Adds the interval of `length` that ended at `at`. A value that is not finite is ignored.
    pub fn push(&mut self, at: Time, length: Duration, value: f64) {
        while (self.intervals.front()).is_some_and(|&(old, ..)| at.since(old) >= self.length) {
            self.intervals.pop_front();
        }
        if value.is_finite() && !length.is_zero() {
            self.intervals.push_back((at, length.as_secs_f64(), value));
        }
    }

    /// The mean over all that is kept; `None` if nothing is.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let newest = self.intervals.back()?.0;
        self.mean_since(newest, self.length)
    }

    /// The mean over what ended less than `window` before `now`, `window` being at most the
    /// whole; `None` if nothing did.
    #[must_use]
    pub fn mean_since(&self, now: Time, window: Duration) -> Option<f64> {
        let recent = self.intervals.iter().rev();
        let recent = recent.take_while(|&&(at, ..)| now.since(at) < window);
        let (length_s, sum) = recent.fold((0.0, 0.0), |(length_s, sum), &(_, seconds, value)| {
            (length_s + seconds, sum + seconds * value)
        });
        (length_s > 0.0).then(|| sum / length_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_by_length_and_forgets() {
        let mut window = WindowMean::new(Duration::from_secs(10));
        let at = |secs| Time::ZERO + Duration::from_secs(secs);
        assert_eq!(window.mean(), None);
        window.push(at(1), Duration::from_secs(1), 8.0);
        window.push(at(4), Duration::from_secs(3), 4.0);
        assert_eq!(window.mean(), Some(5.0));
        assert_eq!(window.mean_since(at(4), Duration::from_secs(2)), Some(4.0));
        window.push(at(11), Duration::from_secs(7), 4.0);
        assert_eq!(window.mean(), Some(4.0));
    }
}
