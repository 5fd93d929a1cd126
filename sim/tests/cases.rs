//! Whole files of theory cases: each row becomes a scenario that is valid, and reads back as it
//! was written.

use ebbtide_sim::files::Files;
use ebbtide_sim::theory::cases;
use ebbtide_sim::{Plan, Scenario};

/// Checks every case of a file, of which there are more than `at_least`.
#[track_caller]
fn check(csv: &[u8], at_least: usize) {
    let cases = cases(csv).unwrap_or_else(|error| panic!("{error}"));
    assert!(cases.len() > at_least, "{} cases", cases.len());
    for case in cases {
        let scenario = case
            .scenario
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let text = scenario.to_ron();
        Plan::new(&text, Files::default())
            .unwrap_or_else(|error| panic!("{}: {error}\n{text}", case.name));
        let again = Scenario::from_ron(&text);
        assert_eq!(again.as_ref(), Ok(&scenario), "{}", case.name);
        for row in case.rows {
            assert_eq!(row.selector.as_ref().err(), None, "{}", case.name);
        }
    }
}

#[test]
fn every_row_of_the_shipped_cases_can_be_expressed() {
    check(include_bytes!("../../scenarios/queueing.csv"), 4);
}

#[test]
fn every_row_of_the_reference_can_be_expressed() {
    let shared = std::env::var("EBBTIDE_SHARED").unwrap_or_else(|_| "../../shared".to_owned());
    let Ok(csv) = std::fs::read(format!("{shared}/reference/queueing.csv")) else {
        eprintln!("skipped: {shared}/reference/queueing.csv is not there");
        return;
    };
    check(&csv, 40);
}
