//! A journal run again: the same calls into a new core, each observation and each decision
//! compared with what the live broker logged, byte for byte.

use std::collections::VecDeque;

use ebbtide_policies::Policy;
use ebbtide_policies::units::Time;

use super::input::Input;
use super::mismatch::{Mismatch, first_difference};
use super::record::{Header, Lost, Record};
use super::recorder::json;
use super::snapshot::{from_json, no_policy};
use crate::account::Books;
use crate::event::{DecisionRecord, Event, Listener, What};
use crate::state::BrokerState;

/// Builds the policy of a name, as the live broker named it.
pub type BuildPolicy<'b> = dyn Fn(&str) -> Option<Box<dyn Policy>> + 'b;

/// What was replayed so far, and whether it agreed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parity {
    /// Inputs replayed.
    pub inputs: u64,
    /// Decisions compared, with the observations that core rebuilt for them.
    pub decisions: u64,
    /// Decisions compared on the logged observations, since they fell into gaps.
    pub decisions_in_gaps: u64,
    /// Decisions that changed the setting.
    pub changes: u64,
    /// Gaps, and what they swallowed.
    pub gaps: u64,
    /// What the gaps swallowed.
    pub lost: Lost,
    /// The latest instant replayed.
    pub until: Time,
    /// Whether the journal was closed in good order.
    pub ended: bool,
    /// Since when the policy's state is unknown, because decisions were lost: nothing after was
    /// compared.
    pub unknown_from: Option<Time>,
    /// The first disagreement: nothing after it was compared.
    pub mismatch: Option<Mismatch>,
}

/// Why a journal cannot be replayed, though it can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The policy is not one that the replay can build.
    #[error("it was written under the policy {0:?}, which this program does not have")]
    UnknownPolicy(String),
    /// Records in an order that no broker writes.
    #[error("its records are in an order that no broker writes: {0}")]
    Order(&'static str),
    /// A configuration or a state that this version cannot read.
    #[error("its {0} cannot be read by this version")]
    Unreadable(&'static str),
}

/// Hears decisions, and nothing else.
#[derive(Debug, Default)]
struct Ear(Vec<DecisionRecord>);

impl Listener<()> for Ear {
    fn hear(&mut self, event: Event<()>) {
        if let What::Decided(record) = event.what {
            self.0.push(*record);
        }
    }
}

/// A journal being run again.
pub struct Replay<'b> {
    build: &'b BuildPolicy<'b>,
    header: Option<Header>,
    state: Option<BrokerState<(), Ear>>,
    in_gap: bool,
    /// Decisions of the replay that the journal has not come to yet.
    ahead: VecDeque<DecisionRecord>,
    parity: Parity,
}

