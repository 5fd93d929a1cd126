//! Where messages are left while somebody is about to come to the floor, who takes them along. Their
//! senders do not wait for the lock, and what it guards stays with the processor that works on it.
//!
//! Apart so that `tests/interleavings` can try each order in which they may meet. Whoever lets go of the
//! floor lends places out of the queue's bound, as long as somebody comes back by himself; what has a
//! place is accepted. Whoever takes the floor lets in what was left before anything else, so
//! that each sender's messages keep their order.

use ebbtide_core::message::AgentId;
use ebbtide_policies::units::Time;

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Messages that share a look at the clock, at most.
const ONE_LOOK: usize = 16;

/// Room in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// In cache lines of its own, which go from sender to sender.
#[repr(align(128))]
pub(crate) struct Porch<T> {
    /// Something may be lent or stand here: exact for whoever holds the floor, a hint for others.
    is_open: AtomicBool,
    standing: Mutex<Standing<T>>,
}

struct Standing<T> {
    left: Vec<T>,
    /// Of what was left.
    bytes: u64,
    lent: Places,
    /// When the last one was sent whose sender looked at the clock.
    sent: Time,
    /// Agents that take no more messages, in order.
    removed: Vec<AgentId>,
}

/// A place that one message may have.
pub(crate) struct Place<'a, T> {
    porch: MutexGuard<'a, Standing<T>>,
    bytes: u64,
}

impl<T> Default for Porch<T> {
    fn default() -> Self {
        Self {
            is_open: AtomicBool::new(false),
            standing: Mutex::new(Standing {
                left: Vec::new(),
                bytes: 0,
                lent: Places::default(),
                sent: Time::ZERO,
                removed: Vec::new(),
            }),
        }
    }
}

impl<T> Porch<T> {
    /// A place for a message of so many bytes.
    #[inline(always)]
    pub(crate) fn place(&self, agent: AgentId, bytes: u64) -> Option<Place<'_, T>> {
        if !self.is_open.load(Ordering::Relaxed) {
            return None;
        }
        let porch = self.standing.lock();
        let fits = porch.lent.messages > 0 && porch.lent.bytes >= bytes;
        let is_removed = || porch.removed.binary_search(&agent).is_ok();
        let has_place = fits && (porch.removed.is_empty() || !is_removed());
        has_place.then_some(Place { porch, bytes })
    }

    /// Takes what was left, into an empty list, with the floor in hand; what was lent back too if it
    /// `closes`.
    #[inline]
    pub(crate) fn clear(&self, list: &mut Vec<T>, closes: bool) {
        if !self.is_open.load(Ordering::Relaxed) {
            return;
        }
        let mut standing = self.standing.lock();
        std::mem::swap(&mut standing.left, list);
        standing.bytes = 0;
        if closes {
            standing.lent = Places::default();
            self.is_open.store(false, Ordering::Relaxed);
        }
    }

    /// Lends what is free in the queue, but for what was left since it was cleared, with the floor in hand.
    /// `false`: nothing is free and something was left, which nobody may come for.
    #[inline]
    pub(crate) fn lend(&self, free: Places) -> bool {
        let lends = free.messages > 0;
        if !lends && !self.is_open.load(Ordering::Relaxed) {
            return true;
        }
        let mut standing = self.standing.lock();
        let left = standing.left.len() as u64;
        standing.lent = Places {
            messages: free.messages.saturating_sub(left),
            bytes: free.bytes.saturating_sub(standing.bytes),
        };
        let is_open = lends || left > 0;
        self.is_open.store(is_open, Ordering::Relaxed);
        lends || left == 0
    }

    /// How many messages stand here.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.standing.lock().left.len()
    }

    /// An agent takes no more messages; with the floor in hand, and nothing lent.
    pub(crate) fn remove(&self, agent: AgentId) {
        let removed = &mut self.standing.lock().removed;
        if let Err(at) = removed.binary_search(&agent) {
            removed.insert(at, agent);
        }
    }
}

impl<T> Place<'_, T> {
    /// When the message that it is for is sent. A look at the clock costs as much as leaving a message does, so
    /// that several share one: of what is left between two visits to the floor the first, and each
    /// [so many](ONE_LOOK) after.
    #[inline(always)]
    pub(crate) fn sent(&mut self, now: impl FnOnce() -> Time) -> Time {
        if self.porch.left.len().is_multiple_of(ONE_LOOK) {
            self.porch.sent = now();
        }
        self.porch.sent
    }

    /// Leaves the message that it is for: made where it stays, once there is room for it.
    #[inline(always)]
    pub(crate) fn fill(mut self, message: impl FnOnce() -> T) {
        self.porch.lent.messages -= 1;
        self.porch.lent.bytes -= self.bytes;
        self.porch.bytes += self.bytes;
        self.porch.left.extend(std::iter::once_with(message));
    }
}
