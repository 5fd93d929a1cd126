//! A task that owns the desk: messages and ends come to it, batches go from it.

use std::sync::Arc;

use ebbtide_core::message::WorkerId;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::desk::{Desk, Hands, Note, Parcel};
use crate::cases::{BOUND, Case, Payload};
use crate::drive::{Ask, Tell, on_tokio};
use crate::tally::Tally;

/// Words that the task hears at once.
const AT_ONCE: usize = 256;

/// What the task hears.
enum Word {
    Message(Parcel),
    /// A worker has called what it was handed.
    Ended(u32, Hands),
    /// No more is sent.
    Close,
}

#[derive(Clone)]
struct Senders {
    words: mpsc::UnboundedSender<Word>,
    room: Arc<Semaphore>,
}

impl Senders {
    async fn send(&self, parcel: Parcel) {
        self.room.acquire().await.expect("it stays open").forget();
        let sent = self.words.send(Word::Message(parcel));
        assert!(sent.is_ok(), "the task stays");
    }
}

impl Tell for Senders {
    async fn tell(&mut self, message: Payload) {
        self.send(Note::tell(message)).await;
    }
}

impl Ask for Senders {
    async fn ask(&self, message: Payload) -> u64 {
        let (parcel, answer) = Note::ask(message);
        self.send(parcel).await;
        answer.await.expect("it answers")
    }
}

/// A worker as the task sees it.
struct Hand {
    to: mpsc::UnboundedSender<Hands>,
    /// `None` while the worker has them.
    hands: Option<Hands>,
}

async fn own(mut words: mpsc::UnboundedReceiver<Word>, room: Arc<Semaphore>, mut all: Vec<Hand>) {
    let mut desk = Desk::new(all.len() as u32);
    let (mut heard, mut closing) = (Vec::new(), false);
    while !(closing && desk.is_idle()) {
        words.recv_many(&mut heard, AT_ONCE).await;
        for word in heard.drain(..) {
            match word {
                Word::Message(parcel) => desk.submit(parcel),
                Word::Ended(worker, hands) => all[worker as usize].hands = Some(hands),
                Word::Close => closing = true,
            }
        }
        for (worker, hand) in (0..).zip(&mut all) {
            let Some(mut hands) = hand.hands.take() else {
                continue;
            };
            desk.visit(WorkerId(worker), &mut hands);
            if hands.taken.is_empty() && hands.finished.is_empty() {
                hand.hands = Some(hands);
                continue;
            }
            room.add_permits(hands.taken.len());
            assert!(hand.to.send(hands).is_ok(), "workers stay");
        }
    }
}

async fn work(
    worker: u32,
    mut handed: mpsc::UnboundedReceiver<Hands>,
    words: mpsc::UnboundedSender<Word>,
    tally: Tally,
) {
    while let Some(mut hands) = handed.recv().await {
        hands.work(&tally);
        // The task has ended if nobody hears it.
        let _ = words.send(Word::Ended(worker, hands));
    }
}

pub(super) fn run(case: Case, messages: u64) -> u64 {
    on_tokio(async move {
        let (tally, workers) = (Tally::default(), super::workers(case));
        let (words, heard) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(BOUND));
        let mut tasks = JoinSet::new();
        let hire = |worker| {
            let (to, handed) = mpsc::unbounded_channel();
            tasks.spawn(work(worker, handed, words.clone(), tally.clone()));
            let hands = Some(Hands::default());
            Hand { to, hands }
        };
        let all = (0..workers).map(hire).collect();
        tasks.spawn(own(heard, room.clone(), all));
        let senders = Senders {
            words: words.clone(),
            room,
        };
        let sum = super::carry(senders, case, messages, &tally, async {
            let closed = words.send(Word::Close);
            assert!(closed.is_ok(), "the task stays");
            tasks.join_all().await;
        });
        sum.await
    })
}
