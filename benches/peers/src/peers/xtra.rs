//! xtra: actors that take from one bounded mailbox.

use tokio::task::JoinHandle;
use xtra::{Actor, Address, Context, Handler, Mailbox};

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

struct Consumer(Tally);

struct Telling(Payload);
struct Asking(Payload);
struct Calling(Payload);

impl Actor for Consumer {
    type Stop = ();

    async fn stopped(self) {}
}

impl Handler<Telling> for Consumer {
    type Return = ();

    async fn handle(&mut self, Telling(message): Telling, _: &mut Context<Self>) {
        self.0.add(&message);
    }
}

impl Handler<Asking> for Consumer {
    type Return = u64;

    async fn handle(&mut self, Asking(message): Asking, _: &mut Context<Self>) -> u64 {
        message[7]
    }
}

impl Handler<Calling> for Consumer {
    type Return = u64;

    async fn handle(&mut self, Calling(message): Calling, _: &mut Context<Self>) -> u64 {
        tokio::time::sleep(NAP).await;
        message[7]
    }
}

#[derive(Clone)]
struct Teller(Address<Consumer>);

impl Tell for Teller {
    async fn tell(&mut self, message: Payload) {
        let sent = self.0.send(Telling(message)).detach().await;
        drop(sent.expect("actors stay"));
    }
}

#[derive(Clone)]
struct Asker(Address<Consumer>);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.send(Asking(message)).await.expect("it answers")
    }
}

#[derive(Clone)]
struct Caller(Address<Consumer>);

impl Ask for Caller {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.send(Calling(message)).await.expect("it answers")
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
            let (address, _) = spawn(1, &Tally::default());
            ask_all(Asker(address), in_flight, messages).await
        }),
        Case::Callers { callers } => on_tokio(async move {
            let actors = u32::try_from(callers).expect("few callers");
            let (address, _) = spawn(actors, &Tally::default());
            ask_all(Caller(address), callers, messages).await
        }),
    }
}

fn spawn(actors: u32, tally: &Tally) -> (Address<Consumer>, Vec<JoinHandle<()>>) {
    let (address, mailbox) = Mailbox::bounded(BOUND);
    let run = |_| tokio::spawn(xtra::run(mailbox.clone(), Consumer(tally.clone())));
    (address, (0..actors).map(run).collect())
}

/// Actors end when their mailbox is empty and nobody can send any more.
async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let tally = Tally::default();
    let (address, actors) = spawn(consumers, &tally);
    tell_all(Teller(address), producers, messages).await;
    for actor in actors {
        actor.await.expect("it ends");
    }
    tally.sum()
}
