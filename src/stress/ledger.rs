//! What callers and handlers saw of each message, and whether it can be true.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Faults;
use crate::{Books, NoReply, Outcome};
use ebbtide_core::message::DeadReason;

/// Names a message of a run.
pub(super) type Id = usize;

/// Everything that was seen.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    messages: Vec<Message>,
    faults: Faults,
    complaints: Vec<String>,
}

/// One message, or one copy of a broadcast, as seen from outside.
#[derive(Clone, Debug)]
struct Message {
    deadline: Option<Instant>,
    accepted: Accepted,
    given_up: bool,
    /// A handler, whose lease was good, said what became of it.
    closed: Option<Outcome>,
    /// Its caller was told.
    told: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepted {
    Yes,
    No,
    /// Its sender gave up before it knew.
    Unknown,
}

impl Ledger {
    /// A message is about to be sent.
    pub(super) fn open(&self, deadline: Option<Instant>) -> Id {
        let mut seen = self.0.lock();
        seen.messages.push(Message {
            deadline,
            accepted: Accepted::Unknown,
            given_up: false,
            closed: None,
            told: None,
        });
        seen.messages.len() - 1
    }

    /// Its caller has dropped it, whether it was accepted or not.
    pub(super) fn given_up(&self, id: Id) {
        self.0.lock().messages[id].given_up = true;
    }

    /// Whether somebody still waits for it at this instant: a handler of a batch cannot know.
    pub(super) fn is_wanted(&self, id: Id) -> bool {
        let message = &self.0.lock().messages[id];
        let late = message
            .deadline
            .is_some_and(|deadline| deadline < Instant::now());
        !late && !message.given_up && message.told.is_none()
    }

    pub(super) fn deadline(&self, id: Id) -> Option<Instant> {
        self.0.lock().messages[id].deadline
    }

    pub(super) fn accepted(&self, id: Id, accepted: bool) {
        let mut seen = self.0.lock();
        seen.messages[id].accepted = if accepted {
            Accepted::Yes
        } else {
            Accepted::No
        };
    }

    /// A handler begins with it. Its caller may have gone since the call was taken, and then
    /// the call is cancelled already, unless it carries others.
    pub(super) fn begun(&self, id: Id, alone: bool, cancelled: bool) {
        let mut seen = self.0.lock();
        let message = seen.messages[id].clone();
        let left = (message.given_up || message.told.is_some()) && alone && !cancelled;
        if message.closed.is_some() || message.accepted == Accepted::No || left {
            seen.complain(id, "was handed to a handler although it had ended");
        }
    }

    /// A handler whose lease is good says what became of it.
    pub(super) fn closed(&self, id: Id, outcome: Outcome) {
        let mut seen = self.0.lock();
        if seen.messages[id].closed.replace(outcome).is_some() {
            seen.complain(id, "was closed twice");
        }
    }

    /// Its caller got a reply, or an error.
    pub(super) fn told(&self, id: Id, result: Result<Id, NoReply>) {
        let mut seen = self.0.lock();
        let outcome = match result {
            Ok(reply) => {
                if reply != id {
                    seen.complain(id, "got another message's reply");
                }
                Outcome::Delivered
            }
            Err(NoReply::NotAccepted(_)) => {
                seen.messages[id].accepted = Accepted::No;
                return;
            }
            Err(NoReply::Rejected) => Outcome::Rejected,
            Err(NoReply::Discarded) => Outcome::Discarded,
            Err(NoReply::Expired) => Outcome::Expired,
            Err(NoReply::Cancelled) => Outcome::Cancelled,
            Err(NoReply::DeadLettered { why, .. }) => Outcome::DeadLettered(why),
            Err(NoReply::Returned) => Outcome::Returned,
        };
        seen.messages[id].accepted = Accepted::Yes;
        seen.messages[id].told = Some(outcome);
    }

    pub(super) fn met(&self, fault: &'static str) {
        *self.0.lock().faults.entry(fault).or_default() += 1;
    }

    pub(super) fn complain(&self, complaint: String) {
        self.0.lock().complaints.push(complaint);
    }

    /// The broker is down: its books and dead letters must agree with what was seen.
    pub(super) fn close(&self, books: &Books, dead: BTreeSet<Id>) {
        self.0.lock().close(books, &dead);
    }

    pub(super) fn verdict(&self) -> Result<Faults, String> {
        let seen = self.0.lock();
        match seen.complaints.first() {
            None => Ok(seen.faults.clone()),
            Some(first) => Err(format!("{first} ({} complaints)", seen.complaints.len())),
        }
    }
}

impl Seen {
    fn complain(&mut self, id: Id, what: &str) {
        let complaint = format!("message {id} {what}: {:?}", self.messages[id]);
        self.complaints.push(complaint);
    }

    fn close(&mut self, books: &Books, dead: &BTreeSet<Id>) {
        let (mut sure, mut unsure) = ([0_u64; 7], 0_u64);
        for id in 0..self.messages.len() {
            let message = self.messages[id].clone();
            match message.outcome(dead.contains(&id)) {
                Err(wrong) => self.complain(id, wrong),
                Ok(Some(outcome)) => {
                    sure[outcome.index()] += 1;
                    self.note(outcome);
                }
                Ok(None) if message.accepted == Accepted::No => {}
                Ok(None) => unsure += 1,
            }
        }
        if books.queued() + books.leased > 0 || !books.balance() {
            self.complaints
                .push(format!("messages are left: {books:?}"));
        }
        let total: u64 = sure.iter().sum();
        if books.accepted < total || books.accepted > total + unsure {
            let counted = format!("{total} accepted messages seen and {unsure} perhaps");
            self.complaints.push(format!("{counted}, but {books:?}"));
        }
        // What a handler decided, and what was given up, is seen in every case.
        for outcome in [
            Outcome::Delivered,
            Outcome::Rejected,
            Outcome::Discarded,
            Outcome::DeadLettered(DeadReason::AttemptsSpent),
        ] {
            let at = outcome.index();
            if books.outcomes[at] != sure[at] {
                let name = outcome.name();
                let told = format!(
                    "messages {name}: {} seen, {} told",
                    sure[at], books.outcomes[at]
                );
                self.complaints.push(told);
            }
        }
    }

    fn note(&mut self, outcome: Outcome) {
        let fault = match outcome {
            Outcome::Expired => "deadline passed",
            Outcome::DeadLettered(_) => "dead letter",
            _ => return,
        };
        *self.faults.entry(fault).or_default() += 1;
    }
}

impl Message {
    /// Its outcome, as far as it can be known; or what cannot be true of it.
    fn outcome(&self, is_dead: bool) -> Result<Option<Outcome>, &'static str> {
        let dead = Outcome::DeadLettered(DeadReason::AttemptsSpent);
        match (self.closed, self.told, is_dead) {
            (Some(_), _, true) => Err("was closed by its handler and is a dead letter"),
            (Some(closed), Some(told), false) if closed != told => {
                Err("ended otherwise than its handler said")
            }
            (None, Some(Outcome::Delivered | Outcome::Rejected | Outcome::Discarded), _) => {
                Err("ended as no handler said")
            }
            (None, Some(Outcome::DeadLettered(_)), false) => Err("was given up and is not kept"),
            (None, Some(Outcome::Expired), false) if self.deadline.is_none() => {
                Err("expired without a deadline")
            }
            (_, _, true) => Ok(Some(dead)),
            (closed, told, false) => Ok(told.or(closed)),
        }
    }
}
