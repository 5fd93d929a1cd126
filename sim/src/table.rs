//! CSV with a header: columns by name, faults by line and column.
//!
//! What traces and series have in common. Deliberately absent: files; text comes in from
//! whoever may read them.

use std::str::FromStr;

use csv::StringRecord;

use ebbtide_core::text::closest;
use ebbtide_policies::units::{Duration, Time};

/// What some editors put before a text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// No row below the header.
    #[error("there is no row below the header, at least one is needed")]
    Empty,
    /// Bytes that are no text.
    #[error("line {line} is not UTF-8 text, save the file as UTF-8")]
    NotUtf8 {
        /// Counted from 1.
        line: u64,
    },
    /// Columns that must be there are not.
    #[error("line {line}: {} missing, found are {found}", columns(wanted))]
    MissingColumn {
        /// The header's line.
        line: u64,
        /// The missing ones, at least one.
        wanted: Vec<&'static str>,
        /// Those that are there.
        found: String,
    },
    /// Two columns of one name: whichever were read, the other might have been meant.
    #[error("line {line}: column {column} stands there twice, names are unique")]
    Twice {
        /// The header's line.
        line: u64,
        /// Its name.
        column: String,
    },
    /// A series of rates or latencies where messages are wanted: each row would become one.
    #[error(
        "column {column} makes this a series, not the messages of a trace; a scenario plays a \
         series with arrivals: Series(file: \"…\")"
    )]
    Series {
        /// The column that tells.
        column: &'static str,
    },
    /// A row with more or fewer fields than the header has.
    #[error("line {line} has {found} fields, the header has {wanted}")]
    Ragged {
        /// The row's line.
        line: u64,
        /// Its fields.
        found: u64,
        /// The header's fields.
        wanted: u64,
    },
    /// A field that runs on over the end of its line, as an open quote makes it.
    #[error("line {line}: a field runs on over the line's end, close its quote")]
    OpenQuote {
        /// Where the row begins.
        line: u64,
    },
    /// A field that cannot be read.
    #[error("line {line}, column {column}: {found:?} is {}, allowed are {allowed}", what_is_wrong(.found))]
    Field {
        /// The field's line.
        line: u64,
        /// Its column's name.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// A row earlier than the one above it, or above it in its replication.
    #[error(
        "line {line}, column t_s: {found} lies before {before} of {above}, \
         sort the file by t_s"
    )]
    BackInTime {
        /// The row's line.
        line: u64,
        /// Its time.
        found: Time,
        /// The time above.
        before: Time,
        /// Which row that is of.
        above: &'static str,
    },
    /// A first line that only another version understands.
    #[error("line 1: {found:?} is not understood, this version reads \"{allowed}\"")]
    Header {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
}

/// The row that a time is compared with, where all rows are in one order.
pub(crate) const ABOVE: &str = "the row above";

/// The rows of a table, and its header.
pub(crate) struct Table<'t> {
    records: csv::StringRecordsIntoIter<&'t [u8]>,
    names: StringRecord,
    header_line: u64,
    bytes: &'t [u8],
}

impl<'t> Table<'t> {
    /// Reads the header; lines that begin with `#` are comments.
    pub(crate) fn new(bytes: &'t [u8]) -> Result<Self, TableError> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        if let Err(fault) = std::str::from_utf8(bytes) {
            let before = &bytes[..fault.valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
            return Err(TableError::NotUtf8 { line });
        }
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let names = reader
            .headers()
            .map_err(|error| fault(bytes, &error))?
            .clone();
        let header_line = line_of(bytes, names.position());
        let mut sorted: Vec<&str> = names.iter().filter(|name| !name.is_empty()).collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TableError::Twice {
                line: header_line,
                column: twice[0].to_owned(),
            });
        }
        Ok(Self {
            header_line,
            names,
            records: reader.into_records(),
            bytes,
        })
    }

    /// The place of a column, if it is there.
    pub(crate) fn column(&self, name: &'static str) -> Option<Column> {
        let index = self.names.iter().position(|found| found == name)?;
        Some(Column { name, index })
    }

    /// The place of a column that must be there.
    pub(crate) fn needed(&self, name: &'static str) -> Result<Column, TableError> {
        if self.names.is_empty() {
            return Err(TableError::Empty);
        }
        self.column(name).ok_or_else(|| self.missing(vec![name]))
    }

    /// Whether all of `names` are there: those that are not are named at once.
    pub(crate) fn needs(&self, names: &[&'static str]) -> Result<(), TableError> {
        let is_missing = |name: &&&'static str| self.column(name).is_none();
        let wanted: Vec<_> = names.iter().filter(is_missing).copied().collect();
        if self.names.is_empty() || wanted.is_empty() {
            return Ok(());
        }
        Err(self.missing(wanted))
    }

    fn missing(&self, wanted: Vec<&'static str>) -> TableError {
        TableError::MissingColumn {
            line: self.header_line,
            wanted,
            found: self.names.iter().collect::<Vec<_>>().join(", "),
        }
    }

    /// The columns that are none of `read`, as a sentence; `None`: all are read.
    pub(crate) fn unread(&self, read: &[&'static str]) -> Option<String> {
        let known = |name: &&str| name.is_empty() || read.contains(name);
        let strangers: Vec<&str> = self.names.iter().filter(|name| !known(name)).collect();
        let last = strangers.last()?;
        let meant = strangers
            .iter()
            .find_map(|name| closest(name, read.iter().copied()));
        let hint = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("known are {}", read.join(", ")),
        };
        let (column, is) = match strangers.as_slice() {
            [_] => (format!("column {last}"), "is"),
            several => (format!("columns {}", several.join(", ")), "are"),
        };
        Some(format!("{column} {is} not read, {hint}"))
    }

    /// The next row.
    pub(crate) fn row(&mut self) -> Result<Option<Fields>, TableError> {
        let record = self.records.next().transpose();
        let Some(record) = record.map_err(|error| fault(self.bytes, &error))? else {
            return Ok(None);
        };
        let line = line_of(self.bytes, record.position());
        if record.iter().any(|field| field.contains('\n')) {
            return Err(TableError::OpenQuote { line });
        }
        Ok(Some(Fields { line, record }))
    }
}

