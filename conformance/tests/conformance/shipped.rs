//! Every policy of the registry holds every property, but for the exceptions.

use ebbtide_conformance::check;
use ebbtide_policies::registry::{POLICIES, build};
use rayon::prelude::*;

use crate::exceptions::EXCEPTIONS;

#[test]
fn every_shipped_policy_holds_every_property() {
    let checks = POLICIES.par_iter().map(|entry| {
        let begun = check(|| build(entry.name).expect("a listed policy builds"));
        let own = EXCEPTIONS
            .iter()
            .filter(|(policy, ..)| *policy == entry.name);
        own.fold(begun, |check, (_, property, why)| {
            check.except(*property, *why)
        })
        .run()
    });
    let reports: Vec<_> = checks.collect();
    let mut unsound = Vec::new();
    for report in &reports {
        eprintln!("{report}");
        if !report.is_sound() {
            unsound.push(report.policy.as_str());
        }
    }
    assert!(
        unsound.is_empty(),
        "{unsound:?} break properties, see above"
    );
}

#[test]
fn exceptions_are_of_policies_that_there_are_and_give_a_reason() {
    for (policy, property, why) in EXCEPTIONS {
        let known = POLICIES.iter().any(|entry| entry.name == *policy);
        assert!(known, "{policy} is no policy");
        assert!(why.len() > 20, "{policy}, {property}: {why:?} is no reason");
    }
}
