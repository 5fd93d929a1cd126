//! What is the user's: code of theirs that the broker calls, and values that it drops for them. Whatever
//! panics there ends here.

use std::any::Any;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A value of the user's (a message, a reply, an agent), whoever drops it last.
pub(crate) struct Contained<T>(Option<T>);

/// Why it is there.
const PRESENT: &str = "only who owns it takes it out";

impl<T> Contained<T> {
    #[inline(always)]
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// A place for one, to be [filled](Self::fill) before anybody asks for it.
    pub(crate) const fn empty() -> Self {
        Self(None)
    }

    #[inline(always)]
    pub(crate) fn fill(&mut self, value: T) {
        self.0 = Some(value);
    }

    #[inline(always)]
    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().expect(PRESENT)
    }
}

impl<T> Deref for Contained<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.0.as_ref().expect(PRESENT)
    }
}

impl<T> Drop for Contained<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() && self.0.is_some() {
            outlive(|| self.0 = None);
        }
    }
}

/// Calls what may be code of the user's (dropping a message, waking a sender): its panic ends
/// here.
pub(crate) fn outlive(work: impl FnOnce()) {
    // The panic hook has told of it.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        discard(panic);
    }
}

/// Drops what a panic carried, which may be anything of the user's. One whose drop panics too has
/// had its turn: what that carries is not dropped.
pub(crate) fn discard(panic: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(next);
    }
}

/// What a panic said, as far as it said anything.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("no text"))
}
