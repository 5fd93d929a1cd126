//! The workers that are on their way.

use std::collections::VecDeque;

use crate::observation::Observation;
use crate::units::Time;

/// What was ordered and is not yet ready.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    /// When it should be, soonest first, and how many workers.
    due: VecDeque<(Time, u32)>,
    seen_at: Time,
}

impl Orders {
    /// Follows them: the soonest become ready, the latest are cancelled.
    pub(super) fn observe(&mut self, seen: &Observation) {
        self.due.retain(|order| order.0 > seen.at);
        let mut known = (self.due.iter()).fold(0, |sum: u32, order| sum.saturating_add(order.1));
        while let Some(last) = self.due.back_mut()
            && known > seen.workers.starting
        {
            let cancelled = last.1.min(known - seen.workers.starting);
            last.1 -= cancelled;
            known -= cancelled;
            if last.1 == 0 {
                self.due.pop_back();
            }
        }
        if known < seen.workers.starting {
            // They were ordered when the last decision was made.
            let ready_at = self.seen_at + seen.worker_start;
            let new = seen.workers.starting - known;
            self.due.push_back((ready_at.max(seen.at), new));
        }
        self.seen_at = seen.at;
    }

    /// When something was observed last.
    pub(super) fn seen_at(&self) -> Time {
        self.seen_at
    }

    /// In how many seconds how many are ready, soonest first.
    pub(super) fn starting(&self, now: Time) -> Vec<(f64, u32)> {
        let due = self.due.iter();
        due.map(|&(at, count)| (at.since(now).as_secs_f64(), count))
            .collect()
    }
}
