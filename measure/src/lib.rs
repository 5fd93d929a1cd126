//! What a run was.
//!
//! The [`Recorder`] folds core's events into a [`Run`], one replication of one policy.
//! [`summary`] turns the runs of all replications into [`Results`] with intervals over
//! replications, [`compare`] judges policies against each other, [`threshold`] judges one
//! against what was expected; [`Report`] holds it all, and is the JSON that users get.
//!
//! Simulated, live and replayed runs share all of it. Pure: no files, no clock, no hash maps.

pub mod books;
mod buckets;
mod calls;
mod closing;
pub mod compare;
pub mod cost;
pub mod figures;
pub mod histogram;
pub mod interval;
mod ledger;
mod level;
pub mod metric;
pub mod plan;
mod pool;
mod queue;
pub mod ranking;
pub mod record;
pub mod results;
pub mod run;
pub mod selector;
pub mod series;
pub mod steps;
pub mod summary;
pub mod threshold;
mod timeline;
pub mod warm_up;

/// The types in the fields of a run, so that who reads runs needs this crate alone.
pub use ebbtide_core::units;
pub use ebbtide_policies::decision::Reason;
pub use ebbtide_policies::objective::{self, Objective};
pub use ebbtide_policies::observation::Setting;
pub use ebbtide_policies::prices::Prices;

pub use books::{Books, Counts, Group, Outcomes, Scope};
pub use compare::{Comparison, Verdict};
pub use cost::Cost;
pub use figures::{Figures, Sample, Times};
pub use interval::Estimate;
pub use metric::{Metric, Stat};
pub use plan::{Detail, PlanAgent, PlanClass, RecordPlan};
pub use record::{Recorder, RunEnd, Unfinished};
pub use results::{PolicyResults, Report, Results, result_hash};
pub use run::{Run, RunDetail};
pub use selector::Selector;
pub use summary::summarise;
pub use threshold::{Threshold, ThresholdResult, ThresholdVerdict};
