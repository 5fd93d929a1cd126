//! What is promised of the default settings, as an embedder would check it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebbtide::{AgentConfig, BreakerState, Broker, Failure, Happening, Outcome, with};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

/// Calls of an agent in each second since it is well, after an outage of 45 s under 25 messages a
/// second with default settings: none of 3000 messages is lost.
async fn calls_after_an_outage(call: Duration) -> Vec<usize> {
    struct Remote {
        call: Duration,
        down: std::ops::Range<Instant>,
        calls: Mutex<Vec<Instant>>,
    }
    let (start, secs) = (Instant::now(), Duration::from_secs);
    let remote = Arc::new(Remote {
        call,
        down: start + secs(5)..start + secs(50),
        calls: Mutex::default(),
    });
    let broker = Broker::builder().start().await.unwrap();
    let mut events = broker.events();
    let handler = async |remote: &Arc<Remote>, _: &u32| {
        let now = Instant::now();
        sleep(remote.call).await;
        if remote.down.contains(&now) {
            return Err(Failure::retry("the remote side is down"));
        }
        if now >= remote.down.end {
            remote.calls.lock().unwrap().push(now);
        }
        Ok(())
    };
    let agent = with(remote.clone(), handler);
    let agent = broker.add_agent("remote", agent).unwrap();
    for number in 0..3_000 {
        agent.send(number).await.unwrap();
        sleep(40 * MS).await;
    }
    broker.shutdown(secs(60)).await;
    let opened = std::iter::from_fn(|| events.try_next()).any(|notice| {
        let state = BreakerState::Open;
        matches!(notice.what, Happening::Breaker { state: it, .. } if it == state)
    });
    assert!(opened, "the breaker never opened");
    let books = broker.books();
    assert!(broker.dead_letters().is_empty(), "{books:?}");
    assert_eq!(books.outcomes[Outcome::Delivered.index()], 3_000);

    let calls = remote.calls.lock().unwrap();
    let second = |at: &Instant| (*at - calls[0]).as_secs() as usize;
    let mut by_second = vec![0; calls.last().map_or(0, second) + 1];
    for at in calls.iter() {
        by_second[second(at)] += 1;
    }
    // The last one is not a whole one.
    by_second.pop();
    by_second
}

/// It was one: the limit doubled round by round to the end, and an agent of 20 ms was called 448
/// and 690 times in its first two seconds.
#[tokio::test(start_paused = true)]
async fn an_outage_of_45_seconds_costs_no_message_and_ends_in_no_stampede() {
    for call in [20, 80, 200] {
        let calls = calls_after_an_outage(MS * call).await;
        // The agent's usual load is 25 calls a second.
        let story = format!("{call} ms a call: {calls:?}");
        assert!(calls[..2].iter().all(|&calls| calls <= 60), "{story}");
        assert!(calls[..5].iter().all(|&calls| calls <= 125), "{story}");
        let doubles = |pair: &[usize]| pair[1] <= 2 * pair[0] + 25;
        assert!(calls.windows(2).all(doubles), "{story}");
        // And yet what has piled up is worked off soon: a thousand messages.
        let usual = |calls: &&usize| (24..=26).contains(*calls);
        let backlog = calls.len() - calls.iter().rev().take_while(usual).count();
        assert!(backlog <= 25, "{story}");
    }
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
