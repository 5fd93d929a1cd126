//! `--emit`: each case as an ordinary scenario, so that `simulate` runs the very same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ebbtide_sim::Scenario;

use crate::error::CliError;
use crate::run_dir::file_name;
use crate::writable;

/// The first line of an emitted scenario: what begins otherwise is not ours to overwrite.
const MARK: &str = "// Written by `ebbtide validate --emit`.\n";

/// The directory that takes the scenarios.
pub(super) struct Emitted {
    dir: PathBuf,
    names: BTreeSet<String>,
}

impl Emitted {
    /// Creates the directory.
    ///
    /// # Errors
    /// It cannot be created.
    pub(super) fn create(dir: &Path) -> Result<Self, CliError> {
        fs::create_dir_all(dir).map_err(|error| CliError::unwritable(dir, &error))?;
        Ok(Self {
            dir: dir.to_owned(),
            names: BTreeSet::new(),
        })
    }

    /// Where the scenario of `case` goes.
    ///
    /// # Errors
    /// A file of that name is somebody else's, or cannot be written.
    pub(super) fn place(&mut self, case: &str) -> Result<PathBuf, CliError> {
        let name = self.free_name(case);
        let path = self.dir.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| !there.starts_with(MARK)) {
            return Err(CliError::bad_input(
                format!(
                    "{} is there already and was not written by --emit",
                    path.display()
                ),
                "name a new directory",
            ));
        }
        writable::check_file(&path)?;
        Ok(path)
    }

    /// A file name for `case`; a number tells those apart that differ only in their signs.
    fn free_name(&mut self, case: &str) -> String {
        let plain = file_name(case);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        let free = names.find(|name| self.names.insert(name.clone()));
        format!("{}.ron", free.expect("there is no end of numbers"))
    }
}

/// Writes a case's scenario to its place.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(path: &Path, scenario: &Scenario) -> Result<(), CliError> {
    fs::write(path, format!("{MARK}{scenario}")).map_err(|error| CliError::unwritable(path, &error))
}
