//! Why a message was not accepted, or not answered. Messages come back whole wherever that is
//! possible.

use std::fmt;

use ebbtide_core::error::AddAgentError;
use ebbtide_core::message::{AgentId, DeadReason};
use ebbtide_core::{Outcome, Refusal};

use ebbtide_core::config::ConfigError;
use ebbtide_policies::counted::Counted;
use ebbtide_policies::registry::UnknownPolicy;

/// A broker that could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration has faults.
    #[error("the configuration has faults: {0}")]
    Config(#[from] ConfigError),
    /// It names a policy that there is not.
    #[error(transparent)]
    Policy(#[from] UnknownPolicy),
    /// An agent cannot be added.
    #[error(transparent)]
    Agent(#[from] AddAgentError),
    /// The decision log cannot be written.
    #[error("the decision log cannot be written")]
    DecisionLog(#[source] std::io::Error),
    /// The journal cannot be written.
    #[error("the journal cannot be written")]
    Journal(#[source] std::io::Error),
    /// The thread that keeps deadlines cannot be started.
    #[error("no thread can be started to keep the deadlines")]
    Alarm(#[source] std::io::Error),
    /// There is no tokio runtime to start it on.
    #[error("there is no tokio runtime here: start the broker within one")]
    NoRuntime,
    /// The runtime's clock is to be the broker's, and the runtime has no timers.
    #[error("the time source is the runtime, which has no timers: build it with enable_time")]
    NoTimers,
}

/// An agent that could not be found by its name and types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// No agent has that name, or no longer.
    #[error("agent {name:?} is not registered{}", did_you_mean(meant.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// One much like it that an agent has.
        meant: Option<String>,
    },
    /// It takes or gives something else.
    #[error("agent {name:?} takes {takes} and gives {gives}, asked for was {asked}")]
    Types {
        /// Its name.
        name: String,
        /// The type of its messages.
        takes: &'static str,
        /// The type of its replies.
        gives: &'static str,
        /// What was asked for.
        asked: String,
    },
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(", did you mean {name:?}?"))
}

/// Why a message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// The queue is full, or the agent unknown, or the broker shutting down.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Others wait for room in the queue before it.
    #[error("the queue is full: others wait before it")]
    OutOfTurn,
    /// Its deadline passed while it waited for room.
    #[error("the deadline passed before the queue had room")]
    Expired,
    /// A message with its idempotency key was accepted lately.
    #[error("a message with this idempotency key was accepted before")]
    Duplicate,
    /// A broadcast to a topic to which an agent subscribes that takes another type.
    #[error("agent {} subscribes to the topic and takes messages of another type", .0.0)]
    OtherType(AgentId),
}

impl NotAccepted {
    /// Whether waiting may help: the queue was full.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_full(),
            Self::OutOfTurn => true,
            Self::Expired | Self::Duplicate | Self::OtherType(_) => false,
        }
    }
}

/// A message that was not accepted, with the reason.
pub struct SendError<M> {
    /// Why.
    pub reason: NotAccepted,
    /// The message.
    pub message: M,
}

/// A request that got no reply.
pub struct RequestError<M> {
    /// Why.
    pub reason: NoReply,
    /// What the handler said last, if it said anything.
    pub text: Option<String>,
    /// The message, where it could be had back: not while a handler still borrows it, nor when
    /// it is a dead letter.
    pub message: Option<M>,
}

/// Why a request got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReply {
    /// It was not accepted.
    #[error(transparent)]
    NotAccepted(#[from] NotAccepted),
    /// The handler refused it.
    #[error("the agent rejected the request")]
    Rejected,
    /// The handler dropped it.
    #[error("the agent discarded the request")]
    Discarded,
    /// Its deadline passed.
    #[error("the request's deadline passed")]
    Expired,
    /// It was cancelled.
    #[error("the request was cancelled")]
    Cancelled,
    /// It was given up after this many attempts.
    #[error("the request was given up after {}", Counted((*attempts).into(), "attempt"))]
    DeadLettered {
        /// Why.
        why: DeadReason,
        /// Attempts it spent.
        attempts: u32,
    },
    /// The broker was shut down before it was handled.
    #[error("the broker was shut down before the request was handled")]
    Returned,
}

impl NoReply {
    /// What an outcome other than "delivered" means to a caller.
    pub(crate) fn of(outcome: Outcome, attempts: u32) -> Self {
        match outcome {
            Outcome::Rejected => Self::Rejected,
            Outcome::Discarded => Self::Discarded,
            Outcome::Expired => Self::Expired,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::DeadLettered(why) => Self::DeadLettered { why, attempts },
            Outcome::Returned | Outcome::Delivered => Self::Returned,
        }
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)
    }
}

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("SendError");
        it.field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<M> std::error::Error for SendError<M> {}

impl<M> fmt::Display for RequestError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{}: {text}", self.reason),
            None => write!(f, "{}", self.reason),
        }
    }
}

impl<M> fmt::Debug for RequestError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("RequestError");
        it.field("reason", &self.reason).field("text", &self.text);
        it.finish_non_exhaustive()
    }
}

impl<M> std::error::Error for RequestError<M> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_attempt_is_no_plural() {
        let given_up = |attempts| {
            let why = DeadReason::AttemptsSpent;
            NoReply::DeadLettered { why, attempts }.to_string()
        };
        assert_eq!(given_up(1), "the request was given up after 1 attempt");
        assert_eq!(given_up(3), "the request was given up after 3 attempts");
    }
}
