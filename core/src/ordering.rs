//! Ordering keys of one agent: who holds each key, and who stands behind it.
//!
//! A key belongs to the message that first became due first, until its outcome is known and
//! its call's slot is free again; only then may the next be taken (invariant 7).

use std::collections::BTreeMap;

use crate::lanes::Rank;

/// Keys with at least one message that is due, in a call, or delayed for a retry.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderingKeys(BTreeMap<u64, Queue>);

#[derive(Clone, Debug, Default)]
struct Queue {
    behind: BTreeMap<Rank, u32>,
}

impl OrderingKeys {
    /// A message became due for the first time. Whether the key is its own now; otherwise it
    /// stands behind.
    pub(crate) fn enter(&mut self, key: u64, rank: Rank, index: u32) -> bool {
        if let Some(queue) = self.0.get_mut(&key) {
            queue.behind.insert(rank, index);
            return false;
        }
        self.0.insert(key, Queue::default());
        true
    }

    /// A message behind another has its outcome.
    pub(crate) fn leave(&mut self, key: u64, rank: Rank) {
        if let Some(queue) = self.0.get_mut(&key) {
            queue.behind.remove(&rank);
        }
    }

    /// The holder is through with the key; who holds it next, if anybody stands behind.
    pub(crate) fn pass_on(&mut self, key: u64) -> Option<u32> {
        let next = self.0.get_mut(&key)?.behind.pop_first();
        if next.is_none() {
            self.0.remove(&key);
        }
        next.map(|(_, index)| index)
    }
}
