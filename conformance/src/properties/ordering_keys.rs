//! Messages that stand behind their ordering key are no load of their own.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::Load;
use crate::strategies::loads::loads_of;
use crate::subject::Subject;

/// Times what the same load without ordering keys makes of the pool that they may make of it, on average.
pub const TIMES: f64 = 1.25;
/// Workers that are allowed on top of that.
pub const EXTRA_WORKERS: f64 = 1.0;

/// Seconds of the usual load before.
const SETTLE_S: u64 = 60;
/// Seconds of the step, or of the outage.
const TROUBLE_S: u64 = 30;
const LENGTH_S: u64 = 240;
/// Keys for each call under way that the usual load makes: so many that hardly one is its messages' bottleneck.
const KEYS_A_CALL: f64 = 10.0;

/// What makes messages wait, and so stand behind their keys.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// So many times the usual load comes.
    Step(u32),
    /// The agent is out; what came meanwhile is there twice, as arrivals and as what moves up afterwards.
    Outage,
}

/// With many ordering keys, after half a minute of two or three times the load or without the agent, the pool is on
/// average at most [`TIMES`] as large as the same without keys makes it, and [`EXTRA_WORKERS`].
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn ordering_keys(subject: &Subject) -> Result<(), Box<Counterexample>> {
    let troubles = prop_oneof![(2_u32..=3).prop_map(Trouble::Step), Just(Trouble::Outage)];
    let cases = (loads_of(20..=40), troubles);
    let scenes = cases.prop_map(|(load, trouble)| scene(&load, trouble));
    search(Property::OrderingKeys, scenes, subject)
}

fn scene(load: &Load, trouble: Trouble) -> Scene {
    // A batch carries one message a key, so that keys may well make calls.
    let load = Load {
        batch: false,
        ..load.clone()
    };
    let mut untroubled = Scene {
        warm_up_s: SETTLE_S,
        ..load.scene(arrivals(&load, trouble), LENGTH_S)
    };
    if let Trouble::Outage = trouble {
        let until = SETTLE_S + TROUBLE_S;
        untroubled.world.push(format!(
            "faults: [(agent: \"it\", from: \"{SETTLE_S}s\", until: \"{until}s\", effect: Outage)]"
        ));
    }
    let mut scene = untroubled.clone();
    let keys = (KEYS_A_CALL * load.per_s() / load.per_slot()).ceil();
    scene.class.push(format!("ordering_keys: {keys}"));
    scene.limits.push(Limit::Beside {
        figure: "workers_mean",
        times: TIMES,
        more: EXTRA_WORKERS,
        least: 0.0,
    });
    scene.untroubled = Some(Box::new(untroubled));
    scene
}

fn arrivals(load: &Load, trouble: Trouble) -> String {
    let Trouble::Step(times) = trouble else {
        return load.steady();
    };
    let (usual, step) = (load.per_s(), load.per_s() * f64::from(times));
    let after = LENGTH_S - SETTLE_S - TROUBLE_S;
    format!(
        "Phases([(\"{usual}/s\", \"{SETTLE_S}s\"), (\"{step:.1}/s\", \"{TROUBLE_S}s\"), \
         (\"{usual}/s\", \"{after}s\")])"
    )
}
