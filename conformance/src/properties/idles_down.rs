//! A pool without messages is as small as it may be.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::Load;
use crate::strategies::loads::loads_of;
use crate::subject::Subject;

/// Seconds after the last message by which the fewest workers are left: the five minutes for which
/// the Kubernetes autoscaler looks back by default, and one more.
pub const IDLE_S: u64 = 360;

/// Seconds of load before.
const BUSY_S: u64 = 60;
/// Seconds at the end that are looked at.
const LOOK_S: u64 = 10;

/// After a minute of load, up to a third more than ten workers can carry, and [`IDLE_S`] seconds of
/// silence the pool has the fewest workers that it may have.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn idles_down(subject: &Subject) -> Result<(), Box<Counterexample>> {
    let scenes = loads_of(5..=130).prop_map(|load| scene(&load));
    search(Property::IdlesDown, scenes, subject)
}

fn scene(load: &Load) -> Scene {
    let arrivals = format!("Phases([(\"{}/s\", \"{BUSY_S}s\")])", load.per_s());
    Scene {
        warm_up_s: BUSY_S + IDLE_S,
        limits: vec![Limit::AtMost {
            figure: "workers_mean",
            most: f64::from(load.min_workers),
        }],
        ..load.scene(arrivals, BUSY_S + IDLE_S + LOOK_S)
    }
}
