//! More workers than an agent lets work are of no use.

use proptest::prelude::*;

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::{Limit, Scene};
use crate::search::search;
use crate::strategies::loads::{Load, loads_of};
use crate::subject::Subject;

/// Workers that may be there beyond those that the agent lets work, on average.
pub const EXTRA_WORKERS: f64 = 1.0;

/// Seconds until the limit binds, or the outage begins.
const SETTLE_S: u64 = 60;
const LENGTH_S: u64 = 180;
/// A queue that is soon full: the excess is refused rather than kept for ever.
const QUEUE: &str = "max_queue_size: 200";

/// What stands in the way.
#[derive(Clone, Copy, Debug)]
enum Obstacle {
    /// The agent takes so many calls at once, of a load that wants twice as many.
    Limit(u32),
    /// So many percent of the load come through a declared rate limit.
    Rate(u32),
    /// The agent is out, and its breaker open.
    Outage,
    /// The messages have so many ordering keys, of a load that wants twice as many calls.
    Keys(u32),
}

/// While the agent's in-flight limit, its declared rate limit, its open breaker or the ordering keys
/// are what keeps messages waiting, the pool has on average at most [`EXTRA_WORKERS`] more workers than are of
/// use: those that carry what the agent lets through, at 70 % of their slots under a rate limit;
/// in an outage those that the same load has without one.
///
/// # Errors
///
/// The smallest [`Counterexample`] that was found.
pub fn bottleneck(subject: &Subject) -> Result<(), Box<Counterexample>> {
    let obstacles = prop_oneof![
        (1_u32..=6).prop_map(Obstacle::Limit),
        (30_u32..=70).prop_map(Obstacle::Rate),
        Just(Obstacle::Outage),
        (1_u32..=6).prop_map(Obstacle::Keys),
    ];
    let cases = (loads_of(20..=40), obstacles);
    let scenes = cases.prop_map(|(load, obstacle)| scene(&load, obstacle));
    search(Property::Bottleneck, scenes, subject)
}

fn scene(load: &Load, obstacle: Obstacle) -> Scene {
    match obstacle {
        Obstacle::Limit(calls) => limited(load, calls),
        Obstacle::Rate(percent) => rate_limited(load, percent),
        Obstacle::Outage => out(load),
        Obstacle::Keys(keys) => keyed(load, keys),
    }
}

/// Batches would carry more within a limit on calls, so these scenes have none.
fn unbatched(load: &Load, arrivals: String) -> Scene {
    let load = Load {
        batch: false,
        ..load.clone()
    };
    let mut scene = Scene {
        warm_up_s: SETTLE_S,
        ..load.scene(arrivals, LENGTH_S)
    };
    scene.broker.push(QUEUE.to_owned());
    scene
}

/// Starts with the workers that are of use.
fn with_limit(mut scene: Scene, useful: u32) -> Scene {
    scene
        .broker
        .retain(|field| !field.starts_with("num_workers"));
    scene.broker.push(format!("num_workers: {useful}"));
    scene.limits.push(Limit::AtMost {
        figure: "workers_mean",
        most: f64::from(useful) + EXTRA_WORKERS,
    });
    scene
}

fn limited(load: &Load, calls: u32) -> Scene {
    let limit = format!("protect: (in_flight_limit: {calls})");
    of_calls(load, calls, |scene| scene.agent.push(limit))
}

fn keyed(load: &Load, keys: u32) -> Scene {
    let limit = format!("ordering_keys: {keys}");
    of_calls(load, keys, |scene| scene.class.push(limit))
}

/// So many calls at once, of a load that wants twice as many.
fn of_calls(load: &Load, calls: u32, limit: impl FnOnce(&mut Scene)) -> Scene {
    let wanted = f64::from(calls) * load.per_slot() * 2.0;
    let mut scene = unbatched(load, format!("Poisson(\"{wanted:.1}/s\")"));
    limit(&mut scene);
    let useful = calls.div_ceil(load.parallelism).max(load.min_workers);
    with_limit(scene, useful)
}

fn rate_limited(load: &Load, percent: u32) -> Scene {
    let rate = load.per_s() * f64::from(percent) / 100.0;
    let mut scene = unbatched(load, load.steady());
    scene.agent.push(format!(
        "protect: (call_rate: (rate: \"{rate:.2}/s\", burst: {:.0}))",
        rate.ceil()
    ));
    let busy = rate / load.per_slot() / f64::from(load.parallelism);
    let useful = ((busy / 0.7).ceil() as u32).max(load.min_workers);
    with_limit(scene, useful)
}

fn out(load: &Load) -> Scene {
    let untroubled = unbatched(load, load.steady());
    let mut scene = untroubled.clone();
    scene.world.push(format!(
        "faults: [(agent: \"it\", from: \"{SETTLE_S}s\", until: \"{LENGTH_S}s\", effect: Outage)]"
    ));
    scene.limits.push(Limit::Beside {
        figure: "workers_mean",
        times: 1.0,
        more: EXTRA_WORKERS,
        least: 0.0,
    });
    scene.untroubled = Some(Box::new(untroubled));
    scene
}