/// The line on which what the reader found at `position` begins: it puts it before the blank lines and comments that
/// it passed over, and before the second half of a CRLF.
fn line_of(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let mut line = position.line();
    // What the cast cuts lies beyond any text in memory.
    let mut rest = bytes.get(position.byte() as usize..).unwrap_or_default();
    loop {
        let passed = match rest {
            [b'\n' | b'\r', ..] => 1,
            [b'#', ..] => rest
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(rest.len(), |end| end + 1),
            _ => return line,
        };
        line += u64::from(rest[passed - 1] == b'\n');
        rest = &rest[passed..];
    }
}

/// A fault of the reader: of those there are, text from memory can only have this one.
fn fault(bytes: &[u8], error: &csv::Error) -> TableError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => TableError::Ragged {
            line: line_of(bytes, pos.as_ref()),
            found: *len,
            wanted: *expected_len,
        },
        _ => TableError::Empty,
    }
}

/// "column call is", "columns call, workers are".
fn columns(names: &[&str]) -> String {
    match names {
        [one] => format!("column {one} is"),
        several => format!("columns {} are", several.join(", ")),
    }
}

/// A column by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    index: usize,
}

/// What a field is that should be another number.
fn what_is_wrong(found: &str) -> &'static str {
    match found.parse::<f64>() {
        Ok(_) => "out of range",
        Err(_) if found.is_empty() => "empty",
        Err(_) => "no number",
    }
}

/// One row.
#[derive(Debug)]
pub(crate) struct Fields {
    line: u64,
    record: StringRecord,
}

impl Fields {
    /// The row's line.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The text in `column`; `None` if there is no such column, or nothing in it.
    pub(crate) fn text(&self, column: Option<Column>) -> Option<&str> {
        let text = self.record.get(column?.index)?;
        (!text.is_empty()).then_some(text)
    }

    /// A number in `column`, or nothing.
    pub(crate) fn number<T: FromStr>(
        &self,
        column: Option<Column>,
        allowed: &str,
        sound: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, TableError> {
        let (Some(column), Some(text)) = (column, self.text(column)) else {
            return Ok(None);
        };
        match text.parse().ok().filter(sound) {
            Some(number) => Ok(Some(number)),
            None => Err(self.fault(column, allowed)),
        }
    }

    /// A number of seconds in `column`, exact to the nanosecond, or nothing.
    pub(crate) fn seconds(&self, column: Option<Column>) -> Result<Option<Duration>, TableError> {
        let (Some(column), Some(text)) = (column, self.text(column)) else {
            return Ok(None);
        };
        let is_number = text.bytes().all(|byte| b"0123456789.+-eE".contains(&byte));
        let seconds = is_number.then(|| format!("{text}s").parse().ok()).flatten();
        match seconds {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(self.fault(column, "seconds from 0 up to 584 years")),
        }
    }

    /// The time in `t_s`, which is not before `last`, that of the row `above`.
    pub(crate) fn time(
        &self,
        column: Column,
        last: Time,
        above: &'static str,
    ) -> Result<Time, TableError> {
        let Some(since_start) = self.seconds(Some(column))? else {
            return Err(self.fault(column, "seconds from 0 up to 584 years"));
        };
        let found = Time::ZERO + since_start;
        if found < last {
            return Err(TableError::BackInTime {
                line: self.line,
                found,
                before: last,
                above,
            });
        }
        Ok(found)
    }

    /// The fault of the field in `column`.
    pub(crate) fn fault(&self, column: Column, allowed: &str) -> TableError {
        TableError::Field {
            line: self.line,
            column: column.name,
            found: self.record.get(column.index).unwrap_or("").to_owned(),
            allowed: allowed.to_owned(),
        }
    }
}
