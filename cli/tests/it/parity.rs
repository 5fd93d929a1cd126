//! `parity`: live brokers on several threads and the wall clock, whose journals the command, a
//! process of its own, runs again to the same bytes; and journals that it must refuse.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ebbtide::{AgentConfig, AgentRef, Batch, Broker, BrokerConfig, Failure, Pause, with};
use ebbtide_core::Verdict;
use ebbtide_core::config::BreakerConfig;
use ebbtide_core::journal::{Input, Reader, Record, Verdicts, write_frame, write_preamble};
use tokio::time::{Instant, sleep};

use crate::command::Room;

const MS: Duration = Duration::from_millis(1);

fn config(policy: &str) -> BrokerConfig {
    BrokerConfig {
        policy: policy.to_owned(),
        num_workers: 30,
        max_workers: 200,
        delivery_parallelism: 2,
        control_interval_ms: 40,
        shrink_window_ms: 80,
        worker_start_ms: 5,
        call_timeout_ms: 150,
        batch_timeout_ms: 20,
        breaker: Some(BreakerConfig {
            open_ms: 150,
            ..BreakerConfig::default()
        }),
        objective: Some("p95(sojourn) < 120ms".parse().expect("an objective")),
        ..BrokerConfig::default()
    }
}

/// Answers after 40 to 120 ms; some calls fail, some are too many, some never end, and while it
/// is down all fail.
async fn echo(down: &Arc<AtomicBool>, number: &u64) -> Result<u64, Failure> {
    let luck = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    sleep(MS * (40 + (luck % 81) as u32)).await;
    match luck % 100 {
        _ if down.load(Ordering::Relaxed) => Err(Failure::retry("down")),
        0..4 => Err(Failure::retry("not this time")),
        4 => Err(Failure::too_many_requests(Some(MS * 15))),
        5 => std::future::pending().await,
        6 => Err(Failure::reject("never")),
        _ => Ok(*number),
    }
}

async fn rank(batch: Batch<'_, u64>) -> Vec<Result<u64, Failure>> {
    sleep(MS * (10 + batch.len() as u32)).await;
    batch.iter().map(|number| Ok(*number)).collect()
}

type Ref = AgentRef<u64, u64>;

/// A broker with everything that a wall clock and four threads bring: callers in small steps
/// upwards until its setting has changed so often, then up and down, a pause and an outage.
async fn live(policy: &str, changes: u64, journal: &Path) {
    let limited = AgentConfig {
        in_flight_limit: Some(100),
        ..AgentConfig::new("echo")
    };
    let broker = Broker::builder().config(config(policy)).journal(journal);
    let broker = broker.start().await.expect("it starts");
    let down = Arc::new(AtomicBool::new(false));
    let echo = broker.add_agent(limited, with(down.clone(), echo));
    let echo = echo.expect("a new name");
    let rank = broker.add_agent("rank", rank).expect("a new name");
    let (mut changed, mut callers) = (0, 20);
    while changed < changes && callers < 300 {
        let before = broker.setting();
        callers += 4;
        call(callers, &echo, &rank).await;
        changed += u64::from(broker.setting() != before);
    }
    broker.pin_workers(Some(9)).expect("within the bounds");
    call(40, &echo, &rank).await;
    broker.set_dry_run(true);
    call(3, &echo, &rank).await;
    broker.switch_policy("fixed(12)").expect("shipped");
    broker.pin_workers(None).expect("nothing to refuse");
    broker.set_dry_run(false);
    call(30, &echo, &rank).await;
    broker.switch_policy(policy).expect("shipped");
    broker
        .pause_agent("rank", Pause::UntilResumed)
        .expect("it is there");
    call(60, &echo, &rank).await;
    broker.resume_agent("rank").expect("it is there");
    down.store(true, Ordering::Relaxed);
    call(60, &echo, &rank).await;
    down.store(false, Ordering::Relaxed);
    call(80, &echo, &rank).await;
    broker.remove_agent("rank").expect("it is there");
    broker.shutdown(Duration::from_secs(2)).await;
    assert!(broker.journal_error().is_none());
}

