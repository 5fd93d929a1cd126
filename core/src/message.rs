//! Messages as core knows them: where they go, how urgent they are, how they may end.

use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Names an accepted message for as long as it lives; stale once it has its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl MessageId {
    /// The name as a number, for whoever keeps it in an atomic; never [`u64::MAX`].
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// The name that [`to_bits`](Self::to_bits) made a number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// Names an agent; never used again after the agent was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentId(pub u32);

/// Names a worker; never used again once it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId(pub u32);

/// The right to settle one call; stale once the call was settled or its lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId {
    pub(crate) slot: u32,
    pub(crate) epoch: u32,
}

impl LeaseId {
    /// A small number that no other open lease has: an index for what a shell keeps by call.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.slot
    }
}

/// A kind of message, for accounting only: core never reads it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ClassId(pub u16);

/// A priority level of the queue, highest first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// May use the reserve beyond the queue's bound.
    Critical,
    /// Before normal work.
    High,
    /// The default.
    #[default]
    Normal,
    /// After normal work.
    Low,
    /// Whenever there is nothing else.
    Bulk,
}

impl Lane {
    /// All lanes, highest first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Normal,
        Self::Low,
        Self::Bulk,
    ];

    /// 0 for the highest lane.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The lane's name, as configuration and reports have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Bulk => "bulk",
        }
    }
}

/// What the sender expects back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A reply or an error.
    #[default]
    Request,
    /// Nothing.
    Event,
    /// Nothing; one of a broadcast's messages.
    Broadcast,
}

/// A message on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission<M> {
    /// Who handles it.
    pub agent: AgentId,
    /// What the sender expects back.
    pub kind: Kind,
    /// How urgent it is.
    pub lane: Lane,
    /// Its kind for accounting.
    pub class: ClassId,
    /// When the sender asked: not after now. Waits and sojourns count from here.
    pub sent: Time,
    /// Not to be delivered before; `None`: at once.
    pub due: Option<Time>,
    /// Worth nothing after; `None`: never expires.
    pub deadline: Option<Time>,
    /// Messages to the same agent with the same key are delivered one after another.
    pub ordering_key: Option<u64>,
    /// Bytes it occupies in the queue.
    pub size: u32,
    /// What it weighs for the agent's unit rate limit.
    pub units: u32,
    /// The message's own random word: it seeds the jitter of its retries.
    pub luck: u64,
    /// Sent by a handler on behalf of a message accepted earlier: enters during a shutdown.
    pub nested: bool,
    /// The message itself; core never looks inside.
    pub payload: M,
}

impl<M> Submission<M> {
    /// A request to `agent`, sent at `sent`, with every other field at its default.
    pub fn new(agent: AgentId, sent: Time, payload: M) -> Self {
        Self {
            agent,
            kind: Kind::Request,
            lane: Lane::Normal,
            class: ClassId(0),
            sent,
            due: None,
            deadline: None,
            ordering_key: None,
            size: 0,
            units: 0,
            luck: 0,
            nested: false,
            payload,
        }
    }
}

impl<M> Submission<M> {
    /// What core is told of the message, and the message.
    #[inline(always)]
    pub fn open(self) -> (Submission<()>, M) {
        self.swap(())
    }

    /// The same of another message, and this one.
    #[inline(always)]
    fn swap<N>(self, payload: N) -> (Submission<N>, M) {
        let swapped = Submission {
            agent: self.agent,
            kind: self.kind,
            lane: self.lane,
            class: self.class,
            sent: self.sent,
            due: self.due,
            deadline: self.deadline,
            ordering_key: self.ordering_key,
            size: self.size,
            units: self.units,
            luck: self.luck,
            nested: self.nested,
            payload,
        };
        (swapped, self.payload)
    }
}

impl Submission<()> {
    /// The same of this message.
    #[inline(always)]
    #[must_use]
    pub fn around<M>(self, payload: M) -> Submission<M> {
        self.swap(payload).0
    }
}

/// How a message ended: exactly one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Handled.
    Delivered,
    /// The handler refused it.
    Rejected,
    /// The handler dropped it.
    Discarded,
    /// Its deadline passed.
    Expired,
    /// Its sender has gone.
    Cancelled,
    /// Given up, with a reason.
    DeadLettered(DeadReason),
    /// Back to its sender or store at shutdown.
    Returned,
}

impl Outcome {
    /// The outcome's name, as reports have it; all dead letters share one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Discarded => "discarded",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::DeadLettered(_) => "dead_lettered",
            Self::Returned => "returned",
        }
    }
}

/// Why a message was dead-lettered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// Every attempt failed.
    AttemptsSpent,
    /// The retry budget had nothing left.
    RetryBudgetSpent,
    /// The fifth worker was lost under it.
    WorkersLost,
    /// Its agent's breaker was open, and the agent is set to fail fast.
    BreakerOpen,
    /// Its agent was removed.
    AgentRemoved,
}

/// What a call did with one message, as its handler says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Handled.
    Delivered,
    /// Refused for good: the sender hears it.
    Rejected,
    /// Dropped for good, on purpose.
    Discarded,
    /// Failed; spends an attempt.
    Failed,
    /// Not now, at this time, and not within the next millisecond; spends none.
    Snoozed(Time),
    /// Too many requests: keeps its place, spends none, and pauses the whole agent for this long, a
    /// millisecond at least (the first retry backoff if the agent did not say).
    RateLimited(Option<Duration>),
}

/// What ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement<'a> {
    /// The same verdict for each message of the call.
    All(Verdict),
    /// One verdict for each message, in the order of the call.
    Each(&'a [Verdict]),
    /// The handler panicked: every message failed.
    Panicked,
}

/// A call to start now, in a slot of `worker`, under `lease`. Its messages are
/// [`BrokerState::messages_of`](crate::BrokerState::messages_of) the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The right to settle it.
    pub lease: LeaseId,
    /// Whom to call.
    pub agent: AgentId,
    /// Which of the agent's replicas.
    pub replica: u32,
    /// In whose slot.
    pub worker: WorkerId,
    /// How many messages it carries.
    pub size: u32,
    /// The first of them.
    pub first: MessageId,
    /// The agent's calls in flight, this one included.
    pub in_flight: u32,
    /// When its lease ends unless extended.
    pub expires: Time,
}
