//! The course of one run, collected while it happens: what [`RunDetail`] will hold.
//!
//! Apart from the recorder because only the first replication keeps it.
//!
//! [`RunDetail`]: crate::run::RunDetail

use ebbtide_core::event::DecisionRecord;
use ebbtide_core::units::Time;

use crate::plan::RecordPlan;
use crate::run::{PoolState, SettingChange};
use crate::series::{Series, SojournRecorder};
use crate::steps::Steps;

/// The course of a run so far.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) series: Series,
    pub(crate) sojourns: SojournRecorder,
    pub(crate) pool: Steps<PoolState>,
    pub(crate) decisions: Steps<SettingChange>,
}

impl Timeline {
    pub(crate) fn new(plan: &RecordPlan) -> Self {
        let length = plan.length.since(Time::ZERO);
        Self {
            series: Series::new(length),
            sojourns: SojournRecorder::new(length),
            pool: Steps::default(),
            decisions: Steps::default(),
        }
    }

    /// The pool or its setting changed.
    pub(crate) fn pool_changed(&mut self, at: Time, pool: PoolState) {
        self.pool.push(at, pool);
    }

    /// The control tick ran.
    pub(crate) fn decided(&mut self, record: &DecisionRecord) {
        if let Some(seen) = &record.observation {
            let bin = self.series.open_bin();
            bin.oldest_wait = bin
                .oldest_wait
                .max(Some(seen.queue.oldest_wait.unwrap_or_default()));
        }
        if record.before != record.applied {
            let change = SettingChange {
                before: record.before,
                after: record.applied,
                reason: record.decision.reason.clone(),
            };
            self.decisions.push(record.at, change);
        }
    }
}
