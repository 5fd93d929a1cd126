//! What a recorder must know before the first event.

use ebbtide_core::units::Time;
use ebbtide_policies::objective::Objective;
use ebbtide_policies::observation::Setting;

use crate::run::FaultBand;

/// What to record, and how its numbers are named.
#[derive(Clone, Debug)]
pub struct RecordPlan {
    /// Where the window begins: what is before does not count in the figures.
    pub warm_up: Time,
    /// Where the window ends: arrivals stop.
    pub length: Time,
    /// What the user wants; lateness is counted beyond its limit.
    pub objective: Option<Objective>,
    /// The agents, in the order of their ids.
    pub agents: Vec<PlanAgent>,
    /// The classes' names, in the order of their ids; at least one.
    pub classes: Vec<String>,
    /// Slots of one worker.
    pub parallelism: u32,
    /// The setting at the start.
    pub setting: Setting,
    /// How much to keep.
    pub detail: Detail,
    /// Faults on the timetable, for the plots.
    pub faults: Vec<FaultBand>,
}

/// An agent as figures need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanAgent {
    /// Its name.
    pub name: String,
    /// Whether one call carries several messages.
    pub batch: bool,
}

/// How much of a run to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Figures only.
    Summary,
    /// Figures and the course of time: for the first replication.
    Full,
}
