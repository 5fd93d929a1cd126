//! `--emit`: each case as an ordinary scenario, so that `simulate` runs the very same.

use std::fs;
use std::path::Path;

use ebbtide_sim::Scenario;

use crate::error::CliError;
use crate::run_dir::file_name;

/// The first line of an emitted scenario: what begins otherwise is not ours to overwrite.
const MARK: &str = "// Written by `ebbtide validate --emit`.\n";

/// Creates the directory.
///
/// # Errors
/// It cannot be created.
pub(crate) fn prepare(dir: &Path) -> Result<(), CliError> {
    fs::create_dir_all(dir).map_err(|error| CliError::unwritable(dir, &error))
}

/// Writes the scenario of a case.
///
/// # Errors
/// It cannot be written, or a file of that name is somebody else's.
pub(crate) fn scenario(dir: &Path, case: &str, scenario: &Scenario) -> Result<(), CliError> {
    let path = dir.join(format!("{}.ron", file_name(case)));
    if fs::read_to_string(&path).is_ok_and(|there| !there.starts_with(MARK)) {
        return Err(CliError::bad_input(
            format!(
                "{} is there already and was not written by --emit",
                path.display()
            ),
            "name a new directory",
        ));
    }
    fs::write(&path, format!("{MARK}{scenario}"))
        .map_err(|error| CliError::unwritable(&path, &error))
}
