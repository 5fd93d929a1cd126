//! The shipped scenarios: all built in, each passes as it is and fails under the switch that
//! it names.

use std::path::Path;

use ebbtide_sim::files::Files;
use ebbtide_sim::shipped::SHIPPED;
use ebbtide_sim::{Plan, Scenario};

use crate::command::{Room, ebbtide};

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<String> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut built_in: Vec<&str> = SHIPPED.iter().map(|shipped| shipped.name).collect();
    files.sort();
    built_in.sort_unstable();
    assert_eq!(files, built_in);
}

#[test]
fn every_example_in_the_docs_is_a_scenario() {
    let page = include_str!("../../../docs/scenario.md");
    let blocks: Vec<&str> = page
        .split("```ron\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    assert_eq!(blocks.len(), page.matches("```ron").count());
    assert!(blocks.len() > 1);
    for block in blocks {
        let plan = Plan::new(block, Files::default());
        assert!(plan.is_ok(), "{:?}\n{block}", plan.err());
    }
}

#[test]
fn the_list_names_each_and_show_prints_it_whole() {
    let list = ebbtide(&["scenario", "list"]);
    assert_eq!(list.code, 0);
    for shipped in SHIPPED {
        assert!(list.stdout.contains(shipped.name), "{}", list.stdout);
        let show = ebbtide(&["scenario", "show", shipped.name]);
        assert_eq!(show.stdout, shipped.text);
    }
}

#[test]
fn each_says_what_to_look_for() {
    for shipped in SHIPPED {
        assert!(
            shipped.text.starts_with("//"),
            "{} has no comment",
            shipped.name
        );
        let scenario = Scenario::from_ron(shipped.text).expect("a shipped scenario reads");
        assert!(!scenario.note.is_empty(), "{} has no note", shipped.name);
    }
}

#[test]
fn each_passes_as_it_is_and_fails_under_its_switch() {
    let room = Room::new();
    for shipped in SHIPPED {
        let scenario = Scenario::from_ron(shipped.text).expect("a shipped scenario reads");
        assert!(
            !scenario.expect.is_empty(),
            "{} expects nothing",
            shipped.name
        );
        let simulate = ["simulate", shipped.name, "--replications", "3"];
        let first = scenario.policies.first().unwrap_or(&scenario.broker.policy);
        let passes = room.run(&[&simulate[..], &["--policy", first]].concat());
        assert_eq!(
            passes.code, 0,
            "{}: {}{}",
            shipped.name, passes.stdout, passes.stderr
        );
        let switch: Vec<&str> = scenario.fails_with.split_whitespace().collect();
        assert!(!switch.is_empty(), "{} names no switch", shipped.name);
        let fails = room.run(&[&simulate[..], &switch].concat());
        assert_eq!(
            fails.code, 20,
            "{}: {}{}",
            shipped.name, fails.stdout, fails.stderr
        );
    }
}
