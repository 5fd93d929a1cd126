//! [`Journaled`]: a [`BrokerState`] that writes down what it is told.

use std::borrow::Cow;
use std::ops::Deref;

use ebbtide_policies::Policy;
use ebbtide_policies::units::{Duration, Time};

use super::Sink;
use super::input::{Entry, Input};
use super::recorder::{Recorder, config_json};
use crate::config::{AgentConfig, BrokerConfig, Checked};
use crate::error::{
    AddAgentError, LateSettle, PinError, ReconfigureAgentError, ReconfigureError, Refusal,
    SubmitError,
};
use crate::event::{DecisionRecord, Event, EventQueue, Listener, What};
use crate::message::{AgentId, Call, Lane, LeaseId, MessageId, Settlement, Submission, WorkerId};
use crate::state::BrokerState;

/// A [`BrokerState`] with the same methods, whose calls go into a journal. Without one it costs
/// a branch a call. There is no way to the state that bypasses the journal: what only reads
/// comes through `Deref`, what changes is here.
pub struct Journaled<M, L = EventQueue<M>> {
    state: BrokerState<M, Tap<L>>,
    recorder: Option<Recorder>,
}

/// The shell's listener, and decisions that the journal has yet to write down.
#[derive(Debug)]
pub struct Tap<L> {
    listener: L,
    is_on: bool,
    decisions: Vec<DecisionRecord>,
}

impl<M, L: Listener<M>> Listener<M> for Tap<L> {
    #[inline(always)]
    fn hear(&mut self, event: Event<M>) {
        if let What::Decided(record) = &event.what
            && self.is_on
        {
            self.decisions.push(DecisionRecord::clone(record));
        }
        self.listener.hear(event);
    }
}

impl<M, L> Deref for Journaled<M, L> {
    type Target = BrokerState<M, Tap<L>>;

    #[inline]
    fn deref(&self) -> &BrokerState<M, Tap<L>> {
        &self.state
    }
}

impl<M, L> std::fmt::Debug for Journaled<M, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.fmt(f)
    }
}

/// The calls that change core; each says what it does at its namesake in [`BrokerState`].
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "they are those of the state"
)]
impl<M, L: Listener<M>> Journaled<M, L> {
    /// A new state. With a sink it keeps a journal from its beginning, and its decision records
    /// carry their observations.
    #[must_use]
    pub fn new(
        config: Checked<BrokerConfig>,
        policy: Box<dyn Policy>,
        listener: L,
        journal: Option<Box<dyn Sink>>,
    ) -> Self {
        let tap = Tap {
            listener,
            is_on: journal.is_some(),
            decisions: Vec::new(),
        };
        let mut state = BrokerState::with_listener(config, policy, tap);
        state.keep_observations(journal.is_some());
        let recorder = journal.map(|sink| Recorder::begin(&state, sink));
        Self { state, recorder }
    }

