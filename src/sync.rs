//! What threads share memory through, where it is done by hand. In `tests/interleavings` other types
//! stand here, which try every order.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) use atomic_waker::AtomicWaker;
pub(crate) use parking_lot::{Mutex, MutexGuard};
