//! Who is asked: the live broker, or nobody between a sender and its handlers.

use std::sync::Arc;
use std::time::Duration;

use ebbtide::{AgentConfig, AgentRef, Batch, Broker, Failure, with};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::timer::Timer;

/// The topic that every agent listens to.
const TOPIC: &str = "all";

/// A message; whoever handles an event says how long it took since it was sent.
#[derive(Clone)]
pub(super) struct Note {
    pub(super) sent: Instant,
    pub(super) done: Option<UnboundedSender<Duration>>,
}

/// An agent that takes a time, and answers. A reply comes at any time, as one from a socket
/// does: the runtime's own timers would make two milliseconds of one.
#[derive(Clone)]
pub(super) struct Echo {
    pub(super) timer: Timer,
    pub(super) takes: Duration,
    /// It takes a batch in one call.
    pub(super) batch: bool,
}

impl Echo {
    async fn work(&self) {
        if !self.takes.is_zero() {
            self.timer.sleep_until(Instant::now() + self.takes).await;
        }
    }

    async fn handle(&self, note: &Note) {
        self.work().await;
        note.handled();
    }
}

impl Note {
    fn handled(&self) {
        if let Some(done) = &self.done {
            // Nobody waits any more once the round is over.
            let _ = done.send(self.sent.elapsed());
        }
    }
}

/// What stands between senders and agents.
#[derive(Clone)]
pub(super) enum Side {
    Ebbtide {
        broker: Broker,
        agents: Arc<[AgentRef<Note, ()>]>,
    },
    Null {
        echo: Echo,
        agents: usize,
    },
}

impl Side {
    /// A broker with so many agents of one kind.
    pub(super) fn ebbtide(broker: Broker, echo: &Echo, agents: usize) -> Self {
        let add = |number: usize| {
            let config = AgentConfig {
                topics: vec![TOPIC.to_owned()],
                ..AgentConfig::new(format!("echo-{number}"))
            };
            let added = match echo.batch {
                true => broker.add_agent(config, with(echo.clone(), together)),
                false => broker.add_agent(config, with(echo.clone(), alone)),
            };
            added.expect("names differ")
        };
        let agents = (0..agents).map(add).collect();
        Self::Ebbtide { broker, agents }
    }

    /// Asks an agent, and waits for its reply.
    pub(super) async fn ask(&self, number: usize, note: Note) -> bool {
        match self {
            Self::Ebbtide { agents, .. } => {
                agents[number % agents.len()].request(note).await.is_ok()
            }
            Self::Null { echo, .. } => {
                echo.handle(&note).await;
                true
            }
        }
    }

    /// Tells an agent.
    pub(super) async fn tell(&self, number: usize, note: Note) {
        match self {
            // One that is refused is missed among the deliveries.
            Self::Ebbtide { agents, .. } => drop(agents[number % agents.len()].send(note).await),
            Self::Null { echo, .. } => spawn(echo, note),
        }
    }

    /// Tells all agents.
    pub(super) async fn tell_all(&self, note: Note) {
        match self {
            Self::Ebbtide { broker, .. } => drop(broker.broadcast(TOPIC, note).await),
            Self::Null { echo, agents } => {
                (0..*agents).for_each(|_| spawn(echo, note.clone()));
            }
        }
    }
}

fn spawn(echo: &Echo, note: Note) {
    let echo = echo.clone();
    tokio::spawn(async move { echo.handle(&note).await });
}

async fn alone(echo: &Echo, note: &Note) -> Result<(), Failure> {
    echo.handle(note).await;
    Ok(())
}

async fn together(echo: &Echo, batch: Batch<'_, Note>) -> Vec<Result<(), Failure>> {
    echo.work().await;
    batch.iter().for_each(Note::handled);
    batch.iter().map(|_| Ok(())).collect()
}
