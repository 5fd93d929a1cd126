//! What is left on the porch.

use std::future::poll_fn;
use std::time::Duration;

use ebbtide_core::BrokerConfig;

use super::*;
use crate::address::AgentRef;
use crate::broker::Broker;
use crate::error::NoReply;
use crate::handler::with;
use crate::porch::Porch;

/// A broker whose queue has so much room, and an agent that takes its time; one message is in, and a
/// worker has been woken for it, so that what follows is left on the porch.
async fn crowded(room: u64) -> (Broker, AgentRef<u32, u32>) {
    let config = BrokerConfig {
        max_queue_size: room,
        ..BrokerConfig::default()
    };
    let started = Broker::builder().config(config).start().await;
    let broker = started.expect("the settings are sound");
    let slow = async |number: &u32| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(*number)
    };
    let agent = broker.add_agent("slow", slow).expect("a new name");
    tokio::time::sleep(Duration::from_secs(1)).await;
    broker.shared().on_floor(|floor| floor.is_crowded = true);
    agent.try_send(0).expect("there is room");
    (broker, agent)
}

/// Messages on the porch.
fn left(broker: &Broker) -> usize {
    broker.shared().porch.left()
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_accepted_and_seen_by_whoever_looks() {
    let (broker, agent) = crowded(100).await;
    for number in 1..10 {
        agent.try_send(number).expect("there is room");
    }
    assert_eq!(left(&broker), 9);
    assert_eq!(broker.stats().books.accepted, 10);
}

#[tokio::test(start_paused = true)]
async fn the_porch_holds_no_more_than_the_queue_has_room_for() {
    let (broker, agent) = crowded(4).await;
    for number in 1..4 {
        agent.try_send(number).expect("there is room");
    }
    assert_eq!(left(&broker), 3);
    // Beyond the bound core takes what could start at once, and nothing more.
    let full = (4..100).find_map(|number| agent.try_send(number).err());
    let full = full.expect("the queue has a bound");
    assert!(full.reason.is_full(), "{full}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_dropped_cancels_what_was_left() {
    let (broker, agent) = crowded(100).await;
    let reply = agent.request(1).try_now().expect("there is room");
    assert_eq!(left(&broker), 1);
    drop(reply);
    let cancelled = Outcome::Cancelled.index();
    assert_eq!(broker.books().outcomes[cancelled], 1);
}

#[tokio::test(start_paused = true)]
async fn a_removed_agent_gets_nothing_by_way_of_the_porch() {
    let (broker, agent) = crowded(100).await;
    let other = broker.add_agent("other", async |_: &u32| Ok(()));
    let other = other.expect("a new name");
    broker.remove_agent("slow").expect("it is registered");
    other.try_send(1).expect("there is room");
    let refused = agent.try_send(2).expect_err("it is gone");
    let unknown = Refusal::UnknownAgent(agent.id());
    assert_eq!(refused.reason, NotAccepted::Refused(unknown));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_left_behind_on_the_porch_is_answered() {
    let (_broker, agent) = crowded(100).await;
    let replies: Vec<_> = (1..5)
        .map(|number| agent.request(number).try_now().expect("there is room"))
        .collect();
    for (reply, number) in replies.into_iter().zip(1..) {
        assert_eq!(reply.await.expect("it answers"), number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_what_was_left() {
    let (broker, agent) = crowded(100).await;
    for number in 1..5 {
        agent.try_send(number).expect("there is room");
    }
    let report = broker.shutdown(Duration::from_secs(10)).await;
    assert_eq!(report.delivered, 5);
    assert!(agent.try_send(5).is_err(), "it is closed");
}

/// It was woken for the messages that were there when it came.
#[tokio::test(start_paused = true)]
async fn what_expires_on_the_porch_is_not_called() {
    let (broker, agent) = crowded(100).await;
    let late = agent.request(1).deadline(Duration::from_micros(500));
    let late = late.try_now().expect("there is room");
    assert_eq!(left(&broker), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    let error = late.await.expect_err("its time has passed");
    assert_eq!(error.reason, NoReply::Expired);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(broker.stats().agents[0].work.calls, 1, "for the first");
}

/// What is on the porch when a handler has sent something, whose worker has but the one slot.
async fn left_for_a_full_worker(has_cores: bool) -> usize {
    let config = BrokerConfig {
        num_workers: 2,
        delivery_parallelism: 1,
        ..BrokerConfig::default()
    };
    let started = Broker::builder().config(config).start().await;
    let broker = started.expect("the settings are sound");
    let echo = broker.add_agent("echo", async |number: &u32| Ok(*number));
    let inner = (broker.clone(), echo.expect("a new name"));
    let sends = with(
        inner,
        async |inner: &(Broker, AgentRef<u32, u32>), cores: &bool| {
            let (broker, echo) = inner;
            broker.shared().on_floor(|floor| {
                floor.has_cores = *cores;
                floor.is_crowded = true;
            });
            echo.try_send(7)?;
            Ok(left(broker))
        },
    );
    let sends = broker.add_agent("sends", sends).expect("a new name");
    let left = sends.request(has_cores).await.expect("it answers");
    broker.shutdown(Duration::from_secs(1)).await;
    assert_eq!(broker.books().outcomes[Outcome::Delivered.index()], 2);
    left
}

/// Its calls may take as long as they like, and somebody else has a slot.
#[tokio::test(start_paused = true)]
async fn nothing_is_left_for_a_worker_that_has_no_free_slot() {
    assert_eq!(left_for_a_full_worker(true).await, 0);
}

/// Nobody else could come sooner.
#[tokio::test(start_paused = true)]
async fn on_one_processor_whoever_is_up_will_do() {
    assert_eq!(left_for_a_full_worker(false).await, 1);
}

/// Whoever was to tell of them has not come back.
#[tokio::test(start_paused = true)]
async fn endings_that_were_held_back_are_told_within_a_grain() {
    let started = Broker::builder().start().await;
    let broker = started.expect("the defaults are sound");
    let shared = broker.shared();
    // Sets the alarm, which is an errand too.
    shared.on_floor(|floor| floor.is_back_soon = true);
    let inquiry = Inquiry::<u32, u32>::new(1);
    let (outcome, attempts) = (Outcome::Returned, 0);
    let ending = Ending { outcome, attempts };
    let began = tokio::time::Instant::now();
    shared.on_floor(|floor| {
        floor.is_back_soon = true;
        floor.errands.endings.push((inquiry.clone(), ending));
    });
    assert!(Arc::strong_count(&inquiry) > 1, "it is held back");
    let (told, reply) = poll_fn(|cx| inquiry.reply.poll(cx)).await;
    assert_eq!(told, ending);
    assert!(reply.is_none());
    assert!(began.elapsed() <= Duration::from_millis(2));
}

#[test]
fn what_is_left_between_two_visits_shares_looks_at_the_clock() {
    let porch = Porch::default();
    let lent = Places {
        messages: 100,
        bytes: 100,
    };
    assert!(porch.lend(lent));
    let mut looks = 0;
    let mut visit = |messages| {
        for _ in 0..messages {
            let mut place = porch.place(AgentId(0), 1).expect("it is lent");
            let sent = place.sent(|| {
                looks += 1;
                Time::from_nanos(looks)
            });
            place.fill(|| sent);
        }
        let mut left = Vec::new();
        porch.clear(&mut left, false);
        left.into_iter().map(Time::as_nanos).collect::<Vec<_>>()
    };
    assert_eq!(visit(18), [vec![1; 16], vec![2; 2]].concat());
    assert_eq!(visit(1), [3], "a lone one is exact");
}
