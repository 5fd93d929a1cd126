//! [`BrokerState`]: the broker's truth, and how its time passes.
//!
//! What may be done to it is in a file per verb (`submit.rs`, `take.rs`, `settle.rs`,
//! `advance.rs`); what it is made of in a file per thing.

use std::collections::BTreeMap;

use ebbtide_policies::Policy;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::Time;
use serde::{Deserialize, Serialize};

use crate::account::{Books, Tally};
use crate::config::{BrokerConfig, Checked};
use crate::control::Control;
use crate::event::{Event, EventQueue, Listener, What};
use crate::history::Histories;
use crate::lanes::Lanes;
use crate::leases::Leases;
use crate::message::{AgentId, LeaseId, MessageId, WorkerId};
use crate::messages::Message;
use crate::queue::WarningLevels;
use crate::retry::Retries;
use crate::roster::Roster;
use crate::shutdown::Shutdown;
use crate::table::Table;
use crate::timers::TimerQueue;
use crate::workers::{WorkerState, Workers};

/// The broker as a state machine: everything that is true of its messages, agents, workers.
///
/// It owns neither clock nor I/O. A shell calls in with `now` (which never goes back; an
/// earlier one counts as the latest seen), then asks what to do and when to come back:
///
/// 1. report what happened, at one instant in this order: [`settle`](Self::settle) and
///    [`extend`](Self::extend); workers and agents; [`submit`](Self::submit) and
///    [`cancel`](Self::cancel);
/// 2. [`advance`](Self::advance): deadlines pass, leases are lost, the control tick runs;
/// 3. [`take`](Self::take) calls for the workers with free slots, and start them, until a take
///    starts none ([`may_take`](Self::may_take) alone does not say so), or the
///    [next](Self::take_next) in the idlest worker, until there is none;
/// 4. drain [`poll_event`](Self::poll_event), unless a [`Listener`] of yours hears each event
///    as it happens ([`with_listener`](Self::with_listener));
/// 5. come back at [`next_wake`](Self::next_wake), or when something happens.
///
/// The same calls give the same results, byte for byte (invariant 9).
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = "M: Default, L: Default"))]
pub struct BrokerState<M, L = EventQueue<M>> {
    #[serde(with = "crate::journal::as_json")]
    pub(crate) config: Checked<BrokerConfig>,
    pub(crate) now: Time,
    pub(crate) messages: Table<Message<M>>,
    pub(crate) histories: Histories,
    pub(crate) turns: u64,
    pub(crate) agents: Roster,
    /// Agents that are not removed.
    pub(crate) registered: u32,
    pub(crate) topics: BTreeMap<String, Vec<AgentId>>,
    pub(crate) lanes: Lanes,
    pub(crate) workers: Workers,
    pub(crate) leases: Leases,
    pub(crate) retries: Retries,
    pub(crate) control: Control,
    pub(crate) books: Books,
    pub(crate) tally: Tally,
    pub(crate) timers: Timers,
    pub(crate) shutdown: Shutdown,
    pub(crate) warnings: WarningLevels,
    #[serde(skip)]
    pub(crate) listener: L,
}

/// Everything that is due at a time, the ticks apart.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Timers {
    pub(crate) delayed: TimerQueue<MessageId>,
    pub(crate) deadlines: TimerQueue<MessageId>,
    /// No later than the first expiry of an open lease. Most leases end long before theirs, so
    /// there is no timer for each: when this bound is reached, the open ones are looked through.
    pub(crate) leases: Time,
    pub(crate) graces: TimerQueue<LeaseId>,
    /// Agents whose pause or open breaker ends.
    pub(crate) agents: TimerQueue<AgentId>,
    /// No later than the first of all of them and of the ticks. It is earlier when what it was
    /// set for has gone, which costs a wake-up for nothing and saves the search at each call.
    pub(crate) first: (Time, Wake),
}

impl Timers {
    fn starting_with(first: (Time, Wake)) -> Self {
        Self {
            delayed: TimerQueue::default(),
            deadlines: TimerQueue::default(),
            leases: Time::MAX,
            graces: TimerQueue::default(),
            agents: TimerQueue::default(),
            first,
        }
    }
}

