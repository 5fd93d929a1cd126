//! Messages by agent, lane and class: each is counted once, in the cell of its account; the
//! figures of an agent, a lane, a class or the whole run are made by merging cells at the end.
//!
//! What a message counts for is decided here:
//! - a wait ends when the first call starts; a message that ended without a call has none;
//! - a sojourn ends with the outcome, whichever it is, except that a message cancelled or
//!   returned was cut off: its sojourn is *at least* that long, like an unfinished one's;
//! - how late it is, `record.rs` says, by the definition of `cost.rs`;
//! - rates are of what happened in the window, shares and times of the messages sent in it.

use ebbtide_core::event::Account;
use ebbtide_core::message::{Lane, Outcome};
use ebbtide_core::units::{Duration, Time};

use crate::books::Counts;
use crate::histogram::OpenLatencies;

/// The part of a run that figures are of, both ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: Time,
    pub(crate) to: Time,
}

impl Window {
    pub(crate) fn contains(self, at: Time) -> bool {
        self.from <= at && at <= self.to
    }
}

/// The messages of one agent, lane and class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Over the whole run.
    pub(crate) counts: Counts,
    /// Delivered in the window, whenever sent.
    pub(crate) delivered_in_window: u64,
    /// Of the messages sent in the window: how many.
    pub(crate) offered: u64,
    /// … were refused.
    pub(crate) refused: u64,
    /// … were delivered.
    pub(crate) delivered: u64,
    /// … were dead-lettered.
    pub(crate) dead: u64,
    /// … have an outcome.
    pub(crate) ended: u64,
    /// … waited at all.
    pub(crate) waited: u64,
    /// … and how long.
    pub(crate) wait: OpenLatencies,
    /// Their sojourns.
    pub(crate) sojourn: OpenLatencies,
    /// Messages beyond the objective.
    pub(crate) late_messages: u64,
    /// Nanoseconds beyond the objective, summed.
    pub(crate) late: u128,
    /// The part of `late` that is of unfinished messages.
    pub(crate) late_open: u128,
}

impl Cell {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.delivered_in_window += other.delivered_in_window;
        self.offered += other.offered;
        self.refused += other.refused;
        self.delivered += other.delivered;
        self.dead += other.dead;
        self.ended += other.ended;
        self.waited += other.waited;
        self.wait.merge(&other.wait);
        self.sojourn.merge(&other.sojourn);
        self.late_messages += other.late_messages;
        self.late += other.late;
        self.late_open += other.late_open;
    }

    /// The first call for a message sent in the window started after `wait`.
    #[inline(always)]
    pub(crate) fn waited(&mut self, wait: Duration) {
        self.waited += u64::from(!wait.is_zero());
        self.wait.ended.record(wait);
    }

    /// No call for a message sent in the window has started, `age` ago.
    pub(crate) fn still_waits(&mut self, age: Duration) {
        self.waited += u64::from(!age.is_zero());
        self.wait.open.record(age);
    }

    /// A message sent in the window, `age` ago, has no outcome.
    pub(crate) fn still_open(&mut self, age: Duration) {
        self.sojourn.open.record(age);
    }

    /// A message sent in the window is beyond the objective by so much; for good, or so far.
    #[inline(always)]
    pub(crate) fn late(&mut self, by: Duration, is_open: bool) {
        self.late_messages += u64::from(!by.is_zero());
        self.late += u128::from(by.as_nanos());
        if is_open {
            self.late_open += u128::from(by.as_nanos());
        }
    }

    /// A message sent in the window has its outcome after `sojourn`.
    #[inline(always)]
    pub(crate) fn end(&mut self, outcome: Outcome, sojourn: Duration) {
        self.ended += 1;
        match outcome {
            Outcome::Delivered => self.delivered += 1,
            Outcome::DeadLettered(_) => self.dead += 1,
            Outcome::Cancelled | Outcome::Returned => {
                self.sojourn.open.record(sojourn);
                return;
            }
            Outcome::Rejected | Outcome::Discarded | Outcome::Expired => {}
        }
        self.sojourn.ended.record(sojourn);
    }
}

/// The cells, found by account without a search.
#[derive(Debug)]
pub(crate) struct Ledger {
    classes: usize,
    /// Place in `cells` by agent, lane and class; [`Self::NONE`]: no cell yet.
    places: Vec<u32>,
    cells: Vec<(Account, Cell)>,
}

impl Ledger {
    const NONE: u32 = u32::MAX;

    pub(crate) fn new(agents: usize, classes: usize) -> Self {
        Self {
            classes,
            places: vec![Self::NONE; agents * Lane::ALL.len() * classes],
            cells: Vec::new(),
        }
    }

    /// The cell of `account`. Panics if the plan does not name its agent or class.
    #[inline(always)]
    pub(crate) fn cell(&mut self, account: &Account) -> &mut Cell {
        let class = usize::from(account.class.0);
        assert!(class < self.classes, "the plan names every class");
        let agent_lane = account.agent.0 as usize * Lane::ALL.len() + account.lane.index();
        let place = agent_lane * self.classes + class;
        let mut cell = self.places[place];
        if cell == Self::NONE {
            cell = self.open(place, *account);
        }
        &mut self.cells[cell as usize].1
    }

    #[cold]
    fn open(&mut self, place: usize, account: Account) -> u32 {
        let cell = u32::try_from(self.cells.len()).expect("fewer cells than accounts");
        self.cells.push((account, Cell::default()));
        self.places[place] = cell;
        cell
    }

    /// Nanoseconds beyond the objective, each message's times what `weight` says of its account.
    pub(crate) fn late(&self, weight: impl Fn(&Account) -> f64) -> f64 {
        let late = |(account, cell): &(Account, Cell)| cell.late as f64 * weight(account);
        self.cells.iter().map(late).sum()
    }

    /// Messages beyond the objective.
    pub(crate) fn late_messages(&self) -> u64 {
        self.cells.iter().map(|(_, cell)| cell.late_messages).sum()
    }

    /// The cells whose account `belongs`, as one.
    pub(crate) fn merged(&self, belongs: impl Fn(&Account) -> bool) -> Cell {
        let mut merged = Cell::default();
        for (account, cell) in &self.cells {
            if belongs(account) {
                merged.merge(cell);
            }
        }
        merged
    }
}
