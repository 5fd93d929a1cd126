//! The one trait of this crate.

use crate::decision::Decision;
use crate::observation::Observation;

/// Decides the setting of a broker from what it observed.
///
/// A policy is a pure state machine: the same observations in the same order give the same
/// decisions, byte for byte. It never reads a clock, never draws a random number and never
/// fails; what it cannot know it leaves as it is.
pub trait Policy: Send {
    /// The name under which the policy is chosen, reported and logged.
    fn name(&self) -> &str;

    /// Workers that the policy wants from the very start, before its first tick; `None`: what
    /// the configuration says. A policy that names a number means it: while it rules, bounds
    /// that have no room for so many are widened to it.
    fn start_workers(&self) -> Option<u32> {
        None
    }

    /// What to do after the interval that `observation` describes. Called once per tick, in
    /// the order of time. The governor bounds and paces what is asked for.
    fn decide(&mut self, observation: &Observation) -> Decision;
}
