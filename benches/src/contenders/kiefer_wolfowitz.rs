//! The queue without events: the recursion of Kiefer and Wolfowitz (1955, "On the theory of
//! queues with many servers", eq. 1). The least that these draws can cost; it knows neither
//! queue lengths nor priorities, so it is a cross-check, not a rival.

use crate::queue::{Load, Luck, SERVERS, Seen};

/// Runs the queue.
#[must_use]
pub fn run(load: Load) -> Seen {
    let luck = Luck::new(load.seed);
    // When each server is free, soonest first.
    let mut free_at = [0_u64; SERVERS];
    let (mut now, mut waits) = (0_u64, 0_u128);
    for number in 0..load.messages {
        now += luck.gap_ns(number);
        let start = now.max(free_at[0]);
        waits += u128::from(start - now);
        let mut end = start + luck.call_ns(number);
        // One pass of minima and maxima puts the new end in its place, without a branch.
        for place in 0..SERVERS - 1 {
            let next = free_at[place + 1];
            free_at[place] = next.min(end);
            end = next.max(end);
        }
        free_at[SERVERS - 1] = end;
    }
    Seen::from_sum(load.messages, waits)
}
