//! What happened, in order: core's only output besides calls to start.
//!
//! Measure folds these into figures, the shell into replies, logs and metrics. One event per
//! fact, each with its time; nothing here is needed to drive the broker. A [`Listener`] hears
//! them as they happen, an [`EventQueue`] keeps them until they are polled.

use std::collections::VecDeque;

use ebbtide_policies::decision::Decision;
use ebbtide_policies::observation::{BreakerState, Observation, Setting};
use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::history::History;
use crate::message::{AgentId, ClassId, Kind, Lane, LeaseId, MessageId, Outcome, WorkerId};

/// Something that happened at `at`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<M> {
    /// When.
    pub at: Time,
    /// What.
    pub what: What<M>,
}

/// Hears each event as it happens, in order. It is called in the midst of the broker's work:
/// what it wants of the broker it asks for later.
pub trait Listener<M> {
    /// `event` has happened.
    fn hear(&mut self, event: Event<M>);
}

/// Keeps events until they are asked for.
#[derive(Clone, Debug)]
pub struct EventQueue<M>(VecDeque<Event<M>>);

impl<M> EventQueue<M> {
    /// Takes out the first event.
    pub(crate) fn next(&mut self) -> Option<Event<M>> {
        self.0.pop_front()
    }
}

impl<M> Default for EventQueue<M> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<M> Listener<M> for EventQueue<M> {
    fn hear(&mut self, event: Event<M>) {
        self.0.push_back(event);
    }
}

/// Where a message belongs in the books: figures are kept by agent, lane and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Its agent.
    pub agent: AgentId,
    /// Its lane.
    pub lane: Lane,
    /// Its class.
    pub class: ClassId,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What<M> {
    /// A message was refused; its sender has it back.
    Refused {
        /// Its books.
        account: Account,
        /// When its sender asked.
        sent: Time,
    },
    /// A message was accepted, and is waiting, or delayed until `due`.
    Accepted {
        /// The message.
        message: MessageId,
        /// Its books.
        account: Account,
        /// When its sender asked.
        sent: Time,
        /// When it may first be taken; after the event's time: it is delayed.
        due: Time,
    },
    /// A delayed message became due: it is waiting.
    Due {
        /// The message.
        message: MessageId,
        /// Its books.
        account: Account,
    },
    /// A message left the queue in a call. Comes before its call's [`What::Started`].
    Taken {
        /// The message.
        message: MessageId,
        /// Its books.
        account: Account,
        /// When its sender asked.
        sent: Time,
        /// Whether this is its first call: its wait ends here.
        first: bool,
    },
    /// A call started.
    Started {
        /// Its lease.
        lease: LeaseId,
        /// Whom it calls.
        agent: AgentId,
        /// In whose slot.
        worker: WorkerId,
        /// Messages it carries.
        size: u32,
    },
    /// A call's result counts no longer or was handed in: settled, lost or abandoned. Its
    /// slot is free from [`What::SlotFreed`] on.
    Ended {
        /// Its lease.
        lease: LeaseId,
        /// Whom it called.
        agent: AgentId,
        /// When it started.
        started: Time,
        /// Messages it carried at its start.
        size: u32,
        /// How it ended.
        how: CallEnd,
    },
    /// A call's slot and its place at the agent are free again.
    SlotFreed {
        /// Whose slot.
        worker: WorkerId,
        /// Whose place.
        agent: AgentId,
    },
    /// A message in a call goes back: to be tried again (delayed until `due`, or waiting if
    /// that is now).
    Requeued {
        /// The message.
        message: MessageId,
        /// Its books.
        account: Account,
        /// When it may be taken again.
        due: Time,
        /// What sent it back.
        why: Requeue,
        /// Attempts it has spent.
        attempts: u32,
    },
    /// What a message weighs that is about to be dead-lettered, for whoever sends it again.
    /// Comes before its [`What::History`] and [`What::Finished`].
    GivenUp {
        /// The message.
        message: MessageId,
        /// Its bytes.
        size: u32,
        /// Its units.
        units: u32,
        /// Its ordering key.
        ordering_key: Option<u64>,
    },
    /// What went wrong with a message that is about to have its outcome, whichever that is.
    /// Comes right before its [`What::Finished`]; a message that was never set back has none.
    History {
        /// The message.
        message: MessageId,
        /// What went wrong.
        history: Box<History>,
    },
    /// A message has its outcome; its payload leaves core.
    Finished {
        /// The message; the name is stale from here on.
        message: MessageId,
        /// What its sender expects back.
        kind: Kind,
        /// Its books.
        account: Account,
        /// When its sender asked.
        sent: Time,
        /// When its first call started, and its wait was over; [`None`]: it had none.
        started: Option<Time>,
        /// Its outcome.
        outcome: Outcome,
        /// Where it was until now.
        was: Whereabouts,
        /// Attempts it spent.
        attempts: u32,
        /// The message itself.
        payload: M,
    },
    /// A settle or an extension came for a lease that is no more; nothing was changed.
    LateSettle {
        /// The stale lease.
        lease: LeaseId,
    },
    /// The handler of this call works for nobody: tell it, then drop it.
    Abandoned {
        /// The call's lease; stale already.
        lease: LeaseId,
        /// In whose slot it still is.
        worker: WorkerId,
    },
    /// A worker changed its state.
    Worker {
        /// Which.
        worker: WorkerId,
        /// Its new state.
        state: WorkerChange,
    },
    /// An agent's circuit breaker changed its state.
    Breaker {
        /// Whose.
        agent: AgentId,
        /// Its new state.
        state: BreakerState,
    },
    /// An agent was paused, until then ([`Time::MAX`]: until resumed).
    Paused {
        /// Which.
        agent: AgentId,
        /// Until when.
        until: Time,
    },
    /// A paused agent is called again.
    Resumed {
        /// Which.
        agent: AgentId,
    },
    /// A lane was paused, until then ([`Time::MAX`]: until resumed).
    LanePaused {
        /// Which.
        lane: Lane,
        /// Until when.
        until: Time,
    },
    /// A paused lane is taken from again.
    LaneResumed {
        /// Which.
        lane: Lane,
    },
    /// The queue rose above its warning threshold, or fell below it again.
    QueueWarning {
        /// Above or below.
        above: bool,
        /// Waiting plus delayed.
        queued: u64,
    },
    /// The control tick ran.
    Decided(Box<DecisionRecord>),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// Settled; at least one message was delivered.
    Succeeded,
    /// Settled; nothing was delivered and something failed, or the handler panicked.
    Failed,
    /// Settled; nothing was delivered, nothing failed (429, snooze, reject, discard).
    Declined,
    /// Its lease ran out.
    TimedOut,
    /// Its worker was lost.
    WorkerLost,
    /// Every message it carried had its outcome before, the last by its deadline.
    Expired,
    /// Every message it carried had its outcome before, the last since its sender had gone, or
    /// by shutdown.
    Abandoned,
}

