//! What can be seen of a broker: statistics, notices, the decision log.

use std::fs;
use std::time::Duration;

use ebbtide::{
    Broker, BrokerConfig, DecisionLogConfig, Failure, Happening, Lane, LoggedDecision, Outcome,
};
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_agents_lanes_and_workers_at_one_instant() {
    let config = BrokerConfig {
        num_workers: 2,
        delivery_parallelism: 2,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let agent = async |ms: &u32| {
        sleep(MS * *ms).await;
        match ms {
            13 => Err(Failure::reject("unlucky")),
            _ => Ok(()),
        }
    };
    let agent = broker.add_agent("agent", agent).unwrap();
    for ms in [10, 10, 13, 10, 10, 10] {
        agent.send(ms).lane(Lane::High).await.unwrap();
    }
    sleep(5 * MS).await;
    let stats = broker.stats();
    assert_eq!((stats.agents[0].queued, stats.agents[0].in_flight), (2, 4));
    assert_eq!(stats.lanes[Lane::High.index()].queued, 2);
    let in_flight = stats.workers.iter().map(|worker| worker.in_flight);
    assert_eq!(in_flight.sum::<u32>(), 4);
    sleep(25 * MS).await;
    let stats = broker.stats();
    let agent = &stats.agents[0];
    assert_eq!(agent.work.flow.ended(Outcome::Delivered), 5);
    assert_eq!(agent.work.flow.ended(Outcome::Rejected), 1);
    assert_eq!((agent.queued, agent.in_flight, agent.work.calls), (0, 0, 6));
    assert_eq!(
        (agent.work.sojourn.ever.count, agent.work.wait.ever.count),
        (5, 6)
    );
    let near =
        |time: ebbtide::Duration, ms: f64| (time.as_secs_f64() * 1e3 / ms - 1.0).abs() < 0.01;
    assert!(
        near(agent.work.sojourn.ever.max, 20.0),
        "{:?}",
        agent.work.sojourn
    );
    assert!(near(stats.wait.recent.p99, 10.0), "{:?}", stats.wait);
    assert_eq!(stats.books.finished(), 6);
    assert!(
        stats.tasks.turns > 0 && stats.runtime.threads == 1,
        "{stats:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn recent_figures_forget() {
    let broker = Broker::builder().start().await.unwrap();
    let agent = broker.add_agent("agent", async |_: &()| Ok(())).unwrap();
    agent.request(()).await.unwrap();
    assert_eq!(broker.stats().sojourn.recent.count, 1);
    for (seconds, ever) in [(25, 1), (3_600, 2)] {
        sleep(Duration::from_secs(seconds)).await;
        let sojourn = broker.stats().sojourn;
        assert_eq!((sojourn.recent.count, sojourn.ever.count), (0, ever));
        agent.request(()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn notices_come_in_order_and_what_is_missed_is_counted() {
    let config = BrokerConfig {
        max_queue_size: 10,
        num_workers: 1,
        delivery_parallelism: 1,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await.unwrap();
    let mut events = broker.events();
    let slow = async |_: &()| {
        sleep(10 * MS).await;
        Ok(())
    };
    let slow = broker.add_agent("slow", slow).unwrap();
    for _ in 0..10 {
        slow.send(()).await.unwrap();
    }
    sleep(200 * MS).await;
    broker.pin_workers(Some(2)).unwrap();
    broker.pause_lane(Lane::Low, ebbtide::Pause::UntilResumed);
    let told: Vec<_> = std::iter::from_fn(|| events.try_next().map(|it| it.what)).collect();
    assert!(
        matches!(told[0], Happening::QueueWarning { above: true, .. }),
        "{told:?}"
    );
    assert!(
        matches!(told[1], Happening::QueueWarning { above: false, .. }),
        "{told:?}"
    );
    assert!(matches!(told[2], Happening::LanePaused { .. }), "{told:?}");
    for _ in 0..1000 {
        broker.resume_lane(Lane::Low);
        broker.pause_lane(Lane::Low, ebbtide::Pause::UntilResumed);
    }
    let last = events.next().await.unwrap();
    assert!(
        matches!(last.what, Happening::LaneResumed { .. }),
        "{last:?}"
    );
    assert_eq!(events.missed(), 2000 - 1024);
}

#[tokio::test(start_paused = true)]
async fn every_decision_is_logged_with_what_led_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let log = DecisionLogConfig {
        most_bytes: 100_000,
        files: 2,
        ..DecisionLogConfig::new(&path)
    };
    let broker = Broker::builder().decision_log(log).start().await.unwrap();
    for _ in 0..200 {
        // A writer thread is real: it gets its turns while paused time stands still.
        sleep(Duration::from_secs(1)).await;
        std::thread::yield_now();
    }
    broker.shutdown(Duration::ZERO).await;
    let lost = broker.stats().decisions_lost;
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let text = read("decisions.jsonl.1") + &read("decisions.jsonl");
    let lines: Vec<LoggedDecision> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().all(|line| line.decision.observation.is_some()));
    let first = lines[0].decision.number;
    let last = &lines[lines.len() - 1];
    let told: u64 = lines[1..].iter().map(|line| line.lost).sum();
    assert_eq!(
        last.decision.number - first + 1,
        lines.len() as u64 + told,
        "no gap untold"
    );
    assert!(told <= lost && last.version == ebbtide::DECISION_LOG_VERSION);
    assert!(
        !folder.path().join("decisions.jsonl.2").exists(),
        "two files, no more"
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_in_the_statistics_before_its_first_message() {
    let builder = Broker::builder().agent("one", async |_: &u32| Ok(()));
    let broker = builder.start().await.unwrap();
    broker.add_agent("two", async |_: &u32| Ok(())).unwrap();
    let stats = broker.stats();
    let names: Vec<_> = stats.agents.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["one", "two"]);
}
