//! The discrete-event simulator that drives the broker core.

pub mod distribution;
mod numbers;
pub mod streams;
