//! Senders that wait until the queue has room for their messages.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ebbtide::{
    AgentConfig, AgentRef, Batch, Broker, BrokerConfig, Bytes, Lane, NotAccepted, Outcome, Pause,
    with,
};
use tokio::time::{sleep, timeout};

const MS: Duration = Duration::from_millis(1);

/// A paused agent and one that answers, behind a queue of a hundred bytes.
async fn hundred_bytes() -> (Broker, AgentRef<u32, ()>, AgentRef<u32, u32>) {
    let config = BrokerConfig {
        num_workers: 1,
        policy: "fixed".to_owned(),
        max_queue_bytes: Bytes(100),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let paused = broker.add_agent("paused", async |_: &u32| Ok(())).unwrap();
    let echo = broker.add_agent("echo", async |it: &u32| Ok(*it)).unwrap();
    broker.pause_agent("paused", Pause::UntilResumed).unwrap();
    (broker, paused, echo)
}

/// It waited for ever, and everyone else's messages behind it.
#[tokio::test(start_paused = true)]
async fn a_message_that_never_fits_is_refused_at_once() {
    let (_broker, paused, echo) = hundred_bytes().await;
    let refused = paused.send(2).size(200).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the message is too large: 200 bytes, allowed are 100"
    );
    assert!(!refused.reason.is_full(), "waiting is no use");
    let big = echo.request(3).size(200).await;
    assert_eq!(big.unwrap(), 3, "unless it can be called at once");
}

/// So did this.
#[tokio::test(start_paused = true)]
async fn a_broadcast_to_more_agents_than_the_queue_holds_is_refused_at_once() {
    let config = BrokerConfig {
        num_workers: 1,
        delivery_parallelism: 2,
        policy: "fixed".to_owned(),
        max_queue_size: 5,
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    for number in 0..20 {
        let config = AgentConfig {
            topics: vec!["news".to_owned()],
            ..AgentConfig::new(format!("reader {number}"))
        };
        broker.add_agent(config, async |_: &u32| Ok(())).unwrap();
    }
    let sent = timeout(10_000 * MS, broker.broadcast("news", 1_u32).into_future());
    let refused = sent.await.unwrap().unwrap_err();
    assert!(!refused.reason.is_full(), "{refused}");
}

/// Its copies were accepted, though it had gone before it knew.
#[tokio::test(start_paused = true)]
async fn a_broadcast_whose_sender_goes_as_it_is_let_in_is_cancelled() {
    let (broker, paused, _echo) = hundred_bytes().await;
    paused.send(1).size(60).await.unwrap();
    let config = AgentConfig {
        topics: vec!["news".to_owned()],
        ..AgentConfig::new("reader")
    };
    broker.pause_lane(Lane::Normal, Pause::UntilResumed);
    broker.add_agent(config, async |_: &u32| Ok(())).unwrap();
    let mut waits = Box::pin(broker.broadcast("news", 2_u32).size(90).into_future());
    assert!(poll_once(&mut waits).is_none());
    broker.remove_agent("paused").unwrap();
    assert_eq!(broker.books().queued(), 1, "it is let in");
    drop(waits);
    let books = broker.books();
    assert_eq!(books.outcomes[Outcome::Cancelled.index()], 1);
    assert_eq!(books.queued(), 0);
}

/// Polls once.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn one_agents_senders_do_not_wait_for_another_agents() {
    let (broker, paused, echo) = hundred_bytes().await;
    paused.send(1).size(60).await.unwrap();
    let waits = paused.clone();
    let waits = tokio::spawn(async move { waits.send(2).size(90).await.is_ok() });
    sleep(MS).await;
    let reply = timeout(Duration::from_secs(1), echo.request(3).size(90));
    assert_eq!(reply.await.unwrap().unwrap(), 3);
    let overtakes = paused.try_send(4).unwrap_err();
    assert!(overtakes.reason.is_full(), "{overtakes}");
    assert!(!waits.is_finished());
    broker.resume_agent("paused").unwrap();
    assert!(waits.await.unwrap());
}

