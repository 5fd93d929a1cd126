//! What can be wrong with a live side on purpose, so that a comparison which does not notice is
//! found out.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A live side that is not what was simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Twist {
    /// Every call takes so many times as long as was drawn.
    Slower(f64),
    /// No call ends before all that began with it have: a worker that takes ten, waits for the
    /// slowest, and takes the next ten. For pools of one worker.
    Waves,
    /// A batch closes this long after somebody began to collect, not after its first message
    /// came: the sender hands messages to batch agents over in such turns, or as soon as they
    /// fill a batch. For fixed settings.
    TimerFromCollection,
}

/// Calls that begin and end together.
#[derive(Debug, Default)]
pub(crate) struct Waves {
    wave: Mutex<Option<Wave>>,
    over: Notify,
}

#[derive(Debug)]
struct Wave {
    began: Instant,
    working: u32,
}

/// A call's place in its wave.
pub(crate) struct Place(Arc<Waves>);

impl Waves {
    /// Joins the wave that begins now; waits for the end of one under way.
    pub(crate) async fn join(self: &Arc<Self>) -> Place {
        loop {
            let over = self.over.notified();
            {
                let mut wave = self.wave.lock();
                let now = Instant::now();
                let wave = wave.get_or_insert(Wave {
                    began: now,
                    working: 0,
                });
                if wave.began == now {
                    wave.working += 1;
                    return Place(self.clone());
                }
            }
            over.await;
        }
    }
}

impl Place {
    /// This call's work is done: waits for the others.
    pub(crate) async fn end(self) {
        let waves = self.0.clone();
        let over = waves.over.notified();
        drop(self);
        if waves.wave.lock().is_some() {
            over.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut wave = self.0.wave.lock();
        if let Some(under_way) = &mut *wave {
            under_way.working -= 1;
            if under_way.working == 0 {
                *wave = None;
                self.0.over.notify_waiters();
            }
        }
    }
}
