//! Getting a message in: at once, or through the waiting room.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ebbtide_core::message::{AgentId, Kind, MessageId, Outcome};
use ebbtide_core::{Lane, Refusal, Submission};
use ebbtide_policies::units::{Duration, Time};

use crate::driver::Driver;
use crate::error::NotAccepted;
use crate::floor::{Floor, Phase};
use crate::keys::To;
use crate::options::Options;
use crate::parcel::{Inquiry, Parcel};
use crate::porch::Places;
use crate::reply::Ending;
use crate::room::{Ticket, Turn};
use crate::shared::{Arrivals, Shared};

/// A message on its way in.
pub(crate) struct Entry {
    pub(crate) submission: Submission<Parcel>,
    /// Every subscriber of this topic gets it, rather than the submission's agent.
    pub(crate) topic: Option<Arc<str>>,
    pub(crate) idempotency_key: Option<Arc<str>>,
}

/// A message on the porch: small, as lists of them go from hand to hand.
pub(crate) enum Arrival {
    /// One of which nothing special is said.
    Plain {
        to: AgentId,
        kind: Kind,
        lane: Lane,
        size: u32,
        units: u32,
        sent: Time,
        parcel: Parcel,
    },
    Other(Box<Submission<Parcel>>),
}

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Message(MessageId),
    /// It was left on the porch, and gets its name when it is let in.
    Left,
    /// The copies of a broadcast.
    Copies(Vec<MessageId>),
}

impl Accepted {
    fn messages(&self) -> &[MessageId] {
        match self {
            Self::Message(message) => std::slice::from_ref(message),
            Self::Copies(copies) => copies,
            Self::Left => &[],
        }
    }
}

/// Whether it was accepted; if not, the parcel comes back.
pub(crate) type Told = Result<Accepted, (NotAccepted, Parcel)>;

/// What became of an entry.
pub(crate) enum Admitted {
    Told(Told),
    /// It waits for room.
    Waits(Ticket, Arc<Turn>),
}

impl Admitted {
    /// What became of one that was not to wait.
    pub(crate) fn at_once(self) -> Told {
        match self {
            Self::Told(told) => told,
            Self::Waits(..) => unreachable!("it was not to wait"),
        }
    }
}

/// Whether an entry may wait for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfFull {
    Wait,
    Refuse,
}

impl Shared {
    /// Leaves a message of which nothing special is said on the porch, if it has a place there. It is made
    /// where it is left.
    #[inline(always)]
    pub(crate) fn leave_on_porch(
        &self,
        to: AgentId,
        kind: Kind,
        options: &Options,
        parcel: impl FnOnce() -> Parcel,
    ) -> bool {
        let place = || self.porch.place(to, u64::from(options.size));
        let Some(mut place) = options.is_plain().then(place).flatten() else {
            return false;
        };
        let sent = place.sent(|| self.clock.now());
        place.fill(|| Arrival::Plain {
            to,
            kind,
            lane: options.lane,
            size: options.size,
            units: options.units,
            sent,
            parcel: parcel(),
        });
        true
    }

    /// How long a message waits for its outcome that does not say it.
    #[inline(always)]
    fn patience_of(&self, kind: Kind) -> Option<Duration> {
        self.patience.filter(|_| kind == Kind::Request)
    }

    /// Hands a message for one agent in.
    #[inline(never)]
    pub(crate) fn send(
        self: &Arc<Self>,
        if_full: IfFull,
        now: Time,
        to: AgentId,
        kind: Kind,
        options: &mut Options,
        parcel: Parcel,
    ) -> Admitted {
        let patience = self.patience_of(kind);
        let idempotency_key = options.take_idempotency_key();
        let entry = Entry {
            submission: options.submission(to, kind, now, patience, parcel),
            topic: None,
            idempotency_key,
        };
        self.submit(if_full, now, entry)
    }

    /// Hands an entry in, which its sender did at `now`: the clock is read once.
    #[inline(always)]
    pub(crate) fn submit(self: &Arc<Self>, if_full: IfFull, now: Time, entry: Entry) -> Admitted {
        if entry.is_plain()
            && (entry.submission.deadline).is_none_or(|deadline| deadline > now)
            && let (agent, bytes) = (entry.submission.agent, entry.submission.size)
            && let Some(place) = self.porch.place(agent, u64::from(bytes))
        {
            place.fill(|| Arrival::Other(Box::new(entry.submission)));
            return Admitted::Told(Ok(Accepted::Left));
        }
        let mut floor = self.hold(now, Arrivals::Stop);
        let admitted = floor.submit(if_full, entry);
        self.let_go(floor);
        admitted
    }

