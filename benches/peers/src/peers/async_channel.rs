//! async-channel: one bounded channel that all consumers receive from.

use tokio::sync::oneshot;

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

#[derive(Clone)]
struct Teller(async_channel::Sender<Payload>);

impl Tell for Teller {
    async fn tell(&mut self, message: Payload) {
        self.0.send(message).await.expect("consumers stay");
    }
}

type Question = (Payload, oneshot::Sender<u64>);

#[derive(Clone)]
struct Asker(async_channel::Sender<Question>);

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
    let (sender, receiver) = async_channel::bounded(BOUND);
    let consume = |_| {
        let (tally, receiver) = (tally.clone(), receiver.clone());
        tokio::spawn(async move {
            while let Ok(message) = receiver.recv().await {
                tally.add(&message);
            }
        })
    };
    let tasks: Vec<_> = (0..consumers).map(consume).collect();
    tell_all(Teller(sender), producers, messages).await;
    for task in tasks {
        task.await.expect("a consumer ends");
    }
    tally.sum()
}

async fn ask(in_flight: u64, messages: u64) -> u64 {
    let (sender, receiver) = async_channel::bounded::<Question>(BOUND);
    tokio::spawn(async move {
        while let Ok((message, reply)) = receiver.recv().await {
            reply.send(message[7]).expect("callers wait");
        }
    });
    ask_all(Asker(sender), in_flight, messages).await
}

/// The agent's calls run at the same time, a task each.
async fn call(callers: u64, messages: u64) -> u64 {
    let (sender, receiver) = async_channel::bounded::<Question>(BOUND);
    tokio::spawn(async move {
        while let Ok((message, reply)) = receiver.recv().await {
            tokio::spawn(async move {
                tokio::time::sleep(NAP).await;
                reply.send(message[7]).expect("callers wait");
            });
        }
    });
    ask_all(Asker(sender), callers, messages).await
}
