//! What a policy asks for, why, and what it expects to follow.
//!
//! A decision is a wish: the governor bounds and paces it, core applies what is left. The
//! reason is data, so that the log, the plot and `explain` read the same sentence.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::observation::Observation;
use crate::units::Duration;

/// A policy's wish at the end of an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Workers wanted; fractions round up. Not finite means "keep the present".
    #[serde(deserialize_with = "null_is_not_finite")]
    pub workers: f64,
    /// Messages a batch may carry; rounded to the nearest. Not finite means "keep".
    #[serde(deserialize_with = "null_is_not_finite")]
    pub batch_size: f64,
    /// How long a batch may wait to fill; `None` means "keep".
    pub batch_timeout: Option<Duration>,
    /// Why.
    pub reason: Reason,
    /// What the policy expects under this setting; `None` if it has no model.
    pub prediction: Option<Prediction>,
    /// Settings that were weighed and not chosen, best first, at most eight.
    pub rejected: Vec<Alternative>,
    /// When the policy wants to be asked before the next regular tick.
    pub early_tick: Option<EarlyTick>,
}

impl Decision {
    /// Wishes for workers, cut to the bounds that `observation` names, and keeps the batches as they
    /// are. A wish that is not finite is one for the present.
    #[must_use]
    pub fn of_workers(workers: f64, observation: &Observation, reason: Reason) -> Self {
        let bounds = &observation.bounds;
        let (least, most) = (f64::from(bounds.min_workers), f64::from(bounds.max_workers));
        let present = f64::from(observation.setting.workers);
        let wanted = if workers.is_finite() {
            workers
        } else {
            present
        };
        Self {
            workers: wanted.clamp(least, most),
            batch_size: f64::from(observation.setting.batch_size),
            batch_timeout: None,
            reason,
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        }
    }
}

/// Why a setting was asked for: a stable code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Stable, kebab-case. Those of `adaptive`:
    ///
    /// | code | the setting … |
    /// | --- | --- |
    /// | `load-rose` | grows: there were too few slots for the load |
    /// | `objective-at-stake` | grows: messages would be late |
    /// | `jump-expected` | grows or stays for a jump of the load, such as came before |
    /// | `load-fell` | shrinks: fewer will do |
    /// | `patience` | stays for now: fewer would do if the load stays low |
    /// | `shrink-regretted` | stays: fewer seemed enough lately and were not |
    /// | `steady` | stays: it holds the objective |
    /// | `idle` | stays or shrinks: nothing arrives |
    /// | `lateness-cheaper` | stays and misses the objective: to hold it would cost more |
    /// | `out-of-reach` | stays and misses the objective: nothing that was weighed would hold it |
    /// | `agent-limited` | does not grow: the agents' own limits keep messages waiting |
    /// | `agent-crowded` | does not grow: calls take the longer the more are under way |
    /// | `trial` | has more or fewer workers for a while: do calls hinder each other? |
    /// | `keys-taken` | does not grow: messages wait for others of their ordering key |
    /// | `batch-retuned` | has other batches, which are cheaper |
    /// | `no-sense` | stays: what was observed cannot be true |
    pub code: Cow<'static, str>,
    /// One sentence, lower case, no full stop.
    pub text: Cow<'static, str>,
}

impl Reason {
    /// A code and a sentence.
    #[must_use]
    pub fn new(code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            text: text.into(),
        }
    }
}

/// What a policy expects of a setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Arrivals per second that it reckons with.
    pub arrivals_per_s: f64,
    /// Share of the slots' time with a call, 0–1.
    pub utilisation: f64,
    /// The objective's quantile of its measure, in seconds (p95 of wait without one);
    /// `None`: unbounded.
    pub latency_s: Option<f64>,
    /// Expected cost per second: workers plus priced lateness.
    pub cost_per_s: f64,
}

/// A setting that was weighed and rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// Workers.
    pub workers: u32,
    /// Batch size.
    pub batch_size: u32,
    /// Batch timeout.
    pub batch_timeout: Duration,
    /// What was expected of it.
    pub prediction: Prediction,
    /// Why not, in a few words.
    pub why_not: Cow<'static, str>,
}

/// Conditions for an early tick, tested on a grid of a tenth of the control interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyTick {
    /// When the oldest wait, as [`QueueState`](crate::observation::QueueState) has it, is longer
    /// than this.
    pub oldest_wait: Option<Duration>,
    /// When more messages than this have arrived since the last tick.
    pub arrivals: Option<u64>,
}

/// JSON has no NaN and writes null for it: "keep the present" must survive the log.
fn null_is_not_finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    Ok(number.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_keep_survives_the_log() {
        let decision = Decision {
            workers: f64::NAN,
            batch_size: 0.1 + 0.2,
            batch_timeout: Some(Duration::from_nanos(1)),
            reason: Reason {
                code: Cow::Borrowed("steady"),
                text: Cow::Borrowed("nothing to do"),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: None,
        };
        let text = serde_json::to_string(&decision).unwrap();
        let read: Decision = serde_json::from_str(&text).unwrap();
        assert!(read.workers.is_nan());
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
