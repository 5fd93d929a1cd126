//! What a journal is as a file (whole, cut short, damaged, from a later version), and what the
//! user says at run time in it. Whole runs of the simulator are in `sim/tests/parity`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ebbtide_policies::units::{Duration, Time};
use ebbtide_policies::{Policy, registry};

use super::*;
use crate::config::{AgentConfig, BrokerConfig, Checked};
use crate::event::EventQueue;
use crate::message::{Lane, Settlement, Submission, Verdict};

const CALL: Duration = Duration::from_millis(300);

/// Frames in memory, with room for more or not.
#[derive(Clone, Default)]
struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
    full: Arc<AtomicBool>,
}

impl Memory {
    fn journal(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Sink for Memory {
    fn offer(&mut self, chunk: &mut Vec<u8>) {
        if !self.full.load(Ordering::Relaxed) {
            self.close(std::mem::take(chunk));
        }
    }

    fn close(&mut self, chunk: Vec<u8>) {
        write_frame(&mut *self.bytes.lock().unwrap(), &chunk).unwrap();
    }
}

fn broker(memory: &Memory) -> Journaled<&'static str> {
    write_preamble(&mut *memory.bytes.lock().unwrap()).unwrap();
    let config = Checked::new(BrokerConfig {
        objective: Some("p99.9(wait) < 1s".parse().unwrap()),
        breaker: None,
        lane_max_wait_ms: [None, Some(7), None, Some(9), None],
        ..BrokerConfig::default()
    });
    let policy = registry::build("threshold(1)").unwrap();
    let journal = Some(Box::new(memory.clone()) as Box<dyn Sink>);
    Journaled::new(config.unwrap(), policy, EventQueue::default(), journal)
}

/// Four messages a second, each called for 300 ms, for a minute; `each_second` comes first.
fn minute(memory: &Memory, mut each_second: impl FnMut(u64, &mut Journaled<&'static str>)) {
    let mut state = broker(memory);
    let agent = state.add_agent(Time::ZERO, AgentConfig::new("echo"));
    let agent = agent.unwrap();
    let (mut calls, mut running) = (Vec::new(), VecDeque::new());
    for quarter in 0..240 {
        let now = Time::ZERO + Duration::from_millis(250 * quarter);
        while let Some((_, lease)) = running.pop_front_if(|&mut (ends, _)| ends <= now) {
            let delivered = Settlement::All(Verdict::Delivered);
            state.settle(now, lease, delivered).unwrap();
        }
        if quarter % 4 == 0 {
            each_second(quarter / 4, &mut state);
        }
        let submission = Submission::new(agent, now, "payload");
        state.submit(now, submission).unwrap();
        if let Some(worker) = state.least_busy_worker() {
            state.take(now, worker, 1, &mut calls);
        }
        running.extend(calls.drain(..).map(|call| (now + CALL, call.lease)));
    }
    state.close();
}

fn steer(second: u64, state: &mut Journaled<&'static str>) {
    let now = Time::ZERO + Duration::from_secs(second);
    match second {
        5 => drop(state.switch_policy(now, registry::build("adaptive").unwrap())),
        10 => state.pin_workers(now, Some(7)).unwrap(),
        15 => assert!(state.pin_workers(now, Some(70)).is_err()),
        20 => state.set_dry_run(now, true),
        25 => drop(state.switch_policy(now, registry::build("fixed(3)").unwrap())),
        30 => state.set_dry_run(now, false),
        35 => state.pin_workers(now, None).unwrap(),
        40 => drop(state.switch_policy(now, registry::build("threshold(1)").unwrap())),
        45 => state.pause_lane(now, Lane::Normal, now + Duration::from_secs(3)),
        48 => {
            let config = BrokerConfig::clone(state.config());
            let narrower = BrokerConfig {
                control_interval_ms: 500,
                max_workers: 6,
                ..config
            };
            state
                .reconfigure(now, Checked::new(narrower).unwrap())
                .unwrap();
        }
        50 => state.keep_observations(false),
        _ => {}
    }
}

fn journal() -> Vec<u8> {
    let memory = Memory::default();
    minute(&memory, steer);
    memory.journal()
}

fn read(bytes: &[u8]) -> Result<Vec<Record<'static>>, JournalError> {
    let mut reader = Reader::new(bytes)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    Ok(records)
}

fn shipped(name: &str) -> Option<Box<dyn Policy>> {
    registry::build(name).ok()
}

fn replay(journal: &[u8]) -> Parity {
    let mut replay = Replay::new(&shipped);
    for record in read(journal).unwrap() {
        replay.feed(&record).unwrap();
    }
    replay.parity().clone()
}

#[test]
fn what_the_user_says_at_run_time_is_replayed() {
    let parity = replay(&journal());
    assert_eq!(parity.mismatch, None, "{parity:?}");
    assert!(parity.ended && parity.gaps == 0, "{parity:?}");
    assert!(parity.inputs > 700 && parity.decisions >= 59, "{parity:?}");
    assert!(parity.changes >= 1, "{parity:?}");
}

#[test]
fn a_policy_that_came_in_a_gap_decides_after_it() {
    let whole = replay(&journal());
    for gap in [3..8, 4..5, 18..27, 38..42, 24..100] {
        let memory = Memory::default();
        minute(&memory, |second, state| {
            let full = gap.contains(&second);
            memory.full.store(full, Ordering::Relaxed);
            steer(second, state);
        });
        let parity = replay(&memory.journal());
        assert_eq!(parity.mismatch, None, "{gap:?}: {parity:?}");
        assert!(parity.ended && parity.gaps == 1, "{gap:?}: {parity:?}");
        let decisions = parity.decisions + parity.decisions_in_gaps;
        assert_eq!(decisions, whole.decisions, "{gap:?}");
    }
}

/// The writer is gone for so long that decisions had to go too.
#[test]
fn a_policy_is_not_guessed_at_when_its_observations_are_lost() {
    let memory = Memory::default();
    minute(&memory, |second, state| {
        let full = (20..40).contains(&second);
        memory.full.store(full, Ordering::Relaxed);
        state.keep_at_most(0);
    });
    let parity = replay(&memory.journal());
    assert_eq!(parity.mismatch, None, "{parity:?}");
    assert!(parity.lost.decisions > 10, "{parity:?}");
    let unknown = parity.unknown_from.expect("decisions are missing");
    assert!(unknown.as_secs_f64() < 22.0, "{parity:?}");
    assert!(parity.decisions < 25, "{parity:?}");
}

/// The gap once began between an input that ticks and its decision: the policy was asked twice.
#[test]
fn an_input_that_fills_a_chunk_and_ticks_keeps_its_decision() {
    let memory = Memory::default();
    let mut state = broker(&memory);
    let agent = state.add_agent(Time::ZERO, AgentConfig::new("echo"));
    let agent = agent.unwrap();
    let topic = "x".repeat(40_000);
    for second in 1..=20 {
        let now = Time::ZERO + Duration::from_millis(1000 * second + 1);
        let submission = Submission::new(agent, now, "payload");
        memory.full.store(second == 10, Ordering::Relaxed);
        if second == 10 {
            state.broadcast(now, &topic, submission).unwrap_err();
        } else {
            state.submit(now, submission).unwrap();
        }
    }
    state.close();
    let parity = replay(&memory.journal());
    assert_eq!(parity.mismatch, None, "{parity:?}");
    assert!(parity.ended && parity.gaps == 1, "{parity:?}");
    assert_eq!(
        parity.decisions + parity.decisions_in_gaps,
        20,
        "{parity:?}"
    );
}

#[test]
fn a_journal_cut_anywhere_is_told_from_a_whole_one() {
    let whole = journal();
    let records = read(&whole).unwrap();
    for length in (0..60).chain((60..whole.len()).step_by(997)) {
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
    for at in (10..60).chain((60..whole.len()).step_by(997)) {
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
fn another_version_is_refused() {
    for other in [FORMAT_VERSION - 1, FORMAT_VERSION + 1] {
        let mut journal = journal();
        journal[8..10].copy_from_slice(&other.to_le_bytes());
        let error = read(&journal).unwrap_err();
        let is_told = matches!(error, JournalError::OtherVersion { found } if found == other);
        assert!(is_told, "{error}");
    }
}

#[test]
fn records_out_of_order_are_no_journal() {
    let records = read(&journal()).unwrap();
    let mut replay = Replay::new(&shipped);
    let out_of_order = |fed| matches!(fed, Err(ReplayError::Order(_)));
    assert!(out_of_order(replay.feed(&records[1])));
    replay.feed(&records[0]).unwrap();
    assert!(out_of_order(replay.feed(&records[0])));
    let state = Record::Resume {
        lost: Lost::default(),
        state: vec![7; 100].into(),
    };
    assert!(out_of_order(replay.feed(&state)));
    replay.feed(&Record::Gap).unwrap();
    assert!(out_of_order(replay.feed(&records[1])));
    let unreadable = replay.feed(&state);
    assert!(matches!(unreadable, Err(ReplayError::Unreadable(_))));
}

#[test]
fn a_policy_that_the_program_lacks_is_named() {
    let records = read(&journal()).unwrap();
    let mut replay = Replay::new(&|_| None);
    let error = replay.feed(&records[0]).unwrap_err();
    let named = ReplayError::UnknownPolicy("threshold(1)".to_owned());
    assert_eq!(error, named);
}
