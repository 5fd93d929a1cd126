//! Agents that come and go while the broker runs.

use std::time::Duration;

use ebbtide::{AddAgentError, AgentRef, Broker, Failure, NotAccepted, Outcome, Refusal, with};
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

/// Asks and tells the broker something when it is dropped.
struct Parting(Broker, AgentRef<u32, ()>);

impl Drop for Parting {
    fn drop(&mut self) {
        let _ = (self.0.stats(), self.1.try_send(5));
    }
}

/// It was dropped under the broker's lock, for which it then waited.
#[tokio::test(start_paused = true)]
async fn a_handler_that_is_not_registered_may_use_the_broker_when_it_is_dropped() {
    let broker = Broker::builder().start().await.unwrap();
    let log = broker.add_agent("log", async |_: &u32| Ok(())).unwrap();
    let state = Parting(broker.clone(), log.clone());
    let again = with(state, async |_: &Parting, _: &u32| Ok(()));
    let refused = broker.add_agent("log", again).map(drop);
    assert_eq!(
        refused.unwrap_err(),
        AddAgentError::NameTaken("log".to_owned())
    );
    sleep(MS).await;
    assert_eq!(
        broker.stats().agents[0].work.calls,
        1,
        "it sent what it had to"
    );
}

#[tokio::test(start_paused = true)]
async fn removed_agents_are_a_sum_and_nothing_is_lost_of_it() {
    let broker = Broker::builder().start().await.unwrap();
    let stays = broker.add_agent("stays", async |it: &u32| Ok(*it)).unwrap();
    let mut old = None;
    for number in 0..100 {
        let agent = async |it: &u32| match it {
            0 => Err(Failure::reject("nothing")),
            it => Ok(*it),
        };
        let agent = broker.add_agent(format!("{number}"), agent).unwrap();
        agent.request(number).await.ok();
        broker.remove_agent(&format!("{number}")).unwrap();
        old = Some(agent);
    }
    stays.request(1).await.unwrap();
    let gone = old.unwrap().request(7).await.unwrap_err().reason;
    let unknown = |it: &Refusal| matches!(it, Refusal::UnknownAgent(_));
    assert!(
        matches!(gone, ebbtide::NoReply::NotAccepted(NotAccepted::Refused(it)) if unknown(&it)),
        "{gone:?}"
    );

    let stats = broker.stats();
    assert_eq!(stats.agents.len(), 1);
    let removed = &stats.removed;
    assert_eq!((removed.agents, removed.work.calls), (100, 100));
    assert_eq!(
        (removed.work.flow.accepted, removed.work.flow.refused),
        (100, 1)
    );
    assert_eq!(removed.work.flow.ended(Outcome::Rejected), 1);
    assert_eq!(removed.work.flow.ended(Outcome::Delivered), 99);
    assert_eq!(
        (removed.work.wait.ever.count, removed.work.call.ever.count),
        (100, 100)
    );
    assert_eq!(stats.sojourn.ever.count, 100, "with the one that stays");
    assert_eq!(stats.books.accepted, 101);
}

#[tokio::test(start_paused = true)]
async fn a_removed_agent_has_its_own_figures_until_its_calls_have_ended() {
    let broker = Broker::builder().start().await.unwrap();
    let slow = async |_: &u32| {
        sleep(10 * MS).await;
        Ok(())
    };
    let agent = broker.add_agent("slow", slow).unwrap();
    let request = tokio::spawn(async move { agent.request(1).await });
    sleep(MS).await;
    broker.remove_agent("slow").unwrap();
    let stats = broker.stats();
    assert_eq!((stats.agents[0].in_flight, stats.removed.agents), (1, 0));
    request.await.unwrap().unwrap();
    let stats = broker.stats();
    assert_eq!((stats.agents.len(), stats.removed.agents), (0, 1));
    assert_eq!(stats.removed.work.flow.ended(Outcome::Delivered), 1);
    broker.add_agent("slow", async |_: &u32| Ok(())).unwrap();
    assert_eq!(
        broker.stats().agents[0].work.calls,
        0,
        "another of that name"
    );
}
