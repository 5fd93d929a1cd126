//! actix: actors that live on one thread each.
//!
//! Nothing of it waits for room without waiting for the reply too, so a tell is `try_send`,
//! again after a yield while the mailbox is full. `do_send` would be faster and unbounded.

use actix::{
    Actor, Addr, Arbiter, ArbiterHandle, Context, Handler, Message, ResponseFuture, System,
};

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, tell_all};
use crate::tally::Tally;

struct Consumer(Tally);

struct Telling(Payload);
struct Asking(Payload);
struct Calling(Payload);
/// Answered once all before it are handled.
struct Finish;

impl Actor for Consumer {
    type Context = Context<Self>;
}

impl Message for Telling {
    type Result = ();
}

impl Message for Asking {
    type Result = u64;
}

impl Message for Calling {
    type Result = u64;
}

impl Message for Finish {
    type Result = ();
}

impl Handler<Telling> for Consumer {
    type Result = ();

    fn handle(&mut self, Telling(message): Telling, _: &mut Context<Self>) {
        self.0.add(&message);
    }
}

impl Handler<Asking> for Consumer {
    type Result = u64;

    fn handle(&mut self, Asking(message): Asking, _: &mut Context<Self>) -> u64 {
        message[7]
    }
}

/// The agent's calls run at the same time.
impl Handler<Calling> for Consumer {
    type Result = ResponseFuture<u64>;

    fn handle(&mut self, Calling(message): Calling, _: &mut Context<Self>) -> Self::Result {
        Box::pin(async move {
            tokio::time::sleep(NAP).await;
            message[7]
        })
    }
}

impl Handler<Finish> for Consumer {
    type Result = ();

    fn handle(&mut self, _: Finish, _: &mut Context<Self>) {}
}

#[derive(Clone)]
struct Actors {
    all: Vec<Addr<Consumer>>,
    next: usize,
}

impl Tell for Actors {
    async fn tell(&mut self, message: Payload) {
        let to = &self.all[self.next];
        self.next = (self.next + 1) % self.all.len();
        let mut telling = Telling(message);
        while let Err(refused) = to.try_send(telling) {
            telling = refused.into_inner();
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Clone)]
struct Asker(Addr<Consumer>);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.send(Asking(message)).await.expect("it answers")
    }
}

#[derive(Clone)]
struct Caller(Addr<Consumer>);

impl Ask for Caller {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.send(Calling(message)).await.expect("it answers")
    }
}

/// Runs the case with the actors on a thread of their own.
#[must_use]
pub fn two_threads(case: Case, messages: u64) -> u64 {
    System::new().block_on(async move {
        let arbiter = Arbiter::new();
        let sum = run(&arbiter.handle(), case, messages).await;
        arbiter.stop();
        sum
    })
}

/// Runs the case with actors and senders on the same thread.
#[must_use]
pub fn one_thread(case: Case, messages: u64) -> u64 {
    System::new().block_on(async move { run(&Arbiter::current(), case, messages).await })
}

async fn run(arbiter: &ArbiterHandle, case: Case, messages: u64) -> u64 {
    let tally = Tally::default();
    match case {
        Case::Tell {
            producers,
            consumers,
        } => {
            let all: Vec<_> = (0..consumers).map(|_| start(arbiter, &tally)).collect();
            let actors = Actors {
                all: all.clone(),
                next: 0,
            };
            tell_all(actors, producers, messages).await;
            for actor in all {
                actor.send(Finish).await.expect("it stays");
            }
            tally.sum()
        }
        Case::Ask { in_flight } => {
            ask_all(Asker(start(arbiter, &tally)), in_flight, messages).await
        }
        Case::Callers { callers } => {
            ask_all(Caller(start(arbiter, &tally)), callers, messages).await
        }
    }
}

fn start(arbiter: &ArbiterHandle, tally: &Tally) -> Addr<Consumer> {
    let tally = tally.clone();
    Consumer::start_in_arbiter(arbiter, |context| {
        context.set_mailbox_capacity(BOUND);
        Consumer(tally)
    })
}
