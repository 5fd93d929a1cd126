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
    fn submit(&mut self, if_full: IfFull, mut submission: Submission<Parcel>) -> Admitted {
        submission.luck = self.next_luck();
        if submission
            .deadline
            .is_some_and(|deadline| deadline <= self.driver.now())
        {
            return Admitted::Refused(NotAccepted::Expired, submission.payload);
        }
        let waits = if_full == IfFull::Wait && {
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
