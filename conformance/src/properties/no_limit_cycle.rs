//! A load that does not change leaves the pool alone.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::{Load, loads};
use crate::subject::Subject;

/// Changes of the workers wanted that a constant load may see, a minute: up and down again once. The
/// noise of a load at the boundary of two sizes may bring about one or the other; a cycle makes
/// tens.
pub const CHANGES_PER_MINUTE: f64 = 2.0;

/// Seconds to settle in.
const SETTLE_S: u64 = 120;
/// Minutes that are looked at.
const LOOK_MIN: u64 = 10;

/// Under a constant load, random or evenly spaced, the workers wanted change at most
/// [`CHANGES_PER_MINUTE`] times a minute, over ten minutes after two to settle in.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn no_limit_cycle(subject: &Subject) -> Result<(), Box<Counterexample>> {
    search(
        Property::NoLimitCycle,
        loads().prop_map(|load| scene(&load)),
        subject,
    )
}

fn scene(load: &Load) -> Scene {
    Scene {
        warm_up_s: SETTLE_S,
        limits: vec![Limit::AtMost {
            figure: "scale_actions",
            most: CHANGES_PER_MINUTE * LOOK_MIN as f64,
        }],
        ..load.scene(load.steady(), SETTLE_S + 60 * LOOK_MIN)
    }
}
