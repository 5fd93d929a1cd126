//! Settings from outside: whatever is asked for is refused in words, or runs.

use ebbtide_policies::objective::{Measure, Objective};
use ebbtide_policies::registry::{BATCH_RULES, POLICIES, build};
use ebbtide_policies::units::Duration;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use crate::toy::{Toy, ToyAgent};

/// What no setting has as its name.
const NOBODY: &str = "qqqqqqqqqqqq";

/// Values at the ends of what can be written, of every type, and a few in between.
const VALUES: [&str; 26] = [
    "0",
    "1",
    "-1",
    "2",
    "50",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "0.0",
    "1e-300",
    "0.5",
    "1.0",
    "-0.5",
    "1e6",
    "1e308",
    "inf",
    "-inf",
    "NaN",
    "\"0s\"",
    "\"1ns\"",
    "\"1ms\"",
    "\"30s\"",
    "\"24h\"",
    "\"500000h\"",
    "true",
    "\"\"",
];

/// The names of what can be set, as whoever asks for something else is told.
fn settings_of(text: &str) -> Vec<String> {
    let asked = text.replace("{}", &format!("{NOBODY}: 1"));
    let Err(error) = build(&asked) else {
        panic!("{asked} was built")
    };
    let told = error.to_string();
    let Some((_, names)) = told.split_once("allowed are ") else {
        return Vec::new();
    };
    names.split(", ").map(str::to_owned).collect()
}

/// Half a minute of traffic, too much of it and none, to an agent of each kind.
fn toy() -> Toy {
    let agent = |is_batch| ToyAgent {
        is_batch,
        per_call_s: 0.05,
        per_message_s: 0.002,
        sigma: 0.5,
        knee: Some(20.0),
    };
    Toy {
        agents: vec![agent(false), agent(true)],
        phases: vec![(20.0, 10.0), (150.0, 10.0), (1e-3, 10.0)],
        objective: Some(Objective {
            measure: Measure::Sojourn,
            quantile: 0.95,
            limit: Duration::from_millis(500),
        }),
        start_s: 1.0,
        workers: 3,
        seed: 7,
    }
}

/// Draws settings of what `text` names, with braces where they go.
fn check(text: &str, cases: u32) -> u32 {
    let names = settings_of(text);
    if names.is_empty() {
        return 0;
    }
    let setting = (select(names), select(VALUES.to_vec()));
    let settings = prop::collection::vec(setting, 1..=3);
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    };
    let mut built = 0;
    let drawn = |mut settings: Vec<(String, &str)>| {
        settings.sort();
        settings.dedup_by(|one, other| one.0 == other.0);
        let inner: Vec<String> = settings.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let asked = text.replace("{}", &inner.join(", "));
        match build(&asked) {
            Ok(mut policy) => {
                toy().run(policy.as_mut());
                built += 1;
            }
            Err(error) => {
                let told = error.to_string();
                let is_named = settings
                    .iter()
                    .any(|(name, _)| told.contains(name.as_str()));
                prop_assert!(is_named, "{asked}: {told}");
            }
        }
        Ok(())
    };
    let drawn = std::cell::RefCell::new(drawn);
    TestRunner::new(config)
        .run(&settings, |settings| (drawn.borrow_mut())(settings))
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    built
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name_or_run_without_a_panic() {
    let mut built = 0;
    for entry in POLICIES {
        built += check(&format!("{}({{}})", entry.name), 60);
    }
    for rule in BATCH_RULES {
        built += check(&format!("simple+{}({{}})", rule.name), 60);
    }
    assert!(built > 100, "only {built} were built");
}

#[test]
fn what_is_out_of_range_is_told_with_its_range() {
    for (text, told) in [
        (
            "failsafe(max_window: \"500h\")",
            "max_window is 500h, allowed are 0s to 1h",
        ),
        (
            "threshold(growth_workers: 4294967295)",
            "growth_workers is 4294967295, allowed are 0 to 1000000",
        ),
        (
            "gradient2(window_samples: 0)",
            "window_samples is 0, allowed are 1 to 100000",
        ),
        (
            "chiron(deadline: \"0s\")",
            "deadline is 0s, allowed are 1ms to 1d",
        ),
        ("celery(min: 5, max: 3)", "min is 5, allowed are 0 to 3"),
        (
            "simple+batch(timeout: \"500h\")",
            "timeout is 500h, allowed are 0s to 1d",
        ),
    ] {
        let error = build(text).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("{text} was built"));
        assert!(error.contains(told), "{text}: {error}");
    }
}
