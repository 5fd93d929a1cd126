//! The journal: core's inputs as a live broker met them, and what it decided on them, so that
//! any process can run them again and must come to the same bytes (decision parity).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `input.rs` | the calls that change core, without payloads |
//! | `record.rs` | what a journal consists of |
//! | `frame.rs` | how records become a file: magic, version, checksummed frames |
//! | `journaled.rs` | [`Journaled`], a [`BrokerState`](crate::BrokerState) that writes down what it is told |
//! | `recorder.rs` | the writing, and the gaps where it cannot keep up |
//! | `snapshot.rs` | core's state after a gap |
//! | `replay.rs` | [`Replay`], which runs a journal again and compares |
//! | `mismatch.rs` | where live and replayed part |
//!
//! # How a gap is bridged
//!
//! The writer is bounded: when it does not keep up, inputs are dropped and counted, and once it
//! has room again core's state follows. A policy is a box that core cannot save, and need not:
//! it is a function of the observations it has seen. So *decisions with their observations are
//! kept through a gap* (there are a few a second, and inputs are what there are millions of), and
//! the replay feeds the policy the logged observations until core's state is back. A gap costs the
//! check that core rebuilds those observations; every decision is still compared.
//!
//! Deliberately absent: files and threads (shells bring a [`Sink`]), and payloads, into which
//! core never looks.

mod frame;
mod input;
mod journaled;
mod mismatch;
mod record;
mod recorder;
mod replay;
mod snapshot;
#[cfg(test)]
mod tests;

pub use frame::{JournalError, Reader, write_frame, write_preamble};
pub use input::{Entry, Input, Verdicts};
pub use journaled::Journaled;
pub use mismatch::Mismatch;
pub use record::{FORMAT_VERSION, Header, Lost, Record};
pub use recorder::Sink;
pub use replay::{BuildPolicy, Parity, Replay, ReplayError};
pub(crate) use snapshot::{as_json, no_policy};
