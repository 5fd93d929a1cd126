//! Whoever hears all that core says, event by event: to record a run, say, as
//! `ebbtide_measure`'s recorder does.

use std::any::Any;

use ebbtide_core::event::{Event, What};

use crate::parcel::{Carried, Parcel};

/// Hears every event of a broker, in order, in the midst of its work and under its lock: it
/// only writes down. If it asks the broker anything, both wait for ever. One that panics hears nothing more
/// ([`Happening::ObserverPanicked`](crate::Happening::ObserverPanicked)).
pub trait Observer: Send + 'static {
    /// `event` has happened. `message` is the one that an [outcome](What::Finished) is of; its
    /// type is that of its agent's messages. A [decision](What::Decided) comes with what the policy
    /// saw.
    fn hear<M>(&mut self, event: &Event<M>, message: Option<&(dyn Any + Send + Sync)>);
}

/// An observer whose type is erased.
pub(crate) trait Hears: Send {
    fn hear(&mut self, event: &Event<Parcel>);
}

/// An observer that hears of parcels.
pub(crate) struct Heard<O>(pub(crate) O);

impl<O: Observer> Hears for Heard<O> {
    fn hear(&mut self, event: &Event<Parcel>) {
        let message = match &event.what {
            What::Finished { payload, .. } => Some(Carried::message(&**payload)),
            _ => None,
        };
        self.0.hear(event, message);
    }
}
