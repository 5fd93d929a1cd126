//! A counterexample is a scenario that can be read, checked and run, and fails again.

use ebbtide_conformance::{Property, Verdict, check, replay};
use ebbtide_sim::Plan;
use ebbtide_sim::files::Files;

use crate::bad::BAD;
use crate::plain::Plain;

#[test]
fn a_counterexample_parses_is_a_plan_and_fails_again() {
    for bad in &BAD {
        let report = check(|| bad.make()).only(&[bad.caught_by]).run();
        let broken: Vec<_> = report.counterexamples().collect();
        assert_eq!(broken.len(), 1, "{report}");
        let ron = &broken[0].ron;
        Plan::new(ron, Files::default()).unwrap_or_else(|error| panic!("{error}\n{ron}"));
        let again = replay(bad.caught_by, ron, || bad.make());
        assert!(again.is_err(), "{}: not again\n{ron}", bad.name);
        let sound = replay(bad.caught_by, ron, || Box::new(Plain::default()));
        assert_eq!(sound, Ok(()), "{}\n{ron}", bad.name);
        assert!(ron.lines().count() < 16, "{ron}");
        // There is no figure of a backlog that there never was.
        let names: Vec<_> = broken[0].plots.iter().map(|plot| plot.name).collect();
        assert!(
            names.starts_with(&["pool"]) && names.ends_with(&["sojourn"]),
            "{names:?}"
        );
        assert!(broken[0].plots[0].svg.starts_with("<svg"));
    }
}

#[test]
fn they_are_written_as_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let slip = &BAD[1];
    let report = check(|| slip.make()).only(&[Property::Recovers]).run();
    let paths = report
        .write(dir.path())
        .expect("the folder can be written to");
    assert_eq!(paths, [dir.path().join("recovers.ron")]);
    let text = std::fs::read_to_string(&paths[0]).expect("it is there");
    assert!(text.contains("unit slip breaks recovers"), "{text}");
    assert!(dir.path().join("recovers-pool.svg").is_file());
}

#[test]
fn an_exception_is_accepted_while_it_is_needed_and_reported_when_it_is_not() {
    let slip = &BAD[1];
    let both = [Property::Recovers, Property::Finite];
    let begun = check(|| slip.make()).only(&both);
    let report = begun.except(Property::Recovers, "a unit slips").run();
    assert!(report.is_sound(), "{report}");
    assert!(matches!(
        report.findings[0].verdict,
        Verdict::Excepted { .. }
    ));
    let begun = check(|| Box::new(Plain::default())).only(&both);
    let report = begun.except(Property::Finite, "it was once not").run();
    assert!(!report.is_sound());
    assert!(
        report.to_string().contains("take the exception away"),
        "{report}"
    );
}
