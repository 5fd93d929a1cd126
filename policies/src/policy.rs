//! The one trait of this crate.

use crate::decision::Decision;
use crate::observation::Observation;

/// Decides the setting of a broker from what it observed.
///
/// A policy is a pure state machine: the same observations in the same order give the same
/// decisions, byte for byte. It never reads a clock, never draws a random number and never
/// fails; what it cannot know it leaves as it is. It asks nobody, least of all its broker, which waits for it
/// under a lock: both would wait for ever.
pub trait Policy: Send {
    /// The name under which the policy is chosen, reported and logged.
    fn name(&self) -> &str;

    /// Workers that the policy wants from the very start, before its first tick; `None`: what
    /// the configuration says. A policy that names a number means it: while it rules, bounds
    /// that have no room for so many are widened to it.
    fn start_workers(&self) -> Option<u32> {
        None
    }

    /// Whether it goes by what happens alone: after `seen`, an interval in which nothing happened, it would wish
    /// for what there is as long as nothing happens. Its ticks may then be late: they are run, in order, when
    /// something happens next, those of more than a minute as one with a long interval, and a broker without messages need not wake for them. Whoever acts by
    /// the time (a timetable, a forecast) says `false`, which is what is assumed.
    fn rests(&self, seen: &Observation) -> bool {
        let _ = seen;
        false
    }

    /// What to do after the interval that `observation` describes. Called once per tick, in
    /// the order of time. The governor bounds and paces what is asked for.
    fn decide(&mut self, observation: &Observation) -> Decision;
}
