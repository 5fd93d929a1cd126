//! The recorder and what follows it, through the crate's door.

mod by_hand;
mod recount;
mod stream;
