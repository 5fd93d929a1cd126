//! Scaling policies: an [`Observation`] in, a [`Decision`] out.
//!
//! Pure by rule: no I/O, no clock, no async, no randomness.

pub mod decision;
pub mod latency;
pub mod objective;
pub mod observation;
pub mod policy;
pub mod units;

pub use decision::Decision;
pub use observation::Observation;
pub use policy::Policy;
