//! Running other programs from the workspace root, and steps that print their name and time.
//!
//! Apart, so that a chore reads as a list of commands. Knows nothing of what it runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a chore returns; the text says what failed and what to do about it.
pub(crate) type Done<T = ()> = Result<T, String>;

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> Done<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| "xtask lies in no workspace".to_owned())
}

/// The cargo that runs us, so that a toolchain chosen by `cargo +x` stays chosen.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// A program other than cargo, run from the workspace root.
pub(crate) fn program(root: &Path, name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root);
    command
}

/// Runs it with our own output; an error unless it ends with success.
pub(crate) fn run(command: &mut Command) -> Done {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|why| format!("{}: {why}", describe(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", describe(command)))
    }
}

/// Runs it and hands back what it wrote to stdout.
pub(crate) fn read(command: &mut Command) -> Done<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("{}: {why}", describe(command)))?;
    if !output.status.success() {
        return Err(format!(
            "{} ended with {}",
            describe(command),
            output.status
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} wrote no UTF-8", describe(command)))
}

/// Whether it can be run and ends with success; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The program's path, if a folder of `PATH` holds it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Steps that ran, with how long each took.
#[derive(Default)]
pub(crate) struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// Runs one step, between lines that name and time it.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Done) -> Done {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let done = work();
        let took = start.elapsed();
        let verdict = if done.is_ok() { "done" } else { "FAILED" };
        eprintln!("=== {name}: {verdict} in {:.1} s", took.as_secs_f64());
        self.taken.push((name, took));
        done.map_err(|why| format!("step {name}: {why}"))
    }

    /// The times of all steps, as a table.
    pub(crate) fn summary(&self) -> String {
        let total: Duration = self.taken.iter().map(|(_, took)| *took).sum();
        self.taken
            .iter()
            .map(|(name, took)| (*name, took))
            .chain([("total", &total)])
            .map(|(name, took)| format!("{name:<14} {:>7.1} s\n", took.as_secs_f64()))
            .collect()
    }
}

/// A step that could not run says so where nobody overlooks it.
pub(crate) fn skip_loudly(what: &str, why: &str) {
    eprintln!("!!! SKIPPED: {what}: {why}");
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
