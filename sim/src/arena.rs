//! The arena: policies ranked on the same messages, by one cost, beside oracles that show how much
//! room is left.

pub mod oracle;
pub mod suite;
