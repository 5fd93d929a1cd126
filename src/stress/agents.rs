//! Agents that do all that agents may do.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::World;
use super::ledger::{Id, Ledger};
use super::luck::Luck;
use crate::{AgentConfig, AgentRef, Batch, Broker, Context, Failure, Outcome, with};

/// What agents are sent.
#[derive(Debug)]
pub(super) struct Job {
    /// Of a broadcast, its first copy's.
    pub(super) id: Id,
    pub(super) to_all: bool,
}

impl Job {
    pub(super) fn to_one(id: Id) -> Self {
        let to_all = false;
        Self { id, to_all }
    }

    /// The copy that the agent at this place gets.
    pub(super) fn id_at(&self, place: usize) -> Id {
        self.id + if self.to_all { place } else { 0 }
    }
}

/// What a handler says that panics.
pub(super) const ON_PURPOSE: &str = "on purpose";

/// The agents in the order of their registration.
pub(super) const NAMES: [&str; 3] = ["leaf", "plain", "batch"];

/// Handles to all of them.
#[derive(Clone)]
pub(super) struct Agents {
    pub(super) broker: Broker,
    pub(super) plain: AgentRef<Job, Id>,
    pub(super) batch: AgentRef<Job, Id>,
    pub(super) leaf: AgentRef<Job, Id>,
}

/// What a handler needs.
struct Desk {
    world: Arc<World>,
    /// Its agent's.
    place: usize,
    /// To whom it passes things on.
    leaf: Option<AgentRef<Job, Id>>,
}

pub(super) fn add(broker: &Broker, world: &Arc<World>) -> Agents {
    let desk = |place, leaf| Desk {
        world: world.clone(),
        place,
        leaf,
    };
    let named = |place: usize| AgentConfig {
        topics: vec!["all".to_owned()],
        ..AgentConfig::new(NAMES[place])
    };
    let one = async |desk: &Desk, job: &Job, call: &Context| desk.handle(job, call).await;
    let limited = AgentConfig {
        in_flight_limit: Some(3),
        ..named(0)
    };
    let leaf = broker.add_agent(limited, with(desk(0, None), one));
    let leaf = leaf.expect("a new name");
    let plain = broker.add_agent(named(1), with(desk(1, Some(leaf.clone())), one));
    let many = async |desk: &Desk, batch: Batch<'_, Job>, call: &Context| {
        desk.handle_all(batch, call).await
    };
    let batch = broker.add_agent(named(2), with(desk(2, None), many));
    Agents {
        broker: broker.clone(),
        plain: plain.expect("a new name"),
        batch: batch.expect("a new name"),
        leaf,
    }
}

impl Desk {
    async fn handle(&self, job: &Job, call: &Context) -> Result<Id, Failure> {
        let id = job.id_at(self.place);
        self.world.ledger.begun(id, true, call.is_cancelled());
        let mut luck = self.luck(job, call);
        self.work(&mut luck, call).await;
        if let Some(leaf) = &self.leaf
            && luck.one_in(5)
        {
            self.pass_on(leaf, id).await?;
        }
        self.decide(&mut luck, job, call)
    }

    async fn handle_all(&self, batch: Batch<'_, Job>, call: &Context) -> Vec<Result<Id, Failure>> {
        let jobs: Vec<&Job> = batch.iter().collect();
        if jobs.len() > 1 {
            self.world.ledger.met("batch");
        }
        for job in &jobs {
            let (id, cancelled) = (job.id_at(self.place), call.is_cancelled());
            self.world.ledger.begun(id, jobs.len() == 1, cancelled);
        }
        let mut luck = self.luck(jobs[0], call);
        self.work(&mut luck, call).await;
        // A message may have ended meanwhile, by its deadline or its caller, and the call goes
        // on for the others: the handler cannot know.
        let decide = |job: &&Job| self.decide(&mut luck, job, call);
        jobs.iter().map(decide).collect()
    }

    fn luck(&self, job: &Job, call: &Context) -> Luck {
        let who = 1000 + 16 * job.id_at(self.place) as u64 + u64::from(call.attempt());
        Luck::of(self.world.seed, who)
    }

    /// Takes its time, or goes wrong.
    async fn work(&self, luck: &mut Luck, call: &Context) {
        luck.shuffle().await;
        if luck.one_in(3) {
            sleep(luck.ms(0, 15)).await;
        }
        match luck.within(0, 30) {
            0 | 1 => {
                self.world.ledger.met("panic");
                panic!("{ON_PURPOSE}");
            }
            2 => {
                self.world.ledger.met("hang");
                std::future::pending().await
            }
            3 => {
                self.world.ledger.met("oversleeping");
                sleep(luck.ms(60, 100)).await;
            }
            4 => {
                for _ in 0..3 {
                    sleep(luck.ms(10, 25)).await;
                    if call.progress().is_err() {
                        return;
                    }
                }
            }
            5 => {
                tokio::select! {
                    () = call.cancelled() => {}
                    () = sleep(luck.ms(0, 80)) => {}
                }
            }
            _ => {}
        }
        luck.shuffle().await;
    }

    /// A request of its own, on the message's behalf.
    async fn pass_on(&self, leaf: &AgentRef<Job, Id>, of: Id) -> Result<(), Failure> {
        let ledger = &self.world.ledger;
        let patience = Instant::now() + Duration::from_secs(60);
        let inherited = ledger.deadline(of);
        let id = ledger.open(Some(
            inherited.map_or(patience, |deadline| deadline.min(patience)),
        ));
        let mut hope = Hope(Some((ledger, id)));
        let passed = leaf.request(Job::to_one(id)).await;
        hope.0 = None;
        let told = passed.as_ref().map(|id| *id).map_err(|error| error.reason);
        ledger.told(id, told);
        passed
            .map(drop)
            .map_err(|_| Failure::retry("its own request failed"))
    }

    /// Says what is to follow; if its lease is good, that is what becomes of the message.
    fn decide(&self, luck: &mut Luck, job: &Job, call: &Context) -> Result<Id, Failure> {
        let ledger = &self.world.ledger;
        let id = job.id_at(self.place);
        let good = !call.is_cancelled() && ledger.is_wanted(id);
        let close = |outcome| {
            if good {
                ledger.closed(id, outcome);
            }
        };
        match luck.within(0, 20) {
            0 | 1 => {
                ledger.met("failure");
                Err(Failure::retry("no luck"))
            }
            2 => {
                ledger.met("not now");
                Err(Failure::retry_after(luck.ms(0, 10), "not now"))
            }
            3 => {
                ledger.met("too many requests");
                let pause = luck.one_in(2).then(|| luck.ms(0, 10));
                Err(Failure::too_many_requests(pause))
            }
            4 => {
                ledger.met("reject");
                close(Outcome::Rejected);
                Err(Failure::reject("no"))
            }
            5 => {
                ledger.met("discard");
                close(Outcome::Discarded);
                Err(Failure::discard("never mind"))
            }
            _ => {
                close(Outcome::Delivered);
                Ok(id)
            }
        }
    }
}

/// A request that is given up with its handler.
struct Hope<'a>(Option<(&'a Ledger, Id)>);

impl Drop for Hope<'_> {
    fn drop(&mut self) {
        if let Some((ledger, id)) = self.0 {
            ledger.given_up(id);
        }
    }
}
