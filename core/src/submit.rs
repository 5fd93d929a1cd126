//! How messages come in, and how their senders call them back.

use ebbtide_policies::units::Time;

use crate::error::{Refusal, SubmitError};
use crate::event::{Account, Listener, What};
use crate::message::{AgentId, Kind, Lane, MessageId, Outcome, Submission};
use crate::messages::{Message, Place};
use crate::protect::{Newcomer, Startable};
use crate::state::{BrokerState, Wake};

/// No message before or after.
const NONE: u32 = u32::MAX;

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Accepts a message, or gives it back with the reason (invariant 5).
    ///
    /// # Errors
    ///
    /// [`SubmitError`] when the queue is full by count or by bytes, the agent is unknown, or
    /// the broker is shutting down and the message is not nested.
    #[inline(always)]
    pub fn submit(
        &mut self,
        now: Time,
        submission: Submission<M>,
    ) -> Result<MessageId, SubmitError<M>> {
        let (envelope, payload) = submission.open();
        let submitted = self.submit_opened(now, envelope, payload);
        submitted.map_err(|(reason, payload)| SubmitError {
            reason,
            submission: envelope.around(payload),
        })
    }

    /// As [`submit`](Self::submit), of a message apart from its envelope. A whole would have to be in memory, to be
    /// dropped if something panics, and would be read there as soon as it is written, which costs more than all
    /// that is done with it.
    ///
    /// # Errors
    ///
    /// As `submit`.
    #[inline(always)]
    pub fn submit_opened(
        &mut self,
        now: Time,
        envelope: Submission<()>,
        payload: M,
    ) -> Result<MessageId, (Refusal, M)> {
        self.enter(now);
        self.run_timers_before_arrivals();
        let agent = envelope.agent;
        if let Some(reason) = self.refusal(&envelope, &[agent]) {
            self.refuse(Account::of(&envelope, agent), envelope.sent);
            return Err((reason, payload));
        }
        Ok(self.accept(envelope, payload, agent))
    }

    /// Why [`submit`](Self::submit) would refuse a message now; nothing is counted. For senders
    /// that wait until there is room.
    pub fn would_refuse(&mut self, now: Time, submission: &Submission<M>) -> Option<Refusal> {
        self.enter(now);
        self.run_timers_before_arrivals();
        self.refusal(submission, &[submission.agent])
    }

    /// As [`would_refuse`](Self::would_refuse), of [`broadcast`](Self::broadcast).
    pub fn would_refuse_broadcast(
        &mut self,
        now: Time,
        topic: &str,
        submission: &Submission<M>,
    ) -> Option<Refusal> {
        self.enter(now);
        self.run_timers_before_arrivals();
        match self.subscribers(topic) {
            [] => Some(Refusal::NoSubscribers),
            subscribers => self.refusal(submission, subscribers),
        }
    }

    /// Sends a copy to every subscriber of `topic`: all are accepted, or none. The
    /// submission's own agent and kind are not read. Returns how many there are.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), and [`Refusal::NoSubscribers`].
    pub fn broadcast(
        &mut self,
        now: Time,
        topic: &str,
        submission: Submission<M>,
    ) -> Result<Vec<MessageId>, SubmitError<M>>
    where
        M: Clone,
    {
        self.enter(now);
        self.run_timers_before_arrivals();
        let subscribers = self.topics.get(topic).cloned().unwrap_or_default();
        let refusal = match subscribers.as_slice() {
            [] => Some(Refusal::NoSubscribers),
            subscribers => self.refusal(&submission, subscribers),
        };
        if let Some(reason) = refusal {
            for &agent in &subscribers {
                self.refuse(Account::of(&submission, agent), submission.sent);
            }
            return Err(SubmitError { reason, submission });
        }
        let (envelope, payload) = submission.open();
        let kind = Kind::Broadcast;
        let envelope = Submission { kind, ..envelope };
        let mut copy = |&agent: &AgentId| self.accept(envelope, payload.clone(), agent);
        Ok(subscribers.iter().map(&mut copy).collect())
    }

    /// The sender has gone: the message is cancelled, wherever it is. `false` if it has an
    /// outcome already.
    pub fn cancel(&mut self, now: Time, message: MessageId) -> bool {
        self.enter(now);
        self.run_timers_before_arrivals();
        let live = self.is_live(message);
        if live {
            self.finish(message.index, Outcome::Cancelled);
            self.note_queue_level();
        }
        live
    }

    /// Why one message each to `agents` may not enter, if so.
    #[inline(always)]
    fn refusal<P>(&self, submission: &Submission<P>, agents: &[AgentId]) -> Option<Refusal> {
        if self.shutdown.refuses(submission.nested) {
            return Some(Refusal::ShuttingDown);
        }
        let known = |agent: &&AgentId| self.agents.get(**agent).is_some_and(|agent| !agent.removed);
        if let Some(&unknown) = agents.iter().find(|agent| !known(agent)) {
            return Some(Refusal::UnknownAgent(unknown));
        }
        let more = agents.len() as u64;
        let size = more * u64::from(submission.size);
        let reserve = match submission.lane {
            Lane::Critical => self.config.reserve,
            Lane::High | Lane::Normal | Lane::Low | Lane::Bulk => 0,
        };
        let allowed = self.config.max_queue_size.saturating_add(reserve);
        let (queued, bytes) = (self.books.queued(), self.books.bytes);
        if queued + more <= allowed && bytes + size <= self.config.max_queue_bytes.0 {
            return None;
        }
        self.refusal_when_full(self.newcomer(submission), agents, allowed, size)
    }

    /// The same where the queue holds no more than it may only if some of it starts at once.
    /// A message here is told by what matters of it: one that is handed about by reference would
    /// have to be made in memory first, and most never come here.
    #[cold]
    fn refusal_when_full(
        &self,
        newcomer: Newcomer,
        agents: &[AgentId],
        allowed: u64,
        size: u64,
    ) -> Option<Refusal> {
        let allowed_bytes = self.config.max_queue_bytes.0;
        let (queued, bytes) = (self.books.queued(), self.books.bytes);
        let more = agents.len() as u64;
        let over = Startable {
            calls: (queued + more).saturating_sub(allowed),
            bytes: (bytes + size).saturating_sub(allowed_bytes),
        };
        let startable = self.startable(newcomer, agents, over);
        let over_bytes = bytes + size > allowed_bytes.saturating_add(startable.bytes);
        if over_bytes && size > allowed_bytes {
            let allowed = allowed_bytes;
            return Some(Refusal::TooLarge { size, allowed });
        }
        let over_count = queued + more > allowed.saturating_add(startable.calls);
        let at_most = allowed.saturating_add(self.slots_wanted());
        if over_count && more > 1 && more > at_most {
            return Some(Refusal::TooManySubscribers {
                subscribers: more,
                allowed: at_most,
            });
        }
        if over_count {
            return Some(Refusal::Full {
                queued,
                allowed,
                startable: startable.calls,
            });
        }
        over_bytes.then_some(Refusal::OverBytes {
            queued: bytes,
            size,
            allowed: allowed_bytes,
        })
    }

    /// Slots of the workers that are wanted now.
    fn slots_wanted(&self) -> u64 {
        let workers = self.control.setting.workers;
        u64::from(workers) * u64::from(self.workers.parallelism())
    }

    #[cold]
    fn refuse(&mut self, account: Account, sent: Time) {
        self.control.rests = false;
        self.books.refused += 1;
        self.tally.flow.refused += 1;
        let sent = sent.min(self.now);
        self.emit(What::Refused { account, sent });
    }

    #[inline(always)]
    fn accept(&mut self, submission: Submission<()>, payload: M, agent: AgentId) -> MessageId {
        let now = self.now;
        let account = Account::of(&submission, agent);
        let (sent, size) = (submission.sent.min(now), submission.size);
        let due = submission.due.map_or(now, |due| due.max(now));
        let deadline = submission.deadline.unwrap_or(Time::MAX);
        let turn = if due > now { 0 } else { self.next_turn() };
        let ordering_key = submission.ordering_key;
        let (index, generation) = self.messages.vacancy();
        let message = Message {
            account,
            kind: submission.kind,
            sent,
            due,
            turn,
            deadline,
            ordering_key,
            luck: submission.luck,
            size,
            units: submission.units,
            attempts: 0,
            snoozes: 0,
            workers_lost: 0,
            calls: 0,
            started: Time::MAX,
            holds_key: ordering_key.is_none(),
            place: Place::Delayed,
            previous: NONE,
            next: NONE,
            payload,
        };
        self.messages.fill(index, message);
        let message = MessageId { index, generation };
        self.books.accepted += 1;
        self.books.bytes += u64::from(size);
        self.tally.flow.arrivals += 1;
        self.agents[agent.0 as usize].tally.arrivals += 1;
        self.control.rests = false;
        self.retries.arrived();
        self.may_tick_early();
        if deadline != Time::MAX {
            let messages = &self.messages;
            let is_live = |_, id: MessageId| messages.is_live(id.index, id.generation);
            self.timers.deadlines.push_among(deadline, message, is_live);
            self.timers.sooner(deadline, Wake::Deadline);
        }
        self.emit(What::Accepted {
            message,
            account,
            sent,
            due,
        });
        if due > now {
            self.delay(index);
        } else {
            self.line_up(index, account, (due, turn), ordering_key);
        }
        self.note_queue_level();
        debug_assert!(self.books.balance(), "invariant 1: {:?}", self.books);
        message
    }
}

impl Account {
    /// That of `submission`, were it for `agent`.
    fn of<M>(submission: &Submission<M>, agent: AgentId) -> Self {
        Self {
            agent,
            lane: submission.lane,
            class: submission.class,
        }
    }
}
