//! How a notice reads, as a line for a log: the agent by its name, no time, which logs have of their own.

use ebbtide_policies::counted::Counted;
use std::fmt::{self, Write as _};

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
                let queued = Counted(*queued, "message");
                write!(f, "the queue is {side} its warning threshold: {queued}")
            }
            Self::Steered {
                before,
                now,
                reason,
            } => {
                write_setting(f, before)?;
                f.write_str(" -> ")?;
                write_setting(f, now)?;
                write!(f, ": {}", InLine(&reason.text))
            }
            Self::PolicyPanicked { text } => write!(f, "the policy panicked: {}", InLine(text)),
            Self::ObserverPanicked { text } => {
                write!(f, "the observer panicked: {}", InLine(text))
            }
            Self::DeadLettered {
                reason, attempts, ..
            } => {
                f.write_str("a message was given up ")?;
                match attempts {
                    0 => f.write_str("before its first attempt")?,
                    &attempts => write!(f, "after {}", Counted(attempts.into(), "attempt"))?,
                }
                write!(f, ", {}", why(*reason))
            }
            Self::CallTimedOut { .. } => f.write_str("a call took too long and lost its lease"),
            Self::WorkerLost { worker } => write!(f, "worker {} was lost", worker.0),
            Self::RestartsHeldBack { lost, until } => {
                let lost = Counted((*lost).into(), "worker");
                write!(
                    f,
                    "replacements are held back until {until} after the loss of {lost}"
                )
            }
            Self::RestartsGivenUp { lost } => {
                let lost = Counted((*lost).into(), "worker");
                write!(f, "the broker shuts down after the loss of {lost}")
            }
            Self::Breaker { state, .. } => write!(f, "its breaker is {}", word(*state)),
            Self::AgentPaused { until, .. } => write_pause(f, "", *until),
            Self::AgentResumed { .. } => f.write_str("resumed"),
            Self::LanePaused { lane, until } => write_pause(f, lane.name(), *until),
            Self::LaneResumed { lane } => write!(f, "lane {}: resumed", lane.name()),
        }
    }
}

/// What others wrote, a panic or a policy of the user's: it ends no line, and no terminal obeys it.
struct InLine<'a>(&'a str);

impl fmt::Display for InLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            // What separates lines, and what turns the direction of reading.
            let is_odd = matches!(c, '\\' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if is_odd || c.is_control() {
                write!(f, "{}", c.escape_debug())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

fn write_setting(f: &mut fmt::Formatter<'_>, it: &Setting) -> fmt::Result {
    let workers = Counted(it.workers.into(), "worker");
    let (size, timeout) = (it.batch_size, it.batch_timeout);
    write!(f, "{workers}, batches of {size} within {timeout}")
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

#[cfg(test)]
mod tests {
    use ebbtide_core::message::AgentId;
    use ebbtide_policies::decision::Reason;
    use ebbtide_policies::units::Duration;

    use super::*;

    /// What others wrote went out as it was: three lines of an `assert_eq!`, or a forged one.
    #[test]
    fn a_notice_is_one_line_whatever_it_quotes() {
        let text = "left: \"a\"\n right: 'é'\r\u{1b}[2K\u{2028}\u{202e}".to_owned();
        let setting = Setting {
            workers: 1,
            batch_size: 5,
            batch_timeout: Duration::from_millis(50),
        };
        let steered = Happening::Steered {
            before: setting,
            now: Setting {
                workers: 2,
                ..setting
            },
            reason: Reason::new("mine", text.clone()),
        };
        let quoted = r#"left: "a"\n right: 'é'\r\u{1b}[2K\u{2028}\u{202e}"#;
        let settings = "1 worker, batches of 5 within 50ms -> 2 workers, batches of 5 within 50ms";
        assert_eq!(steered.to_string(), format!("{settings}: {quoted}"));
        let policy = Happening::PolicyPanicked { text: text.clone() };
        assert_eq!(policy.to_string(), format!("the policy panicked: {quoted}"));
        let observer = Happening::ObserverPanicked { text };
        let line = format!("the observer panicked: {quoted}");
        assert_eq!(observer.to_string(), line);
    }

    #[test]
    fn counts_of_one_and_none_read_well() {
        let given_up = |reason, attempts| {
            let agent = AgentId(0);
            let what = Happening::DeadLettered {
                agent,
                reason,
                attempts,
            };
            what.to_string()
        };
        let line = "a message was given up after 1 attempt, every attempt failed";
        assert_eq!(given_up(DeadReason::AttemptsSpent, 1), line);
        let line = "a message was given up before its first attempt, the breaker is open";
        assert_eq!(given_up(DeadReason::BreakerOpen, 0), line);
        let lost = Happening::RestartsGivenUp { lost: 1 };
        let line = "the broker shuts down after the loss of 1 worker";
        assert_eq!(lost.to_string(), line);
    }
}
