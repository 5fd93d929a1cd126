//! What is to be done once the broker's lock is free: what would be slow under it, or is code of the user's.

use std::cell::Cell;
use std::sync::Arc;
use std::task::Waker;

use crate::alarm::drop_unhurried;
use crate::contained::outlive;
use crate::crew::WorkerLink;
use crate::parcel::Parcel;
use crate::reply::Ending;
use crate::shared::Shared;

/// Endings that are told together, at most.
const TOLD_TOGETHER: usize = 64;

thread_local! {
    /// An empty list with room, for whoever lets go of a floor on this thread next.
    static LIST: Cell<Option<Box<Errands>>> = const { Cell::new(None) };
}

/// What is to be done once the lock is free.
#[derive(Default)]
pub(crate) struct Errands {
    pub(crate) endings: Vec<(Parcel, Ending)>,
    /// Parcels whose drop may run code of the user's.
    pub(crate) drops: Vec<Parcel>,
    /// Handlers, policies, an observer that are called no more; dropping them does so too.
    pub(crate) gone: Vec<Box<dyn Send>>,
    pub(crate) nudges: Vec<Arc<WorkerLink>>,
    pub(crate) hires: Vec<Arc<WorkerLink>>,
    pub(crate) wakers: Vec<Waker>,
    pub(crate) alarm: bool,
    pub(crate) closed: bool,
}

impl Errands {
    /// Whether there is nothing to do: mostly so for whoever hands a message in.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        let told = self.endings.is_empty() && self.drops.is_empty();
        let nobody = self.nudges.is_empty() && self.hires.is_empty() && self.wakers.is_empty();
        told && nobody && self.gone.is_empty() && !self.alarm && !self.closed
    }

    /// Whether there are but a few endings to tell of.
    pub(crate) fn can_wait(&self) -> bool {
        let nobody = self.nudges.is_empty() && self.hires.is_empty() && self.wakers.is_empty();
        let gone = self.drops.is_empty() && self.gone.is_empty();
        self.endings.len() < TOLD_TOGETHER && nobody && gone && !self.alarm && !self.closed
    }

    /// An empty list, with the room of one that this thread has run.
    pub(crate) fn list() -> Box<Self> {
        let kept = LIST.try_with(Cell::take);
        kept.ok().flatten().unwrap_or_default()
    }

    /// Does what is on the list.
    pub(crate) fn run(mut self: Box<Self>, shared: &Arc<Shared>) {
        for (parcel, ending) in self.endings.drain(..) {
            outlive(|| parcel.finish(ending));
        }
        for parcel in self.drops.drain(..) {
            outlive(|| drop_unhurried(parcel));
        }
        for gone in self.gone.drain(..) {
            outlive(|| drop_unhurried(gone));
        }
        for link in self.nudges.drain(..) {
            link.bell.nudge();
        }
        for link in self.hires.drain(..) {
            shared.hire(link);
        }
        for waker in self.wakers.drain(..) {
            outlive(|| waker.wake());
        }
        if std::mem::take(&mut self.alarm) {
            shared.alarm.set_anew();
        }
        if std::mem::take(&mut self.closed) {
            shared.ended.notify_waiters();
        }
        // A thread that ends keeps nothing.
        let _ = LIST.try_with(|list| list.set(Some(self)));
    }
}
