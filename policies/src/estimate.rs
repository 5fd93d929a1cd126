//! What can be learnt of a workload from observations, one quantity a file.
//!
//! Apart from the policies, so that several can share them and each can be tested against
//! numbers whose truth is known. An estimator takes what one interval showed and never fails:
//! absurd figures may make an estimate wrong, not infinite.

pub mod arrival_rate;
pub mod call_cost;
pub mod crowding;
pub mod refusals;
pub mod season;
pub mod time_on_test;
pub mod variability;
