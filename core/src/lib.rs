//! The broker as a sans-IO state machine, and its configuration.

pub mod agents;
pub mod config;
pub mod event;
pub mod fault;
pub mod message;
pub mod text;

pub use ebbtide_policies::units;

/// (under construction) The broker's truth.
#[derive(Debug)]
pub struct BrokerState<M>(std::marker::PhantomData<M>);