    /// The sender has gone.
    pub(crate) fn cancel(self: &Arc<Self>, message: MessageId) {
        self.on_floor(|floor| floor.driver.cancel(message));
    }

    /// The sender of what was left on the porch has gone. By now it is let in and has its name.
    pub(crate) fn cancel_left<M, R>(self: &Arc<Self>, inquiry: &Inquiry<M, R>) {
        self.on_floor(|floor| inquiry.name.get().map(|it| floor.driver.cancel(it)));
    }

    /// A waiting sender has gone; it may have been admitted just before.
    pub(crate) fn leave(self: &Arc<Self>, ticket: Ticket, turn: &Turn) {
        // What it leaves behind is dropped when the lock is free again.
        let _left = self.on_floor(|floor| {
            let told = turn.take();
            let admitted = match &told {
                Some(Ok(accepted)) => accepted.messages(),
                None | Some(Err(_)) => &[],
            };
            for &message in admitted {
                floor.driver.cancel(message);
            }
            (floor.room.leave(ticket), told)
        });
    }
}

impl Entry {
    /// For one agent, and whatever was sent before.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.topic.is_none() && self.idempotency_key.is_none()
    }
}

impl Floor {
    /// Lets in what was left on the porch; a request expires after this `patience`.
    pub(crate) fn let_in(&mut self, patience: Option<Duration>) {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        for arrival in arrivals.drain(..) {
            match arrival {
                Arrival::Plain {
                    to,
                    kind,
                    lane,
                    size,
                    units,
                    sent,
                    parcel,
                } => {
                    let patience = patience.filter(|_| kind == Kind::Request);
                    let envelope = Submission {
                        kind,
                        lane,
                        deadline: patience.map(|patience| sent + patience),
                        size,
                        units,
                        ..Submission::new(to, sent, ())
                    };
                    self.let_in_one(envelope, parcel);
                }
                Arrival::Other(submission) => {
                    let (envelope, parcel) = submission.open();
                    self.let_in_other(envelope, parcel);
                }
            }
        }
        self.arrivals = arrivals;
        // Nobody has asked for these.
        self.took_nothing = false;
    }

    /// Apart, so that only what a plain message needs is left of its way.
    #[inline(never)]
    fn let_in_other(&mut self, envelope: Submission<()>, parcel: Parcel) {
        self.let_in_one(envelope, parcel);
    }

    #[inline(always)]
    fn let_in_one(&mut self, mut envelope: Submission<()>, parcel: Parcel) {
        self.note(&mut envelope);
        let entered = self.driver.let_in(envelope, parcel);
        debug_assert!(
            entered.is_ok(),
            "it had a place: {:?}",
            entered.map_err(|it| it.0)
        );
        if let Err((_, parcel)) = entered {
            let (outcome, attempts) = (Outcome::Returned, 0);
            let ending = Ending { outcome, attempts };
            self.errands.endings.push((parcel, ending));
        }
    }

    /// Whether places are lent: somebody comes by himself, and nobody is in line before who would have them.
    /// Where time stands still each instant has an order, and none are.
    pub(crate) fn lends(&self) -> bool {
        // Whoever has no free slot may be long, and others come sooner if they have a processor to come on.
        let comes = match self.has_cores {
            true => self.crew.is_awake(),
            false => self.crew.is_up(),
        };
        self.is_crowded && comes && self.room.is_empty() && self.phase == Phase::Open
    }

    /// What may be lent of the queue: what stays free if every call under way fails.
    #[inline]
    pub(crate) fn free_places(&self) -> Places {
        if !self.lends() {
            return Places::default();
        }
        let (books, config) = (self.driver.books(), self.driver.config());
        let bytes = books.bytes + books.leased * u64::from(self.largest);
        Places {
            messages: (config.max_queue_size).saturating_sub(books.queued() + books.leased),
            bytes: config.max_queue_bytes.0.saturating_sub(bytes),
        }
    }

    #[inline(always)]
    fn note<P>(&mut self, submission: &mut Submission<P>) {
        self.largest = self.largest.max(submission.size);
        if submission.luck == 0 {
            submission.luck = self.next_luck();
        }
    }

    #[inline(always)]
    fn submit(&mut self, if_full: IfFull, mut entry: Entry) -> Admitted {
        self.note(&mut entry.submission);
        let now = self.driver.now();
        let submission = &entry.submission;
        if submission.deadline.is_some_and(|deadline| deadline <= now) {
            return Admitted::Told(Err((NotAccepted::Expired, entry.submission.payload)));
        }
        if entry.is_plain() && self.has_plenty(&entry.submission) {
            return Admitted::Told(self.driver.accept(entry.submission));
        }
        self.submit_with_care(if_full, entry)
    }

