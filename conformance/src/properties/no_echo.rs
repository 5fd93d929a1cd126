//! Messages that the broker sends again are no load of anybody's making but its own.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::Load;
use crate::strategies::loads::loads_of;
use crate::subject::Subject;

/// Times what the same load makes of the pool that retries may make of it, on average: they take a
/// slot for a moment, and come in their own bursts.
pub const TIMES: f64 = 1.25;
/// Workers that are allowed on top of that.
pub const EXTRA_WORKERS: f64 = 1.0;

const SETTLE_S: u64 = 60;
const LENGTH_S: u64 = 240;

/// Three to seven attempts of ten fail at once, within a millisecond, and are tried again until
/// they succeed: there are up to three times as many messages about and hardly more work. The pool
/// is on average at most [`TIMES`] as large as the same load without failures makes it, and
/// [`EXTRA_WORKERS`].
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn no_echo(subject: &Subject) -> Result<(), Box<Counterexample>> {
    let cases = (loads_of(20..=50), 3_u32..=7);
    let scenes = cases.prop_map(|(load, tenths)| {
        // A batch of which only some messages fail takes its time.
        let load = Load {
            batch: false,
            ..load
        };
        scene(&load, tenths)
    });
    search(Property::NoEcho, scenes, subject)
}

fn scene(load: &Load, tenths: u32) -> Scene {
    let untroubled = Scene {
        warm_up_s: SETTLE_S,
        ..load.scene(load.steady(), LENGTH_S)
    };
    let mut scene = untroubled.clone();
    let share = f64::from(tenths) / 10.0;
    scene.agent.push(format!(
        "failures: (share: {share}, time: Constant(\"1ms\"))"
    ));
    let tireless = "retry_max_attempts: \"unlimited\", retry_budget: \"off\", \
                    retry_backoff_ms: 50, retry_backoff_max_ms: 200, breaker: \"off\"";
    scene.broker.push(tireless.to_owned());
    scene.limits.push(Limit::Beside {
        figure: "workers_mean",
        times: TIMES,
        more: EXTRA_WORKERS,
        least: 0.0,
    });
    scene.untroubled = Some(Box::new(untroubled));
    scene
}
