//! Ways to hold core under threads, each around the same core with the same work: how the live broker
//! holds it was chosen by these.
//!
//! They have what all shapes need (leases, room that is counted, workers that are woken) and nothing
//! else of the broker: no handlers' futures, no statistics, no errands. So the differences between
//! them travel, and their figures are no figures of ebbtide's.

mod desk;
mod front;
mod shards;
mod task;

use crate::cases::Case;
use crate::drive::{Ask, Tell, ask_all, tell_all};
use crate::peers::{self, Peer};
use crate::tally::Tally;

/// The yardstick, then the shapes.
pub const ALL: &[Peer] = &[
    peers::ALL[0],
    Peer {
        name: "lock",
        setting: "a lock around core: senders submit under it, workers settle and take in one turn",
        run: front::lock,
    },
    Peer {
        name: "ring",
        setting: "the same with a ring in front: senders push, whoever visits next submits for them",
        run: front::ring,
    },
    Peer {
        name: "task",
        setting: "a task owns core: it hears of messages and ends, and hands batches to workers",
        run: task::run,
    },
    Peer {
        name: "shards",
        setting: "two locks around a core each, senders go round; no order or limit across them",
        run: shards::run,
    },
];

/// Workers of a case that asks.
const ASKED: u32 = 5;

fn workers(case: Case) -> u32 {
    match case {
        Case::Tell { consumers, .. } => consumers,
        Case::Ask { .. } | Case::Callers { .. } => ASKED,
    }
}

/// Sends a case's messages, then ends; the sum of the numbers that arrived.
async fn carry<S: Tell + Ask>(
    senders: S,
    case: Case,
    messages: u64,
    tally: &Tally,
    end: impl Future<Output = ()>,
) -> u64 {
    let answers = match case {
        Case::Tell { producers, .. } => {
            tell_all(senders, producers, messages).await;
            0
        }
        // The agent of a shape takes no time.
        Case::Ask { in_flight: callers } | Case::Callers { callers } => {
            ask_all(senders, callers, messages).await
        }
    };
    end.await;
    answers + tally.sum()
}
