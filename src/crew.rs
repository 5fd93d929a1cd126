//! The workers as the floor knows them: who is awake, and how each is reached.

use std::sync::Arc;
use std::task::Wake;

use ebbtide_core::message::{LeaseId, WorkerId};

use crate::bell::Bell;
use crate::shared::Shared;

/// How a worker's task is reached from outside. Its own calls reach it too: each slot has a
/// waker, so that only the handlers that asked for it are polled.
pub(crate) struct WorkerLink {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: WorkerId,
    pub(crate) slots: u32,
    pub(crate) bell: Bell,
}

impl WorkerLink {
    pub(crate) fn new(shared: Arc<Shared>, id: WorkerId, slots: u32) -> Self {
        Self {
            shared,
            id,
            slots,
            bell: Bell::new(slots),
        }
    }
}

impl std::fmt::Debug for WorkerLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WorkerLink").field(&self.id.0).finish()
    }
}

/// Wakes a worker for one of its slots.
pub(crate) struct SlotWaker {
    pub(crate) worker: Arc<WorkerLink>,
    pub(crate) slot: u32,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.worker.bell.ring_for(self.slot);
    }
}

/// Every worker that is not gone.
#[derive(Default)]
pub(crate) struct Crew {
    hands: Vec<Hand>,
    /// Hands that are not at rest.
    up: usize,
    /// Hands that are awake.
    awake: usize,
}

/// One worker on the floor's list.
struct Hand {
    link: Arc<WorkerLink>,
    mood: Mood,
    /// Calls that count no longer.
    lost: Vec<LostCall>,
}

/// Whether a worker comes to the floor by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It must be woken: nothing to take when it last asked.
    AtRest,
    /// It has no free slot, and will ask again before it rests.
    Full,
    /// It was woken, or has free slots and will ask again before it rests.
    Awake,
}

/// A call that counts no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LostCall {
    pub(crate) lease: LeaseId,
    /// Whether its handler's grace is over, rather than begins.
    pub(crate) over: bool,
}

impl Crew {
    /// A new worker, at rest until it is ready.
    pub(crate) fn hire(&mut self, link: Arc<WorkerLink>) {
        self.hands.push(Hand {
            link,
            mood: Mood::AtRest,
            lost: Vec::new(),
        });
    }

    /// A worker is gone: its task finds out when it next asks.
    pub(crate) fn dismiss(&mut self, id: WorkerId) -> Option<Arc<WorkerLink>> {
        let at = self.hands.iter().position(|hand| hand.link.id == id)?;
        let hand = self.hands.swap_remove(at);
        self.count(hand.mood, Mood::AtRest);
        Some(hand.link)
    }

    pub(crate) fn dismiss_all(&mut self) -> Vec<Arc<WorkerLink>> {
        (self.up, self.awake) = (0, 0);
        self.hands.drain(..).map(|hand| hand.link).collect()
    }

    /// Whether somebody with a free slot comes to the floor by itself.
    pub(crate) fn is_awake(&self) -> bool {
        self.awake > 0
    }

    /// Whether somebody comes to the floor by itself.
    pub(crate) fn is_up(&self) -> bool {
        self.up > 0
    }

    fn count(&mut self, before: Mood, after: Mood) {
        self.up -= usize::from(before != Mood::AtRest);
        self.awake -= usize::from(before == Mood::Awake);
        self.up += usize::from(after != Mood::AtRest);
        self.awake += usize::from(after == Mood::Awake);
    }

    pub(crate) fn link(&self, id: WorkerId) -> Option<Arc<WorkerLink>> {
        let hand = self.hands.iter().find(|hand| hand.link.id == id)?;
        Some(hand.link.clone())
    }

    /// Workers in a turn.
    pub(crate) fn turns(&self) -> Vec<(WorkerId, u64)> {
        let turn = |hand: &Hand| Some((hand.link.id, hand.link.bell.turn()?));
        self.hands.iter().filter_map(turn).collect()
    }

    pub(crate) fn knows(&self, id: WorkerId) -> bool {
        self.hands.iter().any(|hand| hand.link.id == id)
    }

    pub(crate) fn set_mood(&mut self, id: WorkerId, mood: Mood) {
        let hand = self.hands.iter_mut().find(|hand| hand.link.id == id);
        if let Some(hand) = hand {
            let before = std::mem::replace(&mut hand.mood, mood);
            self.count(before, mood);
        }
    }

    /// Whether a worker must be woken to come to the floor.
    pub(crate) fn is_at_rest(&self, id: WorkerId) -> bool {
        let mut hands = self.hands.iter();
        hands.any(|hand| hand.link.id == id && hand.mood == Mood::AtRest)
    }

    /// Wakes the first worker at rest of which `has_free_slot` says so.
    pub(crate) fn wake_one(
        &mut self,
        has_free_slot: impl Fn(WorkerId) -> bool,
    ) -> Option<Arc<WorkerLink>> {
        let ready = |hand: &&mut Hand| hand.mood == Mood::AtRest && has_free_slot(hand.link.id);
        let hand = self.hands.iter_mut().find(ready)?;
        hand.mood = Mood::Awake;
        let link = hand.link.clone();
        self.count(Mood::AtRest, Mood::Awake);
        Some(link)
    }

    /// Leaves a note for a worker that one of its calls is lost.
    pub(crate) fn lose_call(&mut self, id: WorkerId, call: LostCall) -> Option<Arc<WorkerLink>> {
        let hand = self.hands.iter_mut().find(|hand| hand.link.id == id)?;
        hand.lost.push(call);
        Some(hand.link.clone())
    }

    /// Takes a worker's notes.
    pub(crate) fn take_lost(&mut self, id: WorkerId, lost: &mut Vec<LostCall>) {
        if let Some(hand) = self.hands.iter_mut().find(|hand| hand.link.id == id) {
            lost.append(&mut hand.lost);
        }
    }
}
