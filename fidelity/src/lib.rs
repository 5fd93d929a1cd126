//! Scenarios on the live broker, and how they compare with their simulation.
//!
//! The live side takes nothing from the simulator but what the world around a broker does:
//! when which message is sent, and how long each call to an agent takes and how it ends, both
//! drawn by the same keys. Queue, workers, timers and the course of time are the live broker's
//! and the runtime's own. Both sides are recorded by the same recorder; messages are paired by
//! their keys.
//!
//! Apart from the command because the root package's tests compare too.

mod agreement;
mod job;
mod live;
mod pairs;
mod remote;
mod row;
pub mod seed;
mod sender;
mod suite;
mod timer;
mod twist;
mod witness;

pub use agreement::{Agreement, compare};
pub use live::{LiveRun, NotLive, Pace, Steering, journalled, replicate};
pub use pairs::{Ending, Endings, Pairs};
pub use row::Row;
pub use suite::DEMANDING;
pub use timer::Lateness;
pub use twist::Twist;
pub use witness::Strains;
