//! How a message is to be sent: what all builders (request, event, broadcast) have in common.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ebbtide_core::message::{AgentId, ClassId, Kind};
use ebbtide_core::{Lane, Submission};
use ebbtide_policies::units::{Duration, Time};

use crate::context::Ambient;
use crate::headers::Headers;
use crate::parcel::Parcel;

/// Everything that may be said of a message. It is moved about at each message, so that what is
/// said of few of them stands elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) lane: Lane,
    pub(crate) size: u32,
    pub(crate) units: u32,
    rare: Option<Box<Rare>>,
}

/// What is said of few messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    pub(crate) delay: Option<Duration>,
    pub(crate) within: Option<Duration>,
    pub(crate) ordering_key: Option<u64>,
    pub(crate) headers: Headers,
    pub(crate) idempotency_key: Option<Arc<str>>,
    /// The call on whose behalf it is sent.
    pub(crate) parent: Option<Ambient>,
    pub(crate) planned: Option<Planned>,
}

/// What a plan says of a message, for a run that repeats it: a recorded one, or a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When its sender meant to send it, not after now: its sojourn and its deadline count
    /// from then.
    pub sent: Time,
    /// Its kind, for accounting.
    pub class: ClassId,
    /// The random word that seeds the jitter of its retries, not 0.
    pub luck: u64,
}

impl Options {
    #[inline]
    pub(crate) fn of<M>(parent: Option<Ambient>) -> Self {
        let rare = |parent| {
            Box::new(Rare {
                parent: Some(parent),
                ..Rare::default()
            })
        };
        Self {
            lane: Lane::Normal,
            size: u32::try_from(size_of::<M>()).unwrap_or(u32::MAX),
            units: 0,
            rare: parent.map(rare),
        }
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Its headers, with those that it inherits; `None`: it cannot have any.
    #[inline]
    pub(crate) fn take_headers(&mut self) -> Option<Headers> {
        let rare = self.rare.as_mut()?;
        let mut headers = std::mem::take(&mut rare.headers);
        if let Some(parent) = &rare.parent {
            headers.inherit(&parent.headers);
        }
        Some(headers)
    }

    #[inline]
    pub(crate) fn take_idempotency_key(&mut self) -> Option<Arc<str>> {
        self.rare.as_mut()?.idempotency_key.take()
    }

    /// What core is told of it, sent at `now`; it expires after `patience`, if it does not say
    /// otherwise.
    #[inline]
    pub(crate) fn submission(
        &self,
        agent: AgentId,
        kind: Kind,
        now: Time,
        patience: Option<Duration>,
        payload: Parcel,
    ) -> Submission<Parcel> {
        let mut submission = self.plain(agent, kind, now, patience, payload);
        if let Some(rare) = &self.rare {
            rare.apply(&mut submission, patience);
        }
        submission
    }

    /// Whether nothing is said of it that is said of few messages.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.rare.is_none()
    }

    /// As [`Self::submission`], of a plain one.
    #[inline(always)]
    pub(crate) fn plain(
        &self,
        agent: AgentId,
        kind: Kind,
        now: Time,
        patience: Option<Duration>,
        payload: Parcel,
    ) -> Submission<Parcel> {
        Submission {
            agent,
            kind,
            lane: self.lane,
            class: ClassId(0),
            sent: now,
            due: None,
            deadline: patience.map(|patience| now + patience),
            ordering_key: None,
            size: self.size,
            units: self.units,
            luck: 0,
            nested: false,
            payload,
        }
    }
}

impl Rare {
    #[cold]
    fn apply(&self, submission: &mut Submission<Parcel>, patience: Option<Duration>) {
        let now = submission.sent;
        if let Some(planned) = self.planned {
            submission.sent = planned.sent.min(now);
            submission.class = planned.class;
            submission.luck = planned.luck;
        }
        let within = self.within.or(patience);
        let own = within.map(|within| submission.sent + within);
        let inherited = self.parent.as_ref().and_then(|parent| parent.deadline);
        submission.deadline = own.into_iter().chain(inherited).min();
        submission.due = self.delay.map(|delay| now + delay);
        submission.ordering_key = self.ordering_key;
        submission.nested = self.parent.is_some();
    }
}

pub(crate) fn hash_of(key: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Gives a builder with a field `options` what every message may be told.
macro_rules! message_options {
    ($($generic:tt),*; $builder:ty) => {
        impl<$($generic),*> $builder {
            /// How urgent it is. Default: normal.
            pub fn lane(mut self, lane: ebbtide_core::Lane) -> Self {
                self.options.lane = lane;
                self
            }

            /// Not to be delivered before this long from now.
            pub fn delay(mut self, delay: impl Into<ebbtide_policies::units::Duration>) -> Self {
                self.options.rare().delay = Some(delay.into());
                self
            }

            /// Worth nothing after this long from now: it then expires, wherever it is, and
            /// its sender hears of it at once. Sent by a handler, it expires with the
            /// handler's own message at the latest.
            pub fn deadline(mut self, within: impl Into<ebbtide_policies::units::Duration>) -> Self {
                self.options.rare().within = Some(within.into());
                self
            }

            /// Messages to an agent with the same key are delivered one after another, in the
            /// order in which they were accepted.
            pub fn ordering_key(mut self, key: impl std::hash::Hash) -> Self {
                self.options.rare().ordering_key = Some(crate::options::hash_of(key));
                self
            }

            /// Accepted only once: if a message to the agent with this key was accepted lately,
            /// this one is a duplicate and refused as such. A message that ended without being
            /// delivered (cancelled, expired, dead …) has no duplicates: it may be sent again.
            /// How many keys are remembered is the builder's to say.
            pub fn idempotency_key(mut self, key: impl Into<std::sync::Arc<str>>) -> Self {
                self.options.rare().idempotency_key = Some(key.into());
                self
            }

            /// Bytes it occupies in the queue. Default: the size of its type, which leaves out
            /// what it owns on the heap.
            pub fn size(mut self, bytes: u32) -> Self {
                self.options.size = bytes;
                self
            }

            /// What it weighs for the agent's unit rate limit, such as tokens of a language
            /// model. Default 0.
            pub fn units(mut self, units: u32) -> Self {
                self.options.units = units;
                self
            }

            /// Sends it as a plan has it.
            #[doc(hidden)]
            pub fn planned(mut self, planned: crate::options::Planned) -> Self {
                self.options.rare().planned = Some(planned);
                self
            }

            /// Sets a header. Sent by a handler, it inherits the headers of the handler's own
            /// message.
            pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.options.rare().headers.set(name, value);
                self
            }
        }
    };
}

pub(crate) use message_options;
