//! When senders give up: those of messages under way, and those that wait for room.
//!
//! Apart from the calendar because most of them never do: a message is done with long before
//! its sender's patience is. What is over is thrown out from time to time, so that memory
//! follows the messages there are and not the time they might have taken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ebbtide_core::message::MessageId;
use ebbtide_policies::units::Time;

/// Entries below which nothing is thrown out.
const FEW: usize = 1_024;

/// Whose patience ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sender {
    /// That of a message.
    Of(MessageId),
    /// One that waits for room: its source, and its place in the line.
    InLine { source: u32, place: u64 },
}

/// Ends of patience by time, and then as they came.
#[derive(Debug)]
pub(super) struct Patience {
    ends: BinaryHeap<Reverse<(Time, u64, Sender)>>,
    /// The first of them.
    first: Time,
    entered: u64,
    /// How many were left when it was last cleared.
    kept: usize,
}

impl Patience {
    pub(super) fn enter(&mut self, at: Time, sender: Sender) {
        self.ends.push(Reverse((at, self.entered, sender)));
        self.entered += 1;
        self.first = self.first.min(at);
    }

    /// When somebody is next; [`Time::MAX`]: never.
    #[inline]
    pub(super) fn next(&self) -> Time {
        self.first
    }

    /// Who gives up at `now`, one after another.
    #[inline]
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Sender> {
        if self.first > now {
            return None;
        }
        self.pop()
    }

    #[inline(never)]
    fn pop(&mut self) -> Option<Sender> {
        let ended = self.ends.pop().map(|Reverse((.., sender))| sender);
        self.look_ahead();
        ended
    }

    fn look_ahead(&mut self) {
        let first = self.ends.peek();
        self.first = first.map_or(Time::MAX, |Reverse((at, ..))| *at);
    }

    /// Whether it has doubled since it was last cleared.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.ends.len() > FEW + 2 * self.kept
    }

    /// Keeps only those for whom `waits` holds.
    pub(super) fn clear(&mut self, waits: impl Fn(Sender) -> bool) {
        self.ends.retain(|Reverse((.., sender))| waits(*sender));
        self.kept = self.ends.len();
        self.look_ahead();
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            ends: BinaryHeap::new(),
            first: Time::MAX,
            entered: 0,
            kept: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million messages with an hour's patience, done with at once but for every thousandth.
    #[test]
    fn memory_follows_those_that_still_wait() {
        let mut patience = Patience::default();
        let mut most = 0;
        for place in 0..1_000_000 {
            let at = Time::from_nanos(3_600_000_000_000 + place);
            patience.enter(at, Sender::InLine { source: 0, place });
            if patience.is_crowded() {
                patience.clear(
                    |sender| matches!(sender, Sender::InLine { place, .. } if place % 1_000 == 0),
                );
            }
            most = most.max(patience.ends.len());
        }
        assert!(most <= FEW + 2 * 1_000, "{most} at its peak");
        let last = std::iter::from_fn(|| patience.pop_due(Time::MAX));
        assert!(last.count() >= 1_000);
    }
}
