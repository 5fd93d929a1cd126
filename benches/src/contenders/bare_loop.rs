//! The yardstick: what the queue costs when nothing but the queue is there. A binary heap of
//! events in whole nanoseconds, ties by sequence; a FIFO; a count of free servers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::queue::{Load, Luck, SERVERS, Seen};

/// An event: time in the high half of the key, sequence in the low one; `true` for an arrival.
type Event = Reverse<(u128, bool)>;

struct Calendar {
    events: BinaryHeap<Event>,
    sequence: u64,
}

impl Calendar {
    fn push(&mut self, at: u64, arrival: bool) {
        self.sequence += 1;
        let key = u128::from(at) << 64 | u128::from(self.sequence);
        self.events.push(Reverse((key, arrival)));
    }
}

/// Runs the queue.
#[must_use]
pub fn run(load: Load) -> Seen {
    let luck = Luck::new(load.seed);
    let mut calendar = Calendar {
        events: BinaryHeap::new(),
        sequence: 0,
    };
    let mut waiting: VecDeque<(u64, u64)> = VecDeque::new();
    let (mut free, mut arrived, mut served, mut waits) = (SERVERS, 0_u64, 0_u64, 0_u128);
    calendar.push(luck.gap_ns(0), true);
    while let Some(Reverse((key, arrival))) = calendar.events.pop() {
        let now = (key >> 64) as u64;
        if arrival {
            waiting.push_back((arrived, now));
            arrived += 1;
            if arrived < load.messages {
                calendar.push(now + luck.gap_ns(arrived), true);
            }
        } else {
            free += 1;
            served += 1;
        }
        while free > 0
            && let Some((number, sent)) = waiting.pop_front()
        {
            free -= 1;
            waits += u128::from(now - sent);
            calendar.push(now + luck.call_ns(number), false);
        }
    }
    Seen::from_sum(served, waits)
}
