//! Senders that wait until the queue has room, first come, first served by agent.
//!
//! A waiting sender leaves its submission here; whoever makes room enters it on the sender's
//! behalf and wakes only that one. Each agent has a line of its own, and broadcasts have one,
//! since a message that an agent could be called for at once needs no place; so have those of
//! the critical lane, which may use the reserve.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ebbtide_core::Lane;
use ebbtide_core::message::AgentId;
use ebbtide_policies::units::Time;
use parking_lot::Mutex;

use crate::admission::{Entry, Told};
use crate::driver::Driver;
use crate::error::NotAccepted;

/// Lines that are looked at each time, which is under the broker's lock.
const MOST_LOOKS: usize = 64;

/// A place in a line.
pub(crate) type Ticket = (Line, u64);

/// Whose line it is, and whether an ordinary one rather than the critical lane's.
type Line = (bool, AgentId);

/// Everyone who waits for room.
#[derive(Default)]
pub(crate) struct WaitingRoom {
    lines: BTreeMap<Ticket, Waiting>,
    /// The first of each line: the critical lane's first, then in order of arrival.
    heads: BTreeSet<(bool, u64, AgentId)>,
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
        self.lines.is_empty()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether an entry would overtake somebody.
    pub(crate) fn is_ahead_of(&self, entry: &Entry) -> bool {
        !self.is_empty() && self.first_of(line_of(entry)).is_some()
    }

    fn first_of(&self, line: Line) -> Option<u64> {
        let mut places = self.lines.range((line, 0)..=(line, u64::MAX));
        places.next().map(|(&(_, place), _)| place)
    }

    /// Stands at the end of the line.
    pub(crate) fn enter(&mut self, entry: Entry) -> (Ticket, Arc<Turn>) {
        self.last += 1;
        let line = line_of(&entry);
        let ticket = (line, self.last);
        if self.first_of(line).is_none() {
            self.heads.insert((line.0, self.last, line.1));
        }
        if let Some(deadline) = entry.submission.deadline {
            self.deadlines.insert((deadline, ticket));
        }
        let turn = Arc::new(Turn::default());
        let waiting = Waiting {
            entry,
            turn: turn.clone(),
        };
        self.lines.insert(ticket, waiting);
        (ticket, turn)
    }

    /// Gives up: the sender has gone. What it leaves behind.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<impl Sized + use<>> {
        self.remove(ticket)
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.lines.remove(&ticket)?;
        let (line, place) = ticket;
        if self.heads.remove(&(line.0, place, line.1))
            && let Some(next) = self.first_of(line)
        {
            self.heads.insert((line.0, next, line.1));
        }
        if let Some(deadline) = waiting.entry.submission.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        Some(waiting)
    }

    /// Lets the first of a line in, of the first line for which there is room; nobody whose
    /// deadline has passed. Whether somebody was let in.
    #[inline]
    pub(crate) fn admit_first(&mut self, driver: &mut Driver, wakers: &mut Vec<Waker>) -> bool {
        self.expire(driver.now(), wakers);
        let tickets = self
            .heads
            .iter()
            .map(|&(kind, at, agent)| ((kind, agent), at));
        let fits = |ticket: &Ticket| {
            let refusal = driver.refusal(&self.lines[ticket].entry);
            !refusal.is_some_and(|refusal| refusal.is_full())
        };
        let Some(ticket) = tickets.take(MOST_LOOKS).find(fits) else {
            return false;
        };
        let waiting = self.remove(ticket).expect("it was found there");
        waiting.turn.tell(driver.enter(waiting.entry), wakers);
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

fn line_of(entry: &Entry) -> Line {
    let ordinary = entry.submission.lane != Lane::Critical;
    (ordinary, entry.submission.agent)
}
