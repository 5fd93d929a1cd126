//! What the simulated world does next, in order of time.
//!
//! At one instant the order is that of `semantics.md`: ends of calls, then workers and faults;
//! among equals the first entered goes first. Arrivals are not in here: each source knows its
//! next one. Nor are senders that give up, see `world/patience.rs`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use ebbtide_core::message::WorkerId;
use ebbtide_policies::units::Time;

/// Something that happens at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    /// A call ends; `turn` tells it from an earlier call with the same lease slot.
    CallEnds { slot: u32, turn: u32 },
    /// An ordered worker is able to take.
    WorkerReady(WorkerId),
    /// The handler of an abandoned call is dropped; `turn` as above.
    GraceOver { slot: u32, turn: u32 },
    /// Workers die, by their entry of the timetable.
    Death(u32),
}

impl Entry {
    const fn rank(self) -> u64 {
        match self {
            Self::CallEnds { .. } => 0,
            Self::GraceOver { .. } | Self::WorkerReady(_) | Self::Death(_) => 1,
        }
    }
}

/// Entries by time, by kind, and then as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    heap: BinaryHeap<Scheduled>,
    entered: u64,
}

/// An entry under its key, which no other has: time, rank, number. The greatest comes first.
#[derive(Clone, Copy, Debug)]
struct Scheduled {
    key: u128,
    entry: Entry,
}

impl Ord for Scheduled {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Scheduled {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Scheduled {}

const RANK_BITS: u32 = 1;

impl Calendar {
    #[inline]
    pub(crate) fn enter(&mut self, at: Time, entry: Entry) {
        let low = entry.rank() << (64 - RANK_BITS) | self.entered;
        self.entered += 1;
        let key = u128::from(at.as_nanos()) << 64 | u128::from(low);
        self.heap.push(Scheduled { key, entry });
    }

    /// When something is next; [`Time::MAX`]: never.
    #[inline]
    pub(crate) fn next(&self) -> Time {
        self.heap.peek().map_or(Time::MAX, |next| time_of(next.key))
    }

    /// Takes out what is next, if it is due at `now`.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Entry> {
        let Scheduled { key, entry } = *self.heap.peek()?;
        if time_of(key) > now {
            return None;
        }
        self.heap.pop();
        Some(entry)
    }
}

const fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_keeps_the_order_of_semantics() {
        let mut calendar = Calendar::default();
        let at = Time::from_nanos(5);
        let ends = |slot| Entry::CallEnds { slot, turn: 0 };
        calendar.enter(at, Entry::WorkerReady(WorkerId(1)));
        calendar.enter(at, ends(2));
        calendar.enter(Time::from_nanos(4), Entry::Death(0));
        calendar.enter(at, ends(1));
        assert_eq!(calendar.next(), Time::from_nanos(4));
        let all: Vec<_> = std::iter::from_fn(|| calendar.pop_due(at)).collect();
        let expected = [
            Entry::Death(0),
            ends(2),
            ends(1),
            Entry::WorkerReady(WorkerId(1)),
        ];
        assert_eq!(all, expected);
    }
}
