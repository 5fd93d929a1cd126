//! Rules that hold file by file: heads, lengths, paths of somebody's machine.

use std::collections::BTreeMap;

use super::{Fault, Tree, without_tests};

/// Lines of a Rust file, its unit tests apart, beyond which a second noun hides in it.
const MOST_LINES: usize = 500;
/// Known exceptions, `path lines` each: they may shrink, not grow, and nothing may join them.
const LONG_FILES: &str = "xtask/long-files.txt";
/// What a newcomer reads in one sitting.
const MOST_LINES_OF_ARCHITECTURE: usize = 250;
/// Where people's machines keep things. Split, so that this file passes its own rule.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "tmp/"),
    concat!("/", "work/"),
    concat!("/", "Users/"),
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree {
        if path.ends_with(".rs") {
            faults.extend(check_head(path, text));
        }
        faults.extend(check_paths(path, text));
    }
    faults.extend(check_lengths(tree));
    faults
}

fn check_head(path: &str, text: &str) -> Option<Fault> {
    (!text.starts_with("//! ")).then(|| {
        Fault::new(
            format!("{path}:1"),
            "does not begin with `//! ` and what lives here, why apart, what is absent",
        )
    })
}

fn check_paths(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS.iter().filter(|folder| holds(line, folder)) {
            faults.push(Fault::new(
                format!("{path}:{}", index + 1),
                format!("names a path of one machine, under {folder}; make it relative"),
            ));
        }
    }
    faults
}

/// Whether a path in `line` starts with `folder`, rather than passing through one of that name.
fn holds(line: &str, folder: &str) -> bool {
    let inside_a_path = |c: char| c.is_alphanumeric() || "._-~}".contains(c);
    line.match_indices(folder)
        .any(|(at, _)| !line[..at].ends_with(inside_a_path))
}

fn check_lengths(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let known = tree
        .get(LONG_FILES)
        .map(|list| parse_known(list))
        .unwrap_or_default();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let lines = without_tests(text).lines().count();
        let most = known.get(path.as_str()).copied().unwrap_or(MOST_LINES);
        if lines > most {
            faults.push(Fault::new(path, format!(
                "has {lines} lines without its tests, allowed are {most}: look for the second noun"
            )));
        } else if most > MOST_LINES && lines < most {
            faults.push(Fault::new(LONG_FILES, format!(
                "{path} is down to {lines} lines: write that there, or take it off the list below {MOST_LINES}"
            )));
        }
    }
    for path in known.keys().filter(|path| !tree.contains_key(**path)) {
        faults.push(Fault::new(
            LONG_FILES,
            format!("{path} is gone: take it off the list"),
        ));
    }
    let architecture = tree
        .get("ARCHITECTURE.md")
        .map_or(0, |text| text.lines().count());
    if architecture > MOST_LINES_OF_ARCHITECTURE {
        faults.push(Fault::new(
            "ARCHITECTURE.md",
            format!("has {architecture} lines, allowed are {MOST_LINES_OF_ARCHITECTURE}"),
        ));
    }
    faults
}

fn parse_known(list: &str) -> BTreeMap<&str, usize> {
    list.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(path, lines)| Some((path, lines.trim().parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_tree(files: &[(&str, &str)], expected: &[&str]) {
        let tree = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        let places: Vec<String> = check(&tree).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, expected);
    }

    fn long(lines: usize) -> String {
        format!("//! Long.\n{}", "x\n".repeat(lines - 1))
    }

    #[test]
    fn a_rust_file_begins_with_what_lives_in_it() {
        check_tree(&[("a.rs", "//! Words.\n"), ("b.md", "Words.\n")], &[]);
        check_tree(&[("a.rs", "use x;\n")], &["a.rs:1"]);
    }

    #[test]
    fn a_path_of_one_machine_is_found_in_any_file() {
        for folder in MACHINE_FOLDERS {
            check_tree(
                &[("a.toml", &format!("\nx = \"{folder}me\"\n"))],
                &["a.toml:2"],
            );
        }
        for folder in MACHINE_FOLDERS {
            check_tree(&[("a.md", &format!("see example.org{folder}x\n"))], &[]);
        }
    }

    #[test]
    fn a_file_of_more_than_500_lines_is_a_fault_unless_listed() {
        check_tree(&[("a.rs", &long(500))], &[]);
        check_tree(&[("a.rs", &long(501))], &["a.rs"]);
        check_tree(&[("a.rs", &long(501)), (LONG_FILES, "a.rs 501\n")], &[]);
    }

    #[test]
    fn unit_tests_do_not_count_as_length() {
        let text = format!(
            "//! X.\n\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "x\n".repeat(600)
        );
        check_tree(&[("a.rs", &text)], &[]);
    }

    #[test]
    fn a_listed_file_may_shrink_but_never_grow() {
        check_tree(
            &[("a.rs", &long(602)), (LONG_FILES, "a.rs 601\n")],
            &["a.rs"],
        );
        check_tree(
            &[("a.rs", &long(550)), (LONG_FILES, "a.rs 601\n")],
            &[LONG_FILES],
        );
        check_tree(&[(LONG_FILES, "a.rs 601\n")], &[LONG_FILES]);
    }

    #[test]
    fn the_map_stays_short() {
        check_tree(&[("ARCHITECTURE.md", &long(251))], &["ARCHITECTURE.md"]);
    }
}
