//! Draws scenes until one breaks a property, and makes that one small.

use std::cell::{Cell, RefCell};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use crate::counterexample::Counterexample;
use crate::property::Property;
use crate::scene::Scene;
use crate::subject::Subject;

/// Scenes for what must hold of each decision are short and many: a lapse may be rare.
fn weight(property: Property) -> u32 {
    match property {
        Property::WithinBounds | Property::Finite | Property::Deterministic => 4,
        _ => 1,
    }
}

/// Tries `property` on the scenes that `strategy` draws.
pub(crate) fn search(
    property: Property,
    strategy: impl Strategy<Value = Scene>,
    subject: &Subject,
) -> Result<(), Box<Counterexample>> {
    let mut runner = TestRunner::new(Config {
        cases: subject.cases * weight(property),
        rng_seed: RngSeed::Fixed(subject.seed),
        failure_persistence: None,
        max_shrink_iters: u32::MAX,
        ..Config::default()
    });
    // The last scene that breaks it is the smallest: shrinking goes on from there.
    let smallest = RefCell::new(None);
    let steps = Cell::new(subject.shrink_steps);
    let held = runner.run(&strategy, |scene| {
        if smallest.borrow().is_some() {
            // proptest would have a limit too, and print that it was reached.
            let Some(left) = steps.get().checked_sub(1) else {
                return Ok(());
            };
            steps.set(left);
        }
        let judged = subject.resolve(&scene).and_then(|resolved| {
            let judged = subject.judge(property, &resolved.ron(None, 1));
            judged.inspect_err(|what| {
                smallest.replace(Some((resolved, what.clone())));
            })
        });
        judged.map_err(TestCaseError::fail)
    });
    match (held, smallest.into_inner()) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some((scene, what))) => Err(Box::new(Counterexample::new(
            property, subject, scene, what,
        ))),
        // A scene that no plan takes: a fault of the strategy, or a policy without a name.
        (Err(error), None) => panic!("{property}: {error}"),
    }
}
