//! The suite is what it should be: every file built in, every scenario sound, long enough and not too long.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ebbtide_sim::Scenario;
use ebbtide_sim::arena::suite::{self, Half};

use crate::{plan, root};

#[test]
fn every_file_is_built_in() {
    for half in [Half::Tuned, Half::Untuned] {
        let folder = root().join("scenarios/arena").join(half.to_string());
        let files = std::fs::read_dir(folder).expect("it is part of the workspace");
        let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        let files: BTreeSet<String> = files
            .filter_map(|entry| stem(entry.expect("it can be read").path()))
            .collect();
        let built_in = suite::all().filter(|(its, _)| *its == half);
        let built_in: BTreeSet<String> = built_in.map(|(_, it)| it.name.to_owned()).collect();
        assert_eq!(files, built_in);
    }
}

#[test]
fn no_two_scenarios_share_a_name() {
    let names: Vec<&str> = ebbtide_sim::shipped::names().collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), distinct.len());
}

#[test]
fn each_says_what_a_perfect_controller_does_and_has_an_objective() {
    for (_, shipped) in suite::all() {
        assert!(
            shipped.text.starts_with("// A perfect controller "),
            "{}",
            shipped.name
        );
        let scenario = Scenario::from_ron(shipped.text).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            !scenario.note.is_empty() && scenario.policies.is_empty(),
            "{}",
            shipped.name
        );
        assert!(scenario.broker.objective.is_some(), "{}", shipped.name);
    }
}

#[test]
fn runs_are_long_enough_and_have_messages_enough() {
    let mut counts = Vec::new();
    for (_, shipped) in suite::all() {
        let Some(plan) = plan(shipped) else { continue };
        assert!(plan.run.length.as_secs_f64() >= 900.0, "{}", shipped.name);
        let expected = plan.loads().iter().map(|load| load.messages).sum::<f64>();
        println!("{} {expected:.0}", shipped.name);
        assert!(expected < 200_000.0, "{}: {expected}", shipped.name);
        counts.push(expected);
    }
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    println!("{} scenarios, {mean:.0} messages on average", counts.len());
    assert!((10_000.0..40_000.0).contains(&mean), "{mean}");
}
