//! A message inside core: what was submitted, and what has become of it so far.

use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::event::{Account, Whereabouts};
use crate::lanes::Rank;
use crate::message::Kind;

/// One accepted message without an outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = "M: Default"))]
pub(crate) struct Message<M> {
    pub(crate) account: Account,
    pub(crate) kind: Kind,
    pub(crate) sent: Time,
    /// When it became, or becomes, due; a retry's is that of its retry.
    pub(crate) due: Time,
    /// Its order among messages due at one instant.
    pub(crate) turn: u64,
    /// [`Time::MAX`]: none.
    pub(crate) deadline: Time,
    pub(crate) ordering_key: Option<u64>,
    pub(crate) luck: u64,
    pub(crate) size: u32,
    pub(crate) units: u32,
    pub(crate) attempts: u32,
    pub(crate) snoozes: u32,
    pub(crate) workers_lost: u32,
    /// Calls for it that have started.
    pub(crate) calls: u32,
    /// When the first of them did: its wait was over then. [`Time::MAX`]: none has.
    pub(crate) started: Time,
    /// Whether its ordering key, if it has one, is its own.
    pub(crate) holds_key: bool,
    pub(crate) place: Place,
    /// The one before in its lane's list; of the first it means nothing.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    #[serde(skip)]
    pub(crate) payload: M,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// Waiting, in its lane's list.
    Listed,
    /// Waiting, beside its lane's list, since it came out of order.
    Sorted,
    /// Waiting behind another message with its ordering key.
    Behind,
    /// Delayed until its due time.
    Delayed,
    /// In the call of this lease slot.
    Leased(u32),
}

/// Where a message stands in its queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) rank: Rank,
    pub(crate) place: Place,
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

impl<M> Message<M> {
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            rank: self.rank(),
            place: self.place,
            previous: self.previous,
            next: self.next,
        }
    }

    pub(crate) fn rank(&self) -> Rank {
        (self.due, self.turn)
    }

    pub(crate) fn whereabouts(&self) -> Whereabouts {
        match self.place {
            Place::Listed | Place::Sorted | Place::Behind => Whereabouts::Waiting,
            Place::Delayed => Whereabouts::Delayed,
            Place::Leased(_) => Whereabouts::Leased,
        }
    }
}