/// Why the shell should come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Wake {
    /// A pause (of an agent or a lane), an open breaker or a cancelled handler's grace ends.
    Agent,
    /// A delayed message becomes due.
    Due,
    /// A message's deadline passes.
    Deadline,
    /// A call's lease ends.
    Lease,
    /// A shutdown's time is over.
    Shutdown,
    /// The control tick, or the grid of an early one.
    Tick,
    /// What blocked a waiting message ends: its batch closes, tokens are back.
    Take,
}

impl<M> BrokerState<M> {
    /// A broker at time zero with its initial workers ready and no agents: `config`'s, or as
    /// many as `policy` names ([`BrokerConfig::under`]). What happens is kept until it is
    /// polled.
    #[must_use]
    pub fn new(config: Checked<BrokerConfig>, policy: Box<dyn Policy>) -> Self {
        Self::with_listener(config, policy, EventQueue::default())
    }

    /// What happened since the last call, in order.
    pub fn poll_event(&mut self) -> Option<Event<M>> {
        self.listener.next()
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// As [`new`](BrokerState::new), with a listener that hears each event as it happens: it
    /// costs less than a queue, since what the listener ignores is never made.
    #[must_use]
    pub fn with_listener(
        config: Checked<BrokerConfig>,
        policy: Box<dyn Policy>,
        listener: L,
    ) -> Self {
        let control = Control::new(&config, policy);
        let mut state = Self {
            now: Time::ZERO,
            messages: Table::default(),
            histories: Histories::new(),
            turns: 0,
            agents: Roster::default(),
            registered: 0,
            topics: BTreeMap::new(),
            lanes: Lanes::new(&config),
            workers: Workers::new(config.delivery_parallelism),
            leases: Leases::default(),
            retries: Retries::new(&config),
            books: Books::default(),
            tally: Tally::default(),
            timers: Timers::starting_with((control.first_tick(), Wake::Tick)),
            control,
            warnings: WarningLevels::new(&config),
            shutdown: Shutdown::default(),
            listener,
            config,
        };
        for _ in 0..state.control.setting.workers {
            let worker = state.order_worker();
            state.worker_ready(Time::ZERO, worker);
        }
        state
    }

    /// The setting in force.
    #[must_use]
    pub fn setting(&self) -> Setting {
        self.control.setting
    }

    /// The books.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The latest time it was told.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// Whether there may be a call to take: a ready worker has a free slot, and some message
    /// waits for nothing but its agent. The agent may still be in the way (paused, at a limit,
    /// out of tokens, its breaker or batch open), so that [`take`](Self::take) yields nothing:
    /// a loop ends when a take starts no call, never only when this is `false`. With `false`
    /// a take yields nothing for certain.
    #[must_use]
    pub fn may_take(&self) -> bool {
        self.workers.free_slots() > 0 && self.lanes.any_takeable()
    }

    /// The ready worker with a free slot and the fewest calls, the lowest name among equals.
    #[must_use]
    pub fn least_busy_worker(&self) -> Option<WorkerId> {
        self.workers.idlest().map(|at| self.workers.at(at).id)
    }

    /// Whether a worker is ready and has a free slot.
    #[must_use]
    pub fn has_free_slot(&self, worker: WorkerId) -> bool {
        self.workers.with_room(worker).is_some()
    }

    /// Ready workers, lowest name first.
    pub fn ready_workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        let ready = |state| state == WorkerState::Ready;
        self.workers
            .iter()
            .filter(move |worker| ready(worker.state))
            .map(|worker| worker.id)
    }

    /// Whether a call may still settle: its lease is neither lost nor left with nobody waiting.
    #[must_use]
    pub fn may_settle(&self, lease: LeaseId) -> bool {
        self.leases.is_active(lease)
    }

    /// The messages of a call, in order; those that have an outcome are stale. Empty for a
    /// stale lease.
    #[must_use]
    pub fn messages_of(&self, lease: LeaseId) -> &[MessageId] {
        self.leases.get(lease).map_or(&[], |lease| &lease.members)
    }

