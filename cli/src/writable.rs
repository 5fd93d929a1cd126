//! Whether files can be written, asked before the work whose results they are to take.

use std::fs::{self, File};
use std::path::Path;

use crate::error::CliError;

/// Makes sure that the file at `path` can be written; what is there stays as it is.
///
/// # Errors
/// It cannot.
pub(crate) fn check_file(path: &Path) -> Result<(), CliError> {
    let was_there = path.exists();
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| CliError::unwritable(path, &error))?;
    if !was_there {
        // What stays is an empty file.
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Whether the JSON file at `path` has these fields at its top, as what we write has.
pub(crate) fn is_ours(path: &Path, fields: &[&str]) -> bool {
    let Ok(text) = fs::read_to_string(path) else {
        return false;
    };
    let value: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    value.is_some_and(|value| fields.iter().all(|field| value.get(field).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_changes_nothing() {
        let room = tempfile::tempdir().expect("a directory");
        let path = room.path().join("file");
        check_file(&path).expect("it may be written");
        assert!(!path.exists());
        fs::write(&path, "kept").expect("it may be written");
        check_file(&path).expect("it may be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "kept");
        assert!(check_file(room.path()).is_err(), "a directory");
        assert!(check_file(&room.path().join("no/file")).is_err());
    }

    #[test]
    fn a_file_is_ours_by_its_fields() {
        let room = tempfile::tempdir().expect("a directory");
        let path = room.path().join("ranking.json");
        let check = |text: &str, expected: bool| {
            fs::write(&path, text).expect("it may be written");
            assert_eq!(is_ours(&path, &["schema", "overall"]), expected, "{text}");
        };
        check("{\"schema\": 1, \"overall\": []}", true);
        check("{\"schema\": 1}", false);
        check("[1, 2]", false);
        check("first: me", false);
        assert!(!is_ours(&room.path().join("none"), &[]));
    }
}
