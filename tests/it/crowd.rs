//! Many senders on several threads at once: every message counted by those who sent and handled it.

use std::future::{Future, IntoFuture};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use ebbtide::{AgentRef, Broker, BrokerConfig, Lane, NoReply, Outcome, Pause, with};
use tokio::task::{JoinHandle, yield_now};

const SENDERS: u64 = 8;
const EACH: u64 = 3_000;

/// By message, how often a handler was called for it.
type Calls = Arc<Vec<AtomicU64>>;

/// What its sender knows of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Accepted,
    Refused,
    /// It was called back, perhaps too late.
    CalledBack,
}

impl Known {
    fn of<E>(sent: Result<(), E>) -> Self {
        sent.map_or(Self::Refused, |()| Self::Accepted)
    }
}

async fn broker(config: BrokerConfig) -> Broker {
    Broker::builder().config(config).start().await.unwrap()
}

/// A pool that may grow, behind a queue that is often full.
fn small() -> BrokerConfig {
    BrokerConfig {
        num_workers: 1,
        max_workers: 5,
        delivery_parallelism: 4,
        max_queue_size: 100,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

/// Counts, and is done at once; one in so many lets others go first.
fn counts(broker: &Broker, name: &str, calls: &Calls, waits: u64) -> AgentRef<u64, u64> {
    let state = (calls.clone(), waits);
    let agent = with(state, async |(calls, waits): &(Calls, u64), id: &u64| {
        calls[*id as usize].fetch_add(1, Ordering::Relaxed);
        if id.is_multiple_of(*waits) {
            yield_now().await;
        }
        Ok(*id)
    });
    broker.add_agent(name, agent).unwrap()
}

/// Sends its share in each of the ways there are.
fn sender(agents: [AgentRef<u64, u64>; 2], number: u64) -> JoinHandle<Vec<Known>> {
    tokio::spawn(async move {
        let mut known = Vec::new();
        for place in 0..EACH {
            let id = number * EACH + place;
            let agent = &agents[usize::from(place % 7 == 0)];
            known.push(match place % 6 {
                0 | 1 => Known::of(agent.send(id).await),
                2 => Known::of(agent.try_send(id)),
                3 => {
                    let lane = Lane::ALL[place as usize % Lane::ALL.len()];
                    let event = agent.send(id).lane(lane).ordering_key(number);
                    Known::of(event.deadline(Duration::from_secs(3600)).await)
                }
                4 => match agent.request(id).await {
                    Ok(reply) => {
                        assert_eq!(reply, id);
                        Known::Accepted
                    }
                    Err(error) => {
                        let refused = matches!(error.reason, NoReply::NotAccepted(_));
                        assert!(refused, "{error}");
                        Known::Refused
                    }
                },
                _ => {
                    let mut reply = Box::pin(agent.request(id).into_future());
                    let mut nobody = Context::from_waker(Waker::noop());
                    let _ = reply.as_mut().poll(&mut nobody);
                    Known::CalledBack
                }
            });
        }
        known
    })
}

/// Scales, pauses and looks until it is over.
fn operator(broker: Broker, is_over: Arc<AtomicBool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        for turn in 0_u32.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            broker.pin_workers(Some(1 + turn % 5)).unwrap();
            yield_now().await;
            broker.pause_agent("brisk", Pause::UntilResumed).unwrap();
            let books = broker.stats().books;
            assert!(books.balance(), "{books:?}");
            broker.resume_agent("brisk").unwrap();
            let passer_by = broker.add_agent("passer-by", async |_: &u64| Ok(()));
            passer_by.unwrap().try_send(0).ok();
            broker.remove_agent("passer-by").unwrap();
            yield_now().await;
        }
    })
}

async fn all(senders: Vec<JoinHandle<Vec<Known>>>) -> Vec<Known> {
    let mut known = Vec::new();
    for sender in senders {
        known.extend(sender.await.unwrap());
    }
    known
}

/// Whether what senders and handlers saw goes together.
fn compare(known: impl Iterator<Item = Known>, calls: &Calls) {
    for (id, (known, calls)) in known.zip(calls.iter()).enumerate() {
        let calls = calls.load(Ordering::Relaxed);
        let agrees = match known {
            Known::Accepted => calls == 1,
            Known::Refused => calls == 0,
            Known::CalledBack => calls <= 1,
        };
        assert!(agrees, "message {id}: {known:?}, {calls} calls");
    }
}

/// One run, with a shutdown when all have sent or in their midst.
async fn crowd(stops_early: bool) {
    let calls: Calls = (0..SENDERS * EACH)
        .map(|_| AtomicU64::new(0))
        .collect::<Vec<_>>()
        .into();
    let broker = broker(small()).await;
    let agents = [
        counts(&broker, "brisk", &calls, u64::MAX),
        counts(&broker, "waits", &calls, 3),
    ];
    let is_over = Arc::new(AtomicBool::new(false));
    let operator = operator(broker.clone(), is_over.clone());
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| sender(agents.clone(), number))
        .collect();
    let end = async {
        is_over.store(true, Ordering::Relaxed);
        operator.await.unwrap();
        let report = broker.shutdown(Duration::from_secs(3600)).await;
        assert_eq!(report.returned, 0);
    };
    let known = if stops_early {
        while broker.books().outcomes[Outcome::Delivered.index()] < EACH {
            yield_now().await;
        }
        end.await;
        all(senders).await
    } else {
        let known = all(senders).await;
        end.await;
        known
    };
    compare(known.into_iter(), &calls);
    let books = broker.books();
    assert_eq!(
        (books.accepted, books.queued(), books.leased),
        (books.finished(), 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_among_threads_while_the_pool_grows_and_shrinks() {
    crowd(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_among_threads_when_the_broker_shuts_down_in_the_midst() {
    crowd(true).await;
}

enum Job {
    Quick,
    /// Keeps its thread until it hears of something.
    Blocks,
}

/// They are told together with those that end next, who may take their time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_do_not_wait_for_a_handler_that_keeps_its_thread() {
    let config = BrokerConfig {
        num_workers: 1,
        delivery_parallelism: 2,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = broker(config).await;
    let (goes_on, waits) = channel();
    type Waits = Mutex<Receiver<()>>;
    let works = with(Mutex::new(waits), async |waits: &Waits, job: &Job| {
        if matches!(job, Job::Blocks) {
            waits.lock().unwrap().recv().unwrap();
        }
        Ok(())
    });
    let agent = broker.add_agent("works", works).unwrap();
    for _ in 0..20 {
        broker.pause_agent("works", Pause::UntilResumed).unwrap();
        let request = |job| agent.request(job).try_now().unwrap();
        let quick: Vec<_> = (0..16).map(|_| request(Job::Quick)).collect();
        let block: Vec<_> = (0..2).map(|_| request(Job::Blocks)).collect();
        broker.resume_agent("works").unwrap();
        for reply in quick {
            reply.await.unwrap();
        }
        block.iter().for_each(|_| goes_on.send(()).unwrap());
        for reply in block {
            reply.await.unwrap();
        }
    }
}