    /// Ends the journal, if there is one; the state goes on without.
    pub fn close(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end(&self.state);
            self.state.listener_mut().is_on = false;
        }
    }

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

    #[inline(always)]
    pub fn submit_opened(
        &mut self,
        now: Time,
        envelope: Submission<()>,
        payload: M,
    ) -> Result<MessageId, (Refusal, M)> {
        if self.recorder.is_some() {
            let entry = Entry::of(&envelope, now.max(self.state.now()));
            self.note_entry(now, entry);
        }
        let entered = self.state.submit_opened(now, envelope, payload);
        self.note_decisions();
        entered
    }

    /// Apart, and told by value: without a journal no submission is made in memory to be looked at.
    #[cold]
    fn note_entry(&mut self, now: Time, entry: Entry) {
        self.note(now, |_| Input::Submit(entry));
    }

    #[inline]
    pub fn broadcast(
        &mut self,
        now: Time,
        topic: &str,
        submission: Submission<M>,
    ) -> Result<Vec<MessageId>, SubmitError<M>>
    where
        M: Clone,
    {
        self.note(now, |now| Input::Broadcast {
            topic: Cow::Borrowed(topic),
            entry: Entry::of(&submission, now),
        });
        let entered = self.state.broadcast(now, topic, submission);
        self.note_decisions();
        entered
    }

    #[inline]
    pub fn would_refuse(&mut self, now: Time, submission: &Submission<M>) -> Option<Refusal> {
        let ask = |state: &mut BrokerState<M, Tap<L>>| state.would_refuse(now, submission);
        self.call(now, |_| Input::Look, ask)
    }

    #[inline]
    pub fn would_refuse_broadcast(
        &mut self,
        now: Time,
        topic: &str,
        submission: &Submission<M>,
    ) -> Option<Refusal> {
        let ask = |state: &mut BrokerState<M, Tap<L>>| {
            state.would_refuse_broadcast(now, topic, submission)
        };
        self.call(now, |_| Input::Look, ask)
    }

    #[inline]
    pub fn cancel(&mut self, now: Time, message: MessageId) -> bool {
        let input = |_| Input::Cancel(message);
        self.call(now, input, |state| state.cancel(now, message))
    }

    #[inline]
    pub fn take(&mut self, now: Time, worker: WorkerId, at_most: u32, calls: &mut Vec<Call>) {
        let input = |_| Input::Take { worker, at_most };
        self.call(now, input, |state| state.take(now, worker, at_most, calls));
    }

    #[inline]
    pub fn take_one(&mut self, now: Time, worker: WorkerId) -> Option<Call> {
        let input = |_| Input::Take { worker, at_most: 1 };
        self.call(now, input, |state| state.take_one(now, worker))
    }

    #[inline(always)]
    pub fn take_next(&mut self, now: Time) -> Option<Call> {
        if self.recorder.is_some() {
            self.note_take_next(now);
        }
        self.state.take_next(now)
    }

    /// The journal names the worker, which what happens until `now` may choose.
    #[cold]
    fn note_take_next(&mut self, now: Time) {
        self.advance(now);
        if let Some(worker) = self.state.least_busy_worker() {
            self.note(now, |_| Input::Take { worker, at_most: 1 });
        }
    }

    #[inline]
    pub fn settle(
        &mut self,
        now: Time,
        lease: LeaseId,
        settlement: Settlement<'_>,
    ) -> Result<(), LateSettle> {
        if self.recorder.is_some() {
            return self.settle_noted(now, lease, settlement);
        }
        self.state.settle(now, lease, settlement)
    }

    #[cold]
    fn settle_noted(
        &mut self,
        now: Time,
        lease: LeaseId,
        settlement: Settlement<'_>,
    ) -> Result<(), LateSettle> {
        self.note(now, |_| Input::Settle {
            lease,
            verdicts: settlement.into(),
        });
        let settled = self.state.settle(now, lease, settlement);
        self.note_decisions();
        settled
    }

    #[inline]
    pub fn extend(&mut self, now: Time, lease: LeaseId) -> Result<Time, LateSettle> {
        let input = |_| Input::Extend(lease);
        self.call(now, input, |state| state.extend(now, lease))
    }

    #[inline]
    pub fn advance(&mut self, now: Time) {
        self.call(now, |_| Input::Advance, |state| state.advance(now));
    }

    pub fn worker_ready(&mut self, now: Time, worker: WorkerId) {
        let input = |_| Input::WorkerReady(worker);
        self.call(now, input, |state| state.worker_ready(now, worker));
    }

    pub fn worker_lost(&mut self, now: Time, worker: WorkerId) -> bool {
        let input = |_| Input::WorkerLost(worker);
        self.call(now, input, |state| state.worker_lost(now, worker))
    }

    pub fn add_agent(&mut self, now: Time, config: AgentConfig) -> Result<AgentId, AddAgentError> {
        self.note(now, |_| Input::AddAgent(Box::new(config.clone())));
        let added = self.state.add_agent(now, config);
        self.note_decisions();
        added
    }

    pub fn remove_agent(&mut self, now: Time, agent: AgentId) -> bool {
        let input = |_| Input::RemoveAgent(agent);
        self.call(now, input, |state| state.remove_agent(now, agent))
    }

    pub fn pause_agent(&mut self, now: Time, agent: AgentId, until: Time) {
        let input = |_| Input::PauseAgent { agent, until };
        self.call(now, input, |state| state.pause_agent(now, agent, until));
    }

    pub fn resume_agent(&mut self, now: Time, agent: AgentId) {
        let input = |_| Input::ResumeAgent(agent);
        self.call(now, input, |state| state.resume_agent(now, agent));
    }

    pub fn pause_lane(&mut self, now: Time, lane: Lane, until: Time) {
        let input = |_| Input::PauseLane { lane, until };
        self.call(now, input, |state| state.pause_lane(now, lane, until));
    }

    pub fn resume_lane(&mut self, now: Time, lane: Lane) {
        let input = |_| Input::ResumeLane(lane);
        self.call(now, input, |state| state.resume_lane(now, lane));
    }

    pub fn switch_policy(&mut self, now: Time, policy: Box<dyn Policy>) -> Box<dyn Policy> {
        self.note(now, |_| {
            Input::SwitchPolicy(Cow::Owned(policy.name().to_owned()))
        });
        let before = self.state.switch_policy(now, policy);
        self.note_decisions();
        before
    }

    pub fn pin_workers(&mut self, now: Time, workers: Option<u32>) -> Result<(), PinError> {
        let input = |_| Input::PinWorkers(workers);
        self.call(now, input, |state| state.pin_workers(now, workers))
    }

    pub fn set_dry_run(&mut self, now: Time, dry_run: bool) {
        let input = |_| Input::SetDryRun(dry_run);
        self.call(now, input, |state| state.set_dry_run(now, dry_run));
    }

    pub fn reconfigure(
        &mut self,
        now: Time,
        config: Checked<BrokerConfig>,
    ) -> Result<(), ReconfigureError> {
        self.note(now, |_| {
            Input::Reconfigure(Cow::Owned(config_json(&config)))
        });
        let changed = self.state.reconfigure(now, config);
        self.note_decisions();
        changed
    }

    pub fn reconfigure_agent(
        &mut self,
        now: Time,
        agent: AgentId,
        config: Checked<AgentConfig>,
    ) -> Result<(), ReconfigureAgentError> {
        self.note(now, |_| Input::ReconfigureAgent {
            agent,
            config: Box::new(AgentConfig::clone(&config)),
        });
        let changed = self.state.reconfigure_agent(now, agent, config);
        self.note_decisions();
        changed
    }

    pub fn shutdown(&mut self, now: Time, within: Duration) {
        let input = |_| Input::Shutdown { within };
        self.call(now, input, |state| state.shutdown(now, within));
    }

    /// A journal needs the observations: while it is kept, so are they.
    pub fn keep_observations(&mut self, keep: bool) {
        let needed = self.recorder.is_some();
        self.state.keep_observations(keep || needed);
    }

    #[must_use]
    pub fn listener(&self) -> &L {
        &self.state.listener().listener
    }

    #[inline]
    pub fn listener_mut(&mut self) -> &mut L {
        &mut self.state.listener_mut().listener
    }

    #[must_use]
    pub fn into_listener(self) -> L {
        self.state.into_listener().listener
    }
}

