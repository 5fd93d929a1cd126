//! tokio's bounded mpsc channel, with a oneshot channel for each reply: the yardstick.

use tokio::sync::{mpsc, oneshot};

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

/// A channel has one consumer, so senders go round.
#[derive(Clone)]
struct Senders {
    all: Vec<mpsc::Sender<Payload>>,
    next: usize,
}

impl Tell for Senders {
    async fn tell(&mut self, message: Payload) {
        let to = &self.all[self.next];
        self.next = (self.next + 1) % self.all.len();
        to.send(message).await.expect("consumers stay");
    }
}

type Question = (Payload, oneshot::Sender<u64>);

#[derive(Clone)]
struct Asker(mpsc::Sender<Question>);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        let (reply, answer) = oneshot::channel();
        self.0.send((message, reply)).await.expect("it stays");
        answer.await.expect("it answers")
    }
}

/// Runs the case.
#[must_use]
pub fn run(case: Case, messages: u64) -> u64 {
    match case {
        Case::Tell {
            producers,
            consumers,
        } => on_tokio(tell(producers, consumers, messages)),
        Case::Ask { in_flight } => on_tokio(ask(in_flight, messages)),
        Case::Callers { callers } => on_tokio(call(callers, messages)),
    }
}

async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let tally = Tally::default();
    let mut all = Vec::new();
    let mut tasks = Vec::new();
    for _ in 0..consumers {
        let (sender, mut receiver) = mpsc::channel(BOUND);
        let tally = tally.clone();
        all.push(sender);
        tasks.push(tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                tally.add(&message);
            }
        }));
    }
    tell_all(Senders { all, next: 0 }, producers, messages).await;
    for task in tasks {
        task.await.expect("a consumer ends");
    }
    tally.sum()
}

async fn ask(in_flight: u64, messages: u64) -> u64 {
    let (sender, mut receiver) = mpsc::channel::<Question>(BOUND);
    tokio::spawn(async move {
        while let Some((message, reply)) = receiver.recv().await {
            reply.send(message[7]).expect("callers wait");
        }
    });
    ask_all(Asker(sender), in_flight, messages).await
}

/// The agent's calls run at the same time, a task each.
async fn call(callers: u64, messages: u64) -> u64 {
    let (sender, mut receiver) = mpsc::channel::<Question>(BOUND);
    tokio::spawn(async move {
        while let Some((message, reply)) = receiver.recv().await {
            tokio::spawn(async move {
                tokio::time::sleep(NAP).await;
                reply.send(message[7]).expect("callers wait");
            });
        }
    });
    ask_all(Asker(sender), callers, messages).await
}
