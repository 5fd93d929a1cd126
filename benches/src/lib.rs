//! How fast the simulator is, beside loops that do nothing else and beside published peers.
//!
//! Every contender runs the same queue, M/M/5 at 90 % load, on the same draws, and says what mean
//! wait it saw: one that does not meet Erlang's formula has measured something else. Apart from
//! the product and outside the default members, since the peers compile slowly.
//!
//! `src/bin/speed.rs` compares them in interleaved rounds, `src/bin/messages.rs` runs one of them
//! once, for counting instructions and memory.

pub mod contenders;
pub mod queue;
