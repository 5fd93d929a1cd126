//! What `ebbtide-conformance` finds is a scenario that the command checks, runs and fails.

use ebbtide_conformance::{Property, check};
use ebbtide_policies::threshold::Threshold;

use crate::command::ebbtide_in;

#[test]
fn a_counterexample_passes_check_and_fails_simulate() {
    let dir = tempfile::tempdir().expect("a folder");
    let report = check(|| Box::new(Threshold::default()))
        .only(&[Property::Bottleneck])
        .run();
    let paths = report
        .write(dir.path())
        .expect("the folder can be written to");
    assert_eq!(paths.len(), 1, "{report}");
    let checked = ebbtide_in(dir.path(), &["check", "bottleneck.ron"]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let run = ebbtide_in(dir.path(), &["simulate", "bottleneck.ron"]);
    assert_eq!(run.code, 20, "{}{}", run.stdout, run.stderr);
    // Another policy holds there what this one breaks.
    let args = ["simulate", "bottleneck.ron", "--policy", "fixed"];
    let run = ebbtide_in(dir.path(), &args);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}
