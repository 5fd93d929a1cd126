//! What one replication of one policy was: its figures, and for the first replication the
//! course of time too.

use ebbtide_core::units::{Duration, Time};
use ebbtide_policies::decision::Reason;
use ebbtide_policies::objective::Objective;
use ebbtide_policies::observation::Setting;

use crate::books::Books;
use crate::cost::Cost;
use crate::figures::Sample;
use crate::series::{Series, SojournSeries};
use crate::steps::Steps;

/// One replication of one policy.
#[derive(Clone, Debug)]
pub struct Run {
    /// Counts and figures.
    pub books: Books<Sample>,
    /// What it cost, before prices.
    pub cost: Cost,
    /// Messages beyond the objective.
    pub late_messages: u64,
    /// The course of time, if it was asked for.
    pub detail: Option<RunDetail>,
}

/// The course of one run, bounded in size however long the run is.
#[derive(Clone, Debug)]
pub struct RunDetail {
    /// Where the window begins.
    pub warm_up: Time,
    /// Where the window ends: arrivals stop.
    pub length: Time,
    /// When the run was over.
    pub end: Time,
    /// Slots of one worker.
    pub parallelism: u32,
    /// What the user wanted.
    pub objective: Option<Objective>,
    /// Faults on the timetable.
    pub faults: Vec<FaultBand>,
    /// Counts and levels over time.
    pub series: Series,
    /// Sojourns over time, by when the message was sent.
    pub sojourns: SojournSeries,
    /// The pool over time.
    pub pool: Steps<PoolState>,
    /// Every change of the setting, with its reason.
    pub decisions: Steps<SettingChange>,
    /// Times by percentile.
    pub curves: Curves,
}

/// Something that was wrong on purpose, from `from` until `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultBand {
    /// What, in a few words: `write: outage`.
    pub label: String,
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
}

/// Workers by state, and the setting in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// The setting in force: workers wanted, batch size, batch timeout.
    pub setting: Setting,
    /// Workers ordered, not yet able to take.
    pub starting: u32,
    /// Workers able to take.
    pub ready: u32,
    /// Workers finishing what they hold.
    pub draining: u32,
}

/// A decision that changed the setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// The setting before.
    pub before: Setting,
    /// The setting after.
    pub after: Setting,
    /// Why.
    pub reason: Reason,
}

/// Times by percentile, over the messages sent in the window and the calls started in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Sent until the first call starts.
    pub wait: Vec<CurvePoint>,
    /// A call's length.
    pub service: Vec<CurvePoint>,
    /// Sent until the outcome.
    pub sojourn: Vec<CurvePoint>,
}

/// Quantiles at which every curve has a point of its own, as far as it has a sample beyond them:
/// those that people ask for, so that a curve and the figures of the same run agree.
pub const CURVE_MARKS: [f64; 8] = [0.1, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];

/// A point of a latency-by-percentile curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Share of the samples at or below `value` (0–1).
    pub quantile: f64,
    /// The time.
    pub value: Duration,
    /// Samples beyond it; where they are fewer than 100 the point is luck, and is drawn so.
    pub beyond: u64,
    /// Whether the true value may be larger, since unfinished messages are in it.
    pub at_least: bool,
}
