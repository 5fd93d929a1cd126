//! What is promised of the default settings, as an embedder would check it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebbtide::{AgentConfig, Broker, Failure, Outcome, with};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn an_outage_of_45_seconds_costs_no_message_and_ends_in_no_stampede() {
    /// When the agent is well again, and when it was called since.
    struct Remote {
        well_at: Instant,
        calls: Mutex<Vec<Instant>>,
    }
    let start = Instant::now();
    let remote = Arc::new(Remote {
        well_at: start + Duration::from_secs(50),
        calls: Mutex::default(),
    });
    let broker = Broker::builder().start().await.unwrap();
    let handler = async |remote: &Arc<Remote>, _: &u32| {
        let now = Instant::now();
        let down = remote.well_at - Duration::from_secs(45)..remote.well_at;
        sleep(20 * MS).await;
        if down.contains(&now) {
            return Err(Failure::retry("the remote side is down"));
        }
        if now >= remote.well_at {
            remote.calls.lock().unwrap().push(now);
        }
        Ok(())
    };
    let agent = broker
        .add_agent("remote", with(remote.clone(), handler))
        .unwrap();
    // 25 messages a second for two minutes.
    for number in 0..3_000 {
        agent.send(number).await.unwrap();
        sleep(40 * MS).await;
    }
    broker.shutdown(Duration::from_secs(60)).await;
    let books = broker.books();
    assert!(broker.dead_letters().is_empty(), "{books:?}");
    assert_eq!(books.outcomes[Outcome::Delivered.index()], 3_000);

    let calls = remote.calls.lock().unwrap();
    let first = calls[0];
    let within = |from: Duration, to: Duration| {
        let span = first + from..first + to;
        calls.iter().filter(|at| span.contains(at)).count()
    };
    // A thousand messages wait by then; the pool could make 2500 calls a second.
    let (early, later) = (within(Duration::ZERO, 100 * MS), within(100 * MS, 200 * MS));
    assert!(early <= 10 && early <= later, "{early} calls, then {later}");
}

#[tokio::test(start_paused = true)]
async fn fifty_requests_thirty_events_twenty_broadcasts_all_succeed() {
    let broker = Broker::builder().start().await.unwrap();
    let handled = Arc::new(AtomicU32::new(0));
    let echo = async |handled: &Arc<AtomicU32>, number: &u32| {
        sleep(MS).await;
        handled.fetch_add(1, Ordering::Relaxed);
        Ok(*number)
    };
    let config = AgentConfig {
        topics: vec!["all".to_owned()],
        ..AgentConfig::new("echo")
    };
    let echo = broker
        .add_agent(config, with(handled.clone(), echo))
        .unwrap();
    let requests: Vec<_> = (0..50)
        .map(|number| {
            let echo = echo.clone();
            tokio::spawn(async move { echo.request(number).await.unwrap() })
        })
        .collect();
    for number in 0..30 {
        echo.send(number).await.unwrap();
    }
    for number in 0..20_u32 {
        broker.broadcast("all", number).await.unwrap();
    }
    for (number, request) in (0..).zip(requests) {
        assert_eq!(request.await.unwrap(), number);
    }
    let report = broker.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.returned, report.dead_lettered), (0, 0));
    assert_eq!(handled.load(Ordering::Relaxed), 100);
    let sojourn = broker.stats().sojourn.ever;
    assert!(sojourn.p95 <= (50 * MS).into(), "{sojourn:?}");
}
