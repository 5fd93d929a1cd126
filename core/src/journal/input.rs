//! The calls that change core, as a journal has them: everything that core's behaviour depends
//! on, and no payload.

use std::borrow::Cow;

use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use super::replay::{BuildPolicy, ReplayError, policy};
use super::snapshot::from_json;
use crate::config::{AgentConfig, Checked};
use crate::event::Listener;
use crate::message::{
    AgentId, ClassId, Kind, Lane, LeaseId, MessageId, Settlement, Submission, Verdict, WorkerId,
};
use crate::state::BrokerState;

/// One call into core, named after the method of [`BrokerState`]. When is the journal's matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the arguments of the methods")]
pub enum Input<'a> {
    /// `submit`, refused ones too.
    Submit(Entry),
    /// `broadcast`.
    Broadcast { topic: Cow<'a, str>, entry: Entry },
    /// `would_refuse` and `would_refuse_broadcast`: nothing enters, but time passes.
    Look,
    /// `cancel`.
    Cancel(MessageId),
    /// `take`.
    Take { worker: WorkerId, at_most: u32 },
    /// `settle`.
    Settle {
        lease: LeaseId,
        verdicts: Verdicts<'a>,
    },
    /// `extend`.
    Extend(LeaseId),
    /// `advance`.
    Advance,
    /// `worker_ready`.
    WorkerReady(WorkerId),
    /// `worker_lost`.
    WorkerLost(WorkerId),
    /// `add_agent`, refused ones too.
    AddAgent(Box<AgentConfig>),
    /// `remove_agent`.
    RemoveAgent(AgentId),
    /// `pause_agent`.
    PauseAgent { agent: AgentId, until: Time },
    /// `resume_agent`.
    ResumeAgent(AgentId),
    /// `pause_lane`.
    PauseLane { lane: Lane, until: Time },
    /// `resume_lane`.
    ResumeLane(Lane),
    /// `switch_policy`, by the policy's name. Kept through gaps: what follows is decided by it.
    SwitchPolicy(Cow<'a, str>),
    /// `pin_workers`, refused ones too.
    PinWorkers(Option<u32>),
    /// `set_dry_run`.
    SetDryRun(bool),
    /// `reconfigure`, refused ones too; the configuration in JSON.
    Reconfigure(Cow<'a, str>),
    /// `reconfigure_agent`, refused ones too.
    ReconfigureAgent {
        agent: AgentId,
        config: Box<AgentConfig>,
    },
    /// `shutdown`.
    Shutdown { within: Duration },
}

/// A [`Submission`] without its payload, its times before or after the call's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of a submission")]
pub struct Entry {
    pub agent: AgentId,
    pub kind: Kind,
    pub lane: Lane,
    pub class: ClassId,
    /// How long before the call it was sent.
    pub age: Duration,
    /// How long after the call it is due; `None`: at once.
    pub due_in: Option<Duration>,
    pub deadline: Option<Time>,
    pub ordering_key: Option<u64>,
    pub size: u32,
    pub units: u32,
    pub luck: u64,
    pub nested: bool,
}

/// A [`Settlement`] that can be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdicts<'a> {
    /// The same verdict for each message.
    All(Verdict),
    /// One verdict each.
    Each(Cow<'a, [Verdict]>),
    /// The handler panicked.
    Panicked,
}

impl Entry {
    /// What core reads of a submission that comes at `now`.
    #[inline(always)]
    pub(crate) fn of<M>(submission: &Submission<M>, now: Time) -> Self {
        Self {
            agent: submission.agent,
            kind: submission.kind,
            lane: submission.lane,
            class: submission.class,
            age: now.since(submission.sent),
            due_in: submission.due.map(|due| due.since(now)),
            deadline: submission.deadline,
            ordering_key: submission.ordering_key,
            size: submission.size,
            units: submission.units,
            luck: submission.luck,
            nested: submission.nested,
        }
    }

    fn submission(self, now: Time) -> Submission<()> {
        Submission {
            agent: self.agent,
            kind: self.kind,
            lane: self.lane,
            class: self.class,
            sent: Time::from_nanos(now.since(Time::ZERO + self.age).as_nanos()),
            due: self.due_in.map(|wait| now + wait),
            deadline: self.deadline,
            ordering_key: self.ordering_key,
            size: self.size,
            units: self.units,
            luck: self.luck,
            nested: self.nested,
            payload: (),
        }
    }
}

impl<'a> From<Settlement<'a>> for Verdicts<'a> {
    fn from(settlement: Settlement<'a>) -> Self {
        match settlement {
            Settlement::All(verdict) => Self::All(verdict),
            Settlement::Each(verdicts) => Self::Each(Cow::Borrowed(verdicts)),
            Settlement::Panicked => Self::Panicked,
        }
    }
}

impl Verdicts<'_> {
    fn settlement(&self) -> Settlement<'_> {
        match self {
            Self::All(verdict) => Settlement::All(*verdict),
            Self::Each(verdicts) => Settlement::Each(verdicts),
            Self::Panicked => Settlement::Panicked,
        }
    }
}

