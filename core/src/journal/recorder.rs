//! The writing of a journal beside core, and the gaps where the writer cannot keep up.

use std::borrow::Cow;

use ebbtide_policies::units::Time;

use super::input::Input;
use super::record::{Header, Lost, Record};
use crate::config::BrokerConfig;
use crate::event::{DecisionRecord, Listener};
use crate::state::BrokerState;

/// Bytes of records that are handed on together: a thousand messages' worth.
const CHUNK: usize = 32 << 10;
/// Most bytes that are kept while the writer has no room; decisions beyond it are lost.
const MOST_KEPT: usize = 4 << 20;
/// In a gap the writer is asked again after so many inputs.
const ASK_EVERY: u64 = 64;

/// Takes a journal's chunks to where it is kept. It must not wait: core is called under a lock.
pub trait Sink: Send {
    /// Takes the records out of `chunk`, or leaves all of them there if it has no room now. One
    /// that had none should have plenty before it takes again: each gap costs a snapshot.
    fn offer(&mut self, chunk: &mut Vec<u8>);

    /// The last chunk, which is taken in any case.
    fn close(&mut self, chunk: Vec<u8>);
}

/// Writes down what core is told and what it decides.
pub(super) struct Recorder {
    sink: Box<dyn Sink>,
    chunk: Vec<u8>,
    /// Bytes that are kept while the writer has no room.
    pub(super) most_kept: usize,
    /// What the present gap has swallowed so far.
    gap: Option<Lost>,
}

impl Recorder {
    /// Begins a journal of a core that was told nothing yet.
    pub(super) fn begin<M, L: Listener<M>>(state: &BrokerState<M, L>, sink: Box<dyn Sink>) -> Self {
        let mut recorder = Self {
            sink,
            chunk: Vec::with_capacity(CHUNK + CHUNK / 4),
            most_kept: MOST_KEPT,
            gap: None,
        };
        recorder.write(&Record::Header(Header {
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            config: config_json(state.config()),
            policy: state.control.policy.name().to_owned(),
        }));
        recorder
    }

    /// Writes down a call that is about to be made, at `now` as core will see it.
    #[inline(never)]
    pub(super) fn input<M, L: Listener<M>>(
        &mut self,
        state: &BrokerState<M, L>,
        now: Time,
        input: Input<'_>,
    ) {
        // Not after the input that filled it: the decisions which that brings about come first.
        if self.gap.is_none() && self.chunk.len() >= CHUNK {
            self.hand_on();
        }
        if let Some(lost) = self.gap
            && !(lost.inputs.is_multiple_of(ASK_EVERY) && self.resume(state))
        {
            if matches!(input, Input::SwitchPolicy(_)) {
                let after = now.since(state.now());
                return self.write(&Record::Input { after, input });
            }
            let inputs = lost.inputs + 1;
            self.gap = Some(Lost { inputs, ..lost });
            return;
        }
        let after = now.since(state.now());
        self.write(&Record::Input { after, input });
    }

    /// Writes down the decisions that the last call brought about.
    #[cold]
    pub(super) fn decisions<M, L: Listener<M>>(
        &mut self,
        state: &BrokerState<M, L>,
        decisions: Vec<DecisionRecord>,
    ) {
        for record in decisions {
            match &mut self.gap {
                Some(lost) if self.chunk.len() > self.most_kept => lost.decisions += 1,
                _ => self.write(&Record::Decision(Cow::Owned(json(&record)))),
            }
        }
        // At each tick, so that a crash costs no more than an interval.
        if self.gap.is_none() {
            self.hand_on();
        } else {
            self.resume(state);
        }
    }

    /// The last record.
    pub(super) fn end<M, L: Listener<M>>(mut self, state: &BrokerState<M, L>) {
        self.write(&Record::End {
            lost: self.gap.unwrap_or_default(),
            books: *state.books(),
        });
        self.sink.close(self.chunk);
    }

    /// Hands the chunk on; if there is no room, the gap begins.
    fn hand_on(&mut self) {
        self.sink.offer(&mut self.chunk);
        if !self.chunk.is_empty() {
            self.write(&Record::Gap);
            self.gap = Some(Lost::default());
        }
    }

    /// Ends the gap if there is room again. Whether it did.
    fn resume<M, L: Listener<M>>(&mut self, state: &BrokerState<M, L>) -> bool {
        self.sink.offer(&mut self.chunk);
        if !self.chunk.is_empty() {
            return false;
        }
        let lost = self.gap.take().unwrap_or_default();
        let state = Cow::Owned(state.save());
        self.write(&Record::Resume { lost, state });
        true
    }

    fn write(&mut self, record: &Record<'_>) {
        record.write(&mut self.chunk);
    }
}

/// A configuration, as journals have it.
pub(super) fn config_json(config: &BrokerConfig) -> String {
    serde_json::to_string(config).expect("a configuration has text keys only")
}

/// A decision with its observation, as it is logged.
pub(super) fn json(record: &DecisionRecord) -> String {
    serde_json::to_string(record).expect("a decision record has text keys only")
}
