//! What sleeps until core's next timer, or until somebody sets an earlier one.
//!
//! Nothing polls. A broker in which nothing happens wakes for its control tick until core says that it may
//! rest, and then never. The alarm has a thread of its own: a task would wait for the runtime, and be stuck
//! behind the very handler whose deadline it is to keep, for a handler that blocks its thread
//! may hold up the runtime's timers and whatever was woken on that thread. Where the runtime's
//! clock is the broker's, nobody else can tell when it moves, and the alarm is a task.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until, timeout};

use crate::clock::Clock;
use crate::contained::outlive;
use crate::health::LAST_CHANCE;
use crate::shared::Shared;

/// Turns that other tasks get at an instant of paused time before its timers run. What ends
/// then is to be settled first, and may bring new messages about at the same instant.
pub(crate) const TURNS: u32 = 4;

/// A pause after a panic, which is a fault of ours: what caused it may be there still.
const AFTER_A_PANIC: Duration = Duration::from_millis(100);

/// How the alarm is told that it is to go off earlier.
pub(crate) enum Alarm {
    Task(Notify),
    Thread(OnceLock<Thread>),
}

impl Alarm {
    pub(crate) fn by(clock: &Clock) -> Self {
        if clock.is_runtime() {
            return Self::Task(Notify::new());
        }
        Self::Thread(OnceLock::new())
    }

    /// It looks anew when to go off.
    pub(crate) fn set_anew(&self) {
        match self {
            Self::Task(task) => task.notify_one(),
            Self::Thread(thread) => {
                if let Some(thread) = thread.get() {
                    thread.unpark();
                }
            }
        }
    }
}

thread_local! {
    /// What this thread has come by and is not to drop itself, if it is an alarm.
    static OF_THE_ALARM: RefCell<Option<Later>> = const { RefCell::new(None) };
}

/// What is to be dropped later, and wherever: each by itself, for two that panic at once end the process.
#[derive(Default)]
struct Later(Vec<Box<dyn Send>>);

impl Drop for Later {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|value| outlive(|| drop(value)));
    }
}

/// Starts the alarm, which runs until the broker is closed or its runtime ends.
pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    match &shared.alarm {
        Alarm::Task(_) => shared.spawn(watch(shared.clone())),
        Alarm::Thread(_) => {
            let watched = shared.clone();
            let alarm = thread::Builder::new().name("ebbtide-alarm".to_owned());
            alarm.spawn(move || keep_watch(&watched))?;
            let runtime = Runtime(shared.clone());
            shared.spawn(async move { runtime.0.until(Shared::is_closed).await });
        }
    }
    Ok(())
}

/// Ends with the runtime that it is in a task of, and the broker with it: what it holds is
/// returned, nobody waits for workers that are no more.
struct Runtime(Arc<Shared>);

impl Drop for Runtime {
    fn drop(&mut self) {
        self.0.begin_shutdown(Duration::ZERO.into());
        if let Alarm::Task(_) = self.0.alarm {
            // With the task nobody is left to say so.
            self.0.end_last_chance();
        }
    }
}

/// The thread.
fn keep_watch(shared: &Arc<Shared>) {
    OF_THE_ALARM.set(Some(Later::default()));
    if let Alarm::Thread(thread) = &shared.alarm {
        // Whoever sets the alarm before this is heard all the same: it is read after.
        let _ = thread.set(thread::current());
    }
    while let Some(armed) = shared.armed() {
        let ahead = armed.since(shared.clock.now());
        if !ahead.is_zero() {
            thread::park_timeout(ahead.into());
            continue;
        }
        let went_well = go_off(shared);
        drop_elsewhere(shared.runtime());
        if !went_well {
            thread::sleep(AFTER_A_PANIC);
        }
    }
    if shared.working() > 0 {
        thread::sleep(LAST_CHANCE.into());
    }
    shared.end_last_chance();
}

