//! Producers ten times faster than their agent: `overload [MESSAGES]`, a million unless said.
//!
//! Four producers are refused while the queue is full and go on to the next message, a thousand wait
//! for room. Each message owns 1 KiB. At every tenth the queue and the
//! resident memory are told; the program fails if the queue exceeds its bound, or memory grows.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ebbtide::{AgentRef, Broker, BrokerConfig, SendError, with};

const BOUND: u64 = 10_000;
/// What free slots could start at once needs no place.
const SLOTS: u64 = 50;
/// What the agent works on a message.
const WORK: Duration = Duration::from_micros(4);
/// Messages that a producer offers before it lets others run.
const AT_ONCE: u32 = 50_000;
/// Memory may differ by this much: allocators keep what they may need again.
const SLACK_KIB: u64 = 16 << 10;

type Message = Vec<u8>;

/// What producers and the handler count.
#[derive(Default)]
struct Counts {
    offered: AtomicU64,
    handled: AtomicU64,
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let messages = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let messages: u64 = messages.unwrap_or(1_000_000);
    let config = BrokerConfig {
        max_queue_size: BOUND,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    let broker = Broker::builder().config(config).start().await;
    let broker = broker.expect("the settings are sound");
    let counts = Arc::new(Counts::default());
    let slow = async |counts: &Arc<Counts>, _: &Message| {
        let started = Instant::now();
        while started.elapsed() < WORK {
            std::hint::spin_loop();
        }
        counts.handled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let agent = broker.add_agent("slow", with(counts.clone(), slow));
    let agent = agent.expect("a new name");
    produce(&agent, &counts);

    let (mut least, mut most, mut queue) = (u64::MAX, 0, 0);
    for tenth in 1..=10 {
        while counts.handled.load(Ordering::Relaxed) < messages / 10 * tenth {
            tokio::time::sleep(Duration::from_millis(1)).await;
            queue = queue.max(broker.books().queued());
        }
        let rss = resident_kib();
        (least, most) = (least.min(rss), most.max(rss));
        let offered = counts.offered.load(Ordering::Relaxed);
        println!(
            "{:>8} handled {offered:>9} offered {queue:>6} queued at most {rss:>7} KiB",
            messages / 10 * tenth
        );
    }
    let offered = counts.offered.load(Ordering::Relaxed);
    broker.shutdown(Duration::from_secs(10)).await;
    if offered < 10 * messages {
        println!("{offered} offered are too few: there was no overload");
        return ExitCode::FAILURE;
    }
    if queue > BOUND + SLOTS || most - least > SLACK_KIB {
        println!("the queue's bound is {BOUND}, memory may differ by {SLACK_KIB} KiB");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Starts the producers, which go on until the broker shuts down.
fn produce(agent: &AgentRef<Message, ()>, counts: &Arc<Counts>) {
    for _ in 0..4 {
        let (agent, counts) = (agent.clone(), counts.clone());
        tokio::spawn(async move {
            let is_open = |refused: SendError<Message>| refused.reason.is_full();
            let offer = || {
                counts.offered.fetch_add(1, Ordering::Relaxed);
                agent
                    .try_send(vec![1; 1024])
                    .map_or_else(is_open, |()| true)
            };
            while (0..AT_ONCE).all(|_| offer()) {
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..1000 {
        let (agent, counts) = (agent.clone(), counts.clone());
        tokio::spawn(async move {
            while agent.send(vec![1; 1024]).await.is_ok() {
                counts.offered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

/// Resident memory, as the system has it.
fn resident_kib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64 / 1024
}
