//! What becomes of a broker whose workers end.

use ebbtide_policies::units::Duration;

use super::*;
use crate::broker::Broker;
use crate::error::NoReply;
use crate::health::{Escalation, RestartLimit};
use crate::notice::Happening;
use crate::shutdown::Closed;

#[tokio::test(start_paused = true)]
async fn a_worker_whose_task_ends_is_counted_told_and_replaced() {
    let broker = Broker::builder()
        .start()
        .await
        .expect("the defaults are sound");
    let mut events = broker.events();
    let workers = broker.stats().workers;
    let worker = workers.first().expect("the pool has a worker").worker;
    let link = broker.shared().on_floor(|floor| floor.crew.link(worker));
    drop(DeathWatch(link));
    let stats = broker.stats();
    assert_eq!(
        (stats.workers_lost, stats.workers.len()),
        (1, workers.len())
    );
    let told = events.try_next().map(|notice| notice.what);
    assert_eq!(told, Some(Happening::WorkerLost { worker }));
}

/// A worker's task ends.
fn lose_one(broker: &Broker) {
    let workers = broker.stats().workers;
    let worker = workers.first().expect("the pool has a worker").worker;
    let link = broker.shared().on_floor(|floor| floor.crew.link(worker));
    drop(DeathWatch(link));
}

#[tokio::test(start_paused = true)]
async fn a_broker_whose_workers_keep_failing_gives_up_and_says_why() {
    let second = Duration::from_secs(1);
    let limit = RestartLimit {
        most: 2,
        within: Duration::from_secs(60),
        escalation: Escalation::ShutDown(second),
    };
    let builder = Broker::builder().restart_limit(limit);
    let broker = builder.start().await.expect("the defaults are sound");
    let hangs = async |_: &u32| {
        std::future::pending::<()>().await;
        Ok(())
    };
    let agent = broker.add_agent("hangs", hangs).expect("a new name");
    let mut events = broker.events();
    let request = tokio::spawn(async move { agent.request(1).await });
    let closed = broker.closed();
    tokio::pin!(closed);
    for _ in 0..2 {
        lose_one(&broker);
        let early = tokio::time::timeout(second.into(), &mut closed).await;
        assert!(early.is_err(), "two are replaced");
    }
    lose_one(&broker);
    assert_eq!(closed.await, Closed::RestartLimit { lost: 3 });
    let error = request.await.expect("no panic").expect_err("it hangs");
    assert_eq!(error.reason, NoReply::Returned);
    let mut told = std::iter::from_fn(|| events.try_next()).map(|notice| notice.what);
    assert!(told.any(|what| what == Happening::RestartsGivenUp { lost: 3 }));
}
