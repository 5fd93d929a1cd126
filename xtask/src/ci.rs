//! `cargo xtask ci`: all that must hold before a change lands, cheapest first.
//!
//! Three builds and no more: a check build that clippy and rustdoc share, a dev build for the
//! tests, a release build for everything that simulates at length.

use std::path::Path;

use crate::shell::{self, Done, Steps};
use crate::{testing, tidy, tools};

/// Runs every step; stops at the first that fails.
pub(crate) fn run(root: &Path) -> Done {
    let mut steps = Steps::default();
    let done = all(root, &mut steps);
    eprintln!("\n{}", steps.summary());
    done
}

fn all(root: &Path, steps: &mut Steps) -> Done {
    steps.step("fmt", || {
        shell::run(shell::cargo(root).args(["fmt", "--all", "--check"]))
    })?;
    steps.step("tidy", || tidy::run(root))?;
    steps.step("deny", || deny(root))?;
    steps.step("advisories", || advisories(root))?;
    steps.step("clippy", || clippy(root))?;
    steps.step("rustdoc", || rustdoc(root))?;
    steps.step("test", || testing::run(root))
}

fn clippy(root: &Path) -> Done {
    shell::run(shell::cargo(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn rustdoc(root: &Path) -> Done {
    shell::run(
        shell::cargo(root)
            .args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

fn deny(root: &Path) -> Done {
    let deny = tools::cargo_deny(root)?;
    shell::run(shell::program(root, &deny.to_string_lossy()).args([
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))
}

/// Known vulnerabilities; the database lives in a git repository that not every machine reaches.
fn advisories(root: &Path) -> Done {
    let deny = tools::cargo_deny(root)?;
    let deny = deny.to_string_lossy();
    if !shell::succeeds(shell::program(root, &deny).args(["fetch", "db"])) {
        shell::skip_loudly("advisories", "their database cannot be had from here");
        return Ok(());
    }
    shell::run(shell::program(root, &deny).args(["check", "--disable-fetch", "advisories"]))
}
