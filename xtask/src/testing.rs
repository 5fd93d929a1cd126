//! `cargo xtask test`: the whole suite with one command on a fresh machine.

use std::path::Path;

use crate::shell::{self, Done};
use crate::tools;

/// Readies what the tests need, then runs documentation tests and all others.
pub(crate) fn run(root: &Path) -> Done {
    if let Err(missing) = tools::ensure_apt(root, "chromium", "chromium") {
        shell::skip_loudly("the test that opens a report in a browser", &missing);
    }
    // First, so that the closing lines of a run are those of the larger part.
    shell::run(shell::cargo(root).args(["test", "--workspace", "--doc", "--quiet"]))?;
    if shell::find("cargo-nextest").is_some() {
        shell::run(shell::cargo(root).args(["nextest", "run", "--workspace"]))
    } else {
        shell::run(shell::cargo(root).args(["test", "--workspace", "--all-targets"]))
    }
}