/// What sent a message from a call back to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// A failed attempt.
    Retry,
    /// The handler said "not now".
    Snooze,
    /// The agent said "too many requests".
    RateLimited,
    /// A failed probe of a half-open breaker: to its lane's tail, no attempt spent.
    Probe,
    /// Its worker was lost.
    WorkerLost,
}

/// Where a message was when its outcome came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Due, no call under way.
    Waiting,
    /// Delayed for a retry or a schedule.
    Delayed,
    /// In a call.
    Leased,
}

/// A worker's new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerChange {
    /// Ordered: the shell starts it and reports it ready.
    Starting,
    /// Able to take.
    Ready,
    /// Finishing what it holds.
    Draining,
    /// Gone: drained, cancelled before it was ready, or lost.
    Gone,
}

/// A control decision with what led to it, as it is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Ticks before this one.
    pub number: u64,
    /// When it was made.
    pub at: Time,
    /// The policy that made it.
    pub policy: String,
    /// What the policy saw; absent unless the decision log is on.
    pub observation: Option<Observation>,
    /// What it asked for, and why.
    pub decision: Decision,
    /// The setting before.
    pub before: Setting,
    /// The setting from here on: what the governor let through, unless it was withheld.
    pub applied: Setting,
    /// Until when growth is unaffected but shrinking waits; zero if it does not.
    pub cool_down: Duration,
    /// What the governor let through and was not applied, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// A setting that a policy asked for, that the governor let through, and that the user's own
/// word kept from being applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// What kept it.
    pub by: Withholding,
    /// What would have been applied.
    pub setting: Setting,
}

/// What keeps decisions from being applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withholding {
    /// A dry run: nothing is applied.
    DryRun,
    /// The number of workers is pinned; batch size and timeout are applied.
    Pinned,
}
