//! The recorder: folds core's events into one [`Run`].

use ebbtide_core::event::{Account, DecisionRecord, Event};
use ebbtide_core::units::Time;

use crate::plan::RecordPlan;
use crate::run::Run;

/// Where each control decision goes besides: to a file, say.
pub type DecisionSink = Box<dyn FnMut(&DecisionRecord) + Send>;

/// Folds the events of one replication, in their order, into a [`Run`].
pub struct Recorder {
    plan: RecordPlan,
    sink: Option<DecisionSink>,
}

/// What a recorder must be told when the run is over.
pub struct RunEnd<I> {
    /// When it was over.
    pub at: Time,
    /// Events that the simulator handled; `None` for a live broker.
    pub events_simulated: Option<u64>,
    /// Every message that was accepted and has no outcome.
    pub unfinished: I,
}

/// A message without an outcome when the run was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its books.
    pub account: Account,
    /// When its sender asked.
    pub sent: Time,
    /// Whether a call for it has ever started.
    pub started: bool,
}

impl Recorder {
    /// A recorder for one replication.
    #[must_use]
    pub fn new(plan: RecordPlan) -> Self {
        Self { plan, sink: None }
    }

    /// Hands every control decision on to `sink`.
    #[must_use]
    pub fn with_decision_sink(mut self, sink: DecisionSink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Folds one event. Events come in the order of time.
    pub fn record<M>(&mut self, _event: &Event<M>) {}

    /// A message whose sender was blocked by a full queue until the run was over.
    pub fn blocked(&mut self, _account: Account, _sent: Time) {}

    /// The run is over.
    pub fn finish(self, _end: RunEnd<impl Iterator<Item = Unfinished>>) -> Run {
        let _ = self.plan;
        Run {
            books: crate::books::Books::default(),
            detail: None,
        }
    }
}
