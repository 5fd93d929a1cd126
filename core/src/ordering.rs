//! Ordering keys of one agent: who holds each key, and who stands behind it.
//!
//! A key belongs to the message that first became due first, until its outcome is known and
//! the slots of all its calls are free again (a retry may start while the handler of a call
//! that timed out still has its grace); only then may the next be taken (invariant 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lanes::Rank;

/// Keys with at least one message that is due, in a call, or delayed for a retry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OrderingKeys {
    queues: BTreeMap<u64, Queue>,
    /// Messages that stand behind another, of all keys …
    pub(crate) behind: u64,
    /// … and the keys that have any.
    pub(crate) contended: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Queue {
    /// Whether the holder has its outcome.
    done: bool,
    /// Calls that carried the holder and whose slots are not free yet.
    calls: u32,
    behind: BTreeMap<Rank, u32>,
}

impl OrderingKeys {
    /// A message became due for the first time. Whether the key is its own now; otherwise it
    /// stands behind.
    pub(crate) fn enter(&mut self, key: u64, rank: Rank, index: u32) -> bool {
        if let Some(queue) = self.queues.get_mut(&key) {
            self.contended += u64::from(queue.behind.is_empty());
            self.behind += 1;
            queue.behind.insert(rank, index);
            return false;
        }
        self.queues.insert(key, Queue::default());
        true
    }

    /// A message behind another has its outcome.
    pub(crate) fn leave(&mut self, key: u64, rank: Rank) {
        let Some(queue) = self.queues.get_mut(&key) else {
            return;
        };
        if queue.behind.remove(&rank).is_some() {
            self.behind -= 1;
            self.contended -= u64::from(queue.behind.is_empty());
        }
    }

    /// A call with the holder starts.
    pub(crate) fn call_started(&mut self, key: u64) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.calls += 1;
        }
    }

    /// The slot of a call that carried the holder is free. Who holds the key next, if it
    /// changes hands.
    pub(crate) fn call_gone(&mut self, key: u64) -> Option<u32> {
        self.queues.get_mut(&key)?.calls -= 1;
        self.pass_on(key)
    }

    /// The holder has its outcome. Who holds the key next, if it changes hands.
    pub(crate) fn holder_done(&mut self, key: u64) -> Option<u32> {
        self.queues.get_mut(&key)?.done = true;
        self.pass_on(key)
    }

    /// Whether a message that becomes due now would stand behind another.
    pub(crate) fn is_held(&self, key: u64) -> bool {
        self.queues.contains_key(&key)
    }

    /// The first of those that stand behind, of every key.
    pub(crate) fn first_behind(&self) -> impl Iterator<Item = u32> + '_ {
        let first = |queue: &Queue| queue.behind.first_key_value().map(|(_, &index)| index);
        self.queues.values().filter_map(first)
    }

    /// Messages that stand behind another, and the keys that have any, counted anew.
    pub(crate) fn recounted(&self) -> (u64, u64) {
        let behind = self.queues.values().map(|queue| queue.behind.len() as u64);
        let contended = behind.clone().filter(|&behind| behind > 0).count();
        (behind.sum(), contended as u64)
    }

    fn pass_on(&mut self, key: u64) -> Option<u32> {
        let queue = self.queues.get_mut(&key)?;
        if !queue.done || queue.calls > 0 {
            return None;
        }
        queue.done = false;
        let Some((_, next)) = queue.behind.pop_first() else {
            self.queues.remove(&key);
            return None;
        };
        self.behind -= 1;
        self.contended -= u64::from(queue.behind.is_empty());
        Some(next)
    }
}
