//! Observations may be late, noisy, missing or absurd for a while; a policy gets over it.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::Load;
use crate::strategies::loads::loads_of;
use crate::subject::Subject;

/// Seconds after the last wrong observation from which on all is as without them.
pub const SURVIVAL_S: u64 = 360;
/// Workers by which the pool may still be larger then, on average.
pub const EXTRA_WORKERS: f64 = 2.0;
/// Times the untroubled sojourn that is allowed then, where it is more than bearable.
const TIMES: f64 = 2.0;

/// From here on observations are wrong.
const FROM_S: u64 = 30;
/// Seconds at the end that are looked at.
const LOOK_S: u64 = 60;

/// For up to a minute observations are wrong ([`Distortion`](ebbtide_sim::observation_fault)).
/// Meanwhile every decision is finite and within the bounds, and nothing panics. [`SURVIVAL_S`]
/// seconds later the pool has at most [`EXTRA_WORKERS`] more than without the fault, and the mean
/// sojourn is bearable, or at most twice what it is without the fault.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn survives(subject: &Subject) -> Result<(), Box<Counterexample>> {
    let effects = prop_oneof![
        1 => Just("Missing".to_owned()),
        1 => (1_u32..=5).prop_map(|ticks| format!("Late({ticks})")),
        1 => (1_u32..=9).prop_map(|tenths| format!("Noisy({})", f64::from(tenths) / 10.0)),
        3 => Just("Absurd".to_owned()),
    ];
    let cases = (loads_of(5..=30), effects, 1_u64..=60);
    let scenes = cases.prop_map(|(load, effect, length)| scene(&load, &effect, length));
    search(Property::Survives, scenes, subject)
}

fn scene(load: &Load, effect: &str, wrong_s: u64) -> Scene {
    let over_s = FROM_S + wrong_s;
    let untroubled = Scene {
        warm_up_s: over_s + SURVIVAL_S,
        ..load.scene(load.steady(), over_s + SURVIVAL_S + LOOK_S)
    };
    let mut scene = untroubled.clone();
    scene.world.push(format!(
        "observation_faults: [(from: \"{FROM_S}s\", until: \"{over_s}s\", effect: {effect})]"
    ));
    scene.limits = vec![
        Limit::Beside {
            figure: "workers_mean",
            times: 1.0,
            more: EXTRA_WORKERS,
            least: 0.0,
        },
        Limit::Beside {
            figure: "mean(sojourn)",
            times: TIMES,
            more: 0.0,
            least: load.bearable_s(),
        },
    ];
    scene.untroubled = Some(Box::new(untroubled));
    scene
}
