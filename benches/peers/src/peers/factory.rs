//! ractor's factory: a pool of workers with a queue, priorities and time limits for jobs.

use ractor::factory::queues::DefaultQueue;
use ractor::factory::routing::QueuerRouting;
use ractor::factory::{
    Factory, FactoryArguments, FactoryRef, Job, Worker, WorkerBuilder, WorkerId,
};
use ractor::{Actor, ActorProcessingErr, RpcReplyPort};
use tokio::task::JoinHandle;

use crate::cases::{Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

/// Workers where the case names none.
const WORKERS: u32 = 5;

struct Consumer;

enum Say {
    Tell(Payload),
    Ask(Payload, RpcReplyPort<u64>),
    /// Asked of an agent that takes its time.
    Call(Payload, RpcReplyPort<u64>),
}

impl Worker for Consumer {
    type Key = ();
    type Message = Say;
    type State = Tally;
    type Arguments = Tally;

    async fn pre_start(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Say>,
        tally: Tally,
    ) -> Result<Tally, ActorProcessingErr> {
        Ok(tally)
    }

    async fn handle(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Say>,
        Job { msg, .. }: Job<(), Say>,
        tally: &mut Tally,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Say::Tell(message) => tally.add(&message),
            Say::Ask(message, reply) => reply.send(message[7])?,
            Say::Call(message, reply) => {
                tokio::time::sleep(NAP).await;
                reply.send(message[7])?;
            }
        }
        Ok(())
    }
}

struct Hire(Tally);

impl WorkerBuilder<Consumer, Tally> for Hire {
    fn build(&mut self, _: WorkerId) -> (Consumer, Tally) {
        (Consumer, self.0.clone())
    }
}

#[derive(Clone)]
struct Teller(FactoryRef<(), Say>);

impl Tell for Teller {
    async fn tell(&mut self, message: Payload) {
        let sent = self.0.dispatch((), Say::Tell(message));
        assert!(sent.is_ok(), "it stays");
    }
}

#[derive(Clone)]
struct Asker(FactoryRef<(), Say>, fn(Payload, RpcReplyPort<u64>) -> Say);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        let question = |reply| self.1(message, reply);
        let called = self.0.call_job((), question, None).await;
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
            let (factory, _) = start(WORKERS, Tally::default()).await;
            ask_all(Asker(factory, Say::Ask), in_flight, messages).await
        }),
        Case::Callers { callers } => on_tokio(async move {
            let workers = u32::try_from(callers).expect("few callers");
            let (factory, _) = start(workers, Tally::default()).await;
            ask_all(Asker(factory, Say::Call), callers, messages).await
        }),
    }
}

async fn start(workers: u32, tally: Tally) -> (FactoryRef<(), Say>, JoinHandle<()>) {
    let factory =
        Factory::<(), Say, Tally, Consumer, QueuerRouting<(), Say>, DefaultQueue<(), Say>>::default(
        );
    let arguments = FactoryArguments::builder()
        .worker_builder(Box::new(Hire(tally)))
        .queue(DefaultQueue::default())
        .router(QueuerRouting::default())
        .num_initial_workers(workers as usize)
        .build();
    let started = Actor::spawn(None, factory, arguments).await;
    started.expect("it starts")
}

async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let tally = Tally::default();
    let (factory, ended) = start(consumers, tally.clone()).await;
    tell_all(Teller(factory.clone()), producers, messages).await;
    assert!(factory.drain_requests().is_ok(), "it stays until then");
    ended.await.expect("it drains");
    tally.sum()
}
