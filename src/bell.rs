//! How a worker's task is reached from other threads, without a lock.
//!
//! Apart, with all of its memory orders, so that `tests/interleavings` can try each order in which
//! threads may meet. The rule of its use: the task registers first, and looks for what rang after;
//! whoever rings leaves word first, and wakes after.

use crate::sync::{AtomicBool, AtomicU64, AtomicWaker, Ordering};

/// What others ring, and what the task finds when it looks.
pub(crate) struct Bell {
    task: AtomicWaker,
    /// Odd while it is in a turn; counts turns, and the handlers polled in them.
    turns: AtomicU64,
    /// There is something on the floor for it.
    nudged: AtomicBool,
    /// Slots whose handler wants to be polled, a bit each.
    woken: Box<[AtomicU64]>,
}

impl Bell {
    /// Of a worker with so many slots; it was rung.
    pub(crate) fn new(slots: u32) -> Self {
        let words = slots.div_ceil(u64::BITS);
        Self {
            task: AtomicWaker::new(),
            turns: AtomicU64::new(0),
            nudged: AtomicBool::new(true),
            woken: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whoever rings from now on wakes this task.
    pub(crate) fn register(&self, task: &std::task::Waker) {
        self.task.register(task);
    }

    /// The floor has something for it.
    pub(crate) fn nudge(&self) {
        self.nudged.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Whether it was nudged, and has yet to ask.
    pub(crate) fn is_nudged(&self) -> bool {
        self.nudged.load(Ordering::Acquire)
    }

    /// Whether it was nudged since it last asked.
    pub(crate) fn take_nudge(&self) -> bool {
        self.nudged.load(Ordering::Relaxed) && self.nudged.swap(false, Ordering::AcqRel)
    }

    /// The handler in a slot wants to be polled.
    pub(crate) fn ring_for(&self, slot: u32) {
        let word = &self.woken[(slot / u64::BITS) as usize];
        word.fetch_or(1 << (slot % u64::BITS), Ordering::AcqRel);
        self.task.wake();
    }

    /// Appends the slots that were rung for since it last asked.
    pub(crate) fn take_woken(&self, slots: &mut Vec<u32>) {
        for (word, index) in self.woken.iter().zip(0..) {
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, Ordering::AcqRel);
            while bits != 0 {
                slots.push(index * u64::BITS + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
    }

    /// Its task begins or ends a turn; nobody else says so.
    #[inline]
    pub(crate) fn pass_turn(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Release);
    }

    /// Its task goes on to another handler within its turn; nobody else says so.
    #[inline]
    pub(crate) fn go_on(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(2), Ordering::Release);
    }

    /// The turn that it is in, and the handler.
    pub(crate) fn turn(&self) -> Option<u64> {
        let turns = self.turns.load(Ordering::Acquire);
        (turns % 2 == 1).then_some(turns)
    }
}
