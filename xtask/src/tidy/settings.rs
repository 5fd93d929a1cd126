//! Lists that must agree with the tree: the pure rooms' clippy settings with each other and with
//! the root's, shipped scenarios with what is built in and what the README names.

use super::{Fault, Tree};

/// Rooms whose `clippy.toml` hides the root's.
const PURE: &[&str] = &["policies", "core", "measure", "sim"];
/// Calls that their settings must ban.
const BANNED_CALLS: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
    "std::collections::HashMap::iter",
    "std::collections::HashSet::iter",
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = check_clippy(tree);
    faults.extend(check_scenarios(tree));
    faults
}

/// Clippy reads the nearest file and merges nothing, so each copy holds all settings.
fn check_clippy(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let shared = tree.get("clippy.toml").map_or("", String::as_str);
    let first = tree.get(&format!("{}/clippy.toml", PURE[0]));
    for room in PURE {
        let path = format!("{room}/clippy.toml");
        let Some(text) = tree.get(&path) else {
            faults.push(Fault::new(
                path,
                "is missing: this room must ban clocks and sleeping",
            ));
            continue;
        };
        if Some(text) != first {
            faults.push(Fault::new(
                &path,
                format!("differs from {}/clippy.toml", PURE[0]),
            ));
        }
        for setting in shared.lines().filter(|line| line.contains(" = ")) {
            if !text.contains(setting) {
                faults.push(Fault::new(
                    &path,
                    format!("lacks the shared setting `{setting}`"),
                ));
            }
        }
        for call in BANNED_CALLS
            .iter()
            .filter(|call| !text.contains(&format!("\"{call}\"")))
        {
            faults.push(Fault::new(&path, format!("does not ban `{call}`")));
        }
    }
    faults
}

/// The list of built-in scenarios.
const BUILT_IN: &str = "sim/src/shipped.rs";
/// The list of those that policies are ranked on.
const SUITE: &str = "sim/src/arena/suite.rs";

/// A scenario that is shipped is built into the command, and named in the README unless it is of the arena's suite.
fn check_scenarios(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let readme = tree.get("README.md").map_or("", String::as_str);
    for path in tree.keys() {
        let Some(name) = path
            .strip_prefix("scenarios/")
            .and_then(|file| file.strip_suffix(".ron"))
        else {
            continue;
        };
        let of_suite = name.strip_prefix("arena/");
        let name = of_suite.map_or(name, |it| it.rsplit('/').next().unwrap_or(it));
        let built_in = tree
            .get(if of_suite.is_some() { SUITE } else { BUILT_IN })
            .is_some_and(|text| text.contains(&format!("\"{name}\"")));
        if !built_in {
            faults.push(Fault::new(path, "is not built into the command"));
        }
        if of_suite.is_none() && !readme.contains(&format!("`{name}`")) {
            faults.push(Fault::new(path, "is not named in README.md"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect()
    }

    /// A tree in order, in which `path` then reads `text`.
    fn with(path: &str, text: &str) -> Tree {
        let bans: String = BANNED_CALLS
            .iter()
            .map(|call| format!("\"{call}\"\n"))
            .collect();
        let pure = format!("a = 1\n{bans}");
        let mut tree = tree(&[
            ("clippy.toml", "# Words.\na = 1\n"),
            ("scenarios/calm.ron", "()"),
            ("scenarios/arena/tuned/storm.ron", "()"),
            (BUILT_IN, "shipped![\"calm\"]"),
            (SUITE, "shipped![\"storm\"]"),
            ("README.md", "| `calm` |"),
        ]);
        for room in PURE {
            tree.insert(format!("{room}/clippy.toml"), pure.clone());
        }
        tree.insert(path.to_owned(), text.to_owned());
        tree
    }

    #[track_caller]
    fn check_words(tree: &Tree, expected: &str) {
        let faults = check(tree);
        assert!(
            faults.iter().any(|fault| fault.what.contains(expected)),
            "{faults:?}"
        );
    }

    #[test]
    fn a_tree_in_order_has_no_fault() {
        assert_eq!(check(&with("README.md", "`calm`")), []);
    }

    #[test]
    fn a_pure_room_repeats_the_shared_settings_and_bans_clocks() {
        check_words(
            &with("clippy.toml", "b = 2\n"),
            "lacks the shared setting `b = 2`",
        );
        check_words(&with("sim/clippy.toml", "a = 1\n"), "does not ban");
        check_words(&with("core/clippy.toml", "a = 1\nc = 3\n"), "differs from");
        let mut without = with("README.md", "`calm`");
        without.remove("measure/clippy.toml");
        check_words(&without, "is missing");
    }

    #[test]
    fn a_scenario_is_built_in_and_named() {
        check_words(&with(BUILT_IN, ""), "not built into");
        check_words(&with(SUITE, "shipped![\"calm\"]"), "not built into");
        check_words(&with("README.md", ""), "not named in README");
    }
}
