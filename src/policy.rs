//! What observations and decisions consist of, for whoever writes a policy or reads a decision log.
//!
//! How to write one, test it and rank it says `docs/writing-a-policy.md`; [`registry`](crate::registry)
//! has those that there are.

pub use ebbtide_core::event::DecisionRecord;
pub use ebbtide_policies::decision::{Alternative, Decision, EarlyTick, Prediction, Reason};
pub use ebbtide_policies::latency::LatencyHistogram;
pub use ebbtide_policies::objective::{Measure, Objective};
pub use ebbtide_policies::observation::{
    AgentObservation, BlockedTime, Bounds, BreakerState, CallSample, CallStats, Flow, Observation,
    QueueState, Setting, SlotTime, WorkerCounts,
};
pub use ebbtide_policies::policy::Policy;
pub use ebbtide_policies::prices::Prices;
pub use ebbtide_policies::registry::UnknownPolicy;
