//! Senders that wait until the queue has room, first come, first served.
//!
//! A waiting sender leaves its submission here; whoever makes room enters it on the sender's
//! behalf and wakes only that one. Those of the critical lane stand in a line of their own,
//! since they may use the reserve.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ebbtide_core::Lane;
use ebbtide_policies::units::Time;
use parking_lot::Mutex;

use crate::admission::{Entry, RecentKeys, Told};
use crate::driver::Driver;
use crate::error::NotAccepted;

/// A place in the line: the critical lane's first, then in order of arrival.
pub(crate) type Ticket = (bool, u64);

/// Everyone who waits for room.
#[derive(Default)]
pub(crate) struct WaitingRoom {
    line: BTreeMap<Ticket, Waiting>,
    deadlines: BTreeSet<(Time, Ticket)>,
    last: u64,
}

struct Waiting {
    entry: Entry,
    turn: Arc<Turn>,
}

/// What a waiting sender learns.
#[derive(Default)]
pub(crate) struct Turn(Mutex<TurnState>);

#[derive(Default)]
struct TurnState {
    result: Option<Told>,
    waker: Option<Waker>,
}

impl Turn {
    /// Its message, or the parcel back.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Told> {
        let mut state = self.0.lock();
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// What it would learn, for one that no longer wants to.
    pub(crate) fn take(&self) -> Option<Told> {
        self.0.lock().result.take()
    }

    fn tell(&self, result: Told, wakers: &mut Vec<Waker>) {
        let mut state = self.0.lock();
        state.result = Some(result);
        wakers.extend(state.waker.take());
    }
}

impl WaitingRoom {
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether a submission of this lane would overtake somebody.
    pub(crate) fn is_ahead_of(&self, lane: Lane) -> bool {
        let line = (is_ordinary(lane), 0)..=(is_ordinary(lane), u64::MAX);
        !self.line.is_empty() && self.line.range(line).next().is_some()
    }

    /// Stands at the end of the line.
    pub(crate) fn enter(&mut self, entry: Entry) -> (Ticket, Arc<Turn>) {
        self.last += 1;
        let ticket = (is_ordinary(entry.submission.lane), self.last);
        if let Some(deadline) = entry.submission.deadline {
            self.deadlines.insert((deadline, ticket));
        }
        let turn = Arc::new(Turn::default());
        let waiting = Waiting {
            entry,
            turn: turn.clone(),
        };
        self.line.insert(ticket, waiting);
        (ticket, turn)
    }

    /// Gives up: the sender has gone.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.remove(ticket);
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.line.remove(&ticket)?;
        if let Some(deadline) = waiting.entry.submission.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        Some(waiting)
    }

    /// Lets the first of a line in, if there is room for it. Whether somebody left the room.
    #[inline]
    pub(crate) fn admit_first(
        &mut self,
        driver: &mut Driver,
        keys: &mut RecentKeys,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let mut admit = |ordinary| self.admit_from(ordinary, driver, keys, wakers);
        admit(false) || admit(true)
    }

    fn admit_from(
        &mut self,
        ordinary: bool,
        driver: &mut Driver,
        keys: &mut RecentKeys,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let mut line = self.line.range((ordinary, 0)..=(ordinary, u64::MAX));
        let Some((&ticket, first)) = line.next() else {
            return false;
        };
        let refusal = driver.refusal(&first.entry);
        if refusal.is_some_and(|refusal| refusal.is_full()) {
            return false;
        }
        let waiting = self.remove(ticket).expect("it was found there");
        waiting.turn.tell(driver.enter(waiting.entry, keys), wakers);
        true
    }

    /// Those whose deadline has passed leave.
    pub(crate) fn expire(&mut self, now: Time, wakers: &mut Vec<Waker>) {
        while let Some(&(deadline, ticket)) = self.deadlines.first()
            && deadline <= now
        {
            let waiting = self
                .remove(ticket)
                .expect("whoever has a deadline stands in line");
            let parcel = waiting.entry.submission.payload;
            waiting
                .turn
                .tell(Err((NotAccepted::Expired, parcel)), wakers);
        }
    }

    pub(crate) fn first_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }
}

fn is_ordinary(lane: Lane) -> bool {
    lane != Lane::Critical
}
