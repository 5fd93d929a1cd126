//! The one way to read RON or JSON text into a type, with errors that point at their place.
//!
//! Apart because configurations and scenarios are read alike, and because the parsers' own
//! errors lack the field's name, the remedy, or both. Deliberately absent: files, and how an
//! error is drawn on a terminal.

mod edit;
mod explain;
mod outline;
mod token;

use std::fmt;
use std::ops::Range;

use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

use crate::fault::Fault;
use outline::Outline;

pub use ebbtide_policies::closest::closest;
pub use edit::{EditError, edit};

/// Brackets within brackets that a text may have. Anything written by hand has a dozen;
/// without a limit a hostile text would overflow the parser's stack.
pub const MAX_DEPTH: usize = 64;

/// The parser counts several steps per bracket: itself, its field, an implied `Some`.
const RON_STEPS_PER_BRACKET: usize = 4;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Rusty object notation; `Some` may be left out.
    Ron,
    /// JavaScript object notation.
    Json,
}

impl Format {
    /// The format of files that end in `extension` (without the dot): `ron` or `json`.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "ron" => Some(Self::Ron),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Why a text could not be read: one fault of its form, or every fault of its values.
#[derive(Clone, PartialEq, Eq)]
pub struct TextError {
    /// At least one, in the order in which they stand in the text.
    pub faults: Vec<TextFault>,
}

/// One thing wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    /// The field concerned, from the root: `broker.breaker.window_ms`; empty: the whole.
    pub path: String,
    /// Where in the text.
    pub place: Place,
    /// What is wrong, with the field's name, what was found and what is allowed.
    pub message: String,
    /// What may help, if anything is known.
    pub help: Option<String>,
}

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of its start, from 1.
    pub line: usize,
    /// Of its start, in characters from 1.
    pub column: usize,
    /// Its bytes.
    pub span: Range<usize>,
}

/// Reads a value from RON. `Some` may be left out.
///
/// # Errors
/// The first fault: [`TextError`] points at it.
pub fn from_ron<T: DeserializeOwned>(text: &str) -> Result<T, TextError> {
    read(Format::Ron, text)
}

/// Reads a value from JSON.
///
/// # Errors
/// The first fault: [`TextError`] points at it.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, TextError> {
    read(Format::Json, text)
}

/// Reads a value from bytes that should be UTF-8.
///
/// # Errors
/// The first fault, which may be a byte that is not UTF-8.
pub fn from_bytes<T: DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<T, TextError> {
    read(format, utf8(bytes)?)
}

/// The bytes of a file as text; a byte order mark, which editors put before it, is not part of it.
///
/// # Errors
/// The first byte that is not UTF-8, with its place.
pub fn utf8(bytes: &[u8]) -> Result<&str, TextError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, rest) = bytes.split_at(error.valid_up_to());
        let good = String::from_utf8_lossy(good);
        let byte = rest.first().copied().unwrap_or_default();
        TextError::one(TextFault {
            path: String::new(),
            place: Place::of(&good, good.len()..good.len()),
            message: format!("byte 0x{byte:02x} is not UTF-8"),
            help: Some("save the file as UTF-8".to_owned()),
        })
    })
}

/// The names of the outermost fields of a RON or JSON text, as far as it can be made out: what
/// tells one kind of file from another, even one with faults.
#[must_use]
pub fn fields(text: &str) -> Vec<&str> {
    let Ok(outline) = Outline::of(text) else {
        return Vec::new();
    };
    if outline.is_empty() {
        return Vec::new();
    }
    let names = outline.children_of(0).filter_map(|at| outline.key(at));
    names.collect()
}

/// Whether a RON or JSON text has a field at a path such as `broker.breaker.open_ms`.
#[must_use]
pub fn has_field(text: &str, path: &str) -> bool {
    Outline::of(text).is_ok_and(|outline| outline.has(path))
}

/// The path of the innermost field at a byte of a RON or JSON text: `traffic[0].classes[1].size`;
/// empty where there is none.
#[must_use]
pub fn path_at(text: &str, at: usize) -> String {
    Outline::of(text).map_or_else(|_| String::new(), |outline| outline.path_at(at))
}

/// Reads a value from text.
///
/// # Errors
/// The first fault: [`TextError`] points at it.
pub fn read<T: DeserializeOwned>(format: Format, text: &str) -> Result<T, TextError> {
    let outline = Outline::of(text).map_err(TextError::one)?;
    match format {
        Format::Ron => {
            let options = ron::Options::default()
                .with_default_extension(Extensions::IMPLICIT_SOME)
                .with_recursion_limit(MAX_DEPTH * RON_STEPS_PER_BRACKET);
            let read = options.from_str(text);
            read.map_err(|error| TextError::one(ron_fault::<T>(&options, &outline, &error)))
        }
        Format::Json => serde_json::from_str(text)
            .map_err(|error| TextError::one(explain::json(&outline, &error))),
    }
}

/// What is wrong with RON; of a word that stands in quotes where a bare one belongs, what would be wrong with it bare.
fn ron_fault<T: DeserializeOwned>(
    options: &ron::Options,
    outline: &Outline<'_>,
    error: &ron::error::SpannedError,
) -> TextFault {
    let fault = explain::ron(outline, error);
    let Some((word, text)) = explain::without_quotes(outline, error) else {
        return fault;
    };
    let unknown = options.from_str::<T>(&text).err();
    let unknown = unknown.and_then(|error| explain::unknown_variant(&text, &error));
    unknown.unwrap_or_else(|| TextFault {
        help: Some(format!("write {word} without quotes")),
        ..fault
    })
}

impl TextError {
    fn one(fault: TextFault) -> Self {
        Self {
            faults: vec![fault],
        }
    }

    /// The faults that a check found in the value read from `text`, each at the line of its
    /// field, or of the section that should have it.
    #[must_use]
    pub fn of_values(text: &str, faults: impl IntoIterator<Item = Fault>) -> Self {
        let outline = Outline::of(text).ok();
        let place = |path: &str| match &outline {
            Some(outline) => outline.place_of(path),
            None => Place::of(text, 0..0),
        };
        let faults = faults.into_iter().map(|fault| TextFault {
            place: place(&fault.path),
            message: fault.to_string(),
            path: fault.path,
            help: None,
        });
        let mut faults: Vec<_> = faults.collect();
        faults.sort_by_key(|fault| fault.place.span.start);
        Self { faults }
    }

    /// Adds what `help` knows of a fault's field where nothing better is known.
    #[must_use]
    pub fn with_help(mut self, help: impl Fn(&str) -> Option<String>) -> Self {
        for fault in &mut self.faults {
            if fault.help.is_none() {
                fault.help = help(&fault.path);
            }
        }
        self
    }
}

impl Place {
    /// The place of the bytes `span` of `text`; what lies beyond its end is cut.
    #[must_use]
    pub fn of(text: &str, span: Range<usize>) -> Self {
        let end = text.floor_char_boundary(span.end);
        let start = text.floor_char_boundary(span.start).min(end);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: 1 + before.bytes().filter(|&byte| byte == b'\n').count(),
            column: 1 + before[line_start..].chars().count(),
            span: start..end,
        }
    }
}

/// One line per fault.
impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{fault}")?;
        }
        Ok(())
    }
}

/// As it is displayed: a `main` that returns it prints this.
impl fmt::Debug for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TextError {}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, .. } = self.place;
        write!(f, "line {line}, column {column}: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
