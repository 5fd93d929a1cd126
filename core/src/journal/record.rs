//! What a journal consists of, record by record.

use std::borrow::Cow;

use ebbtide_policies::units::Duration;
use serde::{Deserialize, Serialize};

use super::input::Input;
use crate::account::Books;

/// Version of the records and their encoding; a reader refuses others, since snapshots are laid out
/// as the broker's state is. 2: agents that are gone are known. 3: what stands behind its key is counted,
/// and late calls. 4: calls under way in the order of their starts.
pub const FORMAT_VERSION: u16 = 4;

/// One record. A journal is a [`Header`](Record::Header), then inputs, each followed by the
/// decisions that it brought about; the numbers are [postcard](https://postcard.jamesmunns.com)'s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Record<'a> {
    /// The first record: what core was built from.
    Header(Header),
    /// A call into core.
    Input {
        /// Time since the call before.
        after: Duration,
        /// The call.
        input: Input<'a>,
    },
    /// A control decision with its observation, as the broker logged it: a
    /// [`DecisionRecord`](crate::event::DecisionRecord) in JSON.
    Decision(Cow<'a, str>),
    /// The writer has no room: from here to [`Resume`](Record::Resume) only decisions are kept.
    Gap,
    /// Core's state after a gap; inputs follow again.
    Resume {
        /// What the gap swallowed.
        lost: Lost,
        /// The state.
        state: Cow<'a, [u8]>,
    },
    /// The journal was closed in good order.
    End {
        /// What was lost since the last input, if it was closed within a gap.
        lost: Lost,
        /// The books then.
        books: Books,
    },
}

/// What core was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The engine that wrote the journal.
    pub engine_version: String,
    /// The broker's configuration, in JSON.
    pub config: String,
    /// The policy's name, its parameters included.
    pub policy: String,
}

/// What a gap swallowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Inputs.
    pub inputs: u64,
    /// Decisions: the policy cannot be rebuilt without them.
    pub decisions: u64,
}

impl Record<'_> {
    /// The record as a journal has it, without its frame.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// Appends the record to `chunk`.
    pub(super) fn write(&self, chunk: &mut Vec<u8>) {
        let written = postcard::to_io(self, chunk);
        written.expect("records have no maps or texts of unknown length, and memory takes them");
    }
}
