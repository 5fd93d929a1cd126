//! Configuration files: RON or JSON, told by the extension.
//!
//! Apart from `ebbtide-core`, which reads texts and opens no file. What a configuration may say
//! stands at [`BrokerConfig`].

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ebbtide_core::config::{BrokerConfig, Checked, from_text};
use ebbtide_core::text::{Format, TextError, utf8};

/// A configuration file that could not be loaded. Its `Debug` is its text: a `main` that returns it
/// prints that.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file's extension names no format.
    #[error("{} has an unknown extension, allowed are .ron and .json", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file's text has faults.
    #[error("{}", located(path, error))]
    Text {
        /// The file.
        path: PathBuf,
        /// What it holds, so that faults can be shown in it.
        text: String,
        /// Its faults, with their places.
        error: TextError,
    },
}

impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { source, .. } => write!(f, "{self}: {source}"),
            Self::Extension { .. } | Self::Text { .. } => fmt::Display::fmt(self, f),
        }
    }
}

/// Loads a configuration and checks it as a whole, its policy included.
///
/// ```
/// use ebbtide::Broker;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ebbtide::config::load("examples/broker.ron")?;
/// assert_eq!(config.max_workers, 20);
/// let broker = Broker::builder().config(config).start().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`LoadError`]. Its text names the file, and for each fault the line, the field, what was
/// found and what is allowed.
pub fn load(path: impl AsRef<Path>) -> Result<Checked<BrokerConfig>, LoadError> {
    let path = path.as_ref();
    let extension = path.extension().and_then(|extension| extension.to_str());
    let Some(format) = extension.and_then(Format::of_extension) else {
        return Err(LoadError::Extension {
            path: path.to_owned(),
        });
    };
    let bytes = fs::read(path).map_err(|source| LoadError::File {
        path: path.to_owned(),
        source,
    })?;
    let config = utf8(&bytes).and_then(|text| from_text(format, text));
    config.map_err(|error| LoadError::Text {
        path: path.to_owned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
        error,
    })
}

/// One line per fault, as compilers write them: editors and terminals know how to jump there.
fn located(path: &Path, error: &TextError) -> String {
    let line = |fault: &ebbtide_core::text::TextFault| {
        let help = fault.help.as_ref().map(|help| format!("; {help}"));
        format!(
            "{}:{}:{}: {}{}",
            path.display(),
            fault.place.line,
            fault.place.column,
            fault.message,
            help.unwrap_or_default()
        )
    };
    let lines: Vec<_> = error.faults.iter().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    /// Loads a file of this name and content; its folder is left out of error texts.
    fn load_text(name: &str, content: &[u8]) -> Result<Checked<BrokerConfig>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let prefix = format!("{}/", folder.path().display());
        load(&path).map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[test]
    fn both_formats_are_told_by_the_extension() {
        let ron = load_text("broker.ron", b"(profile: \"remote\", max_retry: 5)").unwrap();
        let json = load_text(
            "broker.JSON",
            b"{\"profile\": \"remote\", \"max_retry\": 5}",
        );
        assert_eq!(ron, json.unwrap());
        assert_eq!(ron.policy, "fixed");
        assert_eq!(
            load_text("broker.yaml", b"").unwrap_err(),
            "broker.yaml has an unknown extension, allowed are .ron and .json"
        );
    }

    #[test]
    fn faults_name_file_line_field_found_and_allowed() {
        let faulty = b"(\n  batch_size: 0,\n  num_workers: 0,\n)";
        assert_eq!(
            load_text("broker.ron", faulty).unwrap_err(),
            "broker.ron:2:3: batch_size is 0, allowed are 1 to 50\n\
             broker.ron:3:3: num_workers is 0, allowed are 1 to 10"
        );
        assert_eq!(
            load_text("broker.json", b"{\n  \"batchsize\": 5\n}").unwrap_err(),
            "broker.json:2:4: unknown field batchsize; did you mean batch_size?"
        );
        assert_eq!(
            load_text("broker.ron", b"(\xff)").unwrap_err(),
            "broker.ron:1:2: byte 0xff is not UTF-8; save the file as UTF-8"
        );
    }

    #[test]
    fn a_missing_file_is_named_with_the_reason() {
        let error = load("no/such/broker.ron").unwrap_err();
        assert_eq!(error.to_string(), "no/such/broker.ron cannot be read");
        let source = error.source().and_then(|source| source.downcast_ref());
        let kind = source.map(io::Error::kind);
        assert_eq!(kind, Some(io::ErrorKind::NotFound));
    }
}
