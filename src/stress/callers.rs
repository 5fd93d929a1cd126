//! Callers that send, wait, and give up.

use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout};

use super::agents::{Agents, Job, NAMES};
use super::luck::Luck;
use super::{MS, World};
use crate::{AgentRef, Lane, NotAccepted};

/// Messages that a caller sends.
const MESSAGES: u32 = 8;

/// Sends one message after another.
pub(super) async fn call(world: Arc<World>, agents: Agents, caller: u64) {
    let mut luck = Luck::of(world.seed, caller);
    for _ in 0..MESSAGES {
        if luck.one_in(2) {
            sleep(luck.ms(0, 30)).await;
        }
        luck.shuffle().await;
        // Where time stands still nothing is left on the porch by itself.
        let is_crowded = luck.one_in(2);
        let shared = agents.broker.shared();
        shared.on_floor(|floor| floor.is_crowded = is_crowded);
        let agent = match luck.within(0, 4) {
            0 | 1 => &agents.plain,
            2 | 3 => &agents.batch,
            _ => &agents.leaf,
        };
        match luck.within(0, 9) {
            0..6 => request(&world, agent, &mut luck).await,
            6..9 => send(&world, agent, &mut luck).await,
            _ => broadcast(&world, &agents).await,
        }
    }
}

/// Half a millisecond off the runtime's grid: no handler ends at the very instant.
fn deadline(luck: &mut Luck) -> Option<std::time::Duration> {
    luck.one_in(3).then(|| luck.ms(1, 120) + MS / 2)
}

fn lane(luck: &mut Luck) -> Lane {
    Lane::ALL[luck.within(0, 4) as usize]
}

async fn request(world: &World, agent: &AgentRef<Job, usize>, luck: &mut Luck) {
    let within = deadline(luck);
    let id = world
        .ledger
        .open(within.map(|within| Instant::now() + within));
    let mut request = agent.request(Job::to_one(id)).lane(lane(luck));
    if let Some(within) = within {
        request = request.deadline(within);
    }
    if luck.one_in(4) {
        request = request.ordering_key(luck.within(0, 2));
    }
    let gives_up = luck.one_in(6);
    let reply = async { request.await };
    let replied = match gives_up {
        true => timeout(luck.ms(0, 60), reply).await.ok(),
        false => Some(reply.await),
    };
    match replied {
        Some(reply) => world.ledger.told(id, reply.map_err(|error| error.reason)),
        None => {
            world.ledger.met("caller gave up");
            world.ledger.given_up(id);
        }
    }
}

async fn send(world: &World, agent: &AgentRef<Job, usize>, luck: &mut Luck) {
    let within = deadline(luck);
    let id = world
        .ledger
        .open(within.map(|within| Instant::now() + within));
    let mut event = agent.send(Job::to_one(id)).lane(lane(luck));
    if let Some(within) = within {
        event = event.deadline(within);
    }
    if luck.one_in(4) {
        event = event.delay(luck.ms(1, 40));
    }
    let sent = match luck.one_in(3) {
        true => event.try_now(),
        false => event.await,
    };
    if let Err(error) = &sent {
        assert_eq!(error.message.id, id, "it comes back whole");
        if error.reason == NotAccepted::Expired {
            world.ledger.met("sender waited in vain");
        }
    }
    world.ledger.accepted(id, sent.is_ok());
}

/// Each agent gets a copy, and the ledger has a line for each.
async fn broadcast(world: &World, agents: &Agents) {
    let ids = NAMES.map(|_| world.ledger.open(None));
    let job = Job {
        id: ids[0],
        to_all: true,
    };
    let sent = agents.broker.broadcast("all", job).await;
    match &sent {
        Ok(copies) => {
            assert_eq!(*copies, ids.len());
            world.ledger.met("broadcast");
        }
        Err(error) => assert_eq!(error.message.id, ids[0], "it comes back whole"),
    }
    for id in ids {
        world.ledger.accepted(id, sent.is_ok());
    }
}
