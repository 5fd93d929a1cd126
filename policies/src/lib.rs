//! Scaling policies: an [`Observation`] in, a [`Decision`] out.
//!
//! Pure by rule: no I/O, no clock, no async, no randomness. A policy is a file of its own,
//! chosen by name in [`registry`]; [`governor`] bounds and paces whatever it asks for.

pub mod batch_rule;
pub mod closest;
pub mod combined;
pub mod counted;
pub mod decision;
pub mod estimate;
pub mod fixed;
pub mod governor;
pub mod latency;
pub mod model_predictive;
pub mod objective;
pub mod observation;
pub mod policy;
pub mod prices;
pub mod queueing;
pub mod registry;
pub mod rivals;
pub mod settings;
#[cfg(test)]
mod testing;
pub mod threshold;
pub mod units;
mod window;

pub use decision::Decision;
pub use governor::{Governor, GovernorConfig};
pub use observation::Observation;
pub use policy::Policy;
