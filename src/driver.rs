//! The one file that touches the broker's state: each verb of core with the clock's time put in.
//!
//! Whoever holds the floor (`floor.rs`) stamps the time once, and every verb until the floor is
//! left uses that stamp; it never goes back, whatever the clock or the order of the threads
//! says. Methods have core's names.

use std::any::TypeId;
use std::collections::BTreeSet;

use ebbtide_core::config::Checked;
use ebbtide_core::error::{PinError, ReconfigureAgentError, ReconfigureError};
use ebbtide_core::journal::Sink;
use ebbtide_core::message::{AgentId, Kind, LeaseId, MessageId, WorkerId};
use ebbtide_core::{
    AddAgentError, AgentConfig, Books, BrokerConfig, Call, Journaled, Lane, LateSettle, Refusal,
    Settlement, Submission, Verdict,
};
use ebbtide_policies::Policy;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::{Duration, Time};

use crate::ear::Ear;
use crate::guard::Guarded;
use crate::journal::Line;
use crate::parcel::Parcel;
use crate::runner::{Done, Load, Member, Otherwise};
use crate::written::Written;

/// The broker's state and the time of whoever works on it.
pub(crate) struct Driver {
    state: Journaled<Parcel, Ear>,
    /// Tells when the journal is written, if one is kept.
    pub(crate) written: Option<Written>,
    now: Time,
    /// The type of each agent's messages, by [`AgentId`].
    pub(crate) takes: Vec<TypeId>,
    /// Used again for each call with several verdicts.
    verdicts: Vec<Verdict>,
    /// The calls that the last take started.
    begun: Vec<Call>,
    /// For the test of the test: one settle in so many is dropped, from this one on.
    #[cfg(test)]
    pub(crate) sabotage: Option<(u64, u64)>,
}

impl Driver {
    pub(crate) fn new(
        config: Checked<BrokerConfig>,
        policy: Box<dyn Policy>,
        ear: Ear,
        journal: Option<(Line, Written)>,
    ) -> Self {
        let (line, written) = journal.unzip();
        let sink = line.map(|line| Box::new(line) as Box<dyn Sink>);
        let shows = ear.log.is_some() || ear.observer.is_some();
        let policy = Box::new(Guarded::new(policy, ear.panicked.clone()));
        let mut state = Journaled::new(config, policy, ear, sink);
        state.keep_observations(shows);
        Self {
            state,
            written,
            now: Time::ZERO,
            takes: Vec::new(),
            verdicts: Vec::new(),
            begun: Vec::new(),
            #[cfg(test)]
            sabotage: None,
        }
    }

