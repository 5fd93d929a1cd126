//! The kit on policies that are bad on purpose, and on every one that is shipped.

mod bad;
mod counterexamples;
mod default;
mod exceptions;
mod open_loop;
mod plain;
mod shipped;
mod table;
