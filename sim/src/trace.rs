//! Traces: messages one by one, with their times, from a CSV file and into one.
//!
//! Columns go by name: `t_s` (needed), `size` in bytes, `class`, `units`, `service_s`. A trace
//! that a run exported also says `replication`, `source`, `caller` and `number`, so that its
//! replay draws with the same keys; its first line gives the run's length and warm-up.
//! Other columns are told and not read. Deliberately absent: files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use ebbtide_policies::units::{Duration, Time};

use crate::table::{ABOVE, BYTE_ORDER_MARK, Table, TableError};

/// How the first line of an exported trace begins.
const HEADER: &str = "# ebbtide-trace 1";

/// The columns that are read.
const COLUMNS: [&str; 9] = [
    "t_s",
    "size",
    "class",
    "units",
    "service_s",
    "replication",
    "source",
    "caller",
    "number",
];

/// The messages of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    rows: Vec<Row>,
    classes: Vec<String>,
    recorded: Recorded,
    unread: Option<String>,
}

/// What an exported trace says of the run it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Its length.
    pub length: Option<Duration>,
    /// Its warm-up.
    pub warm_up: Option<Duration>,
}

/// One message of a trace; what is `None` is drawn as for any other message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// When it is sent.
    pub at: Time,
    /// Its class: a place in [`Trace::classes`].
    pub class: Option<u32>,
    /// Its bytes.
    pub size: Option<u32>,
    /// What it weighs for a rate limit on units.
    pub units: Option<u32>,
    /// How long a call for it takes, in place of the drawn time.
    pub service: Option<Duration>,
    /// The replication that sends it; `None`: each.
    pub replication: Option<u32>,
    /// Its key in the run that it was exported from.
    pub origin: Option<Origin>,
}

/// Where an exported message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// From which source; `None`: the one that replays it.
    pub source: Option<u32>,
    /// From which caller.
    pub caller: u32,
    /// How many the caller had sent before.
    pub number: u64,
}

impl Trace {
    /// Reads a file's content.
    ///
    /// # Errors
    ///
    /// [`TableError`], with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, TableError> {
        let table = Table::new(bytes)?;
        let mut trace = Self {
            rows: Vec::new(),
            classes: Vec::new(),
            recorded: Recorded::parse(bytes)?,
            unread: table.unread(&COLUMNS),
        };
        trace.read_rows(table)?;
        if trace.rows.is_empty() {
            return Err(TableError::Empty);
        }
        trace.rows.sort_by_key(|row| row.replication);
        Ok(trace)
    }

    fn read_rows(&mut self, mut table: Table<'_>) -> Result<(), TableError> {
        let at = table.needed("t_s")?;
        let told_by = ["rate_per_s", "latency_ms"]
            .into_iter()
            .find(|name| table.column(name).is_some());
        if let Some(column) = told_by {
            return Err(TableError::Series { column });
        }
        let [size, class, units] = ["size", "class", "units"].map(|name| table.column(name));
        let [service, replication] = ["service_s", "replication"].map(|name| table.column(name));
        let keyed = match table.column("number") {
            Some(number) => Some((table.needed("source")?, table.needed("caller")?, number)),
            None => None,
        };
        let count = "whole numbers from 0 to 4294967295";
        let mut last = BTreeMap::new();
        let of = replication;
        let above = match of {
            Some(_) => "an earlier row of its replication",
            None => ABOVE,
        };
        while let Some(row) = table.row()? {
            let replication = row.number(of, count, |_: &u32| true)?;
            let first = self.rows.first().map_or(replication, |row| row.replication);
            if let Some(column) = of.filter(|_| first.is_some() != replication.is_some()) {
                return Err(row.fault(column, count));
            }
            let last = last.entry(replication).or_insert(Time::ZERO);
            *last = row.time(at, *last, above)?;
            let mut origin = None;
            if let Some((source, caller, number)) = keyed {
                let whole = "whole numbers from 0 to 18446744073709551615";
                let place = |column| -> Result<u32, TableError> {
                    let found = row.number(Some(column), count, |_| true)?;
                    found.ok_or_else(|| row.fault(column, count))
                };
                let found = row.number(Some(number), whole, |_| true)?;
                origin = Some(Origin {
                    source: Some(place(source)?),
                    caller: place(caller)?,
                    number: found.ok_or_else(|| row.fault(number, whole))?,
                });
            }
            let class = row.text(class).map(|name| self.class(name));
            self.rows.push(Row {
                at: *last,
                class,
                size: row.number(size, count, |_| true)?,
                units: row.number(units, count, |_| true)?,
                service: row.seconds(service)?,
                replication,
                origin,
            });
        }
        Ok(())
    }

    /// The place of a class's name.
    fn class(&mut self, name: &str) -> u32 {
        let known = self.classes.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.classes.push(name.to_owned());
            self.classes.len() - 1
        });
        u32::try_from(place).expect("a trace has fewer classes than 2³²")
    }

    /// The messages of a replication, in order of time.
    #[must_use]
    pub fn rows(&self, replication: u32) -> &[Row] {
        if self.rows[0].replication.is_none() {
            return &self.rows;
        }
        let from = self
            .rows
            .partition_point(|row| row.replication < Some(replication));
        let to = self
            .rows
            .partition_point(|row| row.replication <= Some(replication));
        &self.rows[from..to]
    }

    /// How many replications it tells apart; `None`: every replication has the same messages.
    #[must_use]
    pub fn replications(&self) -> Option<u32> {
        let last = self.rows.last().and_then(|row| row.replication)?;
        Some(last.saturating_add(1))
    }

    /// The names of the classes that occur, in the order in which they first do.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// What it says of the run it came from.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        self.recorded
    }

    /// The columns that mean nothing here, as a sentence, if there are any.
    #[must_use]
    pub fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    /// When its first message is sent.
    #[must_use]
    pub fn first(&self) -> Time {
        let times = self.rows.iter().map(|row| row.at);
        times.min().unwrap_or(Time::ZERO)
    }

    /// The same messages, the first of them at 0.
    #[must_use]
    pub fn from_its_start(mut self) -> Self {
        let first = self.first();
        for row in &mut self.rows {
            row.at = Time::ZERO + row.at.since(first);
        }
        self
    }

    /// When its last message is sent.
    #[must_use]
    pub fn last(&self) -> Time {
        self.rows
            .iter()
            .map(|row| row.at)
            .max()
            .unwrap_or(Time::ZERO)
    }
}

