//! What a message costs the live broker, beside bare tokio channels:
//! `shell [MESSAGES [ROUNDS [CASE]]]`.
//!
//! Contenders take turns within a round on a fresh runtime of two threads; a figure is CPU time of
//! the process per message. Run it under `taskset -c 0` for steady figures. The broker runs its
//! defaults, the channel has the same bound and payload, and both say the sum of what they carried.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ebbtide::{Broker, BrokerConfig, with};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{mpsc, oneshot};

const BOUND: usize = 1024;

/// A message of 64 bytes.
type Payload = [u64; 8];

/// What is measured: messages without a reply from so many producers to so many workers, or
/// requests with so many in flight.
#[derive(Clone, Copy)]
enum Case {
    Tell { producers: u64, workers: u32 },
    Ask { in_flight: u64 },
}

const CASES: &[(&str, Case)] = &[
    (
        "tell 1->1",
        Case::Tell {
            producers: 1,
            workers: 1,
        },
    ),
    (
        "tell 8->1",
        Case::Tell {
            producers: 8,
            workers: 1,
        },
    ),
    (
        "tell 8->5",
        Case::Tell {
            producers: 8,
            workers: 5,
        },
    ),
    ("ask 1", Case::Ask { in_flight: 1 }),
    ("ask 50", Case::Ask { in_flight: 50 }),
    ("ask 1000", Case::Ask { in_flight: 1000 }),
];

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| {
        let text = arguments.get(place);
        text.map_or(Some(default), |text| text.parse().ok())
    };
    let (Some(messages), Some(rounds)) = (number(0, 400_000), number(1, 7)) else {
        eprintln!("usage: shell [MESSAGES [ROUNDS [CASE]]]");
        return ExitCode::from(2);
    };
    let only = arguments.get(2);
    println!(
        "{:<10} {:>10} {:>10} {:>7} | million/s",
        "case", "tokio ns", "broker ns", "ratio"
    );
    for (name, case) in CASES {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let mut rows: Vec<[Cost; 2]> = Vec::new();
        for _ in 0..rounds {
            rows.push([run(*case, messages, false), run(*case, messages, true)]);
        }
        let median = |figure: &dyn Fn(&[Cost; 2]) -> f64| {
            let mut all: Vec<f64> = rows.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!(
            "{name:<10} {:>10.0} {:>10.0} {:>7.2} | {:.2} {:.2}",
            median(&|row| row[0].cpu_ns),
            median(&|row| row[1].cpu_ns),
            median(&|row| row[1].cpu_ns / row[0].cpu_ns),
            median(&|row| row[0].million_per_s),
            median(&|row| row[1].million_per_s),
        );
    }
    ExitCode::SUCCESS
}

struct Cost {
    cpu_ns: f64,
    million_per_s: f64,
}

fn run(case: Case, messages: u64, broker: bool) -> Cost {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime starts");
    let (cpu, wall) = (cpu_time(), Instant::now());
    let sum = runtime.block_on(async move {
        let run = async move {
            match (case, broker) {
                (Case::Tell { producers, workers }, false) => {
                    channel_tell(producers, workers, messages).await
                }
                (Case::Tell { producers, workers }, true) => {
                    broker_tell(producers, workers, messages).await
                }
                (Case::Ask { in_flight }, false) => channel_ask(in_flight, messages).await,
                (Case::Ask { in_flight }, true) => broker_ask(in_flight, messages).await,
            }
        };
        tokio::spawn(run).await.expect("it runs through")
    });
    let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
    let senders = match case {
        Case::Tell { producers, .. } => producers,
        Case::Ask { in_flight } => in_flight,
    };
    let each = messages / senders;
    assert_eq!(sum, senders * (each * (each - 1) / 2), "every message once");
    Cost {
        cpu_ns: cpu.as_nanos() as f64 / (each * senders) as f64,
        million_per_s: (each * senders) as f64 / wall.as_secs_f64() / 1e6,
    }
}

fn payload(number: u64) -> Payload {
    [number; 8]
}

async fn channel_tell(producers: u64, workers: u32, messages: u64) -> u64 {
    let mut senders = Vec::new();
    let consumers: Vec<_> = (0..workers)
        .map(|_| {
            let (sender, mut receiver) = mpsc::channel::<Payload>(BOUND);
            senders.push(sender);
            tokio::spawn(async move {
                let mut sum = 0;
                while let Some(message) = receiver.recv().await {
                    sum += message[0];
                }
                sum
            })
        })
        .collect();
    let producers: Vec<_> = (0..producers)
        .map(|_| {
            let senders = senders.clone();
            tokio::spawn(async move {
                for number in 0..messages / producers {
                    let to = &senders[number as usize % senders.len()];
                    to.send(payload(number)).await.expect("consumers stay");
                }
            })
        })
        .collect();
    drop(senders);
    for producer in producers {
        producer.await.expect("it ends");
    }
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.expect("it ends");
    }
    sum
}

async fn started(workers: u32) -> Broker {
    let config = BrokerConfig {
        num_workers: workers,
        max_queue_size: BOUND as u64,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    };
    Broker::builder()
        .config(config)
        .start()
        .await
        .expect("it starts")
}

async fn broker_tell(producers: u64, workers: u32, messages: u64) -> u64 {
    let broker = started(workers).await;
    let sum = Arc::new(AtomicU64::new(0));
    let add = with(
        sum.clone(),
        async |sum: &Arc<AtomicU64>, message: &Payload| {
            sum.fetch_add(message[0], Ordering::Relaxed);
            Ok(())
        },
    );
    let agent = broker.add_agent("sum", add).expect("a new name");
    let producers: Vec<_> = (0..producers)
        .map(|_| {
            let agent = agent.clone();
            tokio::spawn(async move {
                for number in 0..messages / producers {
                    agent.send(payload(number)).await.expect("it stays open");
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.expect("it ends");
    }
    broker.shutdown(Duration::from_secs(60)).await;
    sum.load(Ordering::Relaxed)
}

async fn channel_ask(in_flight: u64, messages: u64) -> u64 {
    let (sender, mut receiver) = mpsc::channel::<(Payload, oneshot::Sender<u64>)>(BOUND);
    let consumer = tokio::spawn(async move {
        while let Some((message, reply)) = receiver.recv().await {
            reply.send(message[0]).expect("callers wait");
        }
    });
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                for number in 0..messages / in_flight {
                    let (reply, answer) = oneshot::channel();
                    let sent = sender.send((payload(number), reply)).await;
                    sent.expect("the consumer stays");
                    sum += answer.await.expect("it answers");
                }
                sum
            })
        })
        .collect();
    drop(sender);
    let mut sum = 0;
    for caller in callers {
        sum += caller.await.expect("it ends");
    }
    consumer.await.expect("it ends");
    sum
}

async fn broker_ask(in_flight: u64, messages: u64) -> u64 {
    let broker = started(5).await;
    let echo = async |message: &Payload| Ok(message[0]);
    let agent = broker.add_agent("echo", echo).expect("a new name");
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let agent = agent.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                for number in 0..messages / in_flight {
                    sum += agent.request(payload(number)).await.expect("it answers");
                }
                sum
            })
        })
        .collect();
    let mut sum = 0;
    for caller in callers {
        sum += caller.await.expect("it ends");
    }
    broker.shutdown(Duration::from_secs(60)).await;
    sum
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).expect("below a second");
    Duration::new(time.tv_sec.unsigned_abs(), nanos)
}
