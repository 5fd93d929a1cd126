//! The properties that any scaling policy must hold, for ours and for yours.
//!
//! [`check`] tries all of them on a policy. A property that is broken comes back as a
//! [`Counterexample`]: the smallest scenario that was found, as a file that `ebbtide simulate`
//! runs, with figures of the run. How good a policy is the arena says; here it is asked whether it
//! can be trusted with a broker.
//!
//! ```no_run
//! use ebbtide_conformance::{Property, check};
//! use ebbtide_policies::threshold::Threshold;
//!
//! check(|| Box::new(Threshold::default()))
//!     .except(Property::Bottleneck, "a queue's length does not say what keeps it long")
//!     .assert();
//! ```
//!
//! | what | where |
//! |---|---|
//! | the properties with their limits | [`properties`] |
//! | strategies for tests of your own | [`strategies`] |
//! | what a check found | [`Report`] |
//! | how to write a policy | [`tutorial`] |

mod check;
mod counterexample;
pub mod properties;
mod property;
mod report;
mod scene;
mod search;
pub mod strategies;
mod subject;
mod watch;

#[doc = include_str!("../../docs/writing-a-policy.md")]
pub mod tutorial {}

use ebbtide_policies::policy::Policy;

pub use check::{Check, check};
pub use counterexample::{Counterexample, Plot};
pub use property::Property;
pub use report::{Finding, Report, Verdict};
pub use scene::{Limit, Scene};
pub use subject::Subject;

/// Seed of the scenes that a check draws, unless it is told another.
pub const SEED: u64 = 20;
/// Scenes that a check draws for each property, unless it is told otherwise.
pub const CASES: u32 = 12;

/// Whether `property` holds for a policy in a scenario, such as a counterexample's
/// ([`Counterexample::ron`]). Its first replication is run, with the policy in the place of the
/// scenario's own.
///
/// # Errors
///
/// What it broke, in a sentence; or what is wrong with the scenario.
pub fn replay(
    property: Property,
    ron: &str,
    make: impl Fn() -> Box<dyn Policy> + Send + Sync + 'static,
) -> Result<(), String> {
    Subject::new(make).judge(property, ron)
}
