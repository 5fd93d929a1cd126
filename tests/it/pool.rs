//! The pool: it sizes itself, ends in good order, and works on every runtime.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebbtide::{Broker, BrokerConfig, Context, Failure, Happening, Lane, NoReply, Pause, with};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn the_adaptive_policy_scales_a_live_pool() {
    let config = BrokerConfig {
        num_workers: 1,
        objective: Some("p95(sojourn) < 200ms".parse().unwrap()),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = broker
        .add_agent("agent", async |_: &()| {
            sleep(50 * MS).await;
            Ok(())
        })
        .unwrap();
    // 1000 messages a second of 50 ms each: fifty slots at least, a worker has ten. As nothing
    // here is random, those are enough once the backlog is gone.
    for _ in 0..10_000 {
        agent.send(()).await.unwrap();
        sleep(MS).await;
    }
    let workers = broker.setting().workers;
    assert!((5..=10).contains(&workers), "{workers} workers");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(broker.books().outcomes[0], 10_000);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(broker.setting().workers, 1, "nothing to do, nobody kept");
}

/// The first answer paused the agent before the second worker had taken; the simulator lets all take that
/// an instant has.
#[tokio::test(start_paused = true)]
async fn an_answer_at_once_comes_after_all_takes_of_its_instant() {
    let config = BrokerConfig {
        num_workers: 3,
        delivery_parallelism: 1,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let agent = async |calls: &Arc<AtomicU32>, _: &u32| {
        calls.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(Failure::too_many_requests(Some(1000 * MS)))
    };
    let agent = broker.add_agent("agent", with(calls.clone(), agent));
    let agent = agent.unwrap();
    for number in 0..5 {
        agent.try_send(number).unwrap();
    }
    sleep(MS).await;
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_in_time_and_says_what_it_left() {
    let config = BrokerConfig {
        num_workers: 1,
        delivery_parallelism: 1,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = broker
        .add_agent("agent", async |_: &u32| {
            sleep(40 * MS).await;
            Ok(())
        })
        .unwrap();
    let requests: Vec<_> = (0..5)
        .map(|number| {
            let agent = agent.clone();
            tokio::spawn(async move { agent.request(number).await })
        })
        .collect();
    sleep(MS).await;
    let start = Instant::now();
    let report = broker.shutdown(100 * MS).await;
    assert_eq!(start.elapsed(), 100 * MS);
    assert_eq!((report.delivered, report.returned), (2, 3));
    assert_eq!(Duration::from(report.took), 100 * MS);
    let mut returned = 0;
    for request in requests {
        if let Err(error) = request.await.unwrap() {
            assert_eq!(error.reason, NoReply::Returned);
            returned += 1;
        }
    }
    assert_eq!(returned, 3);
    let late = agent.request(9).await.unwrap_err();
    assert_eq!(late.to_string(), "the broker is shutting down");
    assert_eq!(late.message, Some(9));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_nobody_holds_ends() {
    let agent = {
        let broker = Broker::builder().start().await.unwrap();
        broker.add_agent("agent", async |_: &()| Ok(())).unwrap()
    };
    agent.request(()).await.unwrap();
    drop(agent);
    sleep(MS).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 0);
}

async fn many_requests() {
    let broker = Broker::builder().start().await.unwrap();
    let agent = broker
        .add_agent("echo", async |number: &u64| {
            tokio::task::yield_now().await;
            Ok(*number)
        })
        .unwrap();
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let agent = agent.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                for number in 0..500 {
                    sum += agent.request(caller * 1000 + number).await.unwrap();
                }
                sum
            })
        })
        .collect();
    let mut sum = 0;
    for caller in callers {
        sum += caller.await.unwrap();
    }
    assert_eq!(
        sum,
        (0..8).map(|it| it * 1000 * 500 + 499 * 250).sum::<u64>()
    );
    let report = broker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.returned, 0);
}

#[tokio::test]
async fn works_on_the_current_thread_runtime() {
    many_requests().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_on_the_multi_thread_runtime() {
    many_requests().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_thread_is_blocked_is_replaced_and_its_messages_survive() {
    let config = BrokerConfig {
        num_workers: 1,
        call_timeout_ms: 20,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let mut events = broker.events();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let agent = async |blocked: &Mutex<Receiver<()>>, _: &(), call: &Context| {
        if call.attempt() == 1 {
            // Blocks its thread until the test is over.
            let _ = blocked.lock().map(|blocked| blocked.recv());
            assert!(call.is_cancelled());
        }
        Ok(call.attempt())
    };
    let agent = with(Mutex::new(blocked), agent);
    let agent = broker.add_agent("agent", agent).unwrap();
    assert_eq!(agent.request(()).await.unwrap(), 2);
    assert_eq!(broker.stats().workers_lost, 1);
    let told = std::iter::from_fn(|| events.try_next()).map(|it| it.what);
    let lost = |what: &Happening| matches!(what, Happening::WorkerLost { .. });
    assert_eq!(told.filter(lost).count(), 1);
    drop(release);
}

/// Its lease ran out while nobody could poll it, and it lost an attempt to its neighbour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_beside_one_that_blocks_the_thread_spends_no_attempt() {
    let config = BrokerConfig {
        num_workers: 1,
        call_timeout_ms: 500,
        // Each tick looks, so that an alarm that comes late matters little.
        control_interval_ms: 10,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let agent = async |(calls, blocked): &Kept, blocks: &bool, call: &Context| {
        match (calls.fetch_add(1, Ordering::Relaxed), blocks) {
            (0 | 1, true) => drop(blocked.lock().map(|blocked| blocked.recv())),
            (0 | 1, false) => std::future::pending().await,
            _ => {}
        }
        Ok(call.attempt())
    };
    let agent = with((AtomicU32::new(0), Mutex::new(blocked)), agent);
    let agent = broker.add_agent("agent", agent).unwrap();
    // One take starts both.
    broker.pause_lane(Lane::Normal, Pause::UntilResumed);
    let (innocent, blocks) = (agent.request(false), agent.request(true));
    let (innocent, blocks) = (innocent.try_now().unwrap(), blocks.try_now().unwrap());
    broker.resume_lane(Lane::Normal);
    let attempts = (innocent.await.unwrap(), blocks.await.unwrap());
    assert_eq!(attempts, (1, 1));
    let stats = broker.stats();
    assert_eq!(stats.workers_lost, 1);
    assert!(stats.workers.iter().all(|it| it.blocked_since.is_none()));
    drop(release);
}

/// Calls so far, and what a call waits for that blocks its thread.
type Kept = (AtomicU32, Mutex<Receiver<()>>);
