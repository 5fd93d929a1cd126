//! What went wrong, as the user reads it: the place, what was found, what is allowed, and the
//! next step.
//!
//! Apart from the commands, so that all their errors look alike. The texts of faults in
//! scenario and configuration files are core's and sim's own.

use std::fmt;
use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::Path;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity,
    SourceCode,
};

use serde_json::error::Category;

use crate::exit::Exit;
use crate::output;

/// Where a line is longer than this its place is named, not shown.
const LONGEST_LINE_SHOWN: usize = 200;

/// Why a command ended early, and with which exit code.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The code to end with.
    pub(crate) exit: Exit,
    /// What is wrong, at least one thing.
    pub(crate) faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Fault {
    message: String,
    help: Option<String>,
    severity: Severity,
    place: Option<Place>,
}

/// Where in a text something is wrong.
#[derive(Debug)]
struct Place {
    source: NamedSource<String>,
    span: Range<usize>,
}

impl CliError {
    /// The command line, or a file it names, is wrong.
    pub(crate) fn bad_input(message: impl Into<String>, help: impl Into<String>) -> Self {
        Fault::new(message).with_help(help).into()
    }

    /// Several things are wrong with the input.
    pub(crate) fn of_input(faults: Vec<Fault>) -> Self {
        Self {
            exit: Exit::BadInput,
            faults,
        }
    }

    /// The same faults with another next step.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        for fault in &mut self.faults {
            fault.help = Some(help.clone());
        }
        self
    }

    /// A file could not be read: the user's fault, most often its name.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let reason = io_reason(error);
        let fault = Fault::new(format!("{} cannot be read: {reason}", path.display()));
        let help = match error.kind() {
            io::ErrorKind::NotFound => "check the path; it counts from the working directory",
            io::ErrorKind::PermissionDenied => "make the file readable",
            io::ErrorKind::IsADirectory => "name a file in it",
            _ => "check that the file is in order",
        };
        fault.with_help(help).into()
    }

    /// Results could not be written: the user's fault, most often their path.
    pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Self {
        let reason = io_reason(error);
        let fault = Fault::new(format!("{} cannot be written: {reason}", path.display()));
        fault
            .with_help("check the path, its permissions and the free space")
            .into()
    }

    /// A file that a command wrote is not as it was written; `what` it should hold.
    pub(crate) fn misread(
        path: &Path,
        what: &str,
        error: &serde_json::Error,
        help: impl Into<String>,
    ) -> Self {
        // The parser's own words are of types, which say nothing to whoever did not write the code.
        let why = match error.classify() {
            Category::Eof => "it ends too early",
            Category::Syntax => "it is no JSON",
            Category::Data | Category::Io => "something else stands there",
        };
        let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
        Self::bad_input(format!("{place}: this is no {what}: {why}"), help)
    }

    /// Standard output could not be written (a full disk, say; a closed pipe is no error).
    pub(crate) fn stdout(error: &io::Error) -> Self {
        Self::unwritable(Path::new("standard output"), error)
    }

    /// Prints every fault on standard error.
    pub(crate) fn print(&self) {
        for fault in &self.faults {
            fault.print();
        }
    }
}

impl From<Fault> for CliError {
    /// A fault of the input.
    fn from(fault: Fault) -> Self {
        Self::of_input(vec![fault])
    }
}

impl Fault {
    /// An error without a place.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            severity: Severity::Error,
            place: None,
        }
    }

    /// Something the user should know, that stops nothing.
    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::new(message)
        }
    }

    /// Adds the next step; nothing if there is none to tell.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into()).filter(|help| !help.is_empty());
        self
    }

    /// Points at the bytes `span` of `text`, which the file or argument `name` holds.
    pub(crate) fn at(mut self, name: &str, text: &str, span: Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let line = text[..start].matches('\n').count() + 1;
        let around = text.lines().skip(line.saturating_sub(2)).take(3);
        if around.map(str::len).max() > Some(LONGEST_LINE_SHOWN) {
            let column = text[line_start..start].chars().count() + 1;
            self.message = format!("{name}:{line}:{column}: {}", self.message);
            return self;
        }
        self.place = Some(Place {
            source: NamedSource::new(name, text.to_owned()),
            span: start..end.min(line_end),
        });
        self
    }

    /// Prints it on standard error: drawn on a terminal, in plain characters elsewhere.
    pub(crate) fn print(&self) {
        let mut text = String::new();
        let rendered = handler().render_report(&mut text, self);
        if rendered.is_err() {
            text = format!("{self}\n");
        }
        eprint!("{}", text.trim_start_matches('\n'));
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.place.as_ref()?.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label = LabeledSpan::new_with_span(None, place.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

fn handler() -> GraphicalReportHandler {
    let terminal = io::stderr().is_terminal();
    let theme = match (terminal, output::no_color()) {
        (true, false) => GraphicalTheme::unicode(),
        (true, true) => GraphicalTheme::unicode_nocolor(),
        (false, _) => GraphicalTheme::none(),
    };
    GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(1)
        .with_wrap_lines(terminal)
}

/// The system's reason in the house style, without "(os error 2)".
fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => {
            let text = error.to_string().to_lowercase();
            let reason = text.split(" (os error").next();
            reason.unwrap_or_default().to_owned()
        }
    }
}
