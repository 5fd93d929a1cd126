//! Programs that the chores need and cargo does not build with the workspace: found, installed
//! where we may, named where we may not.
//!
//! Nothing is downloaded except through apt and cargo.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{self, Done};

/// Makes sure that a Debian package's program is there: as root with apt it is installed, else
/// the error says what to install.
pub(crate) fn ensure_apt(root: &Path, program: &str, package: &str) -> Done {
    if shell::find(program).is_some() {
        return Ok(());
    }
    let remedy =
        format!("`{program}` is missing; install it, on Debian: apt-get install {package}");
    if !may_apt(root) {
        return Err(remedy);
    }
    eprintln!("{program} is missing; installing the package {package}");
    let mut install = shell::program(root, "apt-get");
    install
        .args(["install", "--yes", "--no-install-recommends", package])
        .env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(shell::program(root, "apt-get").args(["update", "--quiet"]))
        .and_then(|()| shell::run(&mut install))
        .map_err(|why| format!("{remedy} ({why})"))
}

/// The path of `cargo-deny`, built into the target folder's `tools` if the machine has none.
pub(crate) fn cargo_deny(root: &Path) -> Done<PathBuf> {
    if let Some(path) = shell::find("cargo-deny") {
        return Ok(path);
    }
    let home = target_dir(root)?.join("tools");
    let path = home.join("bin").join("cargo-deny");
    if !path.is_file() {
        // Unoptimised: it builds in a third of the time and runs for two seconds.
        let mut install = shell::cargo(root);
        install
            .args(["install", "--locked", "--debug", "--quiet", "--root"])
            .arg(&home)
            .arg("cargo-deny");
        shell::run(&mut install)?;
    }
    Ok(path)
}

/// What cargo knows of the workspace's own packages.
pub(crate) fn metadata(root: &Path) -> Done<Value> {
    let mut command = shell::cargo(root);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    serde_json::from_str(&shell::read(&mut command)?)
        .map_err(|why| format!("cargo metadata: {why}"))
}

/// Where cargo puts what it builds here, `CARGO_TARGET_DIR` and configuration included.
pub(crate) fn target_dir(root: &Path) -> Done<PathBuf> {
    metadata(root)?["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target directory".to_owned())
}

/// A program of the workspace, as the last release build left it.
pub(crate) fn release_binary(root: &Path, name: &str) -> Done<PathBuf> {
    Ok(target_dir(root)?.join("release").join(name))
}

fn may_apt(root: &Path) -> bool {
    let root_user =
        shell::read(shell::program(root, "id").arg("-u")).is_ok_and(|user| user.trim() == "0");
    root_user && shell::find("apt-get").is_some()
}
