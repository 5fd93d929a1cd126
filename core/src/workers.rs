//! The pool: workers by state, and their slots.
//!
//! Core orders workers and lets them go; the shell starts them and reports them ready or
//! gone. A name is never used twice, so that a late report finds nothing.

use serde::{Deserialize, Serialize};

use crate::message::WorkerId;

/// The workers that are not gone, lowest name first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Workers {
    all: Vec<Worker>,
    next_id: u32,
    /// Slots of one worker.
    parallelism: u32,
    /// Free slots of ready workers.
    free: u64,
    /// Slots with a call.
    taken: u64,
    ready: u32,
    /// The place of the only ready worker with a free slot, where that is known: nearly always when
    /// work waits, since every slot that is freed is taken at once.
    #[serde(skip)]
    only_free: Option<usize>,
}

/// One worker.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Worker {
    /// Its name.
    pub id: WorkerId,
    /// What it can do.
    pub state: WorkerState,
    /// Slots with a call.
    pub calls: u32,
}

/// What a worker can do. One that is gone is not in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerState {
    /// Ordered, not yet able to take.
    Starting,
    /// Able to take.
    Ready,
    /// Finishing what it holds.
    Draining,
}

impl Workers {
    /// No workers; each will have so many slots.
    #[must_use]
    pub fn new(parallelism: u32) -> Self {
        Self {
            all: Vec::new(),
            next_id: 0,
            parallelism,
            free: 0,
            taken: 0,
            ready: 0,
            only_free: None,
        }
    }

    /// All, lowest name first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Worker> {
        self.all.iter()
    }

    /// Slots of one worker.
    #[must_use]
    pub fn parallelism(&self) -> u32 {
        self.parallelism
    }

    /// Free slots of ready workers.
    pub fn free_slots(&self) -> u64 {
        self.free
    }

    /// Slots with a call.
    pub fn taken_slots(&self) -> u64 {
        self.taken
    }

    /// Slots of ready workers.
    pub fn ready_slots(&self) -> u64 {
        u64::from(self.ready) * u64::from(self.parallelism)
    }

    /// The place of `id`, if it is ready and has a free slot.
    pub fn with_room(&self, id: WorkerId) -> Option<usize> {
        self.find(id).filter(|&at| self.has_room(&self.all[at]))
    }

    /// Both are asked, whichever is true: which of the workers are busy is luck, and decides no
    /// branch so.
    fn has_room(&self, worker: &Worker) -> bool {
        (worker.state == WorkerState::Ready) & (worker.calls < self.parallelism)
    }

    /// Free slots of the ready worker at a place.
    pub fn room_at(&self, place: usize) -> u32 {
        self.parallelism - self.all[place].calls
    }

    /// The worker at a place.
    pub fn at(&self, place: usize) -> &Worker {
        &self.all[place]
    }

    /// The place of the ready worker with a free slot and the fewest calls, the lowest name among
    /// equals.
    #[inline(always)]
    pub fn idlest(&self) -> Option<usize> {
        if self.only_free.is_some() || self.free == 0 {
            return self.only_free.filter(|_| self.free > 0);
        }
        // One number a worker and no branch that depends on luck: this is asked for many calls.
        let none = u64::MAX;
        let key = |(at, worker): (u64, &Worker)| {
            let key = u64::from(worker.calls) << 32 | at;
            if self.has_room(worker) { key } else { none }
        };
        let least = (0..).zip(&self.all).map(key).fold(none, u64::min);
        (least != none).then_some((least & u64::from(u32::MAX)) as usize)
    }

    /// Who goes when one is too many: the latest that is still starting, else the idlest that is
    /// ready, the latest among equals.
    pub fn next_to_go(&self) -> Option<Worker> {
        let starting = |it: &&Worker| it.state == WorkerState::Starting;
        let ready = |it: &&Worker| it.state == WorkerState::Ready;
        let latest_first = || self.all.iter().rev();
        let starts = latest_first().find(starting);
        let idlest = || latest_first().filter(ready).min_by_key(|it| it.calls);
        starts.or_else(idlest).copied()
    }

    /// Orders a worker.
    pub fn order(&mut self) -> WorkerId {
        let id = WorkerId(self.next_id);
        self.next_id += 1;
        self.all.push(Worker {
            id,
            state: WorkerState::Starting,
            calls: 0,
        });
        id
    }

    /// Puts a worker into a state; `false` if it is gone or in it already.
    pub fn set_state(&mut self, id: WorkerId, state: WorkerState) -> bool {
        let Some(at) = self.find(id) else {
            return false;
        };
        let worker = &mut self.all[at];
        let before = std::mem::replace(&mut worker.state, state);
        let free = u64::from(self.parallelism - worker.calls);
        self.only_free = None;
        if before == WorkerState::Ready {
            self.ready -= 1;
            self.free -= free;
        }
        if state == WorkerState::Ready {
            self.ready += 1;
            self.free += free;
        }
        before != state
    }

    /// Takes a worker out of the pool, and its calls with it; `None` if it was gone.
    pub fn remove(&mut self, id: WorkerId) -> Option<Worker> {
        let worker = self.all.remove(self.find(id)?);
        self.taken -= u64::from(worker.calls);
        self.only_free = None;
        if worker.state == WorkerState::Ready {
            self.ready -= 1;
            self.free -= u64::from(self.parallelism - worker.calls);
        }
        Some(worker)
    }

    /// A call takes a slot of the worker at a place, which has one.
    #[inline(always)]
    pub fn take_slot(&mut self, place: usize) -> WorkerId {
        self.free -= 1;
        let worker = &mut self.all[place];
        worker.calls += 1;
        self.taken += 1;
        worker.id
    }

    /// A call gives its slot back. Whether that leaves a draining worker with nothing.
    #[inline(always)]
    pub fn free_slot(&mut self, id: WorkerId) -> bool {
        let at = self.find(id).expect("a lease outlives its worker nowhere");
        let worker = &mut self.all[at];
        worker.calls -= 1;
        self.taken -= 1;
        if worker.state == WorkerState::Ready {
            self.only_free = (self.free == 0).then_some(at);
            self.free += 1;
        }
        worker.state == WorkerState::Draining && worker.calls == 0
    }

    /// Names follow each other but for the gaps that gone workers leave: mostly a worker stands
    /// as far from the first as its name says.
    #[inline(always)]
    fn find(&self, id: WorkerId) -> Option<usize> {
        let guess = id.0.checked_sub(self.all.first()?.id.0)? as usize;
        if self.all.get(guess).is_some_and(|worker| worker.id == id) {
            return Some(guess);
        }
        self.all.binary_search_by_key(&id, |worker| worker.id).ok()
    }
}
