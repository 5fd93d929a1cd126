//! Words that pure rooms never name: runtimes, clocks, files, sockets, sleeping, generators whose
//! stream may change. Clippy bans the calls; this bans the names, so that no type slips in.
//!
//! Comments and tests are free: a test may read a data file. Strings are not told apart.

use super::{Fault, Tree, without_tests};

const PURE: &[&str] = &["policies/src/", "core/src/", "measure/src/", "sim/src/"];

const BANNED: &[&str] = &[
    "tokio",
    "Instant",
    "SystemTime",
    "std::fs",
    "std::net",
    "thread::sleep",
    "StdRng",
];

/// What `use std::{…}` may not list.
const BANNED_MODULES: &[&str] = &["fs", "net"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    tree.iter()
        .filter(|(path, _)| path.ends_with(".rs") && !path.ends_with("/tests.rs"))
        .filter(|(path, _)| PURE.iter().any(|room| path.starts_with(room)))
        .flat_map(|(path, text)| check_file(path, text))
        .collect()
}

fn check_file(path: &str, text: &str) -> Vec<Fault> {
    let code: Vec<&str> = without_tests(text).lines().map(without_comment).collect();
    let mut faults = Vec::new();
    for (index, line) in code.iter().enumerate() {
        for word in BANNED.iter().filter(|word| names(line, word)) {
            faults.push(Fault::new(
                format!("{path}:{}", index + 1),
                format!("names `{word}`, which a pure room never does; take it as an argument"),
            ));
        }
    }
    let joined: String = code.concat().split_whitespace().collect();
    for list in joined.split("std::{").skip(1) {
        let list = list.split(';').next().unwrap_or_default();
        for module in BANNED_MODULES.iter().filter(|word| names(list, word)) {
            faults.push(Fault::new(
                path,
                format!("imports `std::{module}`, which a pure room never does"),
            ));
        }
    }
    faults
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Whether `word` stands in `line` as a whole word.
fn names(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(path: &str, text: &str, expected: usize) {
        let tree = Tree::from([(path.to_owned(), text.to_owned())]);
        let faults = check(&tree);
        assert_eq!(faults.len(), expected, "{faults:?}");
    }

    #[test]
    fn each_banned_word_is_found_in_each_pure_room() {
        for room in PURE {
            for word in BANNED {
                check_one(
                    &format!("{room}a.rs"),
                    &format!("let x = {word}::y();\n"),
                    1,
                );
            }
        }
    }

    #[test]
    fn a_grouped_import_does_not_hide_a_file() {
        check_one("core/src/a.rs", "use std::{\n    cmp, fs,\n};\n", 1);
        check_one("core/src/a.rs", "use std::{cmp, fmt};\nuse x::fs;\n", 0);
    }

    #[test]
    fn comments_tests_longer_words_and_other_rooms_are_free() {
        check_one("sim/src/a.rs", "//! as tokio's timer wheel does\n", 0);
        check_one(
            "sim/src/a.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests {\n use std::fs;\n}\n",
            0,
        );
        check_one("sim/src/x/tests.rs", "use std::fs;\n", 0);
        check_one("sim/src/a.rs", "struct Instantaneous;\n", 0);
        check_one("cli/src/a.rs", "use std::fs;\n", 0);
    }

    #[test]
    fn the_fault_names_its_line() {
        let tree = Tree::from([("core/src/a.rs".to_owned(), "\nuse std::net;\n".to_owned())]);
        assert_eq!(check(&tree)[0].place, "core/src/a.rs:2");
    }
}