    /// Whether there is room for a message, and nobody in line for it.
    #[inline(always)]
    fn has_plenty(&self, submission: &Submission<Parcel>) -> bool {
        let (books, config) = (self.driver.books(), self.driver.config());
        self.room.is_empty()
            && books.queued() < config.max_queue_size
            && books.bytes + u64::from(submission.size) <= config.max_queue_bytes.0
    }

    #[inline(never)]
    fn submit_with_care(&mut self, if_full: IfFull, entry: Entry) -> Admitted {
        if if_full == IfFull::Wait && self.must_wait(&entry) {
            let (ticket, turn) = self.room.enter(entry);
            return Admitted::Waits(ticket, turn);
        }
        if if_full == IfFull::Refuse && self.is_out_of_turn(&entry) {
            return Admitted::Told(Err((NotAccepted::OutOfTurn, entry.submission.payload)));
        }
        Admitted::Told(self.driver.enter(entry))
    }

    /// Whether there is room for an entry that others are in line before. What has no room core
    /// refuses itself, and counts: a policy is to see what was turned away.
    fn is_out_of_turn(&mut self, entry: &Entry) -> bool {
        // Time alone may have made room of which nobody knows yet.
        while self.room.is_ahead_of(entry) && self.admit_first() {}
        self.room.is_ahead_of(entry) && self.driver.refusal(entry).is_none()
    }

    /// Whether there is no room for an entry, or somebody is in line before it.
    fn must_wait(&mut self, entry: &Entry) -> bool {
        if entry.topic.is_none() && self.has_plenty(&entry.submission) {
            return false;
        }
        let driver = &self.driver;
        let other_type = |topic: &Arc<str>| {
            driver
                .other_type(topic, &entry.submission.payload)
                .is_some()
        };
        if entry.topic.as_ref().is_some_and(other_type) {
            return false;
        }
        match self.driver.refusal(entry) {
            Some(refusal) => refusal.is_full(),
            None => self.room.is_ahead_of(entry),
        }
    }
}

impl Driver {
    /// Why an entry would be refused now.
    pub(crate) fn refusal(&mut self, entry: &Entry) -> Option<Refusal> {
        match &entry.topic {
            Some(topic) => self.would_refuse_broadcast(topic, &entry.submission),
            None => self.would_refuse(&entry.submission),
        }
    }

    /// A subscriber of a topic that takes messages of another type.
    fn other_type(&self, topic: &str, parcel: &Parcel) -> Option<AgentId> {
        let message = parcel.message().type_id();
        let mut subscribers = self.subscribers(topic).iter().copied();
        subscribers.find(|agent| self.takes.get(agent.0 as usize) != Some(&message))
    }

    /// Accepts a message for one agent, unless it is refused.
    #[inline(always)]
    fn accept(&mut self, submission: Submission<Parcel>) -> Told {
        let (envelope, parcel) = submission.open();
        let accepted = self.submit(envelope, parcel).map(Accepted::Message);
        accepted.map_err(|(refusal, parcel)| (refusal.into(), parcel))
    }

    /// Accepts an entry, unless it is refused or was accepted before.
    pub(crate) fn enter(&mut self, entry: Entry) -> Told {
        let to = match &entry.topic {
            None => To::Agent(entry.submission.agent),
            Some(topic) => To::Topic(topic.clone()),
        };
        let key = entry.idempotency_key.map(|key| (to, key));
        if (key.as_ref()).is_some_and(|key| self.ear().keys.holds(key)) {
            return Err((NotAccepted::Duplicate, entry.submission.payload));
        }
        // Now, not when it was sent: it may have waited while agents came.
        if let Some(topic) = &entry.topic
            && let Some(agent) = self.other_type(topic, &entry.submission.payload)
        {
            let other = NotAccepted::OtherType(agent);
            return Err((other, entry.submission.payload));
        }
        let accepted = match entry.topic {
            None => self.accept(entry.submission)?,
            Some(topic) => {
                let copies = self.broadcast(&topic, entry.submission);
                copies
                    .map(Accepted::Copies)
                    .map_err(|(refusal, parcel)| (refusal.into(), parcel))?
            }
        };
        if let Some(key) = key {
            // What failed at once has been heard of by now.
            let mut live = accepted.messages().to_vec();
            live.retain(|&message| self.is_live(message));
            self.ear_mut().keys.remember(key, &live);
        }
        Ok(accepted)
    }
}
