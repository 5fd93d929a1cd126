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
///
/// The first few are kept in order, which for so few costs less than a heap's sifting. An entry
/// stays where it was put: only the list of places is kept in order, a word of four bits each, so
/// that how far a new one goes before others, which is luck, decides no branch.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// None of them comes after any of `later`. None only if there are none at all.
    soon: [Scheduled; SOON],
    /// How many of them are filled.
    count: usize,
    /// Their places, the very first entry's lowest; then the free places, the next to fill last.
    order: u64,
    later: BinaryHeap<Scheduled>,
    entered: u64,
    /// When the very first is; [`Time::MAX`]: there is none.
    next: Time,
}

/// More than are ever kept in order: as many places as four bits can name.
const SOON: usize = 16;
const PLACE_BITS: u32 = 4;
const PLACE: u64 = SOON as u64 - 1;
/// Each place at its own.
const UNTOUCHED: u64 = 0xfedc_ba98_7654_3210;

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
    #[inline(always)]
    pub(crate) fn enter(&mut self, at: Time, entry: Entry) {
        let low = entry.rank() << (64 - RANK_BITS) | self.entered;
        self.entered += 1;
        let key = u128::from(at.as_nanos()) << 64 | u128::from(low);
        let scheduled = Scheduled { key, entry };
        if !self.later.is_empty() && self.is_for_later(scheduled) {
            return;
        }
        self.next = self.next.min(at);
        self.line_up(scheduled);
        if self.count == SOON {
            self.put_off();
        }
    }

    /// The entry goes into a free place, of which there is always one, and its place behind those
    /// of all that come before it.
    #[inline(always)]
    fn line_up(&mut self, scheduled: Scheduled) {
        let (mut rest, mut before) = (self.order, 0);
        for _ in 0..self.count {
            before += u32::from(self.soon[(rest & PLACE) as usize].key < scheduled.key);
            rest >>= PLACE_BITS;
        }
        let place = self.order >> (u64::BITS - PLACE_BITS);
        self.soon[place as usize] = scheduled;
        let shift = before * PLACE_BITS;
        let first = self.order & ((1 << shift) - 1);
        self.order = (self.order ^ first) << PLACE_BITS | place << shift | first;
        self.count += 1;
    }

    /// Takes the place of the very first entry off the list.
    #[inline(always)]
    fn first(&mut self) -> Scheduled {
        let place = self.order & PLACE;
        self.order = self.order.rotate_right(PLACE_BITS);
        self.count -= 1;
        self.soon[place as usize]
    }

    /// Whether an entry comes after some of those for later; then it is one of them.
    #[inline(never)]
    fn is_for_later(&mut self, scheduled: Scheduled) -> bool {
        let after = self.later.peek().is_some_and(|first| *first > scheduled);
        if after {
            self.later.push(scheduled);
        }
        after
    }

    /// There is always room for one more.
    #[inline(never)]
    fn put_off(&mut self) {
        let all: [Scheduled; SOON] = std::array::from_fn(|_| self.first());
        let (soon, later) = all.split_at(SOON / 2);
        self.later.extend(later);
        soon.iter().for_each(|&scheduled| self.line_up(scheduled));
    }

    /// When something is next; [`Time::MAX`]: never.
    #[inline(always)]
    pub(crate) fn next(&self) -> Time {
        self.next
    }

    /// Takes out what is next; asked only if there is anything.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Entry {
        let Scheduled { entry, .. } = self.first();
        if self.count == 0 {
            self.fetch_later();
        }
        let next = self.soon[(self.order & PLACE) as usize];
        self.next = if self.count == 0 {
            Time::MAX
        } else {
            time_of(next.key)
        };
        entry
    }

    #[inline(never)]
    fn fetch_later(&mut self) {
        for _ in 0..SOON / 2 {
            let Some(scheduled) = self.later.pop() else {
                return;
            };
            self.line_up(scheduled);
        }
    }
}

impl Default for Calendar {
    fn default() -> Self {
        let nothing = Scheduled {
            key: u128::MAX,
            entry: Entry::Death(u32::MAX),
        };
        Self {
            soon: [nothing; SOON],
            count: 0,
            order: UNTOUCHED,
            later: BinaryHeap::new(),
            entered: 0,
            next: Time::MAX,
        }
    }
}

const fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

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
        let all = [(); 4].map(|()| calendar.pop());
        let expected = [
            Entry::Death(0),
            ends(2),
            ends(1),
            Entry::WorkerReady(WorkerId(1)),
        ];
        assert_eq!(all, expected);
        assert_eq!(calendar.next(), Time::MAX);
    }

    #[test]
    fn however_many_there_are_they_come_in_order() {
        let (mut calendar, mut expected) = (Calendar::default(), Vec::new());
        let mut rng = Streams::new(1, 0).stream("calendar", 0).draw(0, 0);
        let mut now = 0;
        for slot in 0..10_000 {
            // First more come than go, then more go than come.
            let goes = rng.happens(if slot < 5_000 { 0.3 } else { 0.7 });
            if goes && !expected.is_empty() {
                expected.sort_unstable();
                let (at, slot) = expected.remove(0);
                now = at;
                assert_eq!(calendar.pop(), Entry::CallEnds { slot, turn: 0 });
            } else {
                let at = now + rng.word() % 1_000;
                expected.push((at, slot));
                calendar.enter(Time::from_nanos(at), Entry::CallEnds { slot, turn: 0 });
            }
            let next = expected
                .iter()
                .min()
                .map_or(Time::MAX, |(at, _)| Time::from_nanos(*at));
            assert_eq!(calendar.next(), next);
        }
    }
}
