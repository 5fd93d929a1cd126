//! What a shutdown leaves behind.

use ebbtide_core::Books;
use ebbtide_core::message::{DeadReason, Outcome};
use ebbtide_policies::units::Duration;

/// Why a broker closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// It was shut down, or its last handle was dropped, or its runtime ended.
    ShutDown,
    /// More workers were lost than its [`RestartLimit`](crate::RestartLimit) bears.
    RestartLimit {
        /// Workers lost within the limit's time.
        lost: u32,
    },
}

/// What became of the messages that a shutdown found, and of the handlers' own since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Messages delivered in the time that was left.
    pub delivered: u64,
    /// Messages that ended otherwise: rejected, discarded, expired, cancelled.
    pub ended_otherwise: u64,
    /// Messages dead-lettered.
    pub dead_lettered: u64,
    /// Messages returned to their senders at the limit.
    pub returned: u64,
    /// How long it took.
    pub took: Duration,
    /// Workers whose handlers block their thread still.
    pub still_working: usize,
    /// Whether decision log and journal, as far as they are kept, were written to their end.
    pub files_whole: bool,
}

impl ShutdownReport {
    /// What became of messages; handlers and files are for the caller to fill in.
    pub(crate) fn new(before: &Books, after: &Books, took: Duration) -> Self {
        let since = |outcome: Outcome| {
            let at = outcome.index();
            after.outcomes[at] - before.outcomes[at]
        };
        let delivered = since(Outcome::Delivered);
        let dead_lettered = since(Outcome::DeadLettered(DeadReason::AttemptsSpent));
        let returned = since(Outcome::Returned);
        let finished = after.finished() - before.finished();
        Self {
            delivered,
            ended_otherwise: finished - delivered - dead_lettered - returned,
            dead_lettered,
            returned,
            took,
            still_working: 0,
            files_whole: true,
        }
    }
}
