//! Runs the built command and gives back what it printed and how it ended.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

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

/// Presses Ctrl-C in a command that was started, and waits for its end.
#[cfg(unix)]
#[track_caller]
pub(crate) fn interrupt(child: Child) -> Run {
    let signal = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(signal.expect("the system has kill").success());
    let output = child.wait_with_output().expect("the command ends");
    Run::from(output)
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

/// A directory that is gone when the test is over.
pub(crate) struct Room(tempfile::TempDir);

impl Room {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("the system has room for a directory"))
    }

    /// One that holds `small.ron`, the scenario most tests run.
    pub(crate) fn with_small_scenario() -> Self {
        let room = Self::new();
        room.write("small.ron", SMALL);
        room
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).expect("the directory is ours");
    }

    /// Reads a file.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Starts the command here, its output in pipes.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, args: &[S]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_ebbtide"))
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo built the command")
    }

    /// Runs the command here.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        ebbtide_in(self.path(), args)
    }
}

/// Some 10,000 messages through one agent at half of its pool's capacity: a moment's work.
pub(crate) const SMALL: &str = r#"(
    run: (length: "50s", replications: 4, seed: 7),
    traffic: [
        (
            arrivals: Poisson("50/s"),
            classes: [(name: "ask", to: Agent("echo"))],
        ),
    ],
    agents: [(name: "echo", call: Exponential("20ms"))],
    broker: (num_workers: 2, delivery_parallelism: 1, max_queue_size: 1000),
    policies: ["fixed"],
    expect: ["p95(sojourn) < 500ms"],
)
"#;
