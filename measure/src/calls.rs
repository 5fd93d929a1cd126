//! Calls by agent.

use ebbtide_core::units::Duration;

use crate::histogram::OpenLatencies;
use crate::plan::PlanAgent;

/// The calls to one agent, or to several merged, that started in the window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    is_batch: bool,
    pub(crate) started: u64,
    /// Of those to batch agents.
    pub(crate) batches: u64,
    /// Messages that the calls to batch agents carried.
    pub(crate) batched: u64,
    /// How long they were, whatever their end; none of them open.
    pub(crate) length: OpenLatencies,
}

impl Calls {
    /// Those to an agent, before the first.
    pub(crate) fn to(agent: &PlanAgent) -> Self {
        Self {
            is_batch: agent.batch,
            ..Self::default()
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.batches += other.batches;
        self.batched += other.batched;
        self.length.merge(&other.length);
    }

    /// A call of `size` messages started.
    pub(crate) fn start(&mut self, size: u32) {
        self.started += 1;
        if self.is_batch {
            self.batches += 1;
            self.batched += u64::from(size);
        }
    }

    /// A call ended after `length`.
    #[inline(always)]
    pub(crate) fn end(&mut self, length: Duration) {
        self.length.ended.record(length);
    }
}
