//! The largest value of a sliding window of time.
//!
//! Governor and threshold policy both shrink to the largest wish of a window, as the
//! Kubernetes autoscaler does (`horizontal.go`, downscale stabilisation).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::units::{Duration, Time};

/// The largest of the values pushed within `length`. Holds at most one entry a distinct value,
/// so that a steady series costs no memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WindowMax {
    length: Duration,
    /// Values that no later one reaches, oldest and largest first.
    candidates: VecDeque<(Time, u32)>,
}

impl WindowMax {
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            length,
            candidates: VecDeque::new(),
        }
    }

    /// Forgets what is older than `length` from now on; what was forgotten before stays so.
    pub(crate) fn set_length(&mut self, length: Duration) {
        self.length = length;
    }

    /// Adds `value` and returns the largest of the window, itself included. A value exactly
    /// as old as the window has left it.
    pub(crate) fn push(&mut self, now: Time, value: u32) -> u32 {
        while self.candidates.back().is_some_and(|&(_, v)| v <= value) {
            self.candidates.pop_back();
        }
        while (self.candidates.front()).is_some_and(|&(at, _)| now.since(at) >= self.length) {
            self.candidates.pop_front();
        }
        self.candidates.push_back((now, value));
        self.candidates.front().map_or(value, |&(_, v)| v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_largest_until_it_is_as_old_as_the_window() {
        let mut window = WindowMax::new(Duration::from_secs(3));
        let mut push =
            |second: u64, value| window.push(Time::from_nanos(second * 1_000_000_000), value);
        assert_eq!(push(0, 4), 4);
        assert_eq!(push(1, 9), 9);
        assert_eq!(push(2, 3), 9);
        assert_eq!(push(3, 1), 9);
        assert_eq!(push(4, 2), 3);
        assert_eq!(push(5, 2), 2);
    }
}
