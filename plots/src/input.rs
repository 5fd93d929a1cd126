//! What figures and the report are made from: results, the course of each policy's first
//! replication, and what only the caller knows.

use ebbtide_measure::{Report, RunDetail};

/// Everything that a report shows.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// The results of all policies.
    pub results: &'a Report,
    /// The course of time, for policies that have one; in the order of the results.
    pub courses: &'a [Course<'a>],
    /// What the scenario says about itself; may be empty.
    pub note: &'a str,
    /// The sentence that says what a person wanted to know; may be empty.
    pub headline: &'a str,
    /// The command that makes the same results again; may be empty.
    pub command: &'a str,
    /// What a reader must know before trusting the figures, a sentence each.
    pub warnings: &'a [String],
}

/// The course of one policy's first replication.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The policy, as the results name it.
    pub policy: &'a str,
    /// What happened when.
    pub detail: &'a RunDetail,
}

impl ReportInput<'_> {
    /// Whether policies must be told apart.
    pub(crate) fn compares(&self) -> bool {
        self.results.policies.len() > 1
    }
}
