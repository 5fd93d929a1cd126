//! `cargo xtask ci`: all that must hold before a change lands, cheapest first.
//!
//! Three builds and no more: a check build that clippy and rustdoc share, a dev build for the
//! tests, a release build for everything that simulates at length.

use std::path::Path;

use crate::shell::{self, Done, Steps};
use crate::{bench, docs, testing, tidy, tools};

/// Exact results of queueing theory, beside the workspace; not every machine has them.
const THEORY: &str = "reference/queueing.csv";

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
    steps.step("msrv", || msrv(root))?;
    steps.step("clippy", || clippy(root))?;
    steps.step("rustdoc", || rustdoc(root))?;
    steps.step("test", || testing::run(root))?;
    steps.step("release build", || release_build(root))?;
    steps.step("docs", || docs::check(root))?;
    steps.step("theory", || theory(root))?;
    steps.step("instructions", || bench::instructions(root))
}

/// The command and the benches at once: what they share is built once.
pub(crate) fn release_build(root: &Path) -> Done {
    shell::run(shell::cargo(root).args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "ebbtide-cli",
        "--package",
        "ebbtide-benches",
    ]))
}

/// The simulator against exact results, in release: minutes instead of an hour.
fn theory(root: &Path) -> Done {
    let shared = std::env::var_os("EBBTIDE_SHARED")
        .map_or_else(|| root.join("../shared"), std::path::PathBuf::from);
    let cases = shared.join(THEORY);
    if !cases.is_file() {
        shell::skip_loudly("theory", &format!("{} is not there", cases.display()));
        return Ok(());
    }
    let ebbtide = tools::release_binary(root, "ebbtide")?;
    shell::run(
        shell::program(root, &ebbtide.to_string_lossy())
            .arg("validate")
            .arg(cases),
    )
}

/// The oldest Rust we promise is the one that builds here; a newer one checks with it besides.
fn msrv(root: &Path) -> Done {
    let promised = tools::metadata(root)?["packages"][0]["rust_version"]
        .as_str()
        .map(str::to_owned)
        .ok_or("Cargo.toml promises no rust-version")?;
    let running = shell::read(shell::program(root, "rustc").arg("--version"))?;
    if running.starts_with(&format!("rustc {promised}.")) {
        eprintln!("all further steps build with the promised Rust {promised}");
        return Ok(());
    }
    let mut check = shell::program(root, "rustup");
    check.args(["run", &promised, "cargo"]);
    if !shell::succeeds(shell::program(root, "rustup").args(["run", &promised, "cargo", "-V"])) {
        shell::skip_loudly(
            "msrv",
            &format!("Rust {promised} is not installed: rustup toolchain install {promised}"),
        );
        return Ok(());
    }
    shell::run(check.args(["check", "--workspace", "--locked", "--quiet"]))
}

fn clippy(root: &Path) -> Done {
    shell::run(shell::cargo(root).args([
        "clippy",
        "--workspace",
        "--all-features",
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
            .args(["doc", "--workspace", "--all-features"])
            .args(["--no-deps", "--locked", "--quiet"])
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
