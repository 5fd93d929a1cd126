//! The discrete-event simulator that drives the broker core.

pub mod streams;
