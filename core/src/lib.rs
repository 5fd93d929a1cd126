//! The broker as a sans-IO state machine, and its configuration.
//!
//! [`BrokerState`] owns the broker's truth; a shell (the simulator, the live broker) owns the
//! clock and the I/O. Start at `state.rs`, then a file per verb: `submit.rs`, `take.rs`,
//! `settle.rs`, `advance.rs`; what messages pass through on the way is in `queue.rs`, the
//! control tick in `control.rs`.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod account;
mod advance;
pub mod agents;
mod breaker;
mod check;
pub mod config;
mod control;
pub mod error;
pub mod event;
pub mod fault;
pub mod history;
pub mod journal;
mod lanes;
mod leases;
pub mod message;
mod messages;
mod ordering;
pub mod parts;
mod pause;
mod pick;
mod pool;
mod probe;
mod protect;
mod queue;
mod rate_limit;
mod reconfigure;
mod retry;
mod roster;
mod row;
mod settle;
mod shutdown;
mod state;
mod steering;
mod submit;
mod table;
mod take;
pub mod text;
mod timers;
mod workers;

pub use ebbtide_policies::units;

pub use account::Books;
pub use config::{AgentConfig, BrokerConfig, Checked, RateLimit};
pub use error::{
    AddAgentError, LateSettle, PinError, ReconfigureAgentError, ReconfigureError, Refusal,
    SubmitError,
};
pub use event::{Event, Listener, What};
pub use journal::Journaled;
pub use message::{Call, Lane, Outcome, Settlement, Submission, Verdict};
pub use state::{BrokerState, Member, Unfinished, Wake};
