//! `cargo xtask tidy`: rules of the house that neither rustc nor clippy checks.
//!
//! A rule is a function from what it judges (text, a list of packages) to faults, so that its
//! tests show it bite without a file. Reading the tree happens here alone.

mod arrows;
mod files;
mod purity;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;

use crate::shell::{self, Done};
use crate::tools;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// A path from the workspace root, with a line if there is one.
    place: String,
    /// What is wrong, and what to do.
    what: String,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

/// The text files of the tree, by path from the workspace root with `/` between folders.
type Tree = BTreeMap<String, String>;

/// Checks everything; prints each fault, and fails when there is one.
pub(crate) fn run(root: &Path) -> Done {
    let tree = read_tree(root)?;
    let mut faults = arrows::check(&tools::metadata(root)?)?;
    faults.extend(files::check(&tree));
    faults.extend(purity::check(&tree));
    faults.extend(settings::check(&tree));
    if faults.is_empty() {
        return Ok(());
    }
    for fault in &faults {
        eprintln!("{}: {}", fault.place, fault.what);
    }
    Err(format!("tidy found {} faults", faults.len()))
}

/// What git tracks or would track; files that are not UTF-8 (pictures) are left out.
fn read_tree(root: &Path) -> Done<Tree> {
    let listed = shell::read(shell::program(root, "git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(|path| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            Some((path.to_owned(), text))
        })
        .collect())
}

/// The part of a Rust file before its unit tests.
fn without_tests(text: &str) -> &str {
    let tests = text.find("\n#[cfg(test)]\nmod ");
    &text[..tests.map_or(text.len(), |at| at + 1)]
}