    /// The time of all verbs until the next stamp.
    #[inline]
    pub(crate) fn stamp(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Accepts a message, or gives its parcel back with the reason.
    #[inline(always)]
    pub(crate) fn submit(
        &mut self,
        envelope: Submission<()>,
        parcel: Parcel,
    ) -> Result<MessageId, (Refusal, Parcel)> {
        self.state.submit_opened(self.now, envelope, parcel)
    }

    /// Lets in a message that was left on the porch; its parcel is told its name.
    #[inline(always)]
    pub(crate) fn let_in(
        &mut self,
        envelope: Submission<()>,
        parcel: Parcel,
    ) -> Result<(), (Refusal, Parcel)> {
        let is_request = envelope.kind == Kind::Request;
        let message = self.submit(envelope, parcel)?;
        if is_request && let Some(parcel) = self.state.payload(message) {
            parcel.name(message);
        }
        Ok(())
    }

    pub(crate) fn would_refuse(&mut self, submission: &Submission<Parcel>) -> Option<Refusal> {
        self.state.would_refuse(self.now, submission)
    }

    /// Starts up to `at_most` calls of a worker: see [`Self::begun`].
    #[inline]
    pub(crate) fn take(&mut self, worker: WorkerId, at_most: u32) {
        self.begun.clear();
        self.state.take(self.now, worker, at_most, &mut self.begun);
    }

    /// The calls that the last take started.
    pub(crate) fn begun(&self) -> &[Call] {
        &self.begun
    }

    /// Fills in what a call that starts carries.
    #[inline]
    pub(crate) fn load(&self, call: &Call, load: &mut Load) {
        let first = self.state.member(call.first);
        let first = first.expect("a call that starts has a message");
        let context = &mut load.context;
        context.lease = call.lease;
        context.attempt = first.attempts + 1;
        context.deadline = first.deadline;
        let headers = Member::begin(&mut load.members, &first);
        context.headers = headers.clone();
        if call.size > 1 {
            self.load_others(call, load);
        }
    }

    #[inline(never)]
    fn load_others(&self, call: &Call, load: &mut Load) {
        let deadline = &mut load.context.deadline;
        for member in self.state.members_of(call.lease).skip(1) {
            *deadline = deadline.iter().copied().chain(member.deadline).min();
            Member::begin(&mut load.members, &member);
        }
    }

    #[inline]
    pub(crate) fn settle(&mut self, lease: LeaseId, done: &Done) -> Result<(), LateSettle> {
        #[cfg(test)]
        if let Some((every, count)) = &mut self.sabotage {
            *count += 1;
            if count.is_multiple_of(*every) {
                return Ok(());
            }
        }
        match done {
            Done::Delivered => {
                let settlement = Settlement::All(Verdict::Delivered);
                self.state.settle(self.now, lease, settlement)
            }
            Done::Otherwise(otherwise) => self.settle_otherwise(lease, otherwise),
        }
    }

    #[inline(never)]
    fn settle_otherwise(
        &mut self,
        lease: LeaseId,
        otherwise: &Otherwise,
    ) -> Result<(), LateSettle> {
        let now = self.now;
        match otherwise {
            Otherwise::One(said) => {
                let settlement = Settlement::All(said.verdict(now));
                self.state.settle(now, lease, settlement)
            }
            Otherwise::Each(said) => {
                self.verdicts.clear();
                self.verdicts
                    .extend(said.iter().map(|said| said.verdict(now)));
                let settlement = Settlement::Each(&self.verdicts);
                self.state.settle(now, lease, settlement)
            }
            Otherwise::Panicked(text) => {
                for &message in self.state.messages_of(lease) {
                    if let Some(parcel) = self.state.payload(message) {
                        parcel.notes().add(text.clone());
                    }
                }
                self.state.settle(now, lease, Settlement::Panicked)
            }
        }
    }

    pub(crate) fn extend(&mut self, lease: LeaseId) -> Result<Time, LateSettle> {
        self.state.extend(self.now, lease)
    }

    pub(crate) fn cancel(&mut self, message: MessageId) -> bool {
        self.state.cancel(self.now, message)
    }

    pub(crate) fn advance(&mut self) {
        self.state.advance(self.now);
    }

    pub(crate) fn worker_ready(&mut self, worker: WorkerId) {
        self.state.worker_ready(self.now, worker);
    }

    pub(crate) fn worker_lost(&mut self, worker: WorkerId) -> bool {
        self.state.worker_lost(self.now, worker)
    }

    /// Adds an agent that takes messages of this type.
    pub(crate) fn add_agent(
        &mut self,
        config: AgentConfig,
        takes: TypeId,
    ) -> Result<AgentId, AddAgentError> {
        let added = self.state.add_agent(self.now, config)?;
        self.takes.push(takes);
        Ok(added)
    }

    pub(crate) fn remove_agent(&mut self, agent: AgentId) -> bool {
        self.state.remove_agent(self.now, agent)
    }

    pub(crate) fn pause_agent(&mut self, agent: AgentId, until: Time) {
        self.state.pause_agent(self.now, agent, until);
    }

    pub(crate) fn resume_agent(&mut self, agent: AgentId) {
        self.state.resume_agent(self.now, agent);
    }

    pub(crate) fn pause_lane(&mut self, lane: Lane, until: Time) {
        self.state.pause_lane(self.now, lane, until);
    }

    pub(crate) fn resume_lane(&mut self, lane: Lane) {
        self.state.resume_lane(self.now, lane);
    }

    /// The policy before is dropped when the lock is free again: it is the user's code.
    pub(crate) fn switch_policy(&mut self, policy: Box<dyn Policy>) -> Box<dyn Policy> {
        let policy = Guarded::new(policy, self.ear().panicked.clone());
        self.state.switch_policy(self.now, Box::new(policy))
    }

    pub(crate) fn pin_workers(&mut self, workers: Option<u32>) -> Result<(), PinError> {
        self.state.pin_workers(self.now, workers)
    }

    pub(crate) fn reconfigure(
        &mut self,
        config: Checked<BrokerConfig>,
    ) -> Result<(), ReconfigureError> {
        self.state.reconfigure(self.now, config)
    }

    pub(crate) fn reconfigure_agent(
        &mut self,
        agent: AgentId,
        config: Checked<AgentConfig>,
    ) -> Result<(), ReconfigureAgentError> {
        self.state.reconfigure_agent(self.now, agent, config)
    }

    pub(crate) fn set_dry_run(&mut self, dry_run: bool) {
        self.state.set_dry_run(self.now, dry_run);
    }

    pub(crate) fn would_refuse_broadcast(
        &mut self,
        topic: &str,
        submission: &Submission<Parcel>,
    ) -> Option<Refusal> {
        let now = self.now;
        self.state.would_refuse_broadcast(now, topic, submission)
    }

    /// Accepts a copy for every subscriber, or gives the parcel back with the reason. The
    /// copies share the message.
    pub(crate) fn broadcast(
        &mut self,
        topic: &str,
        submission: Submission<Parcel>,
    ) -> Result<Vec<MessageId>, (Refusal, Parcel)> {
        let submitted = self.state.broadcast(self.now, topic, submission);
        submitted.map_err(|error| (error.reason, error.submission.payload))
    }

    /// Who subscribes to a topic.
    pub(crate) fn subscribers(&self, topic: &str) -> &[AgentId] {
        self.state.subscribers(topic)
    }

    pub(crate) fn shutdown(&mut self, within: Duration) {
        self.state.shutdown(self.now, within);
    }

    /// Every message has its outcome: the journal ends.
    pub(crate) fn close_journal(&mut self) {
        self.state.close();
    }

    /// Who hears what happens.
    #[inline]
    pub(crate) fn ear(&self) -> &Ear {
        self.state.listener()
    }

    #[inline]
    pub(crate) fn ear_mut(&mut self) -> &mut Ear {
        self.state.listener_mut()
    }

    /// When something happens by itself, takes apart.
    pub(crate) fn next_timer(&self) -> Time {
        self.state.next_timer()
    }

    /// Whether nothing happens and nothing is there.
    pub(crate) fn rests(&self) -> bool {
        self.state.rests()
    }

    /// When a free slot may find something to take.
    pub(crate) fn takeable_at(&self) -> Option<Time> {
        self.state.takeable_at()
    }

    /// Whether there may be something to take: cheaper than [`Self::takeable_at`].
    pub(crate) fn may_take(&self) -> bool {
        self.state.may_take()
    }

    /// No later than the first lease runs out.
    pub(crate) fn first_expiry(&self) -> Time {
        self.state.first_expiry()
    }

    /// Workers with calls whose leases run out by `then`.
    pub(crate) fn expire_by(&self, then: Time) -> BTreeSet<WorkerId> {
        match self.state.first_expiry() <= then {
            true => self.state.expire_by(then),
            false => BTreeSet::new(),
        }
    }

    pub(crate) fn has_free_slot(&self, worker: WorkerId) -> bool {
        self.state.has_free_slot(worker)
    }

    /// The ready worker with a free slot and the fewest calls.
    pub(crate) fn least_busy_worker(&self) -> Option<WorkerId> {
        self.state.least_busy_worker()
    }

    pub(crate) fn may_settle(&self, lease: LeaseId) -> bool {
        self.state.may_settle(lease)
    }

    /// Whether a message has no outcome.
    pub(crate) fn is_live(&self, message: MessageId) -> bool {
        self.state.payload(message).is_some()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.state.is_idle()
    }

    pub(crate) fn books(&self) -> &Books {
        self.state.books()
    }

    pub(crate) fn setting(&self) -> Setting {
        self.state.setting()
    }

    pub(crate) fn config(&self) -> &BrokerConfig {
        self.state.config()
    }
}

/// A runtime that ends before its broker leaves a whole journal too.
impl Drop for Driver {
    fn drop(&mut self) {
        self.close_journal();
    }
}
