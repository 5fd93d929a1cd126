//! Who hears what core says: the recorder hears all of it, the world what concerns it.

use std::collections::VecDeque;

use ebbtide_core::event::{CallEnd, Event, Listener, What, WorkerChange};
use ebbtide_measure::Recorder;

use super::Tag;

/// The recorder, and what the world has yet to heed.
pub(crate) struct Audience {
    pub(super) recorder: Recorder,
    /// Whether outcomes bring new messages about.
    has_callers: bool,
    concerns: VecDeque<Event<Tag>>,
}

impl Audience {
    pub(crate) fn new(recorder: Recorder, has_callers: bool) -> Self {
        Self {
            recorder,
            has_callers,
            concerns: VecDeque::new(),
        }
    }

    /// The first event that the world has not heeded.
    #[inline]
    pub(super) fn next_concern(&mut self) -> Option<Event<Tag>> {
        self.concerns.pop_front()
    }

    #[inline]
    fn concerns_the_world(&self, what: &What<Tag>) -> bool {
        match what {
            What::Finished { .. } => self.has_callers,
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
        }
    }
}
