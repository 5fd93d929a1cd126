//! Journals in memory: recorded from a simulated run, with a writer that keeps up or stalls;
//! taken apart, changed, put together and replayed.

use std::sync::{Arc, Mutex};

use ebbtide_core::journal::{
    BuildPolicy, Parity, Reader, Record, Replay, Sink, write_frame, write_preamble,
};
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};

/// A journal, and the hash of the run's results.
pub(crate) struct Tape {
    bytes: Vec<u8>,
    pub(crate) result_hash: String,
}

/// How the writer does.
#[derive(Clone, Copy)]
pub(crate) enum Writer {
    /// It has room at all times.
    Keeps,
    /// Now and then it has none for a while.
    Stalls { seed: u64 },
}

struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
    writer: Writer,
    asked: u64,
    stalled: u64,
}

impl Memory {
    fn write(&self, chunk: &[u8]) {
        let mut bytes = self.bytes.lock().expect("nobody panics with it");
        write_frame(&mut *bytes, chunk).expect("memory takes it");
    }

    /// One question in three begins a stall, which lasts for up to 100 more.
    fn has_room(&mut self) -> bool {
        let Writer::Stalls { seed } = self.writer else {
            return true;
        };
        if self.stalled > 0 {
            self.stalled -= 1;
            return self.stalled == 0;
        }
        self.asked += 1;
        let mixed = (self.asked + (seed << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        if mixed.is_multiple_of(3) {
            self.stalled = mixed % 100;
        }
        self.stalled == 0
    }
}

impl Sink for Memory {
    fn offer(&mut self, chunk: &mut Vec<u8>) {
        if self.has_room() {
            self.write(chunk);
            chunk.clear();
        }
    }

    fn close(&mut self, chunk: Vec<u8>) {
        self.write(&chunk);
    }
}

/// Runs a scenario once under a policy; the hash of its results.
pub(crate) fn run(text: &str, policy: &str, sinks: &Sinks<'_>) -> String {
    let text = set(text, "run.replications", "1").expect("it may be set");
    let text = set(&text, "run.warm_up", "\"0s\"").expect("it may be set");
    let text = set(&text, "policies", &format!("[{policy:?}]")).expect("it may be set");
    let text = set(&text, "expect", "[]").expect("it may be set");
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let experiment = Experiment::run(&plan, sinks, &Monitor::default());
    experiment.policies[0].result_hash.clone()
}

impl Tape {
    pub(crate) fn record(text: &str, policy: &str, writer: Writer) -> Self {
        let mut preamble = Vec::new();
        write_preamble(&mut preamble).expect("memory takes it");
        let bytes = Arc::new(Mutex::new(preamble));
        let journal = |_contender| -> Box<dyn Sink> {
            Box::new(Memory {
                bytes: Arc::clone(&bytes),
                writer,
                asked: 0,
                stalled: 0,
            })
        };
        let sinks = Sinks {
            journal: Some(&journal),
            ..Sinks::default()
        };
        let result_hash = run(text, policy, &sinks);
        let bytes = bytes.lock().expect("nobody panics with it").clone();
        Self { bytes, result_hash }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The same journal with each record as `change` leaves it; `None`: left out.
    pub(crate) fn changed(
        &self,
        mut change: impl FnMut(Record<'static>) -> Option<Record<'static>>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        write_preamble(&mut out).expect("memory takes it");
        let mut reader = Reader::new(&self.bytes[..]).expect("a journal");
        while let Some(record) = reader.next_record().expect("whole") {
            if let Some(record) = change(record) {
                let bytes = record.to_bytes();
                write_frame(&mut out, &bytes).expect("memory takes it");
            }
        }
        out
    }
}

/// Runs a journal again.
#[track_caller]
pub(crate) fn replay(journal: &[u8], build: &BuildPolicy<'_>) -> Parity {
    let mut reader = Reader::new(journal).expect("a journal");
    let mut replay = Replay::new(build);
    while let Some(record) = reader.next_record().expect("whole") {
        replay.feed(&record).expect("written by a broker");
    }
    replay.parity().clone()
}
