//! A message on its way: what core carries, with the place for its reply.
//!
//! Core stores messages of many types in one queue, so the type is erased here and found again
//! by the agent. One allocation holds message, reply and notes, and a handler borrows the
//! message from it: the parcel outlives a panic, a lost worker and the caller.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use ebbtide_core::message::MessageId;
use parking_lot::Mutex;

use crate::alarm::drop_unhurried;
use crate::contained::Contained;
use crate::headers::Headers;
use crate::reply::{Ending, ReplySlot};

/// What core carries.
pub(crate) type Parcel = Arc<dyn Carried>;

/// Failure texts kept by message: the last ones tell the story.
const NOTES: usize = 16;

/// A message of some type, with or without a place for a reply.
pub(crate) trait Carried: Any + Send + Sync {
    fn message(&self) -> &(dyn Any + Send + Sync);
    fn headers(&self) -> &Headers;
    /// What core calls it, where its sender does not learn it otherwise.
    fn name(&self, message: MessageId);
    /// Its `call`-th call starts: only that one's reply counts from here on. Its headers, which the
    /// handler is told.
    fn begin(&self, call: u64) -> &Headers;
    /// It has its outcome. Its sender is woken with nothing left of it here, so that it may
    /// have the message back.
    fn finish(self: Arc<Self>, ending: Ending);
    fn notes(&self) -> &Notes;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// What handlers said of their failed attempts, the latest [`NOTES`] of them. Of most messages there is
/// nothing to say, so the list stands elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Option<Box<Texts>>>);

type Texts = VecDeque<String>;

impl Notes {
    pub(crate) fn add(&self, text: String) {
        let mut notes = self.0.lock();
        let notes = notes.get_or_insert_default();
        if notes.len() == NOTES {
            notes.pop_front();
        }
        notes.push_back(text);
    }

    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().as_ref()?.back().cloned()
    }

    pub(crate) fn all(&self) -> Vec<String> {
        let notes = self.0.lock();
        notes
            .iter()
            .flat_map(|texts| texts.iter().cloned())
            .collect()
    }
}

/// A message that gets no reply.
pub(crate) struct Letter<M> {
    pub(crate) message: Contained<M>,
    headers: Headers,
    notes: Notes,
}

/// A message that gets a reply.
pub(crate) struct Inquiry<M, R> {
    pub(crate) message: Contained<M>,
    headers: Headers,
    pub(crate) notes: Notes,
    pub(crate) reply: ReplySlot<Contained<R>>,
    /// What core calls it, once it is let in from the porch.
    pub(crate) name: Name,
}

/// What core calls a message that its sender left on the porch. It is told and asked under the broker's
/// lock, which orders the two.
pub(crate) struct Name(AtomicU64);

/// Of a message that has none.
const NAMELESS: u64 = u64::MAX;

impl Default for Name {
    fn default() -> Self {
        Self(AtomicU64::new(NAMELESS))
    }
}

impl Name {
    fn set(&self, message: MessageId) {
        self.0.store(message.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<MessageId> {
        let name = self.0.load(Ordering::Relaxed);
        (name != NAMELESS).then(|| MessageId::from_bits(name))
    }
}

/// One without its message.
impl<M> Default for Letter<M> {
    #[inline(always)]
    fn default() -> Self {
        Self {
            message: Contained::empty(),
            headers: Headers::NONE,
            notes: Notes::default(),
        }
    }
}

impl<M> Letter<M> {
    #[inline]
    pub(crate) fn new(message: M) -> Arc<Self> {
        // Made where it stays.
        let mut letter = Arc::<Self>::default();
        mine(&mut letter).message.fill(message);
        letter
    }

    /// Sets its headers, before it is sent.
    pub(crate) fn address(self: &mut Arc<Self>, headers: Headers) {
        mine(self).headers = headers;
    }
}

/// One without its message.
impl<M, R> Default for Inquiry<M, R> {
    #[inline(always)]
    fn default() -> Self {
        Self {
            message: Contained::empty(),
            headers: Headers::NONE,
            notes: Notes::default(),
            reply: ReplySlot::default(),
            name: Name::default(),
        }
    }
}

impl<M, R> Inquiry<M, R> {
    #[inline]
    pub(crate) fn new(message: M) -> Arc<Self> {
        let mut inquiry = Arc::<Self>::default();
        mine(&mut inquiry).message.fill(message);
        inquiry
    }

    /// Sets its headers, before it is sent.
    pub(crate) fn address(self: &mut Arc<Self>, headers: Headers) {
        mine(self).headers = headers;
    }

    /// Who is to be woken when it has its outcome; to be said before it is sent.
    pub(crate) fn await_by(self: &mut Arc<Self>, waker: Waker) {
        mine(self).reply.await_by(waker);
    }
}

/// A parcel's message by its type, on which agents and senders agree when it is accepted; and the place for
/// its reply, if somebody waits for one of this type.
#[inline(always)]
pub(crate) fn open<M: Any, R: Any>(parcel: &dyn Carried) -> (&M, Option<&ReplySlot<Contained<R>>>) {
    let any: &dyn Any = parcel;
    if let Some(letter) = any.downcast_ref::<Letter<M>>() {
        return (&letter.message, None);
    }
    if let Some(inquiry) = any.downcast_ref::<Inquiry<M, R>>() {
        return (&inquiry.message, Some(&inquiry.reply));
    }
    (typed(parcel), None)
}

/// A parcel's message, by its type.
#[inline(always)]
pub(crate) fn typed<M: Any>(parcel: &dyn Carried) -> &M {
    let message = parcel.message().downcast_ref();
    message.expect("only messages of the agent's own type are accepted for it")
}

/// What was not sent yet.
fn mine<T>(parcel: &mut Arc<T>) -> &mut T {
    Arc::get_mut(parcel).expect("what was not sent is nobody else's")
}

/// A parcel's way ends here. If nobody else has it its message is dropped, which is code of the user's.
#[inline(always)]
fn part_with<M>(parcel: Arc<impl Send + Sync + 'static>) {
    if std::mem::needs_drop::<M>() && Arc::strong_count(&parcel) == 1 {
        drop_unhurried(parcel);
    }
}

impl<M: Send + Sync + 'static> Carried for Letter<M> {
    fn message(&self) -> &(dyn Any + Send + Sync) {
        &*self.message
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn name(&self, _message: MessageId) {}

    fn begin(&self, _call: u64) -> &Headers {
        &self.headers
    }

    fn finish(self: Arc<Self>, _ending: Ending) {
        part_with::<M>(self);
    }

    fn notes(&self) -> &Notes {
        &self.notes
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<M: Send + Sync + 'static, R: Send + 'static> Carried for Inquiry<M, R> {
    fn message(&self) -> &(dyn Any + Send + Sync) {
        &*self.message
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn name(&self, message: MessageId) {
        self.name.set(message);
    }

    fn begin(&self, call: u64) -> &Headers {
        self.reply.begin(call);
        &self.headers
    }

    fn finish(self: Arc<Self>, ending: Ending) {
        let waker = self.reply.finish(ending);
        part_with::<M>(self);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn notes(&self) -> &Notes {
        &self.notes
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
