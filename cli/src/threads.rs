//! Work on a chosen number of threads, watched from the outside: progress is shown while it
//! runs, and Ctrl-C stops it.

use std::num::NonZeroUsize;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ebbtide_sim::Monitor;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::interrupt::Interrupt;

/// Between two looks at the clock, the monitor and Ctrl-C: as often as a bar should move.
const GLANCE: Duration = Duration::from_millis(100);

/// Most threads: far more than help anybody, far fewer than a system chokes on.
const MOST_THREADS: usize = 1_024;

/// Threads to work on: as many as were asked for, else one per core.
///
/// # Errors
/// They are too many, or the system has no threads to give.
pub(crate) fn pool(threads: Option<NonZeroUsize>) -> Result<ThreadPool, CliError> {
    let wanted = threads.map_or(0, NonZeroUsize::get);
    if wanted > MOST_THREADS {
        let message = format!("--threads is {wanted}, allowed are 1 to {MOST_THREADS}");
        return Err(CliError::bad_input(message, "one per core is the default"));
    }
    let pool = ThreadPoolBuilder::new().num_threads(wanted).build();
    pool.map_err(|error| {
        let fault = Fault::new(format!("threads cannot be started: {error}"));
        CliError {
            exit: Exit::Failed,
            ..fault.with_help("ask for fewer with --threads").into()
        }
    })
}

/// Runs `work`, which reports to `monitor`, and meanwhile hands the share that is done to
/// `show` and passes Ctrl-C on.
pub(crate) fn watched<T: Send>(
    pool: &ThreadPool,
    monitor: &Monitor,
    interrupt: &Interrupt,
    show: impl Fn(f64) + Send,
    work: impl FnOnce() -> T + Send,
) -> T {
    let (working, over) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while over.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
                if interrupt.pressed() {
                    monitor.stop();
                }
                show(monitor.progress());
            }
        });
        let result = pool.install(work);
        drop(working);
        result
    })
}
