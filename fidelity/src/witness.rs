//! What a live run is seen by: measure's recorder, how each message ended, and what the broker
//! had to cope with.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use ebbtide::{Duration, MessageId, Observer, Outcome, Time};
use ebbtide_core::event::{Account, Event, Requeue, What};
use ebbtide_measure::{Recorder, Run, RunEnd, Unfinished};
use ebbtide_sim::streams::MessageKey;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::job::Job;
use crate::live::LiveRun;
use crate::pairs::{Ending, Endings};
use crate::timer::Lateness;

/// What a broker had to cope with in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Strains {
    /// Failed attempts that were tried again.
    pub retries: u64,
    /// Changes of a circuit breaker.
    pub breaker_changes: u64,
    /// Messages that expired.
    pub expired: u64,
    /// Answers "too many requests".
    pub rate_limited: u64,
    /// Slot-time that stayed free since an agent had its share of the pool.
    pub bulkhead: Duration,
}

/// An outcome, told to whoever waits for it.
pub(crate) type Told = (Time, MessageKey, Time);

/// Sees everything that happens in a live broker, until the run is over.
#[derive(Clone)]
pub(crate) struct Witness(Arc<Mutex<Option<Seen>>>);

struct Seen {
    recorder: Recorder,
    /// Accepted, and without an outcome: account, sent, first call started.
    open: BTreeMap<MessageId, (Account, Time, Option<Time>)>,
    endings: Endings,
    strains: Strains,
    callers: Option<UnboundedSender<Told>>,
}

impl Witness {
    /// Outcomes are told to `callers`, if there are any.
    pub(crate) fn new(recorder: Recorder, callers: Option<UnboundedSender<Told>>) -> Self {
        Self(Arc::new(Mutex::new(Some(Seen {
            recorder,
            open: BTreeMap::new(),
            endings: Endings::new(),
            strains: Strains::default(),
            callers,
        }))))
    }

    /// Accepted messages without an outcome.
    pub(crate) fn open(&self) -> usize {
        self.0.lock().as_ref().map_or(0, |seen| seen.open.len())
    }

    /// A sender gave up while it waited for room: its message never entered.
    pub(crate) fn refused(&self, at: Time, account: Account, sent: Time) {
        if let Some(seen) = &mut *self.0.lock() {
            let what = What::<()>::Refused { account, sent };
            seen.recorder.record(&Event { at, what });
        }
    }

    /// The run is over: nothing is seen from here on.
    pub(crate) fn finish(&self, at: Time, blocked: Vec<(Account, Time)>) -> LiveRun {
        let seen = self.0.lock().take().expect("a run is finished once");
        let mut recorder = seen.recorder;
        for (account, sent) in blocked {
            recorder.blocked(account, sent);
        }
        let unfinished = seen.open.into_values();
        let run: Run = recorder.finish(RunEnd {
            at,
            events_simulated: None,
            unfinished: unfinished.map(|(account, sent, started)| Unfinished {
                account,
                sent,
                started,
            }),
        });
        LiveRun {
            run,
            endings: seen.endings,
            strains: seen.strains,
            lateness: Lateness::default(),
        }
    }
}

impl Observer for Witness {
    fn hear<M>(&mut self, event: &Event<M>, message: Option<&(dyn Any + Send + Sync)>) {
        if let Some(seen) = &mut *self.0.lock() {
            seen.hear(event, message);
        }
    }
}

impl Seen {
    fn hear<M>(&mut self, event: &Event<M>, message: Option<&(dyn Any + Send + Sync)>) {
        self.recorder.record(event);
        match event.what {
            What::Accepted {
                message,
                account,
                sent,
                ..
            } => {
                self.open.insert(message, (account, sent, None));
            }
            What::Taken {
                message,
                first: true,
                ..
            } => {
                if let Some((.., started)) = self.open.get_mut(&message) {
                    *started = Some(event.at);
                }
            }
            What::Requeued { why, .. } => match why {
                Requeue::Retry => self.strains.retries += 1,
                Requeue::RateLimited => self.strains.rate_limited += 1,
                _ => {}
            },
            What::Decided(ref decided) => {
                if let Some(seen) = &decided.observation {
                    self.strains.bulkhead += seen.slots.blocked.bulkhead;
                }
            }
            What::Breaker { .. } => self.strains.breaker_changes += 1,
            What::Finished {
                message: id,
                account,
                outcome,
                ..
            } => {
                self.open.remove(&id);
                self.strains.expired += u64::from(outcome == Outcome::Expired);
                let job = message.and_then(|message| message.downcast_ref::<Job>());
                let job = job.expect("the run's messages are jobs");
                let ending = Ending::new(outcome, job.sent, event.at);
                self.endings.insert((job.key, account.agent), ending);
                if let Some(callers) = &self.callers {
                    // Nobody waits any more once the run is over.
                    let _ = callers.send((event.at, job.key, job.sent));
                }
            }
            _ => {}
        }
    }
}

impl Strains {
    /// Adds those of another replication.
    pub(crate) fn add(&mut self, other: Self) {
        self.retries += other.retries;
        self.breaker_changes += other.breaker_changes;
        self.expired += other.expired;
        self.rate_limited += other.rate_limited;
        self.bulkhead += other.bulkhead;
    }
}
