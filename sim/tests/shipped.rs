//! Every shipped scenario holds what it expects, and fails where it says that it does.
//!
//! Apart from the unit tests because whole experiments run here. With three replications of
//! the first policy: enough for a verdict, a fraction of the time.

use ebbtide_measure::ThresholdVerdict;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::shipped::SHIPPED;
use ebbtide_sim::{Experiment, Monitor, Plan, Scenario, Sinks};

/// The verdicts on a scenario's thresholds.
fn verdicts(name: &str, text: &str) -> Vec<(String, ThresholdVerdict)> {
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    let told = experiment.thresholds.into_iter().map(|threshold| {
        let value = threshold.value.mean;
        (
            format!("{} ({value:?})", threshold.expect),
            threshold.verdict,
        )
    });
    told.collect()
}

#[track_caller]
fn with(text: &str, path: &str, value: &str) -> String {
    set(text, path, value).unwrap_or_else(|error| panic!("{error}"))
}

/// `text` with the arguments of `ebbtide simulate` applied that `fails_with` holds.
fn with_arguments(text: &str, arguments: &str) -> String {
    let mut words = arguments.split_whitespace();
    let mut text = text.to_owned();
    while let Some(flag) = words.next() {
        let value = words.next().expect("a flag has a value");
        text = match flag {
            "--policy" => with(&text, "policies", &format!("[{value:?}]")),
            "--set" => {
                let (path, value) = value.split_once('=').expect("PATH=VALUE");
                with(&text, path, value)
            }
            other => panic!("{other} is no flag that this test knows"),
        };
    }
    text
}

#[test]
fn shipped_scenarios_hold_what_they_expect_and_fail_where_they_say() {
    for shipped in SHIPPED {
        let name = shipped.name;
        assert!(
            shipped.text.starts_with("// "),
            "{name} does not say what to look for"
        );
        let scenario =
            Scenario::from_ron(shipped.text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            !scenario.fails_with.is_empty(),
            "{name} does not say where it fails"
        );
        let text = with(shipped.text, "run.replications", "3");
        let first = scenario.policies.first().expect("each names its policies");
        let alone = with(&text, "policies", &format!("[{first:?}]"));
        let passes = verdicts(name, &alone);
        assert!(!passes.is_empty(), "{name} expects nothing");
        let all = passes
            .iter()
            .all(|(_, verdict)| *verdict == ThresholdVerdict::Pass);
        assert!(all, "{name}: {passes:#?}");
        let fails = verdicts(name, &with_arguments(&alone, &scenario.fails_with));
        let one = fails
            .iter()
            .any(|(_, verdict)| *verdict == ThresholdVerdict::Fail);
        assert!(one, "{name} {}: {fails:#?}", scenario.fails_with);
    }
}

#[test]
fn no_scenario_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
    let entries = std::fs::read_dir(folder).expect("the folder is part of the workspace");
    for entry in entries {
        let path = entry.expect("it can be read").path();
        if path.extension().is_none_or(|extension| extension != "ron") {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str());
        let built_in = SHIPPED.iter().any(|shipped| Some(shipped.name) == name);
        assert!(built_in, "{} is not in shipped.rs", path.display());
    }
}

/// The batch size means nothing to an ordinary agent.
#[test]
fn seed_3_gives_the_same_hash_at_any_batch_size() {
    let seed_3 = ebbtide_sim::shipped::find("seed-3").expect("it is shipped");
    let hash = |size: &str| {
        let text = with(seed_3.text, "broker.batch_size", size);
        let plan = Plan::new(&text, Files::default()).expect("valid");
        let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
        experiment.policies[0].result_hash.clone()
    };
    assert_eq!(hash("1"), hash("50"));
}
