//! Each property can fail: a table of bad policies and the properties that catch them.

use std::collections::BTreeSet;

use ebbtide_conformance::{Property, check};
use rayon::prelude::*;

use crate::bad::BAD;
use crate::plain::Plain;

#[test]
fn every_property_alone_catches_a_bad_policy() {
    let rows = BAD.par_iter().map(|bad| {
        // What is excepted is not made smaller, which takes most of the time.
        let begun = check(|| bad.make());
        let all = Property::ALL.into_iter();
        let report = all
            .fold(begun, |check, it| check.except(it, "bad on purpose"))
            .run();
        (bad, report.broken().collect::<BTreeSet<_>>())
    });
    let rows: Vec<_> = rows.collect();
    for (bad, broken) in &rows {
        let marks = Property::ALL.map(|it| if broken.contains(&it) { "x" } else { "." });
        eprintln!("{:25} {}", bad.name, marks.join(" "));
    }
    for (bad, broken) in &rows {
        assert!(
            broken.contains(&bad.caught_by),
            "{} passes {}",
            bad.name,
            bad.caught_by
        );
    }
    for property in Property::ALL {
        let caught = rows.iter().any(|(bad, _)| bad.caught_by == property);
        assert!(caught, "{property} is there to catch nothing");
    }
}

#[test]
fn the_plain_policy_that_they_are_spoilt_from_passes() {
    check(|| Box::new(Plain::default())).assert();
}