impl Input<'_> {
    /// Makes the call. What core answers does not matter: the live broker heard it, and what it
    /// did then is the next input.
    ///
    /// # Errors
    /// It brings in a policy that `build` does not have.
    pub(crate) fn apply(
        &self,
        state: &mut BrokerState<(), impl Listener<()>>,
        now: Time,
        build: &BuildPolicy<'_>,
    ) -> Result<(), ReplayError> {
        match self {
            Self::Submit(entry) => drop(state.submit(now, entry.submission(now))),
            Self::Broadcast { topic, entry } => {
                drop(state.broadcast(now, topic, entry.submission(now)));
            }
            Self::Look => {
                let anything = Submission::new(AgentId(0), now, ());
                state.would_refuse(now, &anything);
            }
            Self::Cancel(message) => drop(state.cancel(now, *message)),
            Self::Take { worker, at_most } => {
                state.take(now, *worker, *at_most, &mut Vec::new());
            }
            Self::Settle { lease, verdicts } => {
                let _ = state.settle(now, *lease, verdicts.settlement());
            }
            Self::Extend(lease) => drop(state.extend(now, *lease)),
            Self::Advance => state.advance(now),
            Self::WorkerReady(worker) => state.worker_ready(now, *worker),
            Self::WorkerLost(worker) => drop(state.worker_lost(now, *worker)),
            Self::AddAgent(config) => drop(state.add_agent(now, AgentConfig::clone(config))),
            Self::RemoveAgent(agent) => drop(state.remove_agent(now, *agent)),
            Self::PauseAgent { agent, until } => state.pause_agent(now, *agent, *until),
            Self::ResumeAgent(agent) => state.resume_agent(now, *agent),
            Self::PauseLane { lane, until } => state.pause_lane(now, *lane, *until),
            Self::ResumeLane(lane) => state.resume_lane(now, *lane),
            Self::SwitchPolicy(name) => drop(state.switch_policy(now, policy(build, name)?)),
            Self::PinWorkers(workers) => drop(state.pin_workers(now, *workers)),
            Self::SetDryRun(dry_run) => state.set_dry_run(now, *dry_run),
            Self::Reconfigure(config) => {
                let config = from_json(config).ok_or(ReplayError::Unreadable("configuration"))?;
                drop(state.reconfigure(now, config));
            }
            Self::ReconfigureAgent { agent, config } => {
                let config = Checked::new(AgentConfig::clone(config));
                let config = config.map_err(|_| ReplayError::Unreadable("agents' configuration"));
                drop(state.reconfigure_agent(now, *agent, config?));
            }
            Self::Shutdown { within } => state.shutdown(now, *within),
        }
        Ok(())
    }
}
