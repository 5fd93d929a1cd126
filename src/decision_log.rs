//! The decision log: what the controller saw and decided, a line of JSON each.
//!
//! Lossy but counted: the broker never waits for a disk. A thread of its own writes, from a
//! bounded line of records; what finds it full is counted, and the next line that gets through
//! says how many are missing before it. Files are bounded and rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use ebbtide_core::event::DecisionRecord;
use serde::{Deserialize, Serialize};

use crate::written::{Written, on_a_thread};

/// The version of [`LoggedDecision`].
pub const DECISION_LOG_VERSION: u32 = 1;

/// Records on their way to the disk.
const IN_LINE: usize = 256;

/// Where decisions are logged, and how much of them is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionLogConfig {
    /// The file; older ones get `.1`, `.2` … appended.
    pub path: PathBuf,
    /// A file longer than this many bytes is followed by another.
    pub most_bytes: u64,
    /// Files kept, the one being written included; at least 1.
    pub files: u32,
}

impl DecisionLogConfig {
    /// Five files of 16 MiB at `path`: some days of decisions, one a second.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            most_bytes: 16 << 20,
            files: 5,
        }
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedDecision {
    /// [`DECISION_LOG_VERSION`].
    pub version: u32,
    /// Decisions lost before this one, since the last line.
    #[serde(default)]
    pub lost: u64,
    /// The decision, with what led to it.
    pub decision: DecisionRecord,
}

/// The broker's end of the line.
pub(crate) struct DecisionLog {
    line: Option<SyncSender<LoggedDecision>>,
    pub(crate) written: Written,
    /// Not yet told.
    lost: u64,
    /// Ever.
    pub(crate) lost_ever: u64,
}

impl DecisionLog {
    /// Opens the file and starts its writer.
    pub(crate) fn start(config: DecisionLogConfig) -> io::Result<Self> {
        let files = Files::open(config)?;
        let (line, records) = sync_channel(IN_LINE);
        let written = on_a_thread("ebbtide-decisions", move || files.write_all(&records))?;
        Ok(Self {
            line: Some(line),
            written,
            lost: 0,
            lost_ever: 0,
        })
    }

    pub(crate) fn write(&mut self, record: Box<DecisionRecord>) {
        let Some(line) = &self.line else { return };
        let logged = LoggedDecision {
            version: DECISION_LOG_VERSION,
            lost: self.lost,
            decision: *record,
        };
        match line.try_send(logged) {
            Ok(()) => self.lost = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost += 1;
                self.lost_ever += 1;
            }
        }
    }

    /// Nothing more comes: the writer ends when it has written what is in line.
    pub(crate) fn close(&mut self) -> Written {
        self.line = None;
        self.written.clone()
    }
}

/// The files of a log.
struct Files {
    config: DecisionLogConfig,
    file: BufWriter<File>,
    bytes: u64,
}

impl Files {
    fn open(config: DecisionLogConfig) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&config.path)?;
        let bytes = file.metadata()?.len();
        let file = BufWriter::new(file);
        Ok(Self {
            config,
            file,
            bytes,
        })
    }

    /// Until the broker is no more, or the disk refuses: then the line closes, and what would
    /// have been written counts as lost.
    fn write_all(mut self, records: &Receiver<LoggedDecision>) -> io::Result<()> {
        while let Ok(record) = records.recv() {
            let more = std::iter::once(record).chain(records.try_iter());
            for record in more.take(IN_LINE) {
                self.write(&record)?;
            }
            self.file.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, record: &LoggedDecision) -> io::Result<()> {
        let mut text = serde_json::to_string(record)?;
        text.push('\n');
        if self.bytes > 0 && self.bytes + text.len() as u64 > self.config.most_bytes {
            self.rotate()?;
        }
        self.bytes += text.len() as u64;
        self.file.write_all(text.as_bytes())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let path = &self.config.path;
        for number in (1..self.config.files).rev() {
            let older = numbered(path, number);
            let newer = if number == 1 {
                path.clone()
            } else {
                numbered(path, number - 1)
            };
            if newer.exists() {
                fs::rename(&newer, &older)?;
            }
        }
        self.file = BufWriter::new(File::create(path)?);
        self.bytes = 0;
        Ok(())
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}
