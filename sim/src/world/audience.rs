//! Who hears what core says: the recorder hears all of it, the world what concerns it.

use std::collections::VecDeque;

use ebbtide_core::event::{CallEnd, Event, Listener, What, WorkerChange};
use ebbtide_core::message::{AgentId, LeaseId, Outcome, WorkerId};
use ebbtide_measure::Recorder;
use ebbtide_policies::units::Time;

use crate::streams::MessageKey;

use super::Tag;

/// Is told of each outcome.
pub type OutcomeSink<'a> = Box<dyn FnMut(&Ended) + Send + 'a>;

/// A message that has its outcome; of a broadcast, one of its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub key: MessageKey,
    /// Whose it was.
    pub agent: AgentId,
    /// When its sender asked.
    pub sent: Time,
    /// When it ended.
    pub at: Time,
    /// How it ended.
    pub outcome: Outcome,
}

/// What core said that the world has yet to heed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Concern {
    /// A message has its outcome.
    Ended(Ended),
    /// Nobody waits for a call any more.
    Abandoned(LeaseId),
    /// A call's worker is lost.
    WorkerLost(LeaseId),
    /// A worker was ordered.
    WorkerOrdered(WorkerId),
}

/// The recorder, and what the world has yet to heed.
pub(crate) struct Audience {
    pub(super) recorder: Recorder,
    /// Whether anybody but the recorder wants to know of outcomes.
    wants_outcomes: bool,
    concerns: VecDeque<Concern>,
}

impl Audience {
    pub(crate) fn new(recorder: Recorder, wants_outcomes: bool) -> Self {
        Self {
            recorder,
            wants_outcomes,
            concerns: VecDeque::new(),
        }
    }

    /// Whether there is something that the world has not heeded.
    #[inline]
    pub(super) fn concerns_the_world(&self) -> bool {
        !self.concerns.is_empty()
    }

    /// The first thing that the world has not heeded.
    pub(super) fn next_concern(&mut self) -> Option<Concern> {
        self.concerns.pop_front()
    }

    #[inline(always)]
    fn concern(&self, event: &Event<Tag>) -> Option<Concern> {
        match event.what {
            What::Finished {
                ref payload,
                account,
                sent,
                outcome,
                ..
            } if self.wants_outcomes => Some(Concern::Ended(Ended {
                key: payload.key,
                agent: account.agent,
                sent,
                at: event.at,
                outcome,
            })),
            What::Abandoned { lease, .. } => Some(Concern::Abandoned(lease)),
            What::Ended {
                lease,
                how: CallEnd::WorkerLost,
                ..
            } => Some(Concern::WorkerLost(lease)),
            What::Worker {
                worker,
                state: WorkerChange::Starting,
            } => Some(Concern::WorkerOrdered(worker)),
            _ => None,
        }
    }
}

impl Listener<Tag> for Audience {
    #[inline(always)]
    fn hear(&mut self, event: Event<Tag>) {
        self.recorder.record(&event);
        if let Some(concern) = self.concern(&event) {
            self.concerns.push_back(concern);
        }
        // Who owns something is told apart here. Dropped as a whole, an event would have to be made in memory first;
        // so nothing is left of it but words.
        match event.what {
            What::History { history, .. } => drop(history),
            What::Decided(record) => drop(record),
            _ => {}
        }
    }
}