impl Recorded {
    /// Reads the first line.
    fn parse(bytes: &[u8]) -> Result<Self, TableError> {
        let mut recorded = Self::default();
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
        let line = String::from_utf8_lossy(line);
        if !line.starts_with("# ebbtide-trace") {
            return Ok(recorded);
        }
        let fault = || TableError::Header {
            found: line.trim_end().to_owned(),
            allowed: "# ebbtide-trace 1 length=660s warm_up=12.5s",
        };
        let fields = line.trim_end().strip_prefix(HEADER).ok_or_else(fault)?;
        for field in fields.split_whitespace() {
            let (name, value) = field.split_once('=').ok_or_else(fault)?;
            let value = value.parse().map_err(|_| fault())?;
            match name {
                "length" => recorded.length = Some(value),
                "warm_up" => recorded.warm_up = Some(value),
                _ => return Err(fault()),
            }
        }
        Ok(recorded)
    }
}

/// Writes a trace, message by message in the order of their times, replication by replication.
#[derive(Debug)]
pub struct TraceWriter<W> {
    out: W,
    line: String,
}

/// One message on its way into a trace.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'a> {
    /// In which replication.
    pub replication: u32,
    /// The message; its class is in `class`.
    pub row: Row,
    /// Its class's name.
    pub class: &'a str,
}

impl<W: io::Write> TraceWriter<W> {
    /// Begins a trace of a run.
    ///
    /// # Errors
    ///
    /// Whatever `out` says.
    pub fn new(mut out: W, recorded: Recorded) -> io::Result<Self> {
        write!(out, "{HEADER}")?;
        if let Some(length) = recorded.length {
            write!(out, " length={length}")?;
        }
        if let Some(warm_up) = recorded.warm_up {
            write!(out, " warm_up={warm_up}")?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "t_s,size,class,units,service_s,replication,source,caller,number"
        )?;
        Ok(Self {
            out,
            line: String::new(),
        })
    }

    /// Adds a message.
    ///
    /// # Errors
    ///
    /// Whatever the output says.
    pub fn write(&mut self, message: &Exported<'_>) -> io::Result<()> {
        let Exported {
            replication,
            row,
            class,
        } = message;
        self.line.clear();
        let nanos = row.at.as_nanos();
        // Writing to a string cannot fail.
        let _ = write!(
            self.line,
            "{}.{:09},",
            nanos / 1_000_000_000,
            nanos % 1_000_000_000
        );
        push(&mut self.line, row.size);
        push_quoted(&mut self.line, class);
        push(&mut self.line, row.units);
        if let Some(service) = row.service {
            let nanos = service.as_nanos();
            let _ = write!(
                self.line,
                "{}.{:09}",
                nanos / 1_000_000_000,
                nanos % 1_000_000_000
            );
        }
        let (source, caller, number) = row
            .origin
            .map_or((0, 0, 0), |o| (o.source.unwrap_or(0), o.caller, o.number));
        let _ = write!(self.line, ",{replication},{source},{caller},{number}");
        writeln!(self.out, "{}", self.line)
    }

    /// Gives back the output.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn push(line: &mut String, value: Option<u32>) {
    if let Some(value) = value {
        let _ = write!(line, "{value}");
    }
    line.push(',');
}

fn push_quoted(line: &mut String, name: &str) {
    if name.contains(['"', ',', '\n', '\r']) || name.trim() != name {
        let _ = write!(line, "\"{}\"", name.replace('"', "\"\""));
    } else {
        line.push_str(name);
    }
    line.push(',');
}

#[cfg(test)]
mod tests;
