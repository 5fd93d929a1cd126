//! Shutdown: nothing new from outside enters, what is there gets the time it was given, what
//! is left goes back to its senders.

use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::event::Listener;
use crate::message::Outcome;
use crate::state::{BrokerState, Wake};

/// Whether the broker is shutting down, and until when it may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shutdown {
    #[default]
    Off,
    On {
        limit: Time,
    },
    Over,
}

impl Shutdown {
    pub(crate) fn is_on(self) -> bool {
        self != Self::Off
    }

    /// Whether a submission is refused; nested ones of accepted messages still enter.
    pub(crate) fn refuses(self, nested: bool) -> bool {
        match self {
            Self::Off => false,
            Self::On { .. } => !nested,
            Self::Over => true,
        }
    }

    /// When what is left is returned.
    pub(crate) fn limit(self) -> Option<Time> {
        match self {
            Self::On { limit } => Some(limit),
            Self::Off | Self::Over => None,
        }
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Shuts down `within` this long: nothing new from outside enters, open batches close.
    /// At the limit calls are interrupted and what is left is returned. The shell is through
    /// when [`is_idle`](Self::is_idle) says so. A second call may only shorten the time.
    pub fn shutdown(&mut self, now: Time, within: Duration) {
        self.disturb(now);
        if self.shutdown == Shutdown::Over {
            return;
        }
        let limit = (self.now + within).min(self.shutdown.limit().unwrap_or(Time::MAX));
        self.shutdown = Shutdown::On { limit };
        self.timers.sooner(limit, Wake::Shutdown);
    }

    /// The limit: every message without an outcome is returned.
    pub(crate) fn return_all(&mut self) {
        self.shutdown = Shutdown::Over;
        let left: Vec<u32> = self.messages.iter().map(|(index, _)| index).collect();
        for index in left {
            self.finish(index, Outcome::Returned);
        }
    }
}
