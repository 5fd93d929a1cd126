//! ebbtide, with its defaults: nothing is switched off.

use std::time::Duration;

use ebbtide::{AgentRef, Broker, BrokerConfig, with};

use crate::cases::{BOUND, Case, NAP, Payload};
use crate::drive::{Ask, Tell, ask_all, on_tokio, tell_all};
use crate::tally::Tally;

#[derive(Clone)]
struct Teller(AgentRef<Payload, ()>);

impl Tell for Teller {
    async fn tell(&mut self, message: Payload) {
        self.0.send(message).await.expect("it stays open");
    }
}

#[derive(Clone)]
struct Asker(AgentRef<Payload, u64>);

impl Ask for Asker {
    async fn ask(&self, message: Payload) -> u64 {
        self.0.request(message).await.expect("it answers")
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
            let broker = start(bounded()).await;
            let agent = broker.add_agent("echo", async |message: &Payload| Ok(message[7]));
            let asker = Asker(agent.expect("a new name"));
            ask_all(asker, in_flight, messages).await
        }),
        Case::Callers { callers } => on_tokio(async move {
            let broker = start(bounded()).await;
            let agent = broker.add_agent("nap", async |message: &Payload| {
                tokio::time::sleep(NAP).await;
                Ok(message[7])
            });
            let asker = Asker(agent.expect("a new name"));
            ask_all(asker, callers, messages).await
        }),
    }
}

/// A broker in which nothing happens, for so long.
pub fn idle(span: Duration) {
    on_tokio(async move {
        let broker = start(BrokerConfig::default()).await;
        tokio::time::sleep(span).await;
        drop(broker);
    });
}

fn bounded() -> BrokerConfig {
    BrokerConfig {
        max_queue_size: BOUND as u64,
        ..BrokerConfig::default()
    }
}

async fn start(config: BrokerConfig) -> Broker {
    let started = Broker::builder().config(config).start().await;
    started.expect("it starts")
}

async fn tell(producers: u64, consumers: u32, messages: u64) -> u64 {
    let config = BrokerConfig {
        num_workers: consumers,
        policy: "fixed".to_owned(),
        ..bounded()
    };
    let broker = start(config).await;
    let tally = Tally::default();
    let add = with(tally.clone(), async |tally: &Tally, message: &Payload| {
        tally.add(message);
        Ok(())
    });
    let agent = broker.add_agent("sum", add).expect("a new name");
    tell_all(Teller(agent), producers, messages).await;
    broker.shutdown(Duration::from_secs(60)).await;
    tally.sum()
}
