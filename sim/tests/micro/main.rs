//! The rules of `semantics.md`, held by scenarios so small that every time can be worked out
//! by hand.
//!
//! Each goes the public way (text, plan, experiment, results) and is exact to the nanosecond.
//! The arithmetic stands in a comment above it. A theme has a file; how a scenario is written
//! is in `check.rs`. No scenario can say what a policy does to a batch rule at a tick: that drives
//! core itself, in `setting.rs`. Deliberately absent: snoozes and shutdown, which only core's own
//! tests can express.

mod attempts;
mod batches;
mod check;
mod deadlines;
mod lanes;
mod ordering;
mod protection;
mod queue;
mod remote;
mod setting;
mod time;
mod workers;
