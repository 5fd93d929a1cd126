//! Threads that write to disks, so that the broker does not wait for one; and how it learns
//! that everything is written.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Tells when everything is written, or why it is not.
#[derive(Clone, Debug)]
pub(crate) struct Written(Arc<State>);

#[derive(Debug, Default)]
struct State {
    result: Mutex<Option<Result<(), Arc<io::Error>>>>,
    told: Condvar,
}

impl State {
    fn result(&self) -> MutexGuard<'_, Option<Result<(), Arc<io::Error>>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `write` on a thread of its own.
///
/// # Errors
/// No thread can be had.
pub(crate) fn on_a_thread(
    name: &str,
    write: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<Written> {
    let state = Arc::<State>::default();
    let written = Written(state.clone());
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(write));
        let result = result.unwrap_or_else(|_| Err(io::Error::other("its writer panicked")));
        *state.result() = Some(result.map_err(Arc::new));
        state.told.notify_all();
    })?;
    Ok(written)
}

impl Written {
    /// Waits until everything is written, by the wall clock, which is a disk's, and no longer
    /// than this. Whether everything is.
    pub(crate) async fn wait(self, at_most: Duration) -> bool {
        let (tell, told) = oneshot::channel();
        let wait = move || {
            let result = self.0.result();
            let waited = (self.0.told).wait_timeout_while(result, at_most, |it| it.is_none());
            let (result, _) = waited.unwrap_or_else(PoisonError::into_inner);
            // Nobody may want to know any more.
            let _ = tell.send(matches!(*result, Some(Ok(()))));
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(wait)),
            Err(_) => drop(std::thread::Builder::new().spawn(wait)),
        }
        told.await.unwrap_or(false)
    }

    /// Why the writing ended early, if it did.
    pub(crate) fn error(&self) -> Option<Arc<io::Error>> {
        self.0.result().as_ref()?.as_ref().err().cloned()
    }
}
