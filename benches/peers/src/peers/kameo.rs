//! kameo: actors with bounded mailboxes of tokio channels.

use std::convert::Infallible;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};
use kameo::reply::DelegatedReply;

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

struct Consumer(Tally);

struct Telling(Payload);
struct Asking(Payload);
struct Calling(Payload);

impl Actor for Consumer {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(consumer: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(consumer)
    }
}

impl Message<Telling> for Consumer {
    type Reply = ();

    async fn handle(&mut self, Telling(message): Telling, _: &mut Context<Self, ()>) {
        self.0.add(&message);
    }
}

impl Message<Asking> for Consumer {
    type Reply = u64;

    async fn handle(&mut self, Asking(message): Asking, _: &mut Context<Self, u64>) -> u64 {
        message[7]
    }
}

/// The agent's calls run at the same time, a task each.
impl Message<Calling> for Consumer {
    type Reply = DelegatedReply<u64>;

    async fn handle(
        &mut self,
        Calling(message): Calling,
        context: &mut Context<Self, Self::Reply>,
    ) -> Self::Reply {
        context.spawn(async move {
            tokio::time::sleep(NAP).await;
            message[7]
        })
    }
}

#[derive(Clone)]
struct Actors {
    all: Vec<ActorRef<Consumer>>,
    next: usize,
}

impl Tell for Actors {
    async fn tell(&mut self, message: Payload) {
        let to = &self.all[self.next];
        self.next = (self.next + 1) % self.all.len();
        to.tell(Telling(message)).await.expect("it stays");
    }
}

#[derive(Clone)]
struct Asker(ActorRef<Consumer>);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.ask(Asking(message)).await.expect("it answers")
    }
}

#[derive(Clone)]
struct Caller(ActorRef<Consumer>);

impl Ask for Caller {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.ask(Calling(message)).await.expect("it answers")
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
            let asker = Asker(spawn(&Tally::default()));
            ask_all(asker, in_flight, messages).await
        }),
        Case::Callers { callers } => on_tokio(async move {
            let caller = Caller(spawn(&Tally::default()));
            ask_all(caller, callers, messages).await
        }),
    }
}

fn spawn(tally: &Tally) -> ActorRef<Consumer> {
    Consumer::spawn_with_mailbox(Consumer(tally.clone()), mailbox::bounded(BOUND))
}

async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let tally = Tally::default();
    let all: Vec<_> = (0..consumers).map(|_| spawn(&tally)).collect();
    let actors = Actors {
        all: all.clone(),
        next: 0,
    };
    tell_all(actors, producers, messages).await;
    for actor in all {
        actor.stop_gracefully().await.expect("it stays until then");
        actor.wait_for_shutdown().await;
    }
    tally.sum()
}
