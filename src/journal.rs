//! Where a broker's journal goes: to a thread of its own, over a bounded line.
//!
//! The broker never waits for a disk. When the line is full core's inputs are dropped and counted
//! (`ebbtide_core::journal` says how a gap is bridged), and the line is left alone until half of
//! it is free, since each gap costs a snapshot.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use ebbtide_core::journal::{Sink, write_frame, write_preamble};

use crate::written::{Written, on_a_thread};

/// Chunks on their way to the disk, of some 32 KiB each.
const IN_LINE: usize = 256;

/// Room for the next chunk: one that grew in a gap is not followed by others of its size.
const ROOM: usize = 40 << 10;

/// Where a journal is to go.
pub(crate) enum Target {
    File(PathBuf),
    Writer(Box<dyn Write + Send>),
}

/// The broker's end of the line.
pub(crate) struct Line {
    chunks: SyncSender<Vec<u8>>,
    queued: Arc<AtomicUsize>,
    /// The last chunk: it has a place of its own, so that closing never waits.
    last: Arc<Mutex<Option<Vec<u8>>>>,
    is_full: bool,
}

/// Opens the target and starts its writer. It waits for a disk.
///
/// # Errors
/// The file cannot be created, or no thread can be had.
pub(crate) fn start(target: Target) -> io::Result<(Line, Written)> {
    let mut out: Box<dyn Write + Send> = match target {
        Target::File(path) => Box::new(BufWriter::new(File::create(path)?)),
        Target::Writer(writer) => writer,
    };
    write_preamble(&mut out)?;
    let (chunks, received) = sync_channel(IN_LINE);
    let line = Line {
        chunks,
        queued: Arc::default(),
        last: Arc::default(),
        is_full: false,
    };
    let (queued, last) = (line.queued.clone(), line.last.clone());
    // Whatever is sent once it has ended finds nobody, and counts as lost.
    let written = on_a_thread("ebbtide-journal", move || {
        write(&mut *out, &received, &queued, &last)
    })?;
    Ok((line, written))
}

/// Until the broker's end is gone, or the disk refuses.
fn write(
    out: &mut (dyn Write + Send),
    chunks: &Receiver<Vec<u8>>,
    queued: &AtomicUsize,
    last: &Mutex<Option<Vec<u8>>>,
) -> io::Result<()> {
    let mut out = out;
    while let Ok(chunk) = chunks.recv() {
        let mut next = Some(chunk);
        while let Some(chunk) = next {
            write_frame(&mut out, &chunk)?;
            queued.fetch_sub(1, Ordering::Relaxed);
            next = chunks.try_recv().ok();
        }
        out.flush()?;
    }
    let last = last.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(chunk) = last {
        write_frame(&mut out, &chunk)?;
    }
    out.flush()
}

impl Sink for Line {
    fn offer(&mut self, chunk: &mut Vec<u8>) {
        if self.is_full && self.queued.load(Ordering::Relaxed) > IN_LINE / 2 {
            return;
        }
        let next = Vec::with_capacity(chunk.capacity().min(ROOM));
        self.queued.fetch_add(1, Ordering::Relaxed);
        let sent = self.chunks.try_send(std::mem::replace(chunk, next));
        self.is_full = sent.is_err();
        if let Err(unsent) = sent {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            *chunk = unsent_chunk(unsent);
        }
    }

    fn close(&mut self, chunk: Vec<u8>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(chunk);
    }
}

fn unsent_chunk(error: std::sync::mpsc::TrySendError<Vec<u8>>) -> Vec<u8> {
    use std::sync::mpsc::TrySendError::{Disconnected, Full};
    match error {
        Full(chunk) | Disconnected(chunk) => chunk,
    }
}
