//! The guide: pages to read, with examples that run.
//!
//! | page | for whom |
//! | --- | --- |
//! | [`tutorial`] | whoever has read the first example: agents, failures, backpressure, watching, policies |
//! | [`delivery`] | whoever must know what can happen to a message, and what cannot |
//! | [`tuning`] | whoever runs a broker: which settings matter when |

pub mod delivery;
pub mod tuning;
pub mod tutorial;
