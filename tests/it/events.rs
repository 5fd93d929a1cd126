//! Events, broadcasts, dead letters: messages that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ebbtide::{
    AgentConfig, AgentId, Broker, BrokerConfig, Failure, Lane, NoReply, NotAccepted, Outcome,
    Pause, Rate, RateLimit, ReplayError, with,
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
async fn a_notice_names_its_agent_and_reads_as_a_line() {
    let broker = fixed(BrokerConfig::default()).await;
    let mut events = broker.events();
    let agent = async |_: &u32| Ok(());
    for name in ["one", "two"] {
        broker.add_agent(name, agent).unwrap();
    }
    broker
        .pause_agent("two", Pause::For((50 * MS).into()))
        .unwrap();
    let notice = events.try_next().unwrap();
    assert_eq!(notice.agent_name.as_deref(), Some("two"));
    assert_eq!(notice.to_string(), r#"agent "two": paused until 50ms"#);

    broker.pause_lane(Lane::Bulk, Pause::UntilResumed);
    let notice = events.try_next().unwrap();
    assert_eq!(notice.agent_name, None);
    assert_eq!(notice.to_string(), "lane bulk: paused until it is resumed");

    broker.remove_agent("one").unwrap();
    let name = |id| broker.agent_name(AgentId(id));
    assert_eq!(
        name(0).as_deref(),
        Some("one"),
        "as its dead letters have it"
    );
    assert_eq!(name(2), None);
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

/// A key was kept although its message was cancelled, expired, dead or returned: the sender's
/// next try was called a duplicate of what had never been done.
#[tokio::test(start_paused = true)]
async fn what_was_not_delivered_may_be_sent_again_with_its_key() {
    let config = BrokerConfig {
        retry_max_attempts: Some(1),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = async |fails: &u32| match fails {
        0 => Ok(()),
        1 => Err(Failure::reject("no")),
        2 => Err(Failure::discard("never mind")),
        _ => Err(Failure::retry("down")),
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let request = |fails| agent.request(fails).idempotency_key("key");

    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    let first = request(0).try_now().unwrap();
    let reason = agent.send(0).idempotency_key("key").await.unwrap_err();
    assert_eq!(reason.reason, NotAccepted::Duplicate, "it is under way");
    drop(first);
    let expired = request(0).deadline(Duration::from_millis(5)).await;
    assert_eq!(expired.unwrap_err().reason, NoReply::Expired);
    broker.resume_agent("agent").unwrap();
    let rejected = request(1).await.unwrap_err();
    assert_eq!(rejected.reason, NoReply::Rejected);
    let discarded = request(2).await.unwrap_err();
    assert_eq!(discarded.reason, NoReply::Discarded);
    let dead = request(3).await.unwrap_err();
    assert!(matches!(dead.reason, NoReply::DeadLettered { .. }));
    request(0).await.unwrap();
    let again = request(0).await.unwrap_err().reason;
    assert_eq!(again, NoReply::NotAccepted(NotAccepted::Duplicate));
}

/// It came without its key, and the sender's own next try was accepted beside it.
#[tokio::test(start_paused = true)]
async fn a_replayed_dead_letter_takes_its_key_again() {
    let config = BrokerConfig {
        retry_max_attempts: Some(1),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let down = async |calls: &AtomicU32, _: &u32| match calls.fetch_add(1, Ordering::Relaxed) {
        0..2 => Err(Failure::retry("down")),
        _ => Ok(()),
    };
    let down = with(AtomicU32::new(0), down);
    let agent = broker.add_agent("agent", down).unwrap();
    let request = || agent.request(1).idempotency_key("key");
    request().await.unwrap_err();
    request().await.unwrap_err();
    let letters = broker.dead_letters();
    broker.replay(letters[0].id).unwrap();
    let reason = agent.send(1).idempotency_key("key").await.unwrap_err();
    assert_eq!(reason.reason, NotAccepted::Duplicate, "it is under way");
    sleep(Duration::from_secs(1)).await;
    let refused = broker.replay(letters[1].id).unwrap_err();
    assert_eq!(refused, ReplayError::NotAccepted(NotAccepted::Duplicate));
    assert_eq!(broker.dead_letters().len(), 1, "it is still there");
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

#[tokio::test(start_paused = true)]
async fn a_key_of_one_topic_is_not_that_of_another() {
    let broker = fixed(BrokerConfig::default()).await;
    for topic in ["one", "two"] {
        let config = AgentConfig {
            topics: vec![topic.to_owned()],
            ..AgentConfig::new(topic)
        };
        broker.add_agent(config, async |_: &u32| Ok(())).unwrap();
    }
    let send = async |topic: &'static str| {
        let sent = broker.broadcast(topic, 1_u32).idempotency_key("a").await;
        sent.map_err(|refused| refused.reason)
    };
    assert_eq!(send("one").await, Ok(1));
    assert_eq!(send("two").await, Ok(1));
    assert_eq!(send("one").await, Err(NotAccepted::Duplicate));
}

/// It lost its size and units: what was replayed went round every limit.
#[tokio::test(start_paused = true)]
async fn a_replayed_dead_letter_weighs_what_it_did() {
    let broker = fixed(BrokerConfig {
        retry_max_attempts: Some(1),
        breaker: None,
        ..BrokerConfig::default()
    })
    .await;
    let config = AgentConfig {
        unit_rate: Some(RateLimit {
            rate: Rate::per_second(10.0).unwrap(),
            burst: 10,
        }),
        ..AgentConfig::new("agent")
    };
    let fails = async |_: &u32| -> Result<(), Failure> { Err(Failure::retry("no")) };
    let agent = broker.add_agent(config, fails).unwrap();
    for number in 0..3 {
        agent.send(number).units(10).size(1000).await.unwrap();
    }
    sleep(Duration::from_secs(100)).await;
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    for letter in broker.dead_letters() {
        broker.replay(letter.id).unwrap();
    }
    assert_eq!(broker.books().bytes, 3000);
    broker.resume_agent("agent").unwrap();
    sleep(100 * MS).await;
    assert_eq!(broker.dead_letters().len(), 1, "the others have no units");
}

/// The handler of the one that came panicked: the types were looked at when the broadcast came,
/// not when it entered.
#[tokio::test(start_paused = true)]
async fn a_waiting_broadcast_does_not_reach_a_subscriber_of_another_type() {
    let broker = fixed(BrokerConfig {
        max_queue_size: 1,
        ..BrokerConfig::default()
    })
    .await;
    let one = broker.add_agent(subscriber("one"), async |_: &u32| Ok(()));
    let one = one.unwrap();
    broker.pause_agent("one", Pause::UntilResumed).unwrap();
    one.send(1).await.unwrap();
    let (sent, ()) = tokio::join!(async { broker.broadcast("news", 2_u32).await }, async {
        sleep(MS).await;
        let two = broker.add_agent(subscriber("two"), async |_: &String| Ok(()));
        let two = two.unwrap();
        broker.resume_agent("one").unwrap();
        sleep(MS).await;
        let refused = broker.broadcast("news", 3_u32).try_now().unwrap_err();
        assert_eq!(refused.reason, NotAccepted::OtherType(two.id()));
    });
    let refused = sent.unwrap_err();
    assert!(
        matches!(refused.reason, NotAccepted::OtherType(_)),
        "{refused}"
    );
}

/// A message whose drop asks its broker.
struct Curious(Broker);

impl Drop for Curious {
    fn drop(&mut self) {
        let _ = self.0.books();
    }
}

/// It stood still: messages were dropped under the broker's lock.
#[test]
fn a_messages_drop_may_call_its_broker() {
    let (done, is_done) = std::sync::mpsc::channel();
    // On a thread of its own, since one that stands still cannot be told to stop.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(async {
            let builder = Broker::builder().dead_letters(2);
            let broker = builder.start().await.unwrap();
            let fails = async |_: &Curious| -> Result<(), Failure> { Err(Failure::retry("no")) };
            let agent = broker.add_agent("agent", fails).unwrap();
            for _ in 0..4 {
                agent.send(Curious(broker.clone())).await.unwrap();
                sleep(Duration::from_secs(100)).await;
            }
            let letters = broker.dead_letters();
            let id = letters[0].id;
            drop(letters);
            assert!(broker.purge(id));
            assert_eq!(broker.purge_all(), 1);
        });
        done.send(()).unwrap();
    });
    let seconds = Duration::from_secs(20);
    is_done.recv_timeout(seconds).expect("it stands still");
}

/// A sender that waits for room drops its message when it gives up.
#[tokio::test(start_paused = true)]
async fn a_sender_that_gives_up_drops_its_message_without_the_lock() {
    let broker = fixed(BrokerConfig {
        max_queue_size: 1,
        ..BrokerConfig::default()
    })
    .await;
    let agent = broker.add_agent("agent", async |_: &Curious| Ok(()));
    let agent = agent.unwrap();
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    agent.send(Curious(broker.clone())).await.unwrap();
    let waits = async { agent.send(Curious(broker.clone())).await };
    let gave_up = tokio::time::timeout(MS, waits).await;
    assert!(gave_up.is_err());
    assert_eq!(broker.purge_all(), 0);
    broker.resume_agent("agent").unwrap();
}
