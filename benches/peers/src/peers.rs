//! Who is compared, one file each.

pub mod actix;
pub mod async_channel;
pub mod bare;
pub mod cronoq;
pub mod ebbtide;
pub mod factory;
pub mod kameo;
pub mod ractor;
pub mod tokio_mpsc;
pub mod xtra;

use crate::cases::Case;

/// One way to carry the messages.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its name, as tables and command lines have it.
    pub name: &'static str,
    /// Version and setting, for the page.
    pub setting: &'static str,
    /// How it carries them.
    pub run: Run,
}

/// Carries so many messages of a case; the sum of the numbers that arrived.
pub type Run = fn(Case, u64) -> u64;

/// The yardstick's name.
pub const YARDSTICK: &str = "tokio";

/// All that carry messages, the yardstick first and ebbtide last.
pub const ALL: &[Peer] = &[
    Peer {
        name: YARDSTICK,
        setting: "tokio 1.54 mpsc, a channel a consumer, round robin; oneshot for replies",
        run: tokio_mpsc::run,
    },
    Peer {
        name: "async-channel",
        setting: "2.5, one channel that consumers share; tokio's oneshot for replies",
        run: async_channel::run,
    },
    Peer {
        name: "kameo",
        setting: "0.22 without `tracing`, an actor a consumer, round robin",
        run: kameo::run,
    },
    Peer {
        name: "ractor",
        setting: "0.16 without span propagation, an actor a consumer, round robin; no bound",
        run: ractor::run,
    },
    Peer {
        name: "factory",
        setting: "ractor's, queuer routing, a worker a consumer, 5 for asks; no bound",
        run: factory::run,
    },
    Peer {
        name: "actix",
        setting: "0.13, actors on one arbiter, senders on another; tells spin while it is full",
        run: actix::two_threads,
    },
    Peer {
        name: "actix-1t",
        setting: "the same on one thread, its best, which leaves the other core idle",
        run: actix::one_thread,
    },
    Peer {
        name: "xtra",
        setting: "0.6, actors that share one mailbox; it does not keep order",
        run: xtra::run,
    },
    Peer {
        name: "cronoq",
        setting: "0.2 without `otel`, a fixed pool of a worker a consumer, 5 for asks",
        run: cronoq::run,
    },
    Peer {
        name: "ebbtide",
        setting: "its defaults, a worker a consumer for tells (`fixed`)",
        run: ebbtide::run,
    },
];
