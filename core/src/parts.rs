//! The parts of the broker that decide something by themselves: who waits for whom among lanes,
//! workers, breakers, token buckets, retries. For the simulator's fast twin, which has its own
//! loop and its own lists around the very same decisions. Deliberately absent: the state that
//! puts them together.

pub use crate::breaker::{Breaker, Ended, Health};
pub use crate::lanes::{Lanes, Rank};
pub use crate::pick::{Pick, Waiting};
pub use crate::probe::{LOOKED_AT, is_late};
pub use crate::rate_limit::TokenBucket;
pub use crate::retry::{Retries, Retry, RetryRule};
pub use crate::row::Row;
pub use crate::workers::{Worker, WorkerState, Workers};
