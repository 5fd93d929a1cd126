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
        let (scene, judged) = match subject.resolve(&scene) {
            Ok(resolved) => {
                let judged = subject.judge(property, &resolved.ron(None, 1));
                (resolved, judged)
            }
            // Not even the untroubled scene runs with it.
            Err(what) => (
                scene.untroubled.as_deref().unwrap_or(&scene).clone(),
                Err(what),
            ),
        };
        judged.map_err(|what| {
            smallest.replace(Some((scene, what.clone())));
            TestCaseError::fail(what)
        })
    });
    match (held, smallest.into_inner()) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some((scene, what))) => Err(Box::new(Counterexample::new(
            property, subject, scene, what,
        ))),
        (Err(error), None) => {
            unreachable!("{property}: a scene fails only with what it broke: {error}")
        }
    }
}

#[cfg(test)]
mod tests {
    use ebbtide_policies::Decision;
    use ebbtide_policies::observation::Observation;
    use ebbtide_policies::policy::Policy;

    use crate::check;
    use crate::report::Verdict;

    /// Wants more workers from the start than there may ever be.
    struct Greedy;

    impl Policy for Greedy {
        fn name(&self) -> &str {
            "greedy"
        }

        fn start_workers(&self) -> Option<u32> {
            Some(u32::MAX)
        }

        fn decide(&mut self, _: &Observation) -> Decision {
            unreachable!("no broker starts with it")
        }
    }

    /// It was a panic of the check.
    #[test]
    fn a_policy_with_which_no_broker_starts_breaks_every_property() {
        let report = check(|| Box::new(Greedy)).cases(2).run();
        assert!(!report.is_sound());
        for finding in &report.findings {
            let Verdict::Broken(it) = &finding.verdict else {
                panic!("{}: {:?}", finding.property, finding.verdict);
            };
            assert!(it.what.contains("4294967295, allowed are"), "{}", it.what);
        }
    }
}
