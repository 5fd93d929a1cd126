//! The five experiments and the mix.

use std::time::Duration;

use ebbtide::{Broker, BrokerConfig};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::floor::{Echo, Note, Side};
use super::{Measured, Round, runtime};
use crate::live::Pace;
use crate::timer::Timer;

/// Rounds that count, after one that warms up.
const ROUNDS: usize = 9;

/// Of a worker, by default.
const SLOTS: u32 = 10;

/// Longest wait for the last event of a round.
const PATIENCE: Duration = Duration::from_secs(10);

/// One line of the report.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trial {
    /// Which experiment.
    pub experiment: &'static str,
    /// The setting.
    pub setting: &'static str,
    /// What it measured then, in its words.
    pub then: &'static str,
    /// Workers, ten slots each.
    pub workers: u32,
    /// Messages a batch holds; 1: the agent is called for each message.
    pub batch: u32,
    /// What is sent.
    pub kind: TrialKind,
}

/// What is sent in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialKind {
    /// So many requests, as fast as a loop sends them.
    Requests(u32),
    /// 50 requests, 30 events and 20 broadcasts to three agents.
    Mix,
}

const fn trial(
    experiment: &'static str,
    setting: &'static str,
    (workers, batch): (u32, u32),
    messages: u32,
    then: &'static str,
) -> Trial {
    Trial {
        experiment,
        setting,
        then,
        workers,
        batch,
        kind: TrialKind::Requests(messages),
    }
}

/// All of them, with the figures that were measured then.
#[rustfmt::skip]
pub const TRIALS: &[Trial] = &[
    trial("1 baseline", "1 worker", (1, 1), 1000, "977.8/s, mean 1.0 ms"),
    trial("1 optimised", "5 workers, batch 20", (5, 20), 1000, "970.4/s, mean 1.0 ms"),
    trial("2 scaling", "1 worker", (1, 1), 500, "489.6/s, mean 2.0 ms"),
    trial("2 scaling", "3 workers", (3, 1), 500, "487.9/s, mean 2.0 ms"),
    trial("2 scaling", "5 workers", (5, 1), 500, "479.2/s, mean 2.1 ms"),
    trial("2 scaling", "10 workers", (10, 1), 500, "482.7/s, mean 2.1 ms"),
    trial("3 batches", "batch 1", (1, 1), 500, "489.3/s, mean 2.0 ms"),
    trial("3 batches", "batch 5", (1, 5), 500, "488.7/s, mean 2.0 ms"),
    trial("3 batches", "batch 10", (1, 10), 500, "490.5/s, mean 2.0 ms"),
    trial("3 batches", "batch 20", (1, 20), 500, "485.1/s, mean 2.1 ms"),
    trial("3 batches", "batch 50", (1, 50), 500, "479.2/s, mean 2.1 ms"),
    trial("4 latency", "5 workers", (5, 1), 1000, "P50 15.2, P95 16.0, P99 16.1 ms"),
    trial("5 requests", "50 at once", (5, 1), 50, "1.01 s, 49.4/s"),
    Trial {
        experiment: "mix",
        setting: "50 + 30 + 20",
        then: "23.5/s, mean 42.5 ms",
        workers: 5,
        batch: 1,
        kind: TrialKind::Mix,
    },
];

impl Trial {
    /// Messages of a round.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        match self.kind {
            TrialKind::Requests(messages) => messages as u64,
            TrialKind::Mix => (REQUESTS + EVENTS + BROADCASTS) as u64,
        }
    }

    /// What half of the messages wait in the mean, whatever stands before them: all are sent at
    /// once, and a worker's ten slots need their time for the agents' calls. In seconds.
    #[must_use]
    pub fn slots_need_s(&self, echo_ms: u64) -> f64 {
        let calls = self.messages() as f64 / f64::from(self.batch);
        calls * echo_ms as f64 / 1e3 / f64::from(self.workers * SLOTS) / 2.0
    }

    /// Runs it on the live broker, and on a null broker, with agents that take `echo_ms`.
    #[must_use]
    pub fn run(&self, echo_ms: u64) -> (Measured, Measured) {
        let echo = Echo {
            timer: Timer::of(Pace::Wall),
            takes: Duration::from_millis(echo_ms),
            batch: self.batch > 1,
        };
        let agents = match self.kind {
            TrialKind::Requests(_) => 1,
            TrialKind::Mix => AGENTS,
        };
        runtime().block_on(async {
            let broker = Broker::builder().config(self.config()).start().await;
            let broker = broker.expect("the configuration is in range");
            let live = Side::ebbtide(broker.clone(), &echo, agents);
            let live = self.measure(&live).await;
            broker.shutdown(Duration::ZERO).await;
            (live, self.measure(&Side::Null { echo, agents }).await)
        })
    }

    fn config(&self) -> BrokerConfig {
        BrokerConfig {
            policy: format!("fixed({})", self.workers),
            enable_batching: self.batch > 1,
            batch_size: self.batch,
            ..BrokerConfig::default()
        }
    }

    async fn measure(&self, side: &Side) -> Measured {
        let mut rounds = Vec::new();
        for _ in 0..=ROUNDS {
            rounds.push(match self.kind {
                TrialKind::Requests(messages) => requests(side, messages as usize).await,
                TrialKind::Mix => mix(side).await,
            });
        }
        rounds.remove(0);
        let deliveries = match self.kind {
            TrialKind::Requests(messages) => u64::from(messages),
            TrialKind::Mix => (REQUESTS + EVENTS + BROADCASTS * AGENTS) as u64,
        };
        Measured::of(&rounds, self.messages(), deliveries)
    }
}

const AGENTS: usize = 3;
const REQUESTS: usize = 50;
const EVENTS: usize = 30;
const BROADCASTS: usize = 20;

/// Each in a task of its own, as its sender would.
async fn requests(side: &Side, messages: usize) -> Round {
    let began = Instant::now();
    let mut asked = JoinSet::new();
    for number in 0..messages {
        ask(&mut asked, side, number);
    }
    let sojourns = asked.join_all().await.into_iter().flatten().collect();
    Round {
        elapsed: began.elapsed(),
        sojourns,
    }
}

fn ask(asked: &mut JoinSet<Option<Duration>>, side: &Side, number: usize) {
    let (side, sent) = (side.clone(), Instant::now());
    asked.spawn(async move {
        let note = Note { sent, done: None };
        side.ask(number, note).await.then(|| sent.elapsed())
    });
}

async fn mix(side: &Side) -> Round {
    let began = Instant::now();
    let (done, mut told) = mpsc::unbounded_channel();
    let event = || Note {
        sent: Instant::now(),
        done: Some(done.clone()),
    };
    let mut asked = JoinSet::new();
    for number in 0..REQUESTS {
        ask(&mut asked, side, number);
    }
    for number in 0..EVENTS {
        side.tell(number, event()).await;
    }
    for _ in 0..BROADCASTS {
        side.tell_all(event()).await;
    }
    let mut sojourns: Vec<Duration> = asked.join_all().await.into_iter().flatten().collect();
    for _ in 0..EVENTS + BROADCASTS * AGENTS {
        match timeout(PATIENCE, told.recv()).await {
            Ok(Some(sojourn)) => sojourns.push(sojourn),
            Ok(None) | Err(_) => break,
        }
    }
    Round {
        elapsed: began.elapsed(),
        sojourns,
    }
}
