//! Runs the built command and gives back what it printed and how it ended.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a run of the command left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// Its exit code.
    pub(crate) code: i32,
}

/// Runs `ebbtide` with `args` in `directory`, in pipes and outside CI.
#[track_caller]
pub(crate) fn ebbtide_in<S: AsRef<OsStr>>(directory: &Path, args: &[S]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_ebbtide"))
        .args(args)
        .current_dir(directory)
        .env_remove("CI")
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("cargo built the command");
    let run = Run::from(output);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert!(!run.stderr.contains("internal error: "), "{}", run.stderr);
    run
}

/// Runs `ebbtide` with `args` in the folder of this crate.
#[track_caller]
pub(crate) fn ebbtide<S: AsRef<OsStr>>(args: &[S]) -> Run {
    ebbtide_in(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the command prints UTF-8");
        Self {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code().expect("the command was not killed"),
        }
    }
}
