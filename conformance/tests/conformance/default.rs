//! What the default must hold beyond the properties: under a constant load it changes the pool at
//! most once a minute, on average over loads.

use ebbtide_conformance::SEED;
use ebbtide_conformance::strategies::loads;
use ebbtide_sim::files::Files;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rayon::prelude::*;

/// Loads that are drawn.
const LOADS: usize = 16;
/// Minutes that are looked at, after two to settle in.
const MINUTES: u64 = 10;

#[test]
fn a_constant_load_sees_at_most_one_change_a_minute() {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(SEED),
        ..Config::default()
    });
    let drawn = (0..LOADS).map(|_| loads().new_tree(&mut runner).expect("nothing is rejected"));
    let drawn: Vec<_> = drawn.map(|tree| tree.current()).collect();
    let changes = drawn.par_iter().map(|load| {
        let mut scene = load.scene(load.steady(), 60 * (MINUTES + 2));
        scene.warm_up_s = 120;
        let plan = Plan::new(&scene.ron(Some("adaptive"), 1), Files::default());
        let plan = plan.unwrap_or_else(|error| panic!("{error}\n{scene:?}"));
        let found = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
        let changes = found.policies[0].results.total.figures.scale_actions;
        let changes = changes.and_then(|it| it.mean).expect("it is counted");
        eprintln!("{changes:4} changes under {load:?}");
        changes / MINUTES as f64
    });
    let per_minute = changes.sum::<f64>() / LOADS as f64;
    eprintln!("{per_minute:.2} changes a minute, seed {SEED}");
    assert!(per_minute <= 1.0, "{per_minute} changes a minute");
}
