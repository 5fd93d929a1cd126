//! The directory that `simulate --out` writes and `explain` reads: its files, and when it may
//! be written.
//!
//! Apart from both commands, so that a file's name stands in one place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ebbtide_core::event::DecisionRecord;
use ebbtide_sim::observation_fault::View;
use serde::{Deserialize, Serialize};

use crate::error::{CliError, Fault};
use crate::writable;

/// Everything that a run leaves in its directory, so that an earlier run can be replaced
/// without touching anything else.
const ENTRIES: [&str; 6] = [
    "summary.json",
    "report.html",
    "scenario.ron",
    "figures",
    "series",
    "decisions",
];

/// Those of them that are there from the start, in order.
const FOLDERS: [&str; 3] = ["decisions", "figures", "series"];

/// Where an earlier run is kept until there is something to replace it with.
const EARLIER: &str = ".earlier";

/// A line of a decision log.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Logged<R = DecisionRecord> {
    /// The decision, and what was true when it was made.
    #[serde(flatten)]
    pub(crate) record: R,
    /// What the policy was shown in place of that, under the scenario's `observation_faults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<View>,
}

/// A run's directory.
#[derive(Clone, Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes `path` ready to take a run's files: creates it, or puts an earlier run aside, which
    /// [`keep`](Self::keep) takes away and [`discard`](Self::discard) puts back.
    ///
    /// # Errors
    /// It is a file, holds things that are no run of ours, or cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let dir = Self::open(path);
        if path.is_file() {
            return Err(refused(path, "is a file"));
        }
        if path.is_dir() {
            dir.put_back()?;
            if !dir.is_empty()? && !dir.is_run() && !dir.is_unfinished()? {
                return Err(refused(path, "holds files that are no earlier run"));
            }
            dir.put_aside()?;
        }
        for part in FOLDERS {
            let part = dir.path.join(part);
            fs::create_dir_all(&part).map_err(|error| CliError::unwritable(&part, &error))?;
        }
        Ok(dir)
    }

    /// The run in `path`, whatever it holds.
    pub(crate) fn open(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The results, as `--format json` prints them.
    pub(crate) fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// The report.
    pub(crate) fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The scenario as it was run.
    pub(crate) fn scenario(&self) -> PathBuf {
        self.path.join("scenario.ron")
    }

    /// A figure, without its extension.
    pub(crate) fn figure(&self, name: &str) -> PathBuf {
        self.path.join("figures").join(name)
    }

    /// Counts and levels over time.
    pub(crate) fn series(&self, policy: &str) -> PathBuf {
        self.named("series", policy, "csv")
    }

    /// Sojourns over time.
    pub(crate) fn sojourns(&self, policy: &str) -> PathBuf {
        self.named("series", policy, "sojourn.csv")
    }

    /// Control decisions, one JSON object a line.
    pub(crate) fn decisions(&self, policy: &str) -> PathBuf {
        self.named("decisions", policy, "jsonl")
    }

    fn named(&self, folder: &str, policy: &str, extension: &str) -> PathBuf {
        let name = file_name(policy);
        self.path.join(folder).join(format!("{name}.{extension}"))
    }

    /// Whether a run's results are in it.
    fn is_run(&self) -> bool {
        writable::is_ours(&self.summary(), &["schema", "scenario", "policies"])
    }

    fn is_empty(&self) -> Result<bool, CliError> {
        let mut entries =
            fs::read_dir(&self.path).map_err(|error| CliError::unreadable(&self.path, &error))?;
        Ok(entries.next().is_none())
    }

    /// Whether it is what a run leaves that was ended before it could save anything: its
    /// folders, and nothing but decisions in them.
    fn is_unfinished(&self) -> Result<bool, CliError> {
        let names = |path: &Path| -> Result<Vec<PathBuf>, CliError> {
            let unreadable = |error| CliError::unreadable(path, &error);
            let entries = fs::read_dir(path).map_err(unreadable)?;
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<io::Result<_>>().map_err(unreadable)
        };
        let mut folders = names(&self.path)?;
        folders.sort();
        if folders != FOLDERS.map(|folder| self.path.join(folder)) {
            return Ok(false);
        }
        let [decisions, others @ ..] = folders.as_slice() else {
            return Ok(false);
        };
        let log = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl");
        let mut empty = names(decisions)?.iter().all(log);
        for folder in others {
            empty = empty && names(folder)?.is_empty();
        }
        Ok(empty)
    }

    /// The run is saved: an earlier one is no more.
    pub(crate) fn keep(&self) {
        // What cannot be removed costs room and no more.
        let _ = fs::remove_dir_all(self.path.join(EARLIER));
    }

    /// Takes away what [`create`](Self::create) made, of a run that saved nothing; an earlier
    /// run is there again.
    pub(crate) fn discard(&self) {
        if !self.summary().exists() && self.clear().is_ok() && self.put_back().is_ok() {
            // Stays if it holds anything else.
            let _ = fs::remove_dir(&self.path);
        }
    }

    fn put_aside(&self) -> Result<(), CliError> {
        let earlier = self.path.join(EARLIER);
        fs::create_dir_all(&earlier).map_err(|error| CliError::unwritable(&earlier, &error))?;
        self.move_entries(&self.path, &earlier)
    }

    /// What was put aside is there again, in place of what a run left that was killed.
    fn put_back(&self) -> Result<(), CliError> {
        let earlier = self.path.join(EARLIER);
        if !earlier.is_dir() {
            return Ok(());
        }
        self.clear()?;
        self.move_entries(&earlier, &self.path)?;
        fs::remove_dir(&earlier).map_err(|error| CliError::unwritable(&earlier, &error))
    }

    fn move_entries(&self, from: &Path, to: &Path) -> Result<(), CliError> {
        for entry in ENTRIES {
            match fs::rename(from.join(entry), to.join(entry)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CliError::unwritable(&self.path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn clear(&self) -> Result<(), CliError> {
        for entry in ENTRIES {
            let path = self.path.join(entry);
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CliError::unwritable(&path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A policy's or scenario's name as a file's: `fixed(7)` becomes `fixed-7`.
pub(crate) fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || "_.-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(plain).collect();
    name.trim_matches(['-', '.']).to_owned()
}

fn refused(path: &Path, why: &str) -> CliError {
    let message = format!("--out {} {why}", path.display());
    CliError::bad_input(
        message,
        "name a new or an empty directory, or an earlier run",
    )
}

/// What to say of a directory that should hold a run and does not.
pub(crate) fn no_run(path: &Path) -> CliError {
    let fault = if path.exists() {
        Fault::new(format!("{} holds no run", path.display()))
    } else {
        Fault::new(format!("there is no directory {}", path.display()))
    };
    fault
        .with_help("name a directory written by `ebbtide simulate … --out DIR`")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &str = r#"{"schema": 1, "scenario": "s", "policies": []}"#;

    #[test]
    fn somebody_elses_summary_is_no_earlier_run() {
        let room = tempfile::tempdir().expect("a directory");
        let dir = RunDir::open(room.path());
        fs::write(dir.summary(), r#"{"total": {"lines": 7}}"#).expect("it may be written");
        assert!(RunDir::create(room.path()).is_err());
        assert!(dir.summary().is_file());
        fs::write(dir.summary(), RESULTS).expect("it may be written");
        RunDir::create(room.path()).expect("it is a run's");
    }

    #[test]
    fn a_policy_makes_a_safe_file_name() {
        assert_eq!(file_name("fixed(7)"), "fixed-7");
        assert_eq!(file_name("in_process"), "in_process");
        assert_eq!(file_name("../x y"), "x-y");
    }

    #[test]
    fn an_earlier_run_is_there_until_the_next_is_saved() {
        let room = tempfile::tempdir().expect("a directory");
        let run = |text: &str| {
            let dir = RunDir::create(room.path()).expect("it may be written");
            fs::write(dir.decisions("fixed"), text).expect("it may be written");
            dir
        };
        let decisions =
            |dir: &RunDir| fs::read_to_string(dir.decisions("fixed")).expect("it is there");
        let first = run("first");
        fs::write(first.summary(), RESULTS).expect("it may be written");
        first.keep();
        run("interrupted").discard();
        assert_eq!(decisions(&first), "first");
        // Killed: neither kept nor discarded.
        run("killed");
        run("interrupted again").discard();
        assert_eq!(decisions(&first), "first");
        let last = run("last");
        fs::write(last.summary(), RESULTS).expect("it may be written");
        last.keep();
        last.discard();
        assert_eq!(decisions(&first), "last");
        assert!(!room.path().join(EARLIER).exists());
    }
}
