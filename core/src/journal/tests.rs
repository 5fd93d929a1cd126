//! What a journal is as a file: whole, cut short, damaged, from a later version.

use std::sync::{Arc, Mutex};

use ebbtide_policies::registry;
use ebbtide_policies::units::{Duration, Time};

use super::*;
use crate::config::{AgentConfig, BrokerConfig, Checked};
use crate::message::{Settlement, Submission, Verdict};

/// Frames in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Sink for Memory {
    fn offer(&mut self, chunk: &mut Vec<u8>) {
        self.close(std::mem::take(chunk));
    }

    fn close(&mut self, chunk: Vec<u8>) {
        write_frame(&mut *self.0.lock().unwrap(), &chunk).unwrap();
    }
}

/// Ten seconds of a broker with one message a second.
fn journal() -> Vec<u8> {
    let memory = Memory::default();
    write_preamble(&mut *memory.0.lock().unwrap()).unwrap();
    let config = Checked::new(BrokerConfig {
        objective: Some("p99.9(wait) < 1s".parse().unwrap()),
        breaker: None,
        lane_max_wait_ms: [None, Some(7), None, Some(9), None],
        ..BrokerConfig::default()
    });
    let policy = registry::build("adaptive").unwrap();
    let listener = crate::event::EventQueue::default();
    let journal = Some(Box::new(memory.clone()) as Box<dyn Sink>);
    let mut state = Journaled::new(config.unwrap(), policy, listener, journal);
    let agent = state
        .add_agent(Time::ZERO, AgentConfig::new("echo"))
        .unwrap();
    for second in 0..10 {
        let now = Time::ZERO + Duration::from_secs(second);
        state
            .submit(now, Submission::new(agent, now, "payload"))
            .unwrap();
        let (worker, mut calls) = (state.least_busy_worker().unwrap(), Vec::new());
        state.take(now, worker, 1, &mut calls);
        let later = now + Duration::from_millis(30);
        let verdict = Settlement::All(Verdict::Delivered);
        state.settle(later, calls[0].lease, verdict).unwrap();
    }
    state.close();
    memory.0.lock().unwrap().clone()
}

fn read(bytes: &[u8]) -> Result<Vec<Record<'static>>, JournalError> {
    let mut reader = Reader::new(bytes)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    Ok(records)
}

fn shipped(name: &str) -> Option<Box<dyn ebbtide_policies::Policy>> {
    registry::build(name).ok()
}

#[test]
fn a_whole_journal_agrees_and_says_how_much_it_was() {
    let mut replay = Replay::new(&shipped);
    for record in read(&journal()).unwrap() {
        replay.feed(&record).unwrap();
    }
    let parity = replay.parity();
    assert_eq!(parity.mismatch, None);
    assert_eq!((parity.inputs, parity.decisions, parity.gaps), (31, 9, 0));
    assert!(parity.ended && replay.is_over());
    assert_eq!(replay.header().unwrap().policy, "adaptive");
}

#[test]
fn a_journal_cut_anywhere_is_told_from_a_whole_one() {
    let whole = journal();
    let records = read(&whole).unwrap();
    for length in 0..whole.len() {
        match read(&whole[..length]) {
            Ok(read) => assert!(read.len() < records.len(), "cut at {length}"),
            Err(JournalError::NoJournal) => assert!(length < 10, "cut at {length}"),
            Err(error) => assert!(matches!(error, JournalError::BrokenOff { .. }), "{error}"),
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let whole = journal();
    for at in 10..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        let error = read(&damaged).unwrap_err();
        let kind = matches!(
            error,
            JournalError::BrokenOff { .. } | JournalError::Damaged { .. }
        );
        assert!(kind, "at {at}: {error}");
    }
}

#[test]
fn a_later_version_is_refused() {
    let mut later = journal();
    later[8] += 1;
    let error = read(&later).unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 2 }), "{error}");
}

#[test]
fn records_out_of_order_are_no_journal() {
    let records = read(&journal()).unwrap();
    let mut replay = Replay::new(&shipped);
    assert!(matches!(
        replay.feed(&records[1]),
        Err(ReplayError::Order(_))
    ));
    replay.feed(&records[0]).unwrap();
    assert!(matches!(
        replay.feed(&records[0]),
        Err(ReplayError::Order(_))
    ));
    let state = Record::Resume {
        lost: Lost::default(),
        state: vec![7; 100].into(),
    };
    assert!(matches!(replay.feed(&state), Err(ReplayError::Order(_))));
    replay.feed(&Record::Gap).unwrap();
    assert!(matches!(
        replay.feed(&state),
        Err(ReplayError::Unreadable(_))
    ));
}

#[test]
fn a_policy_that_the_program_lacks_is_named() {
    let records = read(&journal()).unwrap();
    let mut replay = Replay::new(&|_| None);
    let error = replay.feed(&records[0]).unwrap_err();
    assert_eq!(error, ReplayError::UnknownPolicy("adaptive".to_owned()));
}
