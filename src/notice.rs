//! What happens in a broker, as a stream for whoever wants to know: warnings, steering, lost
//! workers, dead letters. Lossy but counted: a listener that is too slow misses the oldest and
//! learns how many.

mod line;

use std::sync::Arc;

use ebbtide_core::Lane;
use ebbtide_core::message::{AgentId, DeadReason, WorkerId};
use ebbtide_policies::decision::Reason;
use ebbtide_policies::observation::{BreakerState, Setting};
use ebbtide_policies::units::Time;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError, error::TryRecvError};

/// Notices kept for a slow listener.
const KEPT: usize = 1024;

/// Something that happened. It reads as a line for a log: `agent "echo": its breaker is open`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// When, since the broker started.
    pub at: Time,
    /// The name of the agent that it is about, if it is about one.
    pub agent_name: Option<Arc<str>>,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// The queue rose above its warning threshold, or fell below it again.
    QueueWarning {
        /// Above or below.
        above: bool,
        /// Messages waiting and delayed.
        queued: u64,
    },
    /// The controller changed the setting.
    Steered {
        /// The setting before.
        before: Setting,
        /// The setting in force.
        now: Setting,
        /// Why.
        reason: Reason,
    },
    /// The policy panicked: the setting stays as it is, and `fixed` keeps it from here on.
    PolicyPanicked {
        /// What the panic said.
        text: String,
    },
    /// The [`Observer`](crate::Observer) panicked: it hears nothing more.
    ObserverPanicked {
        /// What the panic said.
        text: String,
    },
    /// A message was given up.
    DeadLettered {
        /// Whose.
        agent: AgentId,
        /// Why.
        reason: DeadReason,
        /// Attempts it spent.
        attempts: u32,
    },
    /// A call lost its lease since it took too long.
    CallTimedOut {
        /// Whose.
        agent: AgentId,
    },
    /// A worker was lost: its thread is blocked or its task has ended.
    WorkerLost {
        /// Which.
        worker: WorkerId,
    },
    /// More workers were lost within a while than the restart limit allows: replacements are
    /// held back.
    RestartsHeldBack {
        /// Workers lost within the limit's window.
        lost: u32,
        /// Until when.
        until: Time,
    },
    /// More workers were lost within a while than the restart limit allows: the broker shuts
    /// down.
    RestartsGivenUp {
        /// Workers lost within the limit's window.
        lost: u32,
    },
    /// A circuit breaker changed its state.
    Breaker {
        /// Whose.
        agent: AgentId,
        /// Its new state.
        state: BreakerState,
    },
    /// An agent was paused, by the user or since it asked for it.
    AgentPaused {
        /// Which.
        agent: AgentId,
        /// Until then; [`Time::MAX`]: until resumed.
        until: Time,
    },
    /// An agent is called again.
    AgentResumed {
        /// Which.
        agent: AgentId,
    },
    /// A lane was paused.
    LanePaused {
        /// Which.
        lane: Lane,
        /// Until then; [`Time::MAX`]: until resumed.
        until: Time,
    },
    /// A lane is taken from again.
    LaneResumed {
        /// Which.
        lane: Lane,
    },
}

impl Happening {
    /// Whom it is about, if that is an agent.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match *self {
            Self::DeadLettered { agent, .. }
            | Self::CallTimedOut { agent }
            | Self::Breaker { agent, .. }
            | Self::AgentPaused { agent, .. }
            | Self::AgentResumed { agent } => Some(agent),
            _ => None,
        }
    }
}

/// Where notices go out.
#[derive(Debug)]
pub(crate) struct Notices {
    to: Sender<Notice>,
    /// By [`AgentId`], those of removed ones too.
    pub(crate) names: Vec<Arc<str>>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            to: broadcast::channel(KEPT).0,
            names: Vec::new(),
        }
    }
}

impl Notices {
    /// Tells everyone who listens, if anybody does.
    #[inline]
    pub(crate) fn tell(&self, at: Time, what: impl FnOnce() -> Happening) {
        if self.to.receiver_count() > 0 {
            let what = what();
            let agent_name = what.agent().and_then(|it| self.name(it)).cloned();
            // That all listeners have gone meanwhile is no error.
            let _ = self.to.send(Notice {
                at,
                agent_name,
                what,
            });
        }
    }

    pub(crate) fn name(&self, agent: AgentId) -> Option<&Arc<str>> {
        self.names.get(agent.0 as usize)
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events {
            from: self.to.subscribe(),
            missed: 0,
        }
    }
}

/// A stream of [`Notice`]s, from the moment it was asked for.
///
/// ```
/// use ebbtide::{Broker, Failure, Happening};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder().start().await?;
/// let mut events = broker.events();
/// let agent = broker.add_agent("agent", async |_: &u32| -> Result<(), Failure> {
///     Err(Failure::retry("no luck"))
/// })?;
/// agent.request(7).await.unwrap_err();
/// let notice = events.next().await.unwrap();
/// assert!(matches!(notice.what, Happening::DeadLettered { attempts: 3, .. }));
/// let line = r#"agent "agent": a message was given up after 3 attempts, every attempt failed"#;
/// assert_eq!(notice.to_string(), line);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events {
    from: Receiver<Notice>,
    missed: u64,
}

impl Events {
    /// The next notice; `None` once the broker is no more.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            match self.from.recv().await {
                Ok(notice) => return Some(notice),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next notice, if there is one already.
    pub fn try_next(&mut self) -> Option<Notice> {
        loop {
            match self.from.try_recv() {
                Ok(notice) => return Some(notice),
                Err(TryRecvError::Lagged(missed)) => self.missed += missed,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// Notices that this listener was too slow for.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
