//! What follows when handlers fail, panic, hang or say what should follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ebbtide::{AgentConfig, Batch, Broker, BrokerConfig, Context, Failure, NoReply, Pause, with};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

fn calm() -> BrokerConfig {
    BrokerConfig {
        num_workers: 1,
        policy: "fixed".to_owned(),
        retry_jitter: 0.0,
        ..BrokerConfig::default()
    }
}

async fn broker(config: BrokerConfig) -> Broker {
    Broker::builder().config(config).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_survives_panics_and_failures_without_being_cloned() {
    let broker = broker(calm()).await;
    struct NotClone(&'static str);
    let agent = async |message: &NotClone, call: &Context| match call.attempt() {
        1 => panic!("the first attempt"),
        2 => Err(Failure::retry("the second attempt")),
        _ => Ok(message.0),
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let start = Instant::now();
    assert_eq!(agent.request(NotClone("here")).await.unwrap(), "here");
    assert_eq!(
        start.elapsed(),
        300 * MS,
        "after backoffs of 100 and 200 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_given_up_says_why() {
    let broker = broker(calm()).await;
    let agent = async |_: &u8| -> Result<(), Failure> { Ok("x".parse::<u8>().map(drop)?) };
    let agent = broker.add_agent("agent", agent).unwrap();
    let error = agent.request(7).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request was given up after 3 attempts: invalid digit found in string"
    );
    let letters = broker.dead_letters();
    assert_eq!(letters[0].message(), Some(&7_u8), "and is kept");
    assert_eq!(letters[0].texts, ["invalid digit found in string"; 3]);
    assert_eq!(letters[0].history.setbacks.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_handler_says_what_is_to_follow() {
    let broker = broker(calm()).await;
    let agent = async |what: &&'static str, _: &Context| -> Result<(), Failure> {
        Err(match *what {
            "reject" => Failure::reject("no"),
            _ => Failure::discard("never mind"),
        })
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let error = agent.request("reject").await.unwrap_err();
    assert_eq!(error.reason, NoReply::Rejected);
    assert_eq!(error.to_string(), "the agent rejected the request: no");
    assert_eq!(error.message, Some("reject"), "it gives the message back");
    let error = agent.request("discard").await.unwrap_err();
    assert_eq!(error.reason, NoReply::Discarded);
}

#[tokio::test(start_paused = true)]
async fn not_now_and_too_many_requests_spend_no_attempt() {
    let broker = broker(calm()).await;
    let agent = async |calls: &AtomicU32, call: &Context| {
        assert_eq!(call.attempt(), 1);
        match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Failure::retry_after(50 * MS, "not now")),
            1 => Err(Failure::too_many_requests(Some(200 * MS))),
            _ => Ok(()),
        }
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let start = Instant::now();
    agent.request(AtomicU32::new(0)).await.unwrap();
    assert_eq!(start.elapsed(), 250 * MS);
    // The pause is the whole agent's.
    let (paused, other) = tokio::join!(async { agent.request(AtomicU32::new(1)).await }, async {
        sleep(MS).await;
        let start = Instant::now();
        agent.request(AtomicU32::new(2)).await.unwrap();
        start.elapsed()
    });
    paused.unwrap();
    assert_eq!(other, 199 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_hung_handler_loses_its_lease_and_is_told_then_dropped() {
    let config = BrokerConfig {
        call_timeout_ms: 100,
        cancel_grace_ms: 30,
        delivery_parallelism: 1,
        ..calm()
    };
    let broker = broker(config).await;
    let told = async |told: &AtomicU32, _: &(), call: &Context| {
        if call.attempt() > 1 {
            return Ok(told.load(Ordering::Relaxed));
        }
        call.cancelled().await;
        assert!(call.is_cancelled());
        told.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    };
    let agent = broker
        .add_agent("agent", with(AtomicU32::new(0), told))
        .unwrap();
    let start = Instant::now();
    assert_eq!(agent.request(()).await.unwrap(), 1);
    assert_eq!(start.elapsed(), 200 * MS, "the timeout, then the backoff");
    agent.request(()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn progress_keeps_the_lease() {
    let mut config = calm();
    config.call_timeout_ms = 100;
    let broker = broker(config).await;
    let agent = async |_: &(), call: &Context| {
        for _ in 0..10 {
            sleep(90 * MS).await;
            call.progress()
                .map_err(|lost| Failure::reject(lost.to_string()))?;
        }
        Ok(call.attempt())
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let start = Instant::now();
    assert_eq!(agent.request(()).await.unwrap(), 1);
    assert_eq!(start.elapsed(), 900 * MS);
}

#[tokio::test(start_paused = true)]
async fn an_agent_of_its_own_limits_is_paused_and_resumed() {
    let broker = broker(calm()).await;
    let config = AgentConfig {
        in_flight_limit: Some(1),
        ..AgentConfig::new("agent")
    };
    let agent = broker
        .add_agent(config, async |_: &()| {
            sleep(10 * MS).await;
            Ok(())
        })
        .unwrap();
    let start = Instant::now();
    let both = tokio::join!(agent.request(()), agent.request(()));
    both.0.and(both.1).unwrap();
    assert_eq!(start.elapsed(), 20 * MS, "one at a time");
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    let (reply, ()) = tokio::join!(agent.request(()), async {
        sleep(100 * MS).await;
        broker.resume_agent("agent").unwrap();
    });
    reply.unwrap();
    assert_eq!(start.elapsed(), 130 * MS);
}

#[tokio::test(start_paused = true)]
async fn the_former_settings_bound_the_queue_and_the_attempts() {
    let builder = ebbtide::Builder::from_legacy(1, 2);
    let broker = builder.start().await.unwrap();
    let agent = async |_: &u8| -> Result<(), Failure> { Err(Failure::retry("no luck")) };
    let agent = broker.add_agent("agent", agent).unwrap();
    let error = agent.request(1).await.unwrap_err();
    assert!(
        matches!(error.reason, NoReply::DeadLettered { attempts: 2, .. }),
        "{error}"
    );
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    agent.try_send(2).unwrap();
    assert!(agent.try_send(3).unwrap_err().reason.is_full());
    let faulty = ebbtide::Builder::from_legacy(1, 0)
        .start()
        .await
        .unwrap_err();
    assert!(
        faulty.to_string().contains("retry_max_attempts is 0"),
        "{faulty}"
    );
}

/// What a panic carries, and panics itself when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(Bomb);
    }
}

/// It took the worker with it, and all its calls: once for each attempt.
#[tokio::test(start_paused = true)]
async fn a_panic_that_panics_when_it_is_dropped_costs_its_own_call_only() {
    let broker = broker(calm()).await;
    let calls = Arc::new(AtomicU32::new(0));
    let agent = with(calls.clone(), async |calls: &Arc<AtomicU32>, it: &u32| {
        calls.fetch_add(1, Ordering::Relaxed);
        if *it == 0 {
            std::panic::panic_any(Bomb);
        }
        sleep(200 * MS).await;
        Ok(*it)
    });
    let agent = broker.add_agent("agent", agent).unwrap();
    let neighbours = (1..8).map(|it| {
        let agent = agent.clone();
        tokio::spawn(async move { agent.request(it).await.unwrap() })
    });
    let neighbours: Vec<_> = neighbours.collect();
    sleep(MS).await;
    let error = agent.request(0).await.unwrap_err();
    assert!(matches!(
        error.reason,
        NoReply::DeadLettered { attempts: 3, .. }
    ));
    for neighbour in neighbours {
        neighbour.await.unwrap();
    }
    assert_eq!(broker.stats().workers_lost, 0);
    assert_eq!(calls.load(Ordering::Relaxed), 7 + 3, "no neighbour again");
}

/// Its drop is code of the user's that runs as an errand.
#[tokio::test(start_paused = true)]
async fn a_message_whose_drop_panics_with_such_a_panic_costs_nothing() {
    struct Message;
    impl Drop for Message {
        fn drop(&mut self) {
            std::panic::panic_any(Bomb);
        }
    }
    let broker = broker(calm()).await;
    let agent = broker.add_agent("agent", async |_: &Message| Ok(()));
    let agent = agent.unwrap();
    for _ in 0..3 {
        agent.send(Message).await.unwrap();
        sleep(MS).await;
    }
    let stats = broker.stats();
    assert_eq!((stats.workers_lost, stats.books.finished()), (0, 3));
}

/// They were dead letters without a word.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_not_answered_whole_says_so() {
    let config = BrokerConfig {
        retry_max_attempts: Some(1),
        ..calm()
    };
    let broker = broker(config).await;
    let few = async |_: Batch<'_, u32>| vec![Ok(7)];
    let few = broker.add_agent("few", few).unwrap();
    let replies: Vec<_> = (0..3)
        .map(|number| few.request(number).try_now().unwrap())
        .collect();
    let mut texts = Vec::new();
    for reply in replies {
        texts.extend(reply.await.err().map(|error| error.text.unwrap()));
    }
    let text = "the batch of 3 messages got 1 answer";
    assert_eq!(texts, [text, text]);
}
