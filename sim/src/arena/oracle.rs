//! Oracles: how cheap a run could have been for one that knows it beforehand.

mod grid;
mod path;
pub mod schedule;
mod score;
mod search;
mod twin;
