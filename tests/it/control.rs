//! The controls at run time: policies, pins, dry runs, pauses.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ebbtide::{
    AgentConfig, Broker, BrokerConfig, Decision, Lane, Observation, Pause, Policy, SwitchError,
    WorkerState, registry,
};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

async fn broker(policy: &str) -> Broker {
    let config = BrokerConfig {
        num_workers: 3,
        policy: policy.to_owned(),
        ..BrokerConfig::default()
    };
    Broker::builder().config(config).start().await.unwrap()
}

fn ready(broker: &Broker) -> usize {
    broker.stats().workers.len()
}

#[tokio::test(start_paused = true)]
async fn workers_can_be_pinned_and_policies_switched() {
    let broker = broker("fixed").await;
    assert_eq!(ready(&broker), 3);
    broker.pin_workers(Some(7)).unwrap();
    assert_eq!(ready(&broker), 7);
    let error = broker.pin_workers(Some(11)).unwrap_err();
    assert!(error.to_string().contains("11"), "{error}");
    broker.pin_workers(None).unwrap();
    broker.switch_policy("fixed(2)").unwrap();
    assert_eq!(ready(&broker), 2);
    broker.switch_policy("fxied").unwrap_err();
    let error = broker.switch_policy("fixed(1001)").unwrap_err();
    let bound = "workers is 1001, allowed are 1 to 1000";
    assert!(error.to_string().contains(bound), "{error}");
    assert_eq!(ready(&broker), 2, "nothing is changed");
    broker.switch_policy("fixed(12)").unwrap();
    assert_eq!(ready(&broker), 12, "there is room for what a policy names");
    broker.switch_policy("adaptive").unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(ready(&broker), 1, "an idle pool shrinks");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_decides_and_applies_nothing() {
    let broker = broker("adaptive").await;
    broker.set_dry_run(true);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(ready(&broker), 3);
    assert!(broker.books().dry_changes > 0);
    broker.set_dry_run(false);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(ready(&broker), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_lane_waits_and_others_flow() {
    let broker = broker("fixed").await;
    let agent = broker.add_agent("agent", async |_: &()| Ok(())).unwrap();
    broker.pause_lane(Lane::Bulk, Pause::For((50 * MS).into()));
    let start = Instant::now();
    let took = async |lane| {
        agent.request(()).lane(lane).await.unwrap();
        start.elapsed()
    };
    let (bulk, normal) = tokio::join!(took(Lane::Bulk), took(Lane::Normal));
    assert_eq!((bulk, normal), (50 * MS, Duration::ZERO));
    broker.pause_lane(Lane::Low, Pause::UntilResumed);
    let (low, ()) = tokio::join!(took(Lane::Low), async {
        sleep(10 * MS).await;
        broker.resume_lane(Lane::Low);
    });
    assert_eq!(low, 60 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_running_broker_takes_another_configuration() {
    let broker = broker("fixed").await;
    let config = AgentConfig::new("agent");
    let agent = async |_: &()| {
        sleep(10 * MS).await;
        Ok(())
    };
    let agent = broker.add_agent(config.clone(), agent).unwrap();
    broker
        .reconfigure_agent(AgentConfig {
            in_flight_limit: Some(1),
            ..config
        })
        .unwrap();
    let start = Instant::now();
    let both = tokio::join!(agent.request(()), agent.request(()));
    both.0.and(both.1).unwrap();
    assert_eq!(start.elapsed(), 20 * MS);
    let gone = broker
        .reconfigure_agent(AgentConfig::new("gone"))
        .unwrap_err();
    assert_eq!(gone.to_string(), "agent \"gone\" is not registered");

    let present = BrokerConfig {
        num_workers: 3,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let smaller = BrokerConfig {
        max_queue_size: 0,
        delivery_parallelism: 1,
        ..present.clone()
    };
    let error = broker.reconfigure(smaller).unwrap_err();
    assert!(
        error.to_string().contains("delivery_parallelism"),
        "{error}"
    );
    broker
        .reconfigure(BrokerConfig {
            max_queue_size: 1,
            ..present
        })
        .unwrap();
    broker.pause_agent("agent", Pause::UntilResumed).unwrap();
    agent.try_send(()).unwrap();
    assert!(agent.try_send(()).unwrap_err().reason.is_full());
}

/// Has a shipped policy's name, keeps what there is, and asks the broker something when dropped.
struct Namesake(Arc<OnceLock<Broker>>);

impl Policy for Namesake {
    fn name(&self) -> &str {
        "fixed"
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        registry::build("fixed").unwrap().decide(seen)
    }
}

impl Drop for Namesake {
    fn drop(&mut self) {
        if let Some(broker) = self.0.get() {
            assert!(broker.books().balance());
        }
    }
}

/// A journal would have been replayed with the shipped policy of that name.
#[tokio::test(start_paused = true)]
async fn a_policy_of_ones_own_is_not_taken_for_a_shipped_one() {
    let builder = Broker::builder().policy(Namesake(Arc::default()));
    let broker = builder.start().await.unwrap();
    sleep(1500 * MS).await;
    let decision = broker.stats().decision.unwrap();
    assert_eq!(decision.policy, "fixed of your own");
    broker.switch_policy("fixed").unwrap();
    sleep(1500 * MS).await;
    assert_eq!(broker.stats().decision.unwrap().policy, "fixed");
}

/// It was dropped under the broker's lock, and what its drop asked of the broker waited for ever.
#[tokio::test(start_paused = true)]
async fn a_policy_that_is_switched_out_may_ask_the_broker_when_it_is_dropped() {
    let known = Arc::new(OnceLock::new());
    let builder = Broker::builder().policy(Namesake(known.clone()));
    let broker = builder.start().await.unwrap();
    known.set(broker.clone()).ok();
    broker.switch_policy("adaptive").unwrap();
}

/// Names more workers than there may be; does what it is told when dropped.
struct Greedy(Box<dyn Fn() + Send>);

impl Policy for Greedy {
    fn name(&self) -> &str {
        "greedy"
    }

    fn start_workers(&self) -> Option<u32> {
        Some(u32::MAX)
    }

    fn decide(&mut self, _seen: &Observation) -> Decision {
        unreachable!("it is refused")
    }
}

impl Drop for Greedy {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// So was one that was refused.
#[tokio::test(start_paused = true)]
async fn a_refused_policy_may_ask_the_broker_when_it_is_dropped_or_panic() {
    let broker = broker("fixed").await;
    let asked = broker.clone();
    let asks = Greedy(Box::new(move || assert!(asked.books().balance())));
    assert!(matches!(
        broker.switch_to(asks),
        Err(SwitchError::Config(_))
    ));
    let panics = Greedy(Box::new(|| panic!("dropped")));
    assert!(matches!(
        broker.switch_to(panics),
        Err(SwitchError::Config(_))
    ));
    assert_eq!(ready(&broker), 3);
}

/// Workers under way kept the start-up that they were ordered with, be it an hour.
#[tokio::test(start_paused = true)]
async fn another_start_up_holds_for_workers_under_way() {
    let config = |worker_start_ms| BrokerConfig {
        num_workers: 1,
        policy: "fixed".to_owned(),
        worker_start_ms,
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config(3_600_000)).start().await;
    let broker = broker.unwrap();
    let states = || broker.stats().workers.into_iter().map(|it| it.state);
    broker.pin_workers(Some(2)).unwrap();
    sleep(10_000 * MS).await;
    let ready = |expected: [bool; 2]| {
        let ready = states().map(|it| it == WorkerState::Ready);
        assert_eq!(ready.collect::<Vec<_>>(), expected);
    };
    broker.reconfigure(config(15_000)).unwrap();
    sleep(4_999 * MS).await;
    ready([true, false]);
    sleep(2 * MS).await;
    ready([true, true]);

    broker.pin_workers(Some(1)).unwrap();
    broker.pin_workers(Some(2)).unwrap();
    sleep(10_000 * MS).await;
    ready([true, false]);
    broker.reconfigure(config(5_000)).unwrap();
    ready([true, true]);
}
