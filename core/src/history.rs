//! What went wrong with a message before its outcome, for whoever looks at dead letters.
//!
//! Kept beside the messages, since most of them have none: a message whose first call delivers
//! it never gets here.

use std::collections::BTreeMap;

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::event::{Listener, What};
use crate::state::BrokerState;

/// Setbacks kept of one message.
const MOST_SETBACKS: usize = 16;

/// What came of a message's calls until its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Calls that started.
    pub calls: u32,
    /// Attempts that it spent.
    pub attempts: u32,
    /// How often its handler said "not now".
    pub snoozes: u32,
    /// Workers that were lost under it.
    pub workers_lost: u32,
    /// The last 16 setbacks, in order.
    pub setbacks: Vec<Setback>,
    /// Earlier setbacks, no longer kept.
    pub forgotten: u32,
}

/// A call after which a message had to be tried again, or was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// When the call started.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// How.
    pub how: SetbackKind,
    /// Whether it spent an attempt; a failed probe spends none.
    pub spent_attempt: bool,
}

/// How a call set a message back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SetbackKind {
    /// The handler said that it failed.
    Failed,
    /// The handler panicked.
    Panicked,
    /// The call's lease ran out.
    TimedOut,
    /// The call's worker was lost.
    WorkerLost,
    /// The handler said "not now".
    Snoozed,
    /// The agent said "too many requests".
    RateLimited,
}

impl SetbackKind {
    const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Panicked | Self::TimedOut)
    }
}

/// The histories of messages that have one and no outcome, by their index.
pub(crate) type Histories = BTreeMap<u32, History>;

impl History {
    fn push(&mut self, setback: Setback) {
        if self.setbacks.len() == MOST_SETBACKS {
            self.setbacks.remove(0);
            self.forgotten += 1;
        }
        self.setbacks.push(setback);
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// The call of lease `slot` has set a message back.
    #[cold]
    pub(crate) fn set_back(&mut self, index: u32, slot: u32, how: SetbackKind) {
        let lease = &self.leases[slot];
        let setback = Setback {
            started: lease.started,
            ended: self.now,
            how,
            spent_attempt: how.is_failure() && !lease.probe,
        };
        self.histories.entry(index).or_default().push(setback);
    }

    /// Says what a message weighs that is about to be dead-lettered.
    #[cold]
    pub(crate) fn tell_weight(&mut self, index: u32) {
        let message = self.id(index);
        let dead = &self.messages[index];
        let (size, units, ordering_key) = (dead.size, dead.units, dead.ordering_key);
        self.emit(What::GivenUp {
            message,
            size,
            units,
            ordering_key,
        });
    }

    /// Hands out the history of a message that is about to have its outcome, if it has one.
    #[cold]
    pub(crate) fn tell_history(&mut self, index: u32) {
        let Some(history) = self.histories.remove(&index) else {
            return;
        };
        let message = &self.messages[index];
        let history = Box::new(History {
            calls: message.calls,
            attempts: message.attempts,
            snoozes: message.snoozes,
            workers_lost: message.workers_lost,
            ..history
        });
        let message = self.id(index);
        self.emit(What::History { message, history });
    }
}