/// The task.
async fn watch(shared: Arc<Shared>) {
    let Alarm::Task(told) = &shared.alarm else {
        return;
    };
    let _runtime = Runtime(shared.clone());
    while let Some(armed) = shared.armed() {
        tokio::select! {
            biased;
            () = told.notified() => continue,
            () = sleep_until(shared.clock.instant(armed)) => {}
        }
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        if !go_off(&shared) {
            sleep(AFTER_A_PANIC).await;
        }
    }
    let idle = shared.until(|shared| shared.working() == 0);
    let _ = timeout(LAST_CHANCE.into(), idle).await;
}

/// Drops what is the user's and may take its time: not while deadlines are to be kept.
pub(crate) fn drop_unhurried(value: impl Send + 'static) {
    let kept = OF_THE_ALARM.with_borrow_mut(|later| match later {
        Some(later) => {
            later.0.push(Box::new(value));
            None
        }
        None => Some(value),
    });
    // Here, where its drop may bring more to drop.
    drop(kept);
}

/// Drops what this alarm has come by, on one thread for all of it. A runtime that has ended drops it here.
fn drop_elsewhere(runtime: &Handle) {
    let later = OF_THE_ALARM.with_borrow_mut(|later| later.as_mut().map(std::mem::take));
    if let Some(later) = later.filter(|later| !later.0.is_empty()) {
        drop(runtime.spawn_blocking(move || drop(later)));
    }
}

/// Whatever is due happens. `false`: it panicked.
fn go_off(shared: &Arc<Shared>) -> bool {
    let due = || shared.on_floor(|floor| floor.wake_up(shared));
    catch_unwind(AssertUnwindSafe(due)).is_ok()
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::units::Time;

    use crate::broker::Broker;
    use crate::crew::Mood;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_broker_with_nothing_to_do_sets_no_alarm() {
        let broker = Broker::builder()
            .start()
            .await
            .expect("the defaults are sound");
        let echo = broker.add_agent("echo", async |number: &u32| Ok(*number));
        let echo = echo.expect("a new name");
        for number in 0..3 {
            let reply = echo.request(number).await;
            assert_eq!(reply.expect("it answers"), number);
            let armed = broker.shared().armed();
            assert!(armed < Some(Time::MAX), "a tick is to come: {armed:?}");
            // Until its pool is as small as it may be.
            sleep(Duration::from_secs(60)).await;
            assert_eq!(broker.shared().armed(), Some(Time::MAX));
        }
    }

    /// Each message took a thread of its own, hundreds of them when as many expired at once.
    #[tokio::test]
    async fn what_is_dropped_at_one_time_takes_one_thread() {
        struct Tells(std::sync::mpsc::Sender<thread::ThreadId>);
        impl Drop for Tells {
            fn drop(&mut self) {
                let _ = self.0.send(thread::current().id());
            }
        }
        let (tell, told) = std::sync::mpsc::channel();
        let runtime = Handle::current();
        let alarm = thread::spawn(move || {
            OF_THE_ALARM.set(Some(Later::default()));
            for _ in 0..100 {
                drop_unhurried(Tells(tell.clone()));
            }
            drop_elsewhere(&runtime);
        });
        let by: Vec<_> = told.iter().collect();
        assert!(by.iter().all(|&thread| thread == by[0]), "{by:?}");
        assert_eq!(by.len(), 100);
        assert_ne!(by[0], alarm.thread().id());
    }

    /// Where senders crowd somebody is trusted to come back; whoever does not is trusted once.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_does_not_come_back_is_waited_for_but_once() {
        let broker = Broker::builder()
            .start()
            .await
            .expect("the defaults are sound");
        sleep(Duration::from_secs(10)).await;
        broker.shared().on_floor(|floor| {
            let worker = floor.driver.least_busy_worker().expect("it is ready");
            floor.crew.set_mood(worker, Mood::Awake);
            floor.is_crowded = true;
        });
        let ahead = || {
            let shared = broker.shared();
            let armed = shared.armed().expect("it is open");
            Duration::from(armed.since(shared.clock.now()))
        };
        assert_eq!(ahead(), Duration::from_millis(1));
        sleep(Duration::from_millis(2)).await;
        assert!(ahead() > Duration::from_millis(100), "{:?}", ahead());
    }
}
