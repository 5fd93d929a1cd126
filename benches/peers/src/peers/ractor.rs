//! ractor: actors whose mailboxes have no bound, so that its tells never wait.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::cases::{Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

struct Consumer;

enum Say {
    Tell(Payload),
    Ask(Payload, RpcReplyPort<u64>),
    /// Asked of an agent that takes its time.
    Call(Payload, RpcReplyPort<u64>),
}

impl Actor for Consumer {
    type Msg = Say;
    type State = Tally;
    type Arguments = Tally;

    async fn pre_start(&self, _: ActorRef<Say>, tally: Tally) -> Result<Tally, ActorProcessingErr> {
        Ok(tally)
    }

    async fn handle(
        &self,
        _: ActorRef<Say>,
        said: Say,
        tally: &mut Tally,
    ) -> Result<(), ActorProcessingErr> {
        match said {
            Say::Tell(message) => tally.add(&message),
            Say::Ask(message, reply) => reply.send(message[7])?,
            Say::Call(message, reply) => {
                tokio::spawn(async move {
                    tokio::time::sleep(NAP).await;
                    reply.send(message[7])
                });
            }
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Actors {
    all: Vec<ActorRef<Say>>,
    next: usize,
}

impl Tell for Actors {
    async fn tell(&mut self, message: Payload) {
        let to = &self.all[self.next];
        self.next = (self.next + 1) % self.all.len();
        to.cast(Say::Tell(message)).expect("it stays");
    }
}

#[derive(Clone)]
struct Asker(ActorRef<Say>, fn(Payload, RpcReplyPort<u64>) -> Say);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        let called = self.0.call(|reply| self.1(message, reply), None).await;
        called.expect("it stays").expect("it answers")
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
        Case::Ask { in_flight } => on_tokio(async move {
            let asker = Asker(spawn(&Tally::default()).await, Say::Ask);
            ask_all(asker, in_flight, messages).await
        }),
        Case::Callers { callers } => on_tokio(async move {
            let asker = Asker(spawn(&Tally::default()).await, Say::Call);
            ask_all(asker, callers, messages).await
        }),
    }
}

async fn spawn(tally: &Tally) -> ActorRef<Say> {
    let spawned = Actor::spawn(None, Consumer, tally.clone()).await;
    spawned.expect("it starts").0
}

async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let tally = Tally::default();
    let mut all = Vec::new();
    for _ in 0..consumers {
        all.push(spawn(&tally).await);
    }
    let actors = Actors {
        all: all.clone(),
        next: 0,
    };
    tell_all(actors, producers, messages).await;
    for actor in all {
        actor.drain_and_wait(None).await.expect("it drains");
    }
    tally.sum()
}
