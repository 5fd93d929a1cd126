//! The suite: the scenarios that policies are ranked on, in two halves.
//!
//! Policies and rivals are tuned on the one; the other is looked at only when a version is finished. The files are
//! built in from `scenarios/arena/`, each with a line on what a perfect controller would do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::shipped::{Shipped, shipped};

/// A half of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// Seen while tuning.
    Tuned,
    /// Not seen while tuning.
    Untuned,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tuned => "tuned",
            Self::Untuned => "untuned",
        })
    }
}

/// What is seen while tuning.
pub const TUNED: &[Shipped] = shipped![
    "scenarios/arena/tuned":
    "constant-30",
    "constant-90",
    "sparse",
    "step-5",
    "ramp-up",
    "markov-bursts",
    "flash-crowd",
    "heavy-lognormal",
    "batch-efficient",
    "hosted-calls",
    "concurrency-limit",
    "rate-limit-declared",
    "agent-brown-out",
    "drift",
    "closed-callers",
    "trace-balancer",
    "trace-functions",
    "trace-llm-chat",
    "trace-long-context",
    "trace-queue",
    "trace-taxi",
];

/// What is not.
pub const UNTUNED: &[Shipped] = shipped![
    "scenarios/arena/untuned":
    "constant-70",
    "step-2",
    "step-20",
    "ramp-valley",
    "daily-wave",
    "boundary-noise",
    "heavy-pareto",
    "batch-neutral",
    "retrograde",
    "rate-limit-hidden",
    "outage",
    "slow-start",
    "mixed-deadlines",
    "llm-waves",
    "trace-http",
    "trace-latency",
    "trace-llm-clients",
    "trace-llm-code",
    "trace-tweets",
    "trace-worldcup",
];

/// The whole suite, the tuned half first.
pub fn all() -> impl Iterator<Item = (Half, &'static Shipped)> {
    let tuned = TUNED.iter().map(|it| (Half::Tuned, it));
    tuned.chain(UNTUNED.iter().map(|it| (Half::Untuned, it)))
}

/// The half that the scenario of this name belongs to; `None` if it is not of the suite.
#[must_use]
pub fn half_of(name: &str) -> Option<Half> {
    all().find(|(_, it)| it.name == name).map(|(half, _)| half)
}
