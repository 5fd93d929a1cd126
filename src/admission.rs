//! Getting a message in: at once, or through the waiting room.

use std::sync::Arc;

use ebbtide_core::Submission;
use ebbtide_core::message::MessageId;

use crate::error::NotAccepted;
use crate::floor::{Errands, Floor};
use crate::parcel::Parcel;
use crate::room::{Ticket, Turn};
use crate::shared::Shared;

/// What became of a submission.
pub(crate) enum Admitted {
    Accepted(MessageId),
    /// It waits for room.
    Waits(Ticket, Arc<Turn>),
    Refused(NotAccepted, Parcel),
}

/// Whether a submission may wait for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfFull {
    Wait,
    Refuse,
}

impl Shared {
    /// Hands a submission in.
    #[inline]
    pub(crate) fn submit(
        self: &Arc<Self>,
        if_full: IfFull,
        submission: Submission<Parcel>,
    ) -> Admitted {
        self.with_floor(&mut Errands::default(), |floor, _| {
            floor.submit(if_full, submission)
        })
    }

    /// The sender has gone.
    pub(crate) fn cancel(self: &Arc<Self>, message: MessageId) {
        self.on_floor(|floor| floor.driver.cancel(message));
    }

    /// A waiting sender has gone; it may have been admitted just before.
    pub(crate) fn leave(self: &Arc<Self>, ticket: Ticket, turn: &Turn) {
        self.on_floor(|floor| {
            floor.room.leave(ticket);
            if let Some(Ok(message)) = turn.take() {
                floor.driver.cancel(message);
            }
        });
    }
}

impl Floor {
    /// Whether a submission enters for want of room neither here nor in core, without a trial.
    fn has_plenty_of_room(&self, size: u32) -> bool {
        let (books, config) = (self.driver.books(), self.driver.config());
        self.room.is_empty()
            && books.queued() < config.max_queue_size
            && books.bytes + u64::from(size) <= config.max_queue_bytes.0
    }

    fn submit(&mut self, if_full: IfFull, mut submission: Submission<Parcel>) -> Admitted {
        submission.luck = self.next_luck();
        if submission
            .deadline
            .is_some_and(|deadline| deadline <= self.driver.now())
        {
            return Admitted::Refused(NotAccepted::Expired, submission.payload);
        }
        let waits = if_full == IfFull::Wait && !self.has_plenty_of_room(submission.size) && {
            let refusal = self.driver.would_refuse(&submission);
            let full = refusal.is_some_and(|refusal| refusal.is_full());
            full || refusal.is_none() && self.room.is_ahead_of(submission.lane)
        };
        if waits {
            let (ticket, turn) = self.room.enter(submission);
            return Admitted::Waits(ticket, turn);
        }
        match self.driver.submit(submission) {
            Ok(message) => Admitted::Accepted(message),
            Err((refusal, parcel)) => Admitted::Refused(refusal.into(), parcel),
        }
    }
}
