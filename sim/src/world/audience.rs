//! Who hears what core says: the recorder hears all of it, the world what concerns it.

use std::collections::VecDeque;

use ebbtide_core::event::{CallEnd, Event, Listener, What, WorkerChange};
use ebbtide_core::message::{AgentId, Outcome};
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

/// The recorder, and what the world has yet to heed.
pub(crate) struct Audience {
    pub(super) recorder: Recorder,
    /// Whether anybody but the recorder wants to know of outcomes.
    wants_outcomes: bool,
    concerns: VecDeque<Event<Tag>>,
}

impl Audience {
    pub(crate) fn new(recorder: Recorder, wants_outcomes: bool) -> Self {
        Self {
            recorder,
            wants_outcomes,
            concerns: VecDeque::new(),
        }
    }

    /// Whether there is an event that the world has not heeded.
    #[inline]
    pub(super) fn concerns_anybody(&self) -> bool {
        !self.concerns.is_empty()
    }

    /// The first event that the world has not heeded.
    pub(super) fn next_concern(&mut self) -> Option<Event<Tag>> {
        self.concerns.pop_front()
    }

    #[inline]
    fn concerns_the_world(&self, what: &What<Tag>) -> bool {
        match what {
            What::Finished { .. } => self.wants_outcomes,
            What::Ended { how, .. } => *how == CallEnd::WorkerLost,
            What::Worker { state, .. } => *state == WorkerChange::Starting,
            What::Abandoned { .. } => true,
            _ => false,
        }
    }
}

impl Listener<Tag> for Audience {
    #[inline(always)]
    fn hear(&mut self, event: Event<Tag>) {
        self.recorder.record(&event);
        if self.concerns_the_world(&event.what) {
            self.concerns.push_back(event);
            return;
        }
        match event.what {
            // Nothing else owns anything. Said here, events need not be made in memory to be
            // dropped again.
            What::History { .. } | What::Decided(_) => drop(event),
            _ => std::mem::forget(event),
        }
    }
}
