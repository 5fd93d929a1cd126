//! What the public crate does as an embedder uses it; a module per flow.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agreement;
mod bearing;
mod churn;
mod control;
mod crowd;
mod embed;
mod events;
mod failures;
mod journal;
mod lifetime;
mod pool;
mod requests;
mod room;
mod rude;
mod targets;
mod watching;
