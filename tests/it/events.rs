//! Events, broadcasts, dead letters: messages that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ebbtide::{
    AgentConfig, Broker, BrokerConfig, Failure, NotAccepted, Outcome, ReplayError, with,
};
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

async fn fixed(config: BrokerConfig) -> Broker {
    let config = BrokerConfig {
        num_workers: 1,
        policy: "fixed".to_owned(),
        ..config
    };
    Broker::builder().config(config).start().await.unwrap()
}

fn subscriber(name: &str) -> AgentConfig {
    AgentConfig {
        topics: vec!["news".to_owned()],
        ..AgentConfig::new(name)
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_every_subscriber_or_none() {
    let broker = fixed(BrokerConfig {
        max_queue_size: 2,
        delivery_parallelism: 1,
        ..BrokerConfig::default()
    })
    .await;
    let heard = Arc::new(AtomicU32::new(0));
    struct NotClone(u32);
    for name in ["one", "two"] {
        let add = async |sum: &Arc<AtomicU32>, more: &NotClone| {
            sleep(10 * MS).await;
            sum.fetch_add(more.0, Ordering::Relaxed);
            Ok(())
        };
        broker
            .add_agent(subscriber(name), with(heard.clone(), add))
            .unwrap();
    }
    assert_eq!(broker.broadcast("news", NotClone(1)).await.unwrap(), 2);
    sleep(MS).await;
    let full = broker.broadcast("news", NotClone(10)).try_now();
    let full = full.unwrap_err();
    assert!(full.reason.is_full(), "room for one copy only: {full}");
    assert_eq!(full.message.0, 10);
    assert_eq!(broker.broadcast("news", NotClone(100)).await.unwrap(), 2);
    sleep(100 * MS).await;
    assert_eq!(heard.load(Ordering::Relaxed), 202);
    assert_eq!(broker.books().outcomes[Outcome::Delivered.index()], 4);

    let nobody = broker.broadcast("olds", NotClone(1)).await.unwrap_err();
    assert_eq!(nobody.to_string(), "nobody subscribes to the topic");
    let other = broker.broadcast("news", "text").await.unwrap_err();
    assert!(matches!(other.reason, NotAccepted::OtherType(_)));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_refused_as_long_as_its_key_is_remembered() {
    let broker = Broker::builder().idempotency_keys(2).start().await.unwrap();
    let agent = broker.add_agent("agent", async |_: &u32| Ok(())).unwrap();
    let other = broker.add_agent("other", async |_: &u32| Ok(())).unwrap();
    let send = async |key: &'static str| agent.send(1).idempotency_key(key).await;
    send("a").await.unwrap();
    let duplicate = send("a").await.unwrap_err();
    assert_eq!(
        (duplicate.reason, duplicate.message),
        (NotAccepted::Duplicate, 1)
    );
    other.send(1).idempotency_key("a").await.unwrap();
    send("b").await.unwrap();
    send("a").await.unwrap();
    assert_eq!(broker.books().accepted, 4);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_bounded_replayed_and_purged() {
    let config = BrokerConfig {
        breaker: None,
        ..BrokerConfig::default()
    };
    let builder = Broker::builder().config(config).dead_letters(3);
    let broker = builder.start().await.unwrap();
    let up = async |calls: &AtomicU32, _: &u32| match calls.fetch_add(1, Ordering::Relaxed) {
        0..12 => Err(Failure::retry("down")),
        _ => Ok(()),
    };
    let agent = broker
        .add_agent("agent", with(AtomicU32::new(0), up))
        .unwrap();
    for number in 0..4 {
        agent.send(number).header("tenant", "acme").await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    let letters = broker.dead_letters();
    let numbers: Vec<_> = letters
        .iter()
        .map(|it| *it.message::<u32>().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3], "the oldest made room");
    assert_eq!(broker.stats().dead_letters_dropped, 1);
    assert_eq!(
        (letters[0].attempts, letters[0].header("tenant")),
        (3, Some("acme"))
    );
    assert_eq!(&*letters[0].agent_name, "agent");

    broker.replay(letters[0].id).unwrap();
    assert_eq!(broker.replay(letters[0].id), Err(ReplayError::Unknown));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(broker.books().outcomes[Outcome::Delivered.index()], 1);
    assert!(broker.purge(letters[1].id));
    assert!(!broker.purge(letters[1].id));
    broker.remove_agent("agent").unwrap();
    let gone = broker.replay(letters[2].id).unwrap_err();
    assert_eq!(gone.to_string(), "agent 0 is not registered");
    assert_eq!(
        broker.purge_all(),
        1,
        "what was not replayed is still there"
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_removed_leaves_what_waits_as_dead_letters() {
    let broker = fixed(BrokerConfig {
        delivery_parallelism: 1,
        ..BrokerConfig::default()
    })
    .await;
    let agent = async |_: &u32| {
        sleep(10 * MS).await;
        Ok(())
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let called = agent.request(1);
    let (called, ()) = tokio::join!(async { called.await }, async {
        sleep(MS).await;
        agent.send(2).await.unwrap();
        broker.remove_agent("agent").unwrap();
    });
    called.unwrap();
    assert_eq!(broker.dead_letters()[0].message(), Some(&2_u32));
    let late = agent.send(3).await.unwrap_err();
    assert_eq!(late.to_string(), "agent 0 is not registered");
    broker.add_agent("agent", async |_: &u32| Ok(())).unwrap();
}
