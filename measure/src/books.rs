//! Counts and figures of a whole run and again by agent, lane and class: the shape that one
//! run and the results over all replications share.

use std::collections::BTreeMap;

use ebbtide_core::message::Outcome;
use serde::{Deserialize, Serialize};

use crate::figures::Figures;
use crate::metric::Metric;

/// A whole run, and its parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Books<T> {
    /// All messages.
    #[serde(flatten)]
    pub total: Group<T>,
    /// By agent's name.
    pub by_agent: BTreeMap<String, Group<T>>,
    /// By lane's name.
    pub by_lane: BTreeMap<String, Group<T>>,
    /// By class's name.
    pub by_class: BTreeMap<String, Group<T>>,
}

/// One group of messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group<T> {
    /// Counts over the whole run, warm-up and tail included.
    #[serde(flatten)]
    pub counts: Counts,
    /// Figures over the window.
    #[serde(flatten)]
    pub figures: Figures<T>,
}

/// Messages of whole runs, warm-up and tail included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Accepted.
    pub accepted: u64,
    /// How the accepted ended; sums to `accepted`.
    pub outcomes: Outcomes,
    /// Refused.
    pub refused: u64,
    /// Neither: their sender was blocked by a full queue until the end of the run.
    pub blocked: u64,
}

/// Messages by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`Outcome` documents each under the same name")]
pub struct Outcomes {
    pub delivered: u64,
    pub rejected: u64,
    pub discarded: u64,
    pub expired: u64,
    pub cancelled: u64,
    pub dead_lettered: u64,
    pub returned: u64,
    /// Accepted, and without an outcome when the run ended.
    pub unfinished: u64,
}

impl Outcomes {
    /// Counts one message's outcome.
    pub const fn count(&mut self, outcome: Outcome) {
        *self.of(outcome) += 1;
    }

    const fn of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Discarded => &mut self.discarded,
            Outcome::Expired => &mut self.expired,
            Outcome::Cancelled => &mut self.cancelled,
            Outcome::DeadLettered(_) => &mut self.dead_lettered,
            Outcome::Returned => &mut self.returned,
        }
    }

    /// Each with its name, in the order of the JSON.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("delivered", self.delivered),
            ("rejected", self.rejected),
            ("discarded", self.discarded),
            ("expired", self.expired),
            ("cancelled", self.cancelled),
            ("dead_lettered", self.dead_lettered),
            ("returned", self.returned),
            ("unfinished", self.unfinished),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.named().iter().map(|(_, count)| count).sum()
    }

    /// Adds `other` to each.
    pub const fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.rejected += other.rejected;
        self.discarded += other.discarded;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
        self.dead_lettered += other.dead_lettered;
        self.returned += other.returned;
        self.unfinished += other.unfinished;
    }
}

impl Counts {
    /// Adds `other` to each.
    pub const fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.outcomes.add(&other.outcomes);
        self.refused += other.refused;
        self.blocked += other.blocked;
    }
}

/// Which part of the books is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All messages.
    #[default]
    Total,
    /// Those of one agent.
    Agent(String),
    /// Those of one lane.
    Lane(String),
    /// Those of one class.
    Class(String),
}

impl<T> Books<T> {
    /// The part that `scope` names; `None` if there is no agent, lane or class of that name.
    pub fn group(&self, scope: &Scope) -> Option<&Group<T>> {
        match scope {
            Scope::Total => Some(&self.total),
            Scope::Agent(name) => self.by_agent.get(name),
            Scope::Lane(name) => self.by_lane.get(name),
            Scope::Class(name) => self.by_class.get(name),
        }
    }

    /// The figure `metric` of the part `scope`; `None` if there is no such part or the figure
    /// does not apply to it.
    pub fn figure(&self, scope: &Scope, metric: Metric) -> Option<&T> {
        self.group(scope)?.figures.get(metric)
    }
}
