//! What holds for every policy, whatever it observes.

use ebbtide_policies::decision::{Alternative, Decision, Prediction};
use ebbtide_policies::governor::{Governor, GovernorConfig};
use ebbtide_policies::observation::{Bounds, Observation, Setting};
use ebbtide_policies::policy::Policy;
use ebbtide_policies::registry::{POLICIES, build};
use ebbtide_policies::units::Duration;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use ebbtide_conformance::strategies::runs;

/// Every policy of the registry, fresh.
fn policies() -> Vec<Box<dyn Policy>> {
    let names = POLICIES.iter().map(|entry| entry.name);
    let names = names.chain(["fixed(7)", "fixed(1000)", "threshold(1)"]);
    names
        .map(|name| build(name).expect("a listed policy builds"))
        .collect()
}

fn is_within(setting: Setting, bounds: &Bounds) -> bool {
    (bounds.min_workers..=bounds.max_workers).contains(&setting.workers)
        && (bounds.min_batch_size..=bounds.max_batch_size).contains(&setting.batch_size)
        && setting.batch_timeout <= bounds.max_batch_timeout
}

fn check_prediction(prediction: &Prediction) -> Result<(), TestCaseError> {
    prop_assert!(prediction.arrivals_per_s.is_finite() && prediction.arrivals_per_s >= 0.0);
    prop_assert!((0.0..=1.0).contains(&prediction.utilisation));
    prop_assert!(
        prediction
            .latency_s
            .is_none_or(|s| s.is_finite() && s >= 0.0)
    );
    prop_assert!(prediction.cost_per_s.is_finite());
    Ok(())
}

fn check_decision(decision: &Decision) -> Result<(), TestCaseError> {
    prop_assert!(decision.workers.is_finite() && decision.batch_size.is_finite());
    prop_assert!(decision.rejected.len() <= 8);
    let alternatives = decision
        .rejected
        .iter()
        .map(|Alternative { prediction, .. }| prediction);
    for prediction in decision.prediction.iter().chain(alternatives) {
        check_prediction(prediction)?;
    }
    let (code, text) = (&decision.reason.code, &decision.reason.text);
    prop_assert!(
        code.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
        "{code}"
    );
    prop_assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    Ok(())
}

/// Runs a policy behind a governor and checks each decision.
fn drive(policy: &mut dyn Policy, run: &[Observation]) -> Result<Vec<Decision>, TestCaseError> {
    let mut governor = Governor::new(GovernorConfig {
        shrink_window: Duration::from_secs(5),
        cool_down: Duration::from_secs(2),
    });
    let mut decisions = Vec::new();
    for seen in run {
        let decision = policy.decide(seen);
        check_decision(&decision)?;
        let applied = governor.apply(seen.at, seen.setting, &seen.bounds, &decision);
        prop_assert!(is_within(applied.setting, &seen.bounds), "{applied:?}");
        decisions.push(decision);
    }
    Ok(decisions)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn decisions_are_finite_and_within_the_bounds_after_the_governor(run in runs(12)) {
        for mut policy in policies() {
            drive(policy.as_mut(), &run)?;
        }
    }

    #[test]
    fn the_same_observations_give_the_same_decisions(run in runs(8)) {
        for (mut one, mut other) in policies().into_iter().zip(policies()) {
            prop_assert_eq!(drive(one.as_mut(), &run)?, drive(other.as_mut(), &run)?);
        }
    }

    #[test]
    fn the_governor_holds_its_bounds_whatever_is_wished(
        run in runs(12),
        wishes in proptest::collection::vec(
            (any::<f64>(), any::<f64>(), proptest::option::of(any::<u64>())), 12),
    ) {
        let mut governor = Governor::new(GovernorConfig {
            shrink_window: Duration::from_millis(1_500),
            cool_down: Duration::from_millis(700),
        });
        let mut fixed = build("fixed").expect("it is listed");
        for (seen, (workers, batch_size, timeout)) in run.iter().zip(wishes) {
            let mut decision = fixed.decide(seen);
            decision.workers = workers;
            decision.batch_size = batch_size;
            decision.batch_timeout = timeout.map(Duration::from_nanos);
            let applied = governor.apply(seen.at, seen.setting, &seen.bounds, &decision);
            prop_assert!(is_within(applied.setting, &seen.bounds));
            if !workers.is_finite() {
                prop_assert_eq!(applied.setting.workers, seen.setting.workers);
            }
        }
    }
}
