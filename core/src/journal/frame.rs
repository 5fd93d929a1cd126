//! How records become a file: a preamble, then frames of whole records, each with its length and
//! a checksum, so that a file that was cut short or damaged is told from one that disagrees.

use std::io::{self, Read, Write};

use super::record::{FORMAT_VERSION, Record};

/// The first bytes of every journal.
const MAGIC: [u8; 8] = *b"ebbtidej";
/// Longest frame that is believed, so that a damaged length asks for no memory that is not there.
const LONGEST: u32 = 1 << 30;

/// Why a journal cannot be read (on).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Reading failed.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin like one.
    #[error("it is no journal")]
    NoJournal,
    /// Written by another version.
    #[error("it has format version {found}, this version reads {FORMAT_VERSION}")]
    OtherVersion {
        /// The version that it says.
        found: u16,
    },
    /// It ends in the middle of a frame.
    #[error("it breaks off in the middle, at byte {at}")]
    BrokenOff {
        /// Where the frame begins.
        at: u64,
    },
    /// A frame's checksum is wrong, or it holds no records.
    #[error("it is damaged: the frame at byte {at} is not what was written")]
    Damaged {
        /// Where the frame begins.
        at: u64,
    },
}

/// Writes what comes before the first frame.
///
/// # Errors
/// Those of `out`.
pub fn write_preamble(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&MAGIC)?;
    out.write_all(&FORMAT_VERSION.to_le_bytes())
}

/// Writes one frame of whole records.
///
/// # Errors
/// Those of `out`, and a frame of a gibibyte or more.
pub fn write_frame(out: &mut impl Write, records: &[u8]) -> io::Result<()> {
    let length = u32::try_from(records.len()).ok();
    let length = length.filter(|&length| length < LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a frame of a gibibyte or more"))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&crc32fast::hash(records).to_le_bytes())?;
    out.write_all(records)
}

/// Reads a journal record by record.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    frame: Vec<u8>,
    /// Bytes of the frame that were read.
    read: usize,
    /// Where in the file the frame begins, and where it ends.
    begins: u64,
    ends: u64,
}

impl<R: Read> Reader<R> {
    /// Checks that `input` begins like a journal.
    ///
    /// # Errors
    /// It does not, or it was written by another version.
    pub fn new(mut input: R) -> Result<Self, JournalError> {
        let mut preamble = [0; MAGIC.len() + size_of::<u16>()];
        if fill(&mut input, &mut preamble)? < preamble.len() || preamble[..8] != MAGIC {
            return Err(JournalError::NoJournal);
        }
        let found = u16::from_le_bytes([preamble[8], preamble[9]]);
        if found != FORMAT_VERSION {
            return Err(JournalError::OtherVersion { found });
        }
        let begins = preamble.len() as u64;
        Ok(Self {
            input,
            frame: Vec::new(),
            read: 0,
            begins,
            ends: begins,
        })
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// The file breaks off, is damaged or cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record<'static>>, JournalError> {
        if self.read == self.frame.len() && !self.next_frame()? {
            return Ok(None);
        }
        let rest = &self.frame[self.read..];
        let damaged = JournalError::Damaged { at: self.begins };
        let (record, after) = postcard::take_from_bytes(rest).map_err(|_| damaged)?;
        self.read = self.frame.len() - after.len();
        Ok(Some(record))
    }

    /// Whether there was one more.
    fn next_frame(&mut self) -> Result<bool, JournalError> {
        self.begins = self.ends;
        let at = self.begins;
        let mut head = [0; 2 * size_of::<u32>()];
        match fill(&mut self.input, &mut head)? {
            0 => return Ok(false),
            8 => {}
            _ => return Err(JournalError::BrokenOff { at }),
        }
        let [a, b, c, d, checksum @ ..] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length == 0 || length >= LONGEST {
            return Err(JournalError::Damaged { at });
        }
        self.frame.clear();
        let body = (&mut self.input).take(u64::from(length));
        { body }.read_to_end(&mut self.frame)?;
        if self.frame.len() < length as usize {
            return Err(JournalError::BrokenOff { at });
        }
        if crc32fast::hash(&self.frame) != u32::from_le_bytes(checksum) {
            return Err(JournalError::Damaged { at });
        }
        self.read = 0;
        self.ends = at + head.len() as u64 + u64::from(length);
        Ok(true)
    }
}

/// Reads until `buffer` is full or the input is over; how much it was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
