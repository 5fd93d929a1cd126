//! A lock around the desk, with or without a ring in front of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use crossbeam_queue::ArrayQueue;
use ebbtide_core::message::WorkerId;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::desk::{Desk, Hands, Note, Parcel};
use crate::cases::{BOUND, Case, Payload};
use crate::drive::{Ask, Tell, on_tokio};
use crate::tally::Tally;

/// Where senders hand in and workers call.
pub(super) struct Front {
    /// Messages on their way to the desk.
    ring: Option<ArrayQueue<Parcel>>,
    room: Semaphore,
    /// Workers that come to the desk by themselves.
    awake: AtomicUsize,
    behind: Mutex<Behind>,
    tally: Tally,
}

struct Behind {
    desk: Desk,
    resting: Vec<Arc<Notify>>,
    closing: bool,
}

impl Front {
    pub(super) fn new(ring: bool, workers: u32, tally: Tally) -> Arc<Self> {
        Arc::new(Self {
            ring: ring.then(|| ArrayQueue::new(BOUND)),
            room: Semaphore::new(BOUND),
            awake: AtomicUsize::new(workers as usize),
            behind: Mutex::new(Behind {
                desk: Desk::new(workers),
                resting: Vec::new(),
                closing: false,
            }),
            tally,
        })
    }

    pub(super) async fn send(&self, parcel: Parcel) {
        self.room.acquire().await.expect("it stays open").forget();
        let Some(ring) = &self.ring else {
            let mut behind = self.behind.lock();
            behind.desk.submit(parcel);
            return self.call_a_hand(behind);
        };
        assert!(ring.push(parcel).is_ok(), "room was counted");
        fence(Ordering::SeqCst);
        if self.awake.load(Ordering::SeqCst) == 0 {
            self.call_a_hand(self.behind.lock());
        }
    }

    /// Wakes one worker, if none comes by itself.
    fn call_a_hand(&self, mut behind: parking_lot::MutexGuard<'_, Behind>) {
        if self.awake.load(Ordering::SeqCst) > 0 {
            return;
        }
        let hand = behind.resting.pop();
        if hand.is_some() {
            self.awake.fetch_add(1, Ordering::SeqCst);
        }
        drop(behind);
        hand.inspect(|hand| hand.notify_one());
    }

    /// `None`: it is over; else whether there is something to do.
    fn visit(&self, worker: WorkerId, bell: &Arc<Notify>, hands: &mut Hands) -> Option<bool> {
        let mut behind = self.behind.lock();
        self.drain(&mut behind);
        behind.desk.visit(worker, hands);
        let busy = !hands.taken.is_empty() || !hands.finished.is_empty();
        if !busy {
            self.awake.fetch_sub(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if self.ring.as_ref().is_some_and(|ring| !ring.is_empty()) {
                self.awake.fetch_add(1, Ordering::SeqCst);
                return Some(true);
            }
            if behind.closing && behind.desk.is_idle() {
                let resting = std::mem::take(&mut behind.resting);
                resting.iter().for_each(|hand| hand.notify_one());
                self.awake.fetch_add(resting.len(), Ordering::SeqCst);
                return None;
            }
            behind.resting.push(bell.clone());
            return Some(false);
        }
        // Its slots are full and more is waiting: one more hand.
        let more = behind.desk.may_take().then(|| behind.resting.pop());
        drop(behind);
        if let Some(hand) = more.flatten() {
            self.awake.fetch_add(1, Ordering::SeqCst);
            hand.notify_one();
        }
        if !hands.taken.is_empty() {
            self.room.add_permits(hands.taken.len());
        }
        Some(true)
    }

    fn drain(&self, behind: &mut Behind) {
        let ring = self.ring.iter();
        for parcel in ring.flat_map(|ring| std::iter::from_fn(|| ring.pop())) {
            behind.desk.submit(parcel);
        }
    }

    /// A worker's task.
    pub(super) async fn work(self: Arc<Self>, worker: WorkerId) {
        let (bell, mut hands) = (Arc::new(Notify::new()), Hands::default());
        while let Some(busy) = self.visit(worker, &bell, &mut hands) {
            if busy {
                hands.work(&self.tally);
            } else {
                bell.notified().await;
            }
        }
    }

    /// No more is sent: workers end when all is done.
    pub(super) fn close(&self) {
        let mut behind = self.behind.lock();
        behind.closing = true;
        let resting = std::mem::take(&mut behind.resting);
        self.awake.fetch_add(resting.len(), Ordering::SeqCst);
        resting.iter().for_each(|hand| hand.notify_one());
    }
}

/// Senders go round the fronts, of which there is one but for shards.
#[derive(Clone)]
pub(super) struct Senders {
    all: Arc<[Arc<Front>]>,
    next: usize,
}

impl Senders {
    fn turn(&mut self) -> &Front {
        self.next = (self.next + 1) % self.all.len();
        &self.all[self.next]
    }
}

impl Tell for Senders {
    async fn tell(&mut self, message: Payload) {
        self.turn().send(Note::tell(message)).await;
    }
}

impl Ask for Senders {
    async fn ask(&self, message: Payload) -> u64 {
        let (parcel, answer) = Note::ask(message);
        let at = message[7] as usize % self.all.len();
        self.all[at].send(parcel).await;
        answer.await.expect("it answers")
    }
}

/// A lock and no ring.
pub(super) fn lock(case: Case, messages: u64) -> u64 {
    run(case, messages, |workers, tally| {
        vec![Front::new(false, workers, tally)]
    })
}

/// A ring in front of the lock.
pub(super) fn ring(case: Case, messages: u64) -> u64 {
    run(case, messages, |workers, tally| {
        vec![Front::new(true, workers, tally)]
    })
}

/// Runs the case on fronts that share the workers.
pub(super) fn run(case: Case, messages: u64, fronts: fn(u32, Tally) -> Vec<Arc<Front>>) -> u64 {
    on_tokio(async move {
        let (tally, workers) = (Tally::default(), super::workers(case));
        let all: Arc<[_]> = fronts(workers, tally.clone()).into();
        let mut tasks = JoinSet::new();
        for worker in 0..workers {
            let (at, shards) = (worker as usize % all.len(), all.len() as u32);
            tasks.spawn(all[at].clone().work(WorkerId(worker / shards)));
        }
        let senders = Senders {
            all: all.clone(),
            next: 0,
        };
        let sum = super::carry(senders, case, messages, &tally, async {
            all.iter().for_each(|front| front.close());
            tasks.join_all().await;
        });
        sum.await
    })
}