    /// The messages of a call that have no outcome, in order. None for a stale lease.
    pub fn members_of(&self, lease: LeaseId) -> impl Iterator<Item = Member<'_, M>> {
        let all = self.messages_of(lease).iter();
        all.filter_map(|&id| self.member(id))
    }

    /// A message in a call; `None` once it has its outcome.
    #[inline]
    #[must_use]
    pub fn member(&self, id: MessageId) -> Option<Member<'_, M>> {
        let message = self.messages.get(id.index, id.generation)?;
        Some(Member {
            id,
            payload: &message.payload,
            units: message.units,
            calls: message.calls,
            attempts: message.attempts,
            deadline: Some(message.deadline).filter(|&at| at != Time::MAX),
        })
    }

    /// A message's payload, unless it has its outcome.
    #[must_use]
    pub fn payload(&self, message: MessageId) -> Option<&M> {
        self.is_live(message)
            .then(|| &self.messages[message.index].payload)
    }

    /// Attempts that a message has spent; `None` once it has its outcome.
    #[must_use]
    pub fn attempts(&self, message: MessageId) -> Option<u32> {
        self.is_live(message)
            .then(|| self.messages[message.index].attempts)
    }

    /// Who subscribes to `topic`.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> &[AgentId] {
        self.topics.get(topic).map_or(&[], Vec::as_slice)
    }

    /// When a message expires, for the requests that its handler makes on its behalf; `None`
    /// if never, or once it has its outcome.
    #[must_use]
    pub fn deadline(&self, message: MessageId) -> Option<Time> {
        let deadline = self
            .is_live(message)
            .then(|| self.messages[message.index].deadline);
        deadline.filter(|&deadline| deadline != Time::MAX)
    }

    /// Messages without an outcome: each one's payload, in no order that means anything.
    pub fn unfinished(&self) -> impl Iterator<Item = Unfinished<'_, M>> {
        self.messages.iter().map(|(_, message)| Unfinished {
            account: message.account,
            sent: message.sent,
            started: Some(message.started).filter(|&at| at != Time::MAX),
            payload: &message.payload,
        })
    }

    /// Who listens.
    #[must_use]
    pub fn listener(&self) -> &L {
        &self.listener
    }

    /// Who listens.
    pub fn listener_mut(&mut self) -> &mut L {
        &mut self.listener
    }

    /// The listener; the broker is no more.
    #[must_use]
    pub fn into_listener(self) -> L {
        self.listener
    }

    /// Whether no message is left without an outcome.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.books.queued() + self.books.leased == 0
    }

    pub(crate) fn is_live(&self, message: MessageId) -> bool {
        self.messages.is_live(message.index, message.generation)
    }

    pub(crate) fn id(&self, index: u32) -> MessageId {
        MessageId {
            index,
            generation: self.messages.generation(index),
        }
    }

    #[inline(always)]
    pub(crate) fn emit(&mut self, what: What<M>) {
        self.listener.hear(Event { at: self.now, what });
    }

    /// The order of what becomes due from now on.
    pub(crate) fn next_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }
}

/// A message in a call.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a, M> {
    /// Its name.
    pub id: MessageId,
    /// The message itself.
    pub payload: &'a M,
    /// What it weighs for the agent's unit rate limit.
    pub units: u32,
    /// Calls for it that have started, this one included. Unlike attempts, a failed probe or a
    /// 429 counts too.
    pub calls: u32,
    /// Attempts that it has spent.
    pub attempts: u32,
    /// When it expires; `None`: never.
    pub deadline: Option<Time>,
}

/// A message without an outcome.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished<'a, M> {
    /// Its books.
    pub account: crate::event::Account,
    /// When its sender asked.
    pub sent: Time,
    /// When its first call started; [`None`]: none has.
    pub started: Option<Time>,
    /// The message itself.
    pub payload: &'a M,
}

impl<M, L> std::fmt::Debug for BrokerState<M, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut it = f.debug_struct("BrokerState");
        it.field("now", &self.now).field("books", &self.books);
        it.field("setting", &self.control.setting)
            .finish_non_exhaustive()
    }
}
