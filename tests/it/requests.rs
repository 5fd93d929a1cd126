//! Requests, events and their senders: types, replies, backpressure, cancellation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ebbtide::{
    Agent, AgentError, AgentRef, Batch, Broker, BrokerConfig, Context, Failure, Lane, NoReply,
    NotAccepted, by_value, with,
};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

fn small(config: BrokerConfig) -> ebbtide::Builder {
    Broker::builder().config(BrokerConfig {
        num_workers: 1,
        policy: "fixed".to_owned(),
        ..config
    })
}

async fn function(number: &u32) -> Result<u32, Failure> {
    Ok(number + 1)
}

struct Adder(u32);

impl Agent for Adder {
    type Message = u32;
    type Reply = u32;

    async fn handle(&self, message: &u32, context: &Context) -> Result<u32, Failure> {
        assert_eq!(context.attempt(), 1);
        sleep(MS).await;
        Ok(self.0 + message)
    }
}

#[tokio::test(start_paused = true)]
async fn every_form_of_agent_answers() {
    let broker = Broker::builder().start().await.unwrap();
    let closure = broker
        .add_agent("closure", async |text: &String| Ok(text.len()))
        .unwrap();
    let function = broker.add_agent("function", function).unwrap();
    let adder = broker.add_agent("type", Adder(40)).unwrap();
    let told = broker
        .add_agent("told", async |_: &(), call: &Context| Ok(call.attempt()))
        .unwrap();
    let state = with(Arc::new(40), async |forty: &Arc<u32>, more: &u32| {
        sleep(MS).await;
        Ok(**forty + more)
    });
    let state = broker.add_agent("state", state).unwrap();
    let owned = by_value(async |text: String| Ok(text + "!"));
    let owned = broker.add_agent("owned", owned).unwrap();
    let batch = broker
        .add_agent("batch", async |batch: Batch<'_, u32>| {
            batch.iter().map(|number| Ok(number * 2)).collect()
        })
        .unwrap();
    assert_eq!(closure.request("four".to_owned()).await.unwrap(), 4);
    assert_eq!(function.request(41).await.unwrap(), 42);
    assert_eq!(adder.request(2).await.unwrap(), 42);
    assert_eq!(told.request(()).await.unwrap(), 1);
    assert_eq!(state.request(2).await.unwrap(), 42);
    assert_eq!(owned.request("hey".to_owned()).await.unwrap(), "hey!");
    let doubled = tokio::join!(batch.request(1), batch.request(2));
    assert_eq!((doubled.0.unwrap(), doubled.1.unwrap()), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_found_by_its_name_and_types() {
    let broker = Broker::builder()
        .agent("length", async |text: &String| Ok(text.len()))
        .start()
        .await
        .unwrap();
    let length: AgentRef<String, usize> = broker.agent("length").unwrap();
    assert_eq!(length.request("four".to_owned()).await.unwrap(), 4);
    let wrong = broker.agent::<u32, usize>("length").unwrap_err();
    assert!(matches!(wrong, AgentError::Types { .. }), "{wrong}");
    let missing = broker.agent::<u32, usize>("width").unwrap_err();
    assert_eq!(missing.to_string(), "agent \"width\" is not registered");
    let meant = broker.agent::<String, usize>("lenght").unwrap_err();
    assert_eq!(
        meant.to_string(),
        "agent \"lenght\" is not registered, did you mean \"length\"?"
    );
    broker.remove_agent("length").unwrap();
    let gone = broker.remove_agent("length").unwrap_err();
    assert_eq!(gone.to_string(), "agent \"length\" is not registered");
}

#[tokio::test(start_paused = true)]
async fn slots_are_filled_again_one_by_one() {
    let broker = small(BrokerConfig::default()).start().await.unwrap();
    let sleeper = broker
        .add_agent("sleeper", async |ms: &u64| {
            sleep(MS * *ms as u32).await;
            Ok(())
        })
        .unwrap();
    // Ten slots: one is held for 100 ms, nine serve 45 calls of 10 ms in five rounds meanwhile.
    let start = Instant::now();
    let long = sleeper.request(100);
    let short = async {
        let calls = (0..45).map(|_| {
            let sleeper = sleeper.clone();
            tokio::spawn(async move { sleeper.request(10).await.unwrap() })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        start.elapsed()
    };
    let (long, short) = tokio::join!(async move { long.await }, short);
    long.unwrap();
    assert_eq!(short, 50 * MS);
    assert_eq!(start.elapsed(), 100 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_senders_wait_or_gives_the_message_back() {
    let config = BrokerConfig {
        max_queue_size: 2,
        delivery_parallelism: 1,
        reserve: 1,
        ..BrokerConfig::default()
    };
    let broker = small(config).start().await.unwrap();
    let slow = broker
        .add_agent("slow", async |_: &u32| {
            sleep(10 * MS).await;
            Ok(())
        })
        .unwrap();
    for number in 0..3 {
        slow.try_send(number).unwrap();
        tokio::task::yield_now().await;
    }
    let error = slow.try_send(3).unwrap_err();
    assert!(error.reason.is_full(), "{error}");
    assert_eq!(error.message, 3, "it comes back whole");
    slow.send(4).lane(Lane::Critical).try_now().unwrap();
    let start = Instant::now();
    let expired = slow.send(5).deadline(5 * MS).await.unwrap_err();
    assert_eq!(expired.reason, NotAccepted::Expired);
    assert_eq!((expired.message, start.elapsed()), (5, 5 * MS));
    // The critical message's call frees no ordinary place, the next one's does.
    slow.send(6).await.unwrap();
    assert_eq!(start.elapsed(), 20 * MS);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_request_cancels_it_wherever_it_is() {
    let config = BrokerConfig {
        max_queue_size: 1,
        delivery_parallelism: 1,
        ..BrokerConfig::default()
    };
    let broker = small(config).start().await.unwrap();
    let dropped = Arc::new(AtomicU32::new(0));
    struct Count(Arc<AtomicU32>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let agent = with(
        dropped.clone(),
        async |dropped: &Arc<AtomicU32>, _: &u32| {
            let _count = Count(dropped.clone());
            sleep(1000 * MS).await;
            Ok(())
        },
    );
    let agent = broker.add_agent("agent", agent).unwrap();
    let request = |number| {
        let agent = agent.clone();
        tokio::spawn(async move { agent.request(number).await })
    };
    let (called, queued, waiting) = (request(1), request(2), request(3));
    sleep(MS).await;
    assert_eq!((broker.books().leased, broker.books().waiting), (1, 1));
    waiting.abort();
    sleep(MS).await;
    queued.abort();
    sleep(MS).await;
    assert_eq!((broker.books().leased, broker.books().waiting), (1, 0));
    called.abort();
    sleep(MS).await;
    assert_eq!(broker.books().leased, 0);
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "its handler is dropped");
    assert_eq!(broker.books().accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_request_at_once_and_is_inherited() {
    let broker = Broker::builder().start().await.unwrap();
    let inner = broker
        .add_agent("inner", async |_: &(), call: &Context| {
            let left = call.time_left().map(Duration::from);
            sleep(20 * MS).await;
            Ok(left)
        })
        .unwrap();
    let outer = with(inner.clone(), async |inner: &AgentRef<_, _>, _: &()| {
        sleep(10 * MS).await;
        Ok(inner.request(()).await?)
    });
    let outer = broker.add_agent("outer", outer).unwrap();
    let left = outer.request(()).deadline(50 * MS).await.unwrap();
    assert_eq!(left, Some(40 * MS));
    let start = Instant::now();
    let error = outer.request(()).deadline(15 * MS).await.unwrap_err();
    assert_eq!((error.reason, start.elapsed()), (NoReply::Expired, 15 * MS));
    let calm = outer.request(()).await.unwrap();
    assert_eq!(calm, Some(Duration::from_secs(60) - 10 * MS));
}
