//! Why core refuses something. A refused submission goes back to its sender whole.

use crate::config::ConfigError;
use crate::message::{AgentId, Submission};

/// A submission that did not enter, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SubmitError<M> {
    /// Why.
    pub reason: Refusal,
    /// What was submitted, unchanged.
    pub submission: Submission<M>,
}

/// Why a submission was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Every place is taken.
    #[error("the queue is full: {queued} messages queued, allowed are {allowed}{}", besides(*.startable))]
    Full {
        /// Waiting plus delayed.
        queued: u64,
        /// The bound for this lane.
        allowed: u64,
        /// Messages or batches that free slots can start at once: so many may be queued besides.
        startable: u64,
    },
    /// Its bytes do not fit.
    #[error("the queue is full: {queued} bytes queued and {size} more, allowed are {allowed}")]
    OverBytes {
        /// Bytes waiting and delayed.
        queued: u64,
        /// Bytes submitted.
        size: u64,
        /// The bound.
        allowed: u64,
    },
    /// It is larger than all that may ever be queued, and cannot be called at once.
    #[error("the message is too large: {size} bytes, allowed are {allowed}")]
    TooLarge {
        /// Bytes submitted.
        size: u64,
        /// The bound.
        allowed: u64,
    },
    /// A broadcast to more subscribers than can be queued and called at once. A larger pool could take it, but
    /// none is ordered for a sender that waits: its turn would never come, nor that of those behind it.
    #[error(
        "the topic has too many subscribers: {subscribers}, allowed are {allowed} \
         (max_queue_size, and the slots of the workers wanted)"
    )]
    TooManySubscribers {
        /// Who subscribes.
        subscribers: u64,
        /// The bound for this lane, and the slots of the workers that are wanted now.
        allowed: u64,
    },
    /// The broker takes nothing new from outside.
    #[error("the broker is shutting down")]
    ShuttingDown,
    /// There is no such agent, or no longer.
    #[error("agent {} is not registered", .0.0)]
    UnknownAgent(AgentId),
    /// A broadcast to a topic to which no agent subscribes.
    #[error("nobody subscribes to the topic")]
    NoSubscribers,
}

impl Refusal {
    /// Whether waiting may help: the queue was full.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::OverBytes { .. })
    }
}

/// What may be queued besides the bound, if anything.
fn besides(startable: u64) -> String {
    match startable {
        0 => String::new(),
        _ => format!(", and {startable} that free slots can start at once"),
    }
}

/// The lease is stale: its call was settled, timed out, or lost. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call's lease is no longer valid")]
pub struct LateSettle;

/// An agent that cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddAgentError {
    /// The name is taken.
    #[error("agent {0:?} is registered already")]
    NameTaken(String),
    /// Its configuration has faults.
    #[error("agent {name:?}: {faults}")]
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong with it.
        faults: ConfigError,
    },
}

/// A number of workers that the bounds do not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("workers is {workers}, allowed are {least} to {most} (min_workers, max_workers)")]
pub struct PinError {
    /// What was asked for.
    pub workers: u32,
    /// The fewest.
    pub least: u32,
    /// The most.
    pub most: u32,
}

/// A configuration that changes what stays as it is while the broker runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {found}, allowed is {allowed}: {remedy}")]
pub struct ReconfigureError {
    /// The setting.
    pub field: &'static str,
    /// What the new configuration says.
    pub found: String,
    /// What is in force.
    pub allowed: String,
    /// What to do instead.
    pub remedy: &'static str,
}

/// An agent's configuration that cannot be put in place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReconfigureAgentError {
    /// There is no such agent, or no longer.
    #[error("agent {} is not registered", .0.0)]
    UnknownAgent(AgentId),
    /// An agent keeps its name.
    #[error("name is {found:?}, allowed is {allowed:?}: register another agent")]
    Name {
        /// What the new configuration says.
        found: String,
        /// The agent's name.
        allowed: String,
    },
}
