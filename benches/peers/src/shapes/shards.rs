//! Two desks that share the workers: what is given up is one queue, one order, one set of limits.

use super::front::{self, Front};
use crate::cases::Case;

/// One a core of the machines that this is measured on.
const SHARDS: u32 = 2;

pub(super) fn run(case: Case, messages: u64) -> u64 {
    front::run(case, messages, |workers, tally| {
        let shards = SHARDS.min(workers);
        let share = |shard| (workers + shards - 1 - shard) / shards;
        let shards = (0..shards).map(|shard| Front::new(false, share(shard), tally.clone()));
        shards.collect()
    })
}
