//! The discrete-event simulator that drives the broker core.

pub mod agents;
pub mod arrivals;
pub mod distribution;
pub mod files;
mod numbers;
pub mod plan;
pub mod scenario;
pub mod series;
pub mod streams;
mod table;
pub mod theory;
pub mod trace;
pub mod traffic;

pub use table::TableError;
