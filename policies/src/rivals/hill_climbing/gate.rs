//! The gate that adds threads while work starves, whatever the climb says.

use crate::observation::Observation;
use crate::units::{Duration, Time};

/// When work was last taken, or none waited, or a thread was added.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    moved: Time,
}

impl Gate {
    /// The goal, or one thread more than are at work if all of them are, work has waited for
    /// `starvation` and none was taken.
    pub(super) fn pass(&mut self, seen: &Observation, goal: u32, starvation: Duration) -> u32 {
        if seen.flow.started > 0 || seen.queue.waiting == 0 {
            self.moved = seen.at;
        }
        let is_starved = seen.at.since(self.moved) >= starvation;
        let most = seen.bounds.max_workers;
        if !is_starved || seen.workers.busy < goal || goal >= most {
            return goal;
        }
        self.moved = seen.at;
        seen.workers.busy.saturating_add(1).min(most)
    }
}
