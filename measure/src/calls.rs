//! Calls by agent.

use ebbtide_core::units::Time;

use crate::histogram::OpenLatencies;
use crate::level::{Level, Section};

/// The calls to one agent, or to several merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Calls started in the window.
    pub(crate) started: u64,
    /// Of those to batch agents.
    pub(crate) batches: u64,
    /// Messages that the calls to batch agents carried.
    pub(crate) batched: u64,
    /// How long they were, whatever their end; none of them open.
    pub(crate) length: OpenLatencies,
    /// Slots with one of them.
    pub(crate) busy: Section,
}

impl Calls {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.batches += other.batches;
        self.batched += other.batched;
        self.length.merge(&other.length);
        self.busy.append(other.busy);
    }
}

/// One agent's calls as they happen.
#[derive(Debug, Default)]
pub(crate) struct AgentCalls {
    is_batch: bool,
    busy: Level,
    calls: Calls,
}

impl AgentCalls {
    pub(crate) fn new(is_batch: bool) -> Self {
        Self {
            is_batch,
            ..Self::default()
        }
    }

    /// A call of `size` messages started; it counts if that was `in_window`.
    pub(crate) fn started(&mut self, at: Time, size: u32, in_window: bool) {
        self.busy.rise(at);
        if in_window {
            self.calls.started += 1;
            if self.is_batch {
                self.calls.batches += 1;
                self.calls.batched += u64::from(size);
            }
        }
    }

    /// A call that started in the window, at `started`, ended.
    pub(crate) fn ended(&mut self, at: Time, started: Time) {
        self.calls.length.ended.record(at.since(started));
    }

    /// A call's slot is free again.
    pub(crate) fn slot_freed(&mut self, at: Time) {
        self.busy.fall(at);
    }

    /// What the slots with a call came to until `at`, and begins again.
    pub(crate) fn drain(&mut self, at: Time) -> Section {
        self.busy.drain(at)
    }

    /// Keeps `busy` as what the window came to.
    pub(crate) fn close(&mut self, busy: Section) {
        self.calls.busy = busy;
    }

    /// The calls in the window, once it is closed.
    pub(crate) const fn in_window(&self) -> &Calls {
        &self.calls
    }
}