/// So many callers, for a quarter of a second and their last call each.
async fn call(callers: u64, echo: &Ref, rank: &Ref) {
    let over = Instant::now() + MS * 250;
    let calls = (0..callers).map(|caller| {
        let (echo, rank) = (echo.clone(), rank.clone());
        tokio::spawn(async move {
            let mut number = (callers * 1_000 + caller) * 1_000;
            while Instant::now() < over {
                number += 1;
                // Whatever comes of it: the books of both sides must agree.
                let _ = echo.request(number).deadline(MS * 300).await;
                let _ = rank.try_send(number);
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("callers do not panic");
    }
}

fn record(policy: &str, changes: u64, room: &Room) -> std::path::PathBuf {
    let path = room.path().join("live.journal");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_time().build();
    runtime
        .expect("threads can be had")
        .block_on(live(policy, changes, &path));
    path
}

#[track_caller]
fn check(policy: &str, least_changes: u64) {
    let room = Room::new();
    record(policy, least_changes, &room);
    let run = room.run(&["parity", "live.journal"]);
    assert_eq!(run.code, 0, "{policy}: {}{}", run.stdout, run.stderr);
    let same = "parity: every observation and every decision is the same, byte for byte\n";
    assert!(run.stdout.ends_with(same), "{policy}: {}", run.stdout);
    let figure = |before: &str| -> u64 {
        let (_, rest) = run.stdout.split_once(before).expect("it is told");
        let number = rest.trim_start().split(' ').next().expect("a number");
        number.replace(',', "").parse().expect("a number")
    };
    assert!(figure("decisions") >= 20, "{policy}: {}", run.stdout);
    assert!(figure("inputs") >= 1_000, "{policy}: {}", run.stdout);
    let changes = figure("observations,");
    assert!(changes >= least_changes, "{policy}: {}", run.stdout);
}

#[test]
fn a_live_fixed_pool_replays() {
    check("fixed", 0);
}

#[test]
fn live_threshold_scaling_replays() {
    check("threshold(1)", 5);
}

#[test]
fn live_adaptive_scaling_replays() {
    check("adaptive", 5);
}

/// The journal with one verdict flipped, in the midst.
fn flipped(journal: &[u8]) -> Vec<u8> {
    let (mut out, mut seen) = (Vec::new(), 0);
    write_preamble(&mut out).expect("memory takes it");
    let mut reader = Reader::new(journal).expect("a journal");
    while let Some(mut record) = reader.next_record().expect("whole") {
        if let Record::Input { input, .. } = &mut record
            && let Input::Settle { verdicts, .. } = input
            && *verdicts == Verdicts::All(Verdict::Delivered)
        {
            seen += 1;
            if seen == 20 {
                *verdicts = Verdicts::All(Verdict::Failed);
            }
        }
        write_frame(&mut out, &record.to_bytes()).expect("memory takes it");
    }
    out
}

#[test]
fn what_is_no_journal_of_this_policy_is_told_with_its_place() {
    let room = Room::new();
    let path = record("threshold(1)", 0, &room);
    let whole = std::fs::read(path).expect("it was written");

    room.write("flipped.journal", flipped(&whole));
    let run = room.run(&["parity", "flipped.journal"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let told = "no parity: decision ";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(run.stdout.contains("observation."), "{}", run.stdout);

    room.write("cut.journal", &whole[..whole.len() / 2]);
    let run = room.run(&["parity", "cut.journal"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("parity: every"), "{}", run.stdout);
    let told = "cut.journal: it breaks off in the middle, at byte ";
    assert!(run.stderr.contains(told), "{}", run.stderr);

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 4;
    room.write("damaged.journal", damaged);
    let run = room.run(&["parity", "damaged.journal"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("it is damaged"), "{}", run.stderr);

    let mut later = whole;
    later[8] = 9;
    room.write("later.journal", later);
    let run = room.run(&["parity", "later.journal"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("format version 9"), "{}", run.stderr);

    room.write("text.journal", "(agents: [])");
    let run = room.run(&["parity", "text.journal"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("it is no journal"), "{}", run.stderr);

    let run = room.run(&["parity", "nowhere.journal"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
}