impl<M> Journaled<M> {
    /// As [`BrokerState::poll_event`].
    pub fn poll_event(&mut self) -> Option<Event<M>> {
        self.listener_mut().next()
    }
}

#[cfg(test)]
impl<M, L> Journaled<M, L> {
    /// So many bytes are kept while the writer has no room.
    pub(super) fn keep_at_most(&mut self, bytes: usize) {
        if let Some(recorder) = &mut self.recorder {
            recorder.most_kept = bytes;
        }
    }
}

impl<M, L: Listener<M>> Journaled<M, L> {
    /// One call into core, its input before, the decisions it brought about after.
    #[inline(always)]
    fn call<T>(
        &mut self,
        now: Time,
        input: impl FnOnce(Time) -> Input<'static>,
        call: impl FnOnce(&mut BrokerState<M, Tap<L>>) -> T,
    ) -> T {
        if self.recorder.is_none() {
            return call(&mut self.state);
        }
        self.note(now, input);
        let answer = call(&mut self.state);
        self.note_decisions();
        answer
    }

    /// Core takes an earlier time than its own for its own, so the journal does too.
    #[inline]
    fn note<'i>(&mut self, now: Time, input: impl FnOnce(Time) -> Input<'i>) {
        if let Some(recorder) = &mut self.recorder {
            let now = now.max(self.state.now());
            recorder.input(&self.state, now, input(now));
        }
    }

    #[inline]
    fn note_decisions(&mut self) {
        if let Some(recorder) = &mut self.recorder
            && !self.state.listener().decisions.is_empty()
        {
            let decisions = std::mem::take(&mut self.state.listener_mut().decisions);
            recorder.decisions(&self.state, decisions);
        }
    }
}
