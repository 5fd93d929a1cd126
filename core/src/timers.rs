//! Queues of things that happen at a time: deadlines, leases, delayed messages.
//!
//! Most timers of one kind are set for the same length, so each is set later than the one
//! before; those go into a plain queue at no cost. What comes out of order goes into a heap.
//! Timers are never cancelled: an entry that has become pointless is skipped when it reaches
//! the front, which is why the front is asked for with a test.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

/// Entries by time, first set first among equals.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Ord + Deserialize<'de>"))]
pub(crate) struct TimerQueue<T> {
    in_order: VecDeque<(Time, u64, T)>,
    out_of_order: BinaryHeap<Reverse<(Time, u64, T)>>,
    set: u64,
}

impl<T: Copy + Ord> Default for TimerQueue<T> {
    fn default() -> Self {
        Self {
            in_order: VecDeque::new(),
            out_of_order: BinaryHeap::new(),
            set: 0,
        }
    }
}

impl<T: Copy + Ord> TimerQueue<T> {
    /// Sets a timer.
    #[inline(always)]
    pub(crate) fn push(&mut self, at: Time, what: T) {
        self.push_among(at, what, |_, _| true);
    }

    /// Sets a timer. Where there is no room for it, those that `live` does not accept are dropped
    /// before more is had: long timers of short-lived things do not pile up.
    #[inline(always)]
    pub(crate) fn push_among(&mut self, at: Time, what: T, mut live: impl FnMut(Time, T) -> bool) {
        // First of all: else an entry would be made in memory, to be there after the call.
        if self.in_order.len() == self.in_order.capacity() {
            self.make_room_in_order(&mut live);
        }
        self.set += 1;
        if self.in_order.back().is_none_or(|&(last, ..)| last <= at) {
            self.in_order.push_back((at, self.set, what));
        } else {
            self.push_out_of_order(at, what, live);
        }
    }

    #[inline(never)]
    fn push_out_of_order(&mut self, at: Time, what: T, mut live: impl FnMut(Time, T) -> bool) {
        if self.out_of_order.len() == self.out_of_order.capacity() {
            self.out_of_order
                .retain(|&Reverse((at, _, what))| live(at, what));
            self.out_of_order.reserve(self.out_of_order.len() / 2);
        }
        self.out_of_order.push(Reverse((at, self.set, what)));
    }

    /// The time of the first entry that `live` accepts; drops the others before it.
    pub(crate) fn next(&mut self, mut live: impl FnMut(Time, T) -> bool) -> Option<Time> {
        while let Some(&(at, _, what)) = self.in_order.front()
            && !live(at, what)
        {
            self.in_order.pop_front();
        }
        while let Some(&Reverse((at, _, what))) = self.out_of_order.peek()
            && !live(at, what)
        {
            self.out_of_order.pop();
        }
        let first = self.in_order.front().map(|&(at, ..)| at);
        let other = self.out_of_order.peek().map(|&Reverse((at, ..))| at);
        [first, other].into_iter().flatten().min()
    }

    /// Takes the first entry out if it is due at `now`, pointless or not.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(Time, T)> {
        let first = self.in_order.front().map(|&(at, set, _)| (at, set));
        let other = self
            .out_of_order
            .peek()
            .map(|&Reverse((at, set, _))| (at, set));
        let from_heap = match (first, other) {
            (None, None) => return None,
            (Some(first), Some(other)) => other < first,
            (first, _) => first.is_none(),
        };
        if first.into_iter().chain(other).min()?.0 > now {
            return None;
        }
        let (at, _, what) = if from_heap {
            self.out_of_order.pop()?.0
        } else {
            self.in_order.pop_front()?
        };
        Some((at, what))
    }

    /// Most of the pointless ones are the oldest; only where those were few all are looked at. So
    /// this is not soon done again.
    #[cold]
    fn make_room_in_order(&mut self, mut live: impl FnMut(Time, T) -> bool) {
        let all = self.in_order.len();
        let first = self
            .in_order
            .iter()
            .position(|&(at, _, what)| live(at, what));
        self.in_order.drain(..first.unwrap_or(all));
        if self.in_order.len() > all / 2 {
            self.in_order.retain(|&(at, _, what)| live(at, what));
            self.in_order.reserve(self.in_order.len() / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn entries_come_by_time_and_first_set_first() {
        let mut timers = TimerQueue::default();
        for (time, what) in [(5, 'a'), (9, 'b'), (5, 'c'), (7, 'd'), (9, 'e')] {
            timers.push(at(time), what);
        }
        assert_eq!(timers.next(|_, _| true), Some(at(5)));
        assert_eq!(timers.pop_due(at(4)), None);
        let order: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(9)))
            .map(|(_, w)| w)
            .collect();
        assert_eq!(order, ['a', 'c', 'd', 'b', 'e']);
    }

    #[test]
    fn pointless_entries_are_skipped() {
        let mut timers = TimerQueue::default();
        for time in 1..=4 {
            timers.push(at(time), time);
        }
        timers.push(at(2), 7);
        assert_eq!(timers.next(|_, what| what > 3), Some(at(2)));
        assert_eq!(timers.next(|_, what| what == 4), Some(at(4)));
    }
}
