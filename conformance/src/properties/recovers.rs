//! An overload ends when its messages have stopped coming.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::{Load, loads};
use crate::subject::Subject;

/// Seconds after an overload from which on messages are served as if nothing had been. Ten workers
/// work off what is left of it in at most 50, at 70 % of usual load in at most 75.
pub const RECOVERY_S: u64 = 120;

/// Seconds of the usual load before.
const BEFORE_S: u64 = 30;
/// Seconds of overload.
const OVERLOAD_S: u64 = 15;
/// How much more than ten workers can carry, message by message.
const OVERLOAD: f64 = 1.5;
/// Seconds at the end that are looked at.
const LOOK_S: u64 = 30;

/// Fifteen seconds of half as much again as ten workers can carry; [`RECOVERY_S`] seconds later the
/// mean sojourn is bearable ([`Load::bearable_s`]): six calls and 1.2 seconds.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn recovers(subject: &Subject) -> Result<(), Box<Counterexample>> {
    search(
        Property::Recovers,
        loads().prop_map(|load| scene(&load)),
        subject,
    )
}

fn scene(load: &Load) -> Scene {
    let (usual, peak) = (load.per_s(), (OVERLOAD * load.most_per_s()).round());
    let after = RECOVERY_S + LOOK_S;
    let arrivals = format!(
        "Phases([(\"{usual}/s\", \"{BEFORE_S}s\"), (\"{peak}/s\", \"{OVERLOAD_S}s\"), \
         (\"{usual}/s\", \"{after}s\")])"
    );
    let quiet_again = BEFORE_S + OVERLOAD_S + RECOVERY_S;
    Scene {
        warm_up_s: quiet_again,
        limits: vec![Limit::AtMost {
            figure: "mean(sojourn)",
            most: load.bearable_s(),
        }],
        ..load.scene(arrivals, quiet_again + LOOK_S)
    }
}
