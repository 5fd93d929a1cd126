//! Proptest strategies: [`observations`], plausible and absurd ones, for a policy by itself, and
//! [`loads()`] and [`scenes()`] of a broker, its agent and their troubles, for a policy in closed loop,
//! where its decisions change what it sees next.
//!
//! All of them shrink towards a small, regular load without trouble and towards seed 0.

pub mod loads;
pub mod observations;
pub mod scenes;

pub use loads::{Load, loads};
pub use observations::runs;
pub use scenes::scenes;
