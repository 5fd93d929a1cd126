//! How a notice reads, as a line for a log: the agent by its name, no time, which logs have of their own.

use std::fmt;

use ebbtide_core::message::DeadReason;
use ebbtide_policies::observation::{BreakerState, Setting};
use ebbtide_policies::units::Time;

use super::{Happening, Notice};

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.agent_name {
            write!(f, "agent {name:?}: ")?;
        }
        write!(f, "{}", self.what)
    }
}

/// Without the name of an agent, which its [`Notice`] has.
impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueWarning { above, queued } => {
                let side = if *above { "above" } else { "below" };
                write!(
                    f,
                    "the queue is {side} its warning threshold: {queued} messages"
                )
            }
            Self::Steered {
                before,
                now,
                reason,
            } => {
                write_setting(f, before)?;
                f.write_str(" -> ")?;
                write_setting(f, now)?;
                write!(f, ": {}", reason.text)
            }
            Self::PolicyPanicked { text } => write!(f, "the policy panicked: {text}"),
            Self::ObserverPanicked { text } => write!(f, "the observer panicked: {text}"),
            Self::DeadLettered {
                reason, attempts, ..
            } => {
                let why = why(*reason);
                write!(f, "a message was given up after {attempts} attempts, {why}")
            }
            Self::CallTimedOut { .. } => f.write_str("a call took too long and lost its lease"),
            Self::WorkerLost { worker } => write!(f, "worker {} was lost", worker.0),
            Self::RestartsHeldBack { lost, until } => {
                write!(
                    f,
                    "{lost} workers were lost, replacements are held back until {until}"
                )
            }
            Self::RestartsGivenUp { lost } => {
                write!(f, "{lost} workers were lost, the broker shuts down")
            }
            Self::Breaker { state, .. } => write!(f, "its breaker is {}", word(*state)),
            Self::AgentPaused { until, .. } => write_pause(f, "", *until),
            Self::AgentResumed { .. } => f.write_str("resumed"),
            Self::LanePaused { lane, until } => write_pause(f, lane.name(), *until),
            Self::LaneResumed { lane } => write!(f, "lane {}: resumed", lane.name()),
        }
    }
}

fn write_setting(f: &mut fmt::Formatter<'_>, it: &Setting) -> fmt::Result {
    let (workers, size, timeout) = (it.workers, it.batch_size, it.batch_timeout);
    write!(f, "{workers} workers, batches of {size} within {timeout}")
}

/// Of a lane, or of the agent that stands before.
fn write_pause(f: &mut fmt::Formatter<'_>, lane: &str, until: Time) -> fmt::Result {
    if !lane.is_empty() {
        write!(f, "lane {lane}: ")?;
    }
    match until {
        Time::MAX => f.write_str("paused until it is resumed"),
        until => write!(f, "paused until {until}"),
    }
}

const fn word(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
        BreakerState::Recovering => "recovering",
    }
}

const fn why(reason: DeadReason) -> &'static str {
    match reason {
        DeadReason::AttemptsSpent => "every attempt failed",
        DeadReason::RetryBudgetSpent => "the retry budget had nothing left",
        DeadReason::WorkersLost => "its calls lost five workers",
        DeadReason::BreakerOpen => "the breaker is open",
        DeadReason::AgentRemoved => "the agent was removed",
    }
}
