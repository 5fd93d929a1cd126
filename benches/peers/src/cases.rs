//! What is run: the cases, their names, and what all peers have in common.

use std::time::Duration;

/// Messages that may wait in a queue or mailbox.
pub const BOUND: usize = 1024;

/// How long the agent of [`Case::Callers`] takes.
pub const NAP: Duration = Duration::from_millis(50);

/// A message of 64 bytes; all words are its number.
pub type Payload = [u64; 8];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Messages without a reply, from so many producers to so many consumers.
    Tell {
        /// Tasks that send.
        producers: u64,
        /// Actors, workers or tasks that receive.
        consumers: u32,
    },
    /// Requests with a reply, by so many callers with one each in flight.
    Ask {
        /// Tasks that ask.
        in_flight: u64,
    },
    /// Callers of an agent that sleeps for [`NAP`] before it replies.
    Callers {
        /// Tasks that ask.
        callers: u64,
    },
}

impl Case {
    /// Tasks that send or ask.
    #[must_use]
    pub fn senders(self) -> u64 {
        match self {
            Self::Tell { producers, .. } => producers,
            Self::Ask { in_flight } => in_flight,
            Self::Callers { callers } => callers,
        }
    }

    /// As many of `messages` as senders can share evenly, at least one each.
    #[must_use]
    pub fn evenly(self, messages: u64) -> u64 {
        (messages / self.senders()).max(1) * self.senders()
    }

    /// The sum of all numbers carried, if every message arrives exactly once.
    #[must_use]
    pub fn sum(self, messages: u64) -> u64 {
        let each = messages / self.senders();
        self.senders() * (each * (each - 1) / 2)
    }
}

/// All of them, as tables and command lines name them.
pub const CASES: &[(&str, Case)] = &[
    ("tell 1→1", tell(1, 1)),
    ("tell 1→5", tell(1, 5)),
    ("tell 1→10", tell(1, 10)),
    ("tell 8→1", tell(8, 1)),
    ("tell 8→5", tell(8, 5)),
    ("tell 8→10", tell(8, 10)),
    ("ask 1", Case::Ask { in_flight: 1 }),
    ("ask 50", Case::Ask { in_flight: 50 }),
    ("ask 1000", Case::Ask { in_flight: 1000 }),
    ("callers 50", Case::Callers { callers: 50 }),
];

const fn tell(producers: u64, consumers: u32) -> Case {
    Case::Tell {
        producers,
        consumers,
    }
}
