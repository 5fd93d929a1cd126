//! The arena: policies ranked on the same messages, by one cost.

pub mod suite;
