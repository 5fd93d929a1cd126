//! What the user names on the command line, read: scenarios (files or shipped), the files that
//! they name, traces.
//!
//! The only place of the command that reads input files. What is in them is parsed by core
//! and sim, whose faults are shown here with their place.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ebbtide_core::text::{self, Format, TextError, closest};
use ebbtide_policies::registry;
use ebbtide_sim::Plan;
use ebbtide_sim::files::{Files, Named};
use ebbtide_sim::scenario::Scenario;
use ebbtide_sim::shipped::{self, Shipped};
use ebbtide_sim::trace::Trace;

use crate::error::{CliError, Fault};

/// What a scenario may have and a configuration has not.
const SCENARIO_FIELDS: [&str; 13] = [
    "note",
    "run",
    "traffic",
    "agents",
    "faults",
    "worker_deaths",
    "observation_faults",
    "worker_start",
    "time_grain",
    "broker",
    "policies",
    "expect",
    "fails_with",
];

/// Largest scenario, in bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The text of a scenario, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The scenario's name: a shipped one's, or the file's without its extension.
    pub(crate) name: String,
    /// How faults name it: the path as it was given.
    pub(crate) label: String,
    /// The text.
    pub(crate) text: String,
    /// Whether the command line changed the text.
    pub(crate) overridden: bool,
    /// Its file, unless it is shipped.
    path: Option<PathBuf>,
    /// Where paths within it count from.
    directory: PathBuf,
}

/// What the lists given to `flag` name.
///
/// # Errors
/// An empty place in one of them.
pub(crate) fn names<'a>(flag: &str, lists: &'a [String]) -> Result<Vec<&'a str>, CliError> {
    let mut names = Vec::new();
    for list in lists {
        let parts = registry::list(list).map_err(|error| {
            CliError::bad_input(format!("{flag}: {error}"), "take out a comma, or name one")
        })?;
        names.extend(parts);
    }
    Ok(names)
}

impl Source {
    /// Reads the file `word`, or takes the shipped scenario of that name.
    ///
    /// # Errors
    /// There is neither, or the file cannot be read.
    pub(crate) fn open(word: &str) -> Result<Self, CliError> {
        let path = Path::new(word);
        // A directory is no scenario, so it hides none.
        if !path.exists() || (path.is_dir() && shipped::find(word).is_some()) {
            return match shipped::find(word) {
                Some(shipped) => Ok(Self::shipped(shipped)),
                None => Err(neither(word)),
            };
        }
        let bytes = read_scenario(path)?;
        let text = utf8(word, &bytes)?;
        if text.trim().is_empty() {
            return Err(CliError::bad_input(
                format!("{word} is empty"),
                "`ebbtide scenario show remote-agents` prints one to start from",
            ));
        }
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        Ok(Self {
            name: stem.to_string_lossy().into_owned(),
            label: word.to_owned(),
            text,
            overridden: false,
            path: Some(path.to_owned()),
            directory: path.parent().unwrap_or(Path::new("")).to_owned(),
        })
    }

    /// A scenario that is built in.
    pub(crate) fn shipped(shipped: &Shipped) -> Self {
        Self {
            name: shipped.name.to_owned(),
            label: shipped.name.to_owned(),
            text: shipped.text.to_owned(),
            overridden: false,
            path: None,
            directory: PathBuf::from(shipped.folder),
        }
    }

    /// The format of a broker's configuration; `None`: it is a scenario.
    pub(crate) fn configuration(&self) -> Option<Format> {
        let extension = Path::new(&self.label).extension();
        let format = extension.and_then(|extension| Format::of_extension(extension.to_str()?));
        match format.unwrap_or(Format::Ron) {
            Format::Json => Some(Format::Json),
            Format::Ron => {
                let fields = text::fields(&self.text);
                let is_scenario = fields.iter().any(|field| SCENARIO_FIELDS.contains(field));
                (!is_scenario).then_some(Format::Ron)
            }
        }
    }

    /// The first file that it names and that is not there.
    pub(crate) fn missing(&self) -> Option<PathBuf> {
        let named = Scenario::from_ron(&self.text).map(|scenario| scenario.files());
        let paths = named.unwrap_or_default().into_iter();
        let mut paths = paths.map(|named| self.directory.join(named.path));
        paths.find(|path| !path.exists())
    }

