//! The discrete-event simulator that drives the broker core.

pub mod agents;
pub mod arena;
pub mod arrivals;
mod calendar;
pub mod distribution;
pub mod experiment;
pub mod files;
pub mod monitor;
mod numbers;
pub mod observation_fault;
pub mod plan;
pub mod scenario;
pub mod series;
pub mod shipped;
pub mod streams;
mod table;
pub mod theory;
pub mod trace;
pub mod traffic;
mod world;

pub use experiment::{Experiment, Sinks};
pub use monitor::Monitor;
pub use plan::Plan;
pub use scenario::Scenario;
pub use table::TableError;
pub use world::{ArrivalSink, Ended, OutcomeSink};