/// Core never heard of it, and a policy took an overloaded queue for one that nobody is turned
/// away from.
#[tokio::test(start_paused = true)]
async fn a_message_refused_while_others_wait_is_counted() {
    let config = BrokerConfig {
        max_queue_size: 1,
        reserve: 0,
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = broker.add_agent("agent", async |_: &u32| Ok(())).unwrap();
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    agent.send(1).await.unwrap();
    let mut waits = Box::pin(agent.send(2).into_future());
    assert!(poll_once(&mut waits).is_none());
    let refused = agent.try_send(3).unwrap_err();
    assert!(refused.reason.is_full(), "{refused}");
    assert_eq!(broker.books().refused, 1);
}

/// Whoever came as the deadline made room was refused out of turn, since nobody had let the
/// waiting sender in yet; what is refused then is refused by core.
#[tokio::test(start_paused = true)]
async fn room_that_time_has_made_goes_to_whoever_waits() {
    let config = BrokerConfig {
        max_queue_size: 1,
        reserve: 0,
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = broker.add_agent("agent", async |_: &u32| Ok(())).unwrap();
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    agent.send(1).deadline(10 * MS).await.unwrap();
    let mut waits = Box::pin(agent.send(2).into_future());
    assert!(poll_once(&mut waits).is_none());
    // No task has run since: the alarm has not gone off.
    tokio::time::advance(20 * MS).await;
    let refused = agent.try_send(3).unwrap_err();
    assert!(refused.reason.is_full(), "{refused}");
    assert_eq!(broker.books().refused, 1);
    assert!(poll_once(&mut waits).is_some(), "it is let in");
}

/// It was let in, to expire at once.
#[tokio::test(start_paused = true)]
async fn whoever_waits_beyond_the_deadline_is_not_let_in() {
    let (broker, paused, _echo) = hundred_bytes().await;
    paused.send(1).size(60).deadline(10 * MS).await.unwrap();
    let mut waits = Box::pin(paused.send(2).size(60).deadline(10 * MS).into_future());
    assert!(poll_once(&mut waits).is_none());
    tokio::time::advance(20 * MS).await;
    let other = paused.send(3).size(60).try_now();
    assert!(other.is_ok(), "there is room");
    let told = poll_once(&mut waits).expect("it waits no longer");
    assert_eq!(told.unwrap_err().reason, NotAccepted::Expired);
    assert_eq!(broker.books().accepted, 2);
}

/// One worker's take let the three in, and the next worker took them with what had waited before; the
/// simulator lets all take first.
#[tokio::test(start_paused = true)]
async fn room_that_takes_make_is_given_when_all_have_taken() {
    let config = BrokerConfig {
        num_workers: 3,
        delivery_parallelism: 1,
        policy: "fixed".to_owned(),
        batch_size: 8,
        batch_timeout_ms: 0,
        max_queue_size: 10,
        reserve: 0,
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let batches = Arc::new(Mutex::new(Vec::new()));
    let told = batches.clone();
    let agent = with(
        told,
        async |told: &Arc<Mutex<Vec<usize>>>, batch: Batch<'_, u32>| {
            told.lock().unwrap().push(batch.len());
            sleep(MS).await;
            batch.iter().map(|_| Ok(())).collect()
        },
    );
    let agent = broker.add_agent("agent", agent).unwrap();
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    let mut senders: Vec<_> = (0..15)
        .map(|number| Box::pin(agent.send(number).into_future()))
        .collect();
    let waiting = senders
        .iter_mut()
        .filter_map(|it| poll_once(it).is_none().then_some(()));
    assert_eq!(waiting.count(), 5);
    broker.resume_agent("agent").unwrap();
    sleep(MS / 2).await;
    // Two calls that start at once need no place, so two came in before.
    assert_eq!(*batches.lock().unwrap(), [8, 4, 3]);
}

/// A message that is counted as long as it lives.
struct Counted(Arc<Living>);

#[derive(Default)]
struct Living {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Counted {
    fn of(living: &Arc<Living>) -> Self {
        let now = living.now.fetch_add(1, Ordering::Relaxed) + 1;
        living.most.fetch_max(now, Ordering::Relaxed);
        Self(living.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 50 callers of 1 ms each, and ten times as many messages: those that live are those that wait,
/// are worked on, or are in a sender's hand. (`cargo xtask soak` does it with a million and looks at the
/// process's memory.)
#[tokio::test(start_paused = true)]
async fn under_overload_the_queue_stays_at_its_bound_and_so_does_what_lives() {
    const BOUND: usize = 200;
    const SLOTS: usize = 50;
    const SENDERS: usize = 20;
    let config = BrokerConfig {
        max_queue_size: BOUND as u64,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = async |_: &Counted| {
        sleep(MS).await;
        Ok(())
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    let living = Arc::new(Living::default());
    let waiting: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (agent, living) = (agent.clone(), living.clone());
            tokio::spawn(async move {
                for _ in 0..500 {
                    agent.send(Counted::of(&living)).await.unwrap();
                }
            })
        })
        .collect();
    // 500 messages a millisecond, of which the slots take 50.
    let (mut refused, mut most_queued) = (0, 0);
    for _ in 0..400 {
        for _ in 0..500 {
            refused += u32::from(agent.try_send(Counted::of(&living)).is_err());
        }
        most_queued = most_queued.max(broker.books().queued());
        sleep(MS).await;
    }
    for sender in waiting {
        sender.await.unwrap();
    }
    broker.shutdown(Duration::from_secs(60)).await;
    assert!(refused > 150_000, "{refused}");
    // What free slots could start at once needs no place.
    assert!(most_queued <= (BOUND + SLOTS) as u64, "{most_queued}");
    assert!(most_queued >= BOUND as u64, "{most_queued}");
    let most = living.most.load(Ordering::Relaxed);
    assert!(most <= BOUND + SLOTS + SENDERS + 1, "{most}");
    assert_eq!(living.now.load(Ordering::Relaxed), 0, "all are dropped");
}
