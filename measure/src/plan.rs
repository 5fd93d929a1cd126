//! What a recorder must know before the first event.

use ebbtide_core::units::{Duration, Time};
use ebbtide_policies::objective::Objective;
use ebbtide_policies::observation::Setting;

use crate::cost::LOST;
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
    /// The classes, in the order of their ids; at least one.
    pub classes: Vec<PlanClass>,
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
#[derive(Clone, Debug, PartialEq)]
pub struct PlanAgent {
    /// Its name.
    pub name: String,
    /// Whether one call carries several messages.
    pub batch: bool,
    /// A message's own work in worker-seconds, by which its lateness weighs: the time of a call at the best batch,
    /// over the messages that it carries and the slots of a worker.
    pub work_s: f64,
}

/// A class as figures need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanClass {
    /// Its name.
    pub name: String,
    /// How long its messages are worth something; `None`: for ever.
    pub deadline: Option<Duration>,
}

impl PlanClass {
    /// How late one of its messages is at least if it was lost.
    pub(crate) fn lost(&self) -> Duration {
        self.deadline.unwrap_or(LOST)
    }
}

/// How much of a run to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Figures only.
    Summary,
    /// Figures and the course of time: for the first replication.
    Full,
}