    /// Without an objective nothing is late, and there is nothing to rank by.
    ///
    /// # Errors
    /// The scenario has none.
    pub(crate) fn must_have_an_objective(&self, plan: &Plan) -> Result<(), CliError> {
        if plan.contenders[0].config.objective.is_some() {
            return Ok(());
        }
        Err(CliError::bad_input(
            format!("{} has no objective, and so no lateness", self.label),
            "say broker.objective, such as \"p95(sojourn) < 500ms\"",
        ))
    }

    /// The files that the scenario names, read.
    ///
    /// # Errors
    /// The scenario cannot be parsed, or one of its files cannot be read or parsed.
    pub(crate) fn files(&self) -> Result<Files, CliError> {
        let scenario = Scenario::from_ron(&self.text).map_err(|error| self.fault(&error))?;
        let mut files = Files::default();
        for named in scenario.files() {
            self.add(&mut files, &named)?;
        }
        Ok(files)
    }

    /// Every file that was read for it, its own first.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let named = Scenario::from_ron(&self.text).map(|scenario| scenario.files());
        let named = named.unwrap_or_default().into_iter();
        let named = named.map(|named| self.directory.join(named.path));
        self.path.iter().cloned().chain(named).collect()
    }

    fn add(&self, files: &mut Files, named: &Named) -> Result<(), CliError> {
        let path = self.directory.join(&named.path);
        let content = fs::read(&path).map_err(|error| {
            let fault = CliError::unreadable(&path, &error);
            fault.with_help(format!(
                "{} names it; paths in a scenario count from its own directory",
                self.label
            ))
        })?;
        files.add(named, &content).map_err(|error| {
            CliError::bad_input(
                format!("{}: {error}", path.display()),
                format!("{} names it", self.label),
            )
        })
    }

    /// Faults in the text, each at its place.
    pub(crate) fn fault(&self, error: &TextError) -> CliError {
        if self.overridden {
            let label = format!("{} with what the command line sets", self.label);
            return text_faults(&label, &self.text, error);
        }
        text_faults(&self.label, &self.text, error)
    }
}

/// A scenario's bytes; what has no end is not read to it.
fn read_scenario(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| CliError::unreadable(path, &error))?;
    if bytes.len() as u64 > MOST_BYTES {
        let most = MOST_BYTES >> 20;
        return Err(CliError::bad_input(
            format!(
                "{} is larger than {most} MiB, no scenario is",
                path.display()
            ),
            "name a scenario; traces go with --trace",
        ));
    }
    Ok(bytes)
}

/// Reads a trace.
///
/// # Errors
/// The file cannot be read or parsed.
pub(crate) fn trace(path: &Path) -> Result<Trace, CliError> {
    let content = fs::read(path).map_err(|error| CliError::unreadable(path, &error))?;
    Trace::parse(&content).map_err(|error| {
        CliError::bad_input(
            format!("{}: {error}", path.display()),
            "a trace is CSV with a header: t_s, and if you like size, class, units, service_s",
        )
    })
}

/// The text of a file.
///
/// # Errors
/// Some byte is not UTF-8: the place is shown.
fn utf8(label: &str, bytes: &[u8]) -> Result<String, CliError> {
    match text::utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(text_faults(label, &String::from_utf8_lossy(bytes), &error)),
    }
}

/// Faults in a text, each at its place.
pub(crate) fn text_faults(label: &str, text: &str, error: &TextError) -> CliError {
    let faults = error.faults.iter().map(|found| {
        let mut fault = Fault::new(&found.message).at(label, text, found.place.span.clone());
        if let Some(help) = &found.help {
            fault = fault.with_help(help);
        }
        fault
    });
    CliError::of_input(faults.collect())
}

fn neither(word: &str) -> CliError {
    let help = match closest(word, shipped::names()) {
        Some(name) => format!("did you mean the shipped scenario {name:?}?"),
        None => "check the path; `ebbtide scenario list` names the shipped scenarios".to_owned(),
    };
    CliError::bad_input(
        format!("there is no file {word:?}, and no shipped scenario of that name"),
        help,
    )
}
