//! Leases: each call's right to settle its messages, with an epoch and an expiry.

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::message::{LeaseId, MessageId, WorkerId};

/// Lease slots by index; a slot's epoch grows with each tenant, so that an old lease finds
/// nothing (invariant 3).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Leases {
    slots: Vec<Lease>,
    free: Vec<u32>,
}

/// A call's lease, or an empty slot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) epoch: u32,
    pub(crate) state: LeaseState,
    pub(crate) agent: u32,
    pub(crate) replica: u32,
    pub(crate) worker: WorkerId,
    pub(crate) started: Time,
    /// Calls started before this one: slots are used again in no order that means anything.
    pub(crate) number: u64,
    pub(crate) expires: Time,
    pub(crate) in_flight_at_start: u32,
    /// Its place among its agent's calls ([`Row`](crate::row::Row)).
    pub(crate) row: u32,
    /// A half-open breaker's probe.
    pub(crate) probe: bool,
    /// Members at the start.
    pub(crate) size: u32,
    /// Members that have no outcome yet.
    pub(crate) live: u32,
    /// What the call carries; names of members with an outcome are stale.
    pub(crate) members: Vec<MessageId>,
    /// Ordering keys that stay held until the slot is free.
    pub(crate) held_keys: Vec<u64>,
}

/// A call that is about to end, as its lease has it: read at once, since what it is asked for is
/// asked one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenCall {
    pub(crate) lease: LeaseId,
    pub(crate) agent: u32,
    pub(crate) replica: u32,
    pub(crate) worker: WorkerId,
    pub(crate) started: Time,
    pub(crate) size: u32,
    pub(crate) in_flight_at_start: u32,
    pub(crate) row: u32,
    pub(crate) probe: bool,
}

/// What a lease slot is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LeaseState {
    /// Nothing.
    Free,
    /// A call that may settle.
    Active,
    /// A call whose result was handed in or counts no longer; its slot is not free yet.
    Closing,
}

impl Leases {
    /// A slot for a new call, its lists empty; the caller fills in the rest.
    #[inline]
    pub(crate) fn open(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.grow())
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        self.slots.push(Lease {
            epoch: 0,
            state: LeaseState::Free,
            agent: 0,
            replica: 0,
            worker: WorkerId(0),
            started: Time::ZERO,
            number: 0,
            expires: Time::ZERO,
            in_flight_at_start: 0,
            row: 0,
            probe: false,
            size: 0,
            live: 0,
            members: Vec::new(),
            held_keys: Vec::new(),
        });
        u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 calls fit in memory")
    }

    /// Empties a slot: its lease is stale from here on.
    pub(crate) fn close(&mut self, slot: u32) {
        let lease = &mut self[slot];
        lease.epoch = lease.epoch.wrapping_add(1);
        lease.state = LeaseState::Free;
        lease.members.clear();
        lease.held_keys.clear();
        self.free.push(slot);
    }

    /// The call of a slot.
    pub(crate) fn call(&self, slot: u32) -> OpenCall {
        self[slot].call(slot)
    }

    /// The lease of that name, if it may settle.
    #[inline(always)]
    pub(crate) fn active(&mut self, id: LeaseId) -> Option<&mut Lease> {
        let lease = self.slots.get_mut(id.slot as usize)?;
        let active = lease.epoch == id.epoch && lease.state == LeaseState::Active;
        active.then_some(lease)
    }

    /// The lease of that name, whatever its state, unless it is stale.
    pub(crate) fn get(&self, id: LeaseId) -> Option<&Lease> {
        let lease = self.slots.get(id.slot as usize)?;
        (lease.epoch == id.epoch && lease.state != LeaseState::Free).then_some(lease)
    }

    /// Whether that lease may settle.
    pub(crate) fn is_active(&self, id: LeaseId) -> bool {
        self.get(id)
            .is_some_and(|lease| lease.state == LeaseState::Active)
    }

    /// Slots of calls that may settle, lowest first.
    pub(crate) fn active_slots(&self) -> impl Iterator<Item = (u32, &Lease)> {
        let active = |(_, lease): &(u32, &Lease)| lease.state == LeaseState::Active;
        self.open_slots().filter(active)
    }

    /// Those of calls whose time is over by `then`, lowest first.
    pub(crate) fn expire_by(&self, then: Time) -> impl Iterator<Item = (u32, &Lease)> {
        self.active_slots()
            .filter(move |(_, lease)| lease.expires <= then)
    }

    /// Slots in use, lowest first.
    pub(crate) fn open_slots(&self) -> impl Iterator<Item = (u32, &Lease)> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, lease)| lease.state != LeaseState::Free)
    }
}

impl Lease {
    /// Its call, given that it has this slot.
    pub(crate) fn call(&self, slot: u32) -> OpenCall {
        OpenCall {
            lease: LeaseId {
                slot,
                epoch: self.epoch,
            },
            agent: self.agent,
            replica: self.replica,
            worker: self.worker,
            started: self.started,
            size: self.size,
            in_flight_at_start: self.in_flight_at_start,
            row: self.row,
            probe: self.probe,
        }
    }
}

impl std::ops::Index<u32> for Leases {
    type Output = Lease;

    fn index(&self, slot: u32) -> &Lease {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Leases {
    fn index_mut(&mut self, slot: u32) -> &mut Lease {
        &mut self.slots[slot as usize]
    }
}
