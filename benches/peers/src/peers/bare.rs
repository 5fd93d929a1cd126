//! No agent at all: callers that only sleep. The floor of [`Case::Callers`].

use crate::cases::{Case, NAP, Payload};
use crate::drive::{Ask, ask_all, on_tokio};

#[derive(Clone)]
struct Sleeper;

impl Ask for Sleeper {
    async fn ask(&self, message: Payload) -> u64 {
        tokio::time::sleep(NAP).await;
        message[0]
    }
}

/// Runs the case.
#[must_use]
pub fn run(case: Case, messages: u64) -> u64 {
    on_tokio(ask_all(Sleeper, case.senders(), messages))
}