impl<'b> Replay<'b> {
    /// A replay that was fed nothing yet.
    #[must_use]
    pub fn new(build: &'b BuildPolicy<'b>) -> Self {
        Self {
            build,
            header: None,
            state: None,
            in_gap: false,
            ahead: VecDeque::new(),
            parity: Parity::default(),
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn parity(&self) -> &Parity {
        &self.parity
    }

    /// What the live broker was built from, once that was read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Whether more records may change what was found.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let parity = &self.parity;
        parity.mismatch.is_some() || parity.unknown_from.is_some() || parity.ended
    }

    /// Replays the journal's next record. Once it [is over](Self::is_over) nothing follows.
    ///
    /// # Errors
    /// What was read is no journal of a broker that this program can build.
    pub fn feed(&mut self, record: &Record<'_>) -> Result<(), ReplayError> {
        if self.is_over() {
            return Ok(());
        }
        if let Record::Header(header) = record {
            return self.begin(header);
        }
        let Some(state) = &mut self.state else {
            return Err(ReplayError::Order("it has no header"));
        };
        match record {
            Record::Header(_) => {}
            Record::Input { after, input } => {
                let now = state.now() + *after;
                self.input(now, input)?;
            }
            Record::Decision(live) if self.in_gap => self.decide(live)?,
            Record::Decision(live) => self.compare(live),
            Record::Gap => {
                self.in_gap = true;
                self.parity.gaps += 1;
            }
            Record::Resume { lost, state } => self.resume(*lost, state)?,
            Record::End { lost, books } => self.end(*lost, books),
        }
        Ok(())
    }

    fn begin(&mut self, header: &Header) -> Result<(), ReplayError> {
        if self.header.is_some() {
            return Err(ReplayError::Order("it has two headers"));
        }
        let config = from_json(&header.config).ok_or(ReplayError::Unreadable("configuration"))?;
        let policy = policy(self.build, &header.policy)?;
        let mut state = BrokerState::with_listener(config, policy, Ear::default());
        state.keep_observations(true);
        self.state = Some(state);
        self.header = Some(header.clone());
        Ok(())
    }

    fn input(&mut self, now: Time, input: &Input<'_>) -> Result<(), ReplayError> {
        if let Some(early) = self.ahead.pop_front() {
            self.disagree(Some(early.number), early.at, "no decision", "one");
            return Ok(());
        }
        let Some(state) = &mut self.state else {
            return Ok(());
        };
        if !self.in_gap {
            input.apply(state, now, self.build)?;
        } else if let Input::SwitchPolicy(name) = input {
            state.control.policy = policy(self.build, name)?;
        } else {
            return Err(ReplayError::Order("an input in a gap"));
        }
        self.ahead.extend(state.listener_mut().0.drain(..));
        self.parity.inputs += 1;
        self.parity.until = state.now();
        Ok(())
    }

    fn compare(&mut self, live: &str) {
        let Some(replayed) = self.ahead.pop_front() else {
            let (number, at) = (self.parity.decisions, self.parity.until);
            return self.disagree(Some(number), at, "one", "no decision");
        };
        self.parity.decisions += 1;
        self.agree_on(live, &replayed);
    }

    /// A decision that fell into a gap, on the observation that the live broker logged.
    fn decide(&mut self, live: &str) -> Result<(), ReplayError> {
        let unreadable = ReplayError::Unreadable("decision log");
        let read = serde_json::from_str::<DecisionRecord>(live).ok();
        let (Some(mut record), Some(state)) = (read, &mut self.state) else {
            return Err(unreadable);
        };
        let seen = record.observation.as_ref().ok_or(unreadable)?;
        record.decision = state.control.policy.decide(seen);
        self.parity.decisions_in_gaps += 1;
        self.parity.until = record.at;
        self.agree_on(live, &record);
        Ok(())
    }

    fn agree_on(&mut self, live: &str, replayed: &DecisionRecord) {
        let text = json(replayed);
        if text == live {
            self.parity.changes += u64::from(replayed.before != replayed.applied);
            return;
        }
        let (field, live, again) = first_difference(live, &text);
        self.disagree(Some(replayed.number), replayed.at, live, again);
        if let Some(mismatch) = &mut self.parity.mismatch {
            mismatch.field = field;
        }
    }

    fn resume(&mut self, lost: Lost, bytes: &[u8]) -> Result<(), ReplayError> {
        if !std::mem::take(&mut self.in_gap) {
            return Err(ReplayError::Order("a gap ends that never began"));
        }
        self.count(lost);
        if lost.decisions > 0 {
            self.parity.unknown_from = Some(self.parity.until);
            return Ok(());
        }
        let Some(old) = &mut self.state else {
            return Ok(());
        };
        let policy = std::mem::replace(&mut old.control.policy, no_policy());
        let state = BrokerState::restore(bytes, policy);
        let state = state.ok_or(ReplayError::Unreadable("state after a gap"))?;
        self.parity.until = state.now();
        self.state = Some(state);
        Ok(())
    }

    fn end(&mut self, lost: Lost, live: &Books) {
        self.count(lost);
        self.parity.ended = true;
        if let Some(early) = self.ahead.pop_front() {
            return self.disagree(Some(early.number), early.at, "no decision", "one");
        }
        let replayed = self.state.as_ref().map(|state| *state.books());
        if let Some(replayed) = replayed.filter(|books| !self.in_gap && books != live) {
            let (live, replayed) = (format!("{live:?}"), format!("{replayed:?}"));
            self.disagree(None, self.parity.until, live, replayed);
        }
    }

    fn count(&mut self, lost: Lost) {
        self.parity.lost.inputs += lost.inputs;
        self.parity.lost.decisions += lost.decisions;
    }

    fn disagree(
        &mut self,
        decision: Option<u64>,
        at: Time,
        live: impl Into<String>,
        replayed: impl Into<String>,
    ) {
        self.parity.mismatch = Some(Mismatch {
            decision,
            at,
            inputs: self.parity.inputs,
            field: String::new(),
            live: live.into(),
            replayed: replayed.into(),
        });
    }
}

/// The policy of that name.
pub(super) fn policy(build: &BuildPolicy<'_>, name: &str) -> Result<Box<dyn Policy>, ReplayError> {
    build(name).ok_or_else(|| ReplayError::UnknownPolicy(name.to_owned()))
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut it = f.debug_struct("Replay");
        it.field("parity", &self.parity).finish_non_exhaustive()
    }
}
