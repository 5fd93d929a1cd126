//! The pool over time: workers by state, slots and workers with a call.

use ebbtide_core::event::WorkerChange;
use ebbtide_core::message::{AgentId, WorkerId};
use ebbtide_core::units::Time;

use crate::level::{Level, Parts, Section};

/// The pool now, and what it came to.
#[derive(Debug)]
pub(crate) struct Pool {
    /// By id.
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
    /// Only if asked for: a figure of the course over time.
    busy_workers: Option<Level>,
    busy_slots: Level,
    busy_by_agent: Parts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Worker {
    /// Its last change; `None`: never heard of.
    state: Option<WorkerChange>,
    /// Only if busy workers are counted.
    calls: u32,
}

/// The busy part of the pool over a bin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BusySection {
    pub(crate) workers: Section,
    pub(crate) slots: Section,
}

/// The pool over a stretch of time.
#[derive(Debug)]
pub(crate) struct PoolSums {
    /// Workers starting, ready or draining.
    pub(crate) alive: Section,
    /// Workers ready or draining.
    pub(crate) open: Section,
    /// Slots with a call, by agent.
    pub(crate) busy_by_agent: Vec<Section>,
}

impl Pool {
    /// `by_worker`: whether busy workers are counted besides busy slots.
    pub(crate) fn new(agents: usize, by_worker: bool) -> Self {
        Self {
            workers: Vec::new(),
            starting: 0,
            ready: 0,
            draining: 0,
            alive: Level::default(),
            open: Level::default(),
            busy_workers: by_worker.then(Level::default),
            busy_slots: Level::default(),
            busy_by_agent: Parts::new(agents),
        }
    }

    /// A worker changed its state.
    pub(crate) fn worker_changed(&mut self, at: Time, worker: WorkerId, change: WorkerChange) {
        let index = worker.0 as usize;
        if index >= self.workers.len() {
            self.workers.resize(index + 1, Worker::default());
        }
        let before = self.workers[index].state.replace(change);
        if let Some(count) = before.and_then(|before| self.count_of(before)) {
            *count -= 1;
        }
        if let Some(count) = self.count_of(change) {
            *count += 1;
        }
        let open = u64::from(self.ready + self.draining);
        self.open.set(at, open);
        self.alive.set(at, open + u64::from(self.starting));
    }

    fn count_of(&mut self, state: WorkerChange) -> Option<&mut u32> {
        match state {
            WorkerChange::Starting => Some(&mut self.starting),
            WorkerChange::Ready => Some(&mut self.ready),
            WorkerChange::Draining => Some(&mut self.draining),
            WorkerChange::Gone => None,
        }
    }

    /// A call to `agent` started in a slot of `worker`, which had become ready before.
    #[inline(always)]
    pub(crate) fn call_started(&mut self, at: Time, worker: WorkerId, agent: AgentId) {
        let whole = &self.busy_slots;
        self.busy_by_agent.rise(at, agent.0 as usize, whole);
        self.busy_slots.rise(at);
        if let Some(busy_workers) = &mut self.busy_workers {
            let calls = &mut self.workers[worker.0 as usize].calls;
            *calls += 1;
            if *calls == 1 {
                busy_workers.rise(at);
            }
        }
    }

    /// A slot of `worker` is free again.
    #[inline(always)]
    pub(crate) fn slot_freed(&mut self, at: Time, worker: WorkerId, agent: AgentId) {
        self.busy_by_agent.fall(at, agent.0 as usize);
        self.busy_slots.fall(at);
        if let Some(busy_workers) = &mut self.busy_workers {
            let calls = &mut self.workers[worker.0 as usize].calls;
            *calls -= 1;
            if *calls == 0 {
                busy_workers.fall(at);
            }
        }
    }

    /// What its busy part came to until `at` since it was last drained.
    pub(crate) fn drain(&mut self, at: Time) -> BusySection {
        BusySection {
            workers: (self.busy_workers.as_mut())
                .map_or(Section::default(), |level| level.drain(at)),
            slots: self.busy_slots.drain(at),
        }
    }

    /// Forgets what it came to until `at`, but for how large it was at most.
    pub(crate) fn restart(&mut self, at: Time) {
        self.alive.restart(at);
        self.open.restart(at);
        if let Some(busy_workers) = &mut self.busy_workers {
            busy_workers.restart(at);
        }
        self.busy_slots.restart(at);
        self.busy_by_agent.restart(at);
    }

    /// What it came to until `at` since it was last restarted.
    pub(crate) fn since_restart(&self, at: Time) -> PoolSums {
        PoolSums {
            alive: self.alive.since_restart(at),
            open: self.open.since_restart(at),
            busy_by_agent: self.busy_by_agent.since_restart(at, &self.busy_slots),
        }
    }
}
