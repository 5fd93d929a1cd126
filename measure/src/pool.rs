//! The pool over time: workers by state, slots and workers with a call.

use ebbtide_core::event::WorkerChange;
use ebbtide_core::message::WorkerId;
use ebbtide_core::units::Time;

use crate::level::{Level, Section};

/// The pool now, and what it came to since it was last drained.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    workers: Vec<Worker>,
    /// Workers ordered, not yet able to take.
    pub(crate) starting: u32,
    /// Workers able to take.
    pub(crate) ready: u32,
    /// Workers finishing what they hold.
    pub(crate) draining: u32,
    /// Workers starting, ready or draining.
    alive: Level,
    /// Workers ready or draining: theirs are the slots.
    open: Level,
    busy_workers: Level,
    busy_slots: Level,
}

#[derive(Clone, Copy, Debug, Default)]
struct Worker {
    /// Its last change; `None`: never heard of.
    state: Option<WorkerChange>,
    calls: u32,
}

/// The pool over a stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolSection {
    /// Workers starting, ready or draining.
    pub(crate) alive: Section,
    /// Workers ready or draining.
    pub(crate) open: Section,
    /// Workers with a call.
    pub(crate) busy_workers: Section,
    /// Slots with a call.
    pub(crate) busy_slots: Section,
}

impl PoolSection {
    /// Adds a stretch that follows.
    pub(crate) fn append(&mut self, next: Self) {
        self.alive.append(next.alive);
        self.open.append(next.open);
        self.busy_workers.append(next.busy_workers);
        self.busy_slots.append(next.busy_slots);
    }
}

impl Pool {
    /// A worker changed its state. A new worker may take the name of one that is gone.
    pub(crate) fn worker_changed(&mut self, at: Time, worker: WorkerId, change: WorkerChange) {
        let index = worker.0 as usize;
        if index >= self.workers.len() {
            self.workers.resize(index + 1, Worker::default());
        }
        let before = self.workers[index].state.replace(change);
        for state in [
            WorkerChange::Starting,
            WorkerChange::Ready,
            WorkerChange::Draining,
        ] {
            let count = match state {
                WorkerChange::Starting => &mut self.starting,
                WorkerChange::Ready => &mut self.ready,
                WorkerChange::Draining | WorkerChange::Gone => &mut self.draining,
            };
            *count += u32::from(change == state);
            *count -= u32::from(before == Some(state));
        }
        let open = u64::from(self.ready + self.draining);
        self.open.set(at, open);
        self.alive.set(at, open + u64::from(self.starting));
    }

    /// A call started in a slot of `worker`, of whom there was a change before.
    pub(crate) fn call_started(&mut self, at: Time, worker: WorkerId) {
        self.busy_slots.rise(at);
        let calls = &mut self.workers[worker.0 as usize].calls;
        *calls += 1;
        if *calls == 1 {
            self.busy_workers.rise(at);
        }
    }

    /// A slot of `worker` is free again.
    pub(crate) fn slot_freed(&mut self, at: Time, worker: WorkerId) {
        self.busy_slots.fall(at);
        let calls = &mut self.workers[worker.0 as usize].calls;
        *calls -= 1;
        if *calls == 0 {
            self.busy_workers.fall(at);
        }
    }

    /// What it came to until `at` since it was last drained, and begins again.
    pub(crate) fn drain(&mut self, at: Time) -> PoolSection {
        PoolSection {
            alive: self.alive.drain(at),
            open: self.open.drain(at),
            busy_workers: self.busy_workers.drain(at),
            busy_slots: self.busy_slots.drain(at),
        }
    }
}
