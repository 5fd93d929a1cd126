//! The books: totals that must add up (invariant 1), and the running interval's tally that
//! becomes the next observation.

use ebbtide_policies::latency::LatencyHistogram;
use ebbtide_policies::observation::{AgentObservation, CallSample, CallStats, Flow, SlotTime};
use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::message::Outcome;

/// Samples of calls kept per agent and interval, at most; beyond it they are thinned evenly.
const MOST_SAMPLES: usize = 256;

/// Where every accepted message is, or how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Books {
    /// Messages ever accepted.
    pub accepted: u64,
    /// Submissions ever refused, counted by message.
    pub refused: u64,
    /// Due, no call under way.
    pub waiting: u64,
    /// Delayed for a retry or a schedule.
    pub delayed: u64,
    /// In a call.
    pub leased: u64,
    /// Bytes waiting and delayed.
    pub bytes: u64,
    /// Outcomes by kind, in the order of [`Outcome`].
    pub outcomes: [u64; 7],
    /// Settles and extensions that came for a stale lease.
    pub late: u64,
    /// Calls ever started.
    pub calls: u64,
    /// Changes of the setting that dry runs decided on and did not make.
    pub dry_changes: u64,
}

impl Books {
    /// Waiting plus delayed: what the bounds count.
    #[must_use]
    pub const fn queued(&self) -> u64 {
        self.waiting + self.delayed
    }

    /// Messages with an outcome.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Invariant 1: every accepted message is in exactly one place.
    #[must_use]
    pub fn balance(&self) -> bool {
        self.accepted == self.waiting + self.delayed + self.leased + self.finished()
    }
}

impl Outcome {
    /// Its place in [`Books::outcomes`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Delivered => 0,
            Self::Rejected => 1,
            Self::Discarded => 2,
            Self::Expired => 3,
            Self::Cancelled => 4,
            Self::DeadLettered(_) => 5,
            Self::Returned => 6,
        }
    }
}

/// What has happened since the last tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) since: Time,
    pub(crate) slots: SlotTime,
    pub(crate) flow: Flow,
    pub(crate) wait: LatencyHistogram,
    pub(crate) sojourn: LatencyHistogram,
}

/// What has happened at one agent since the last tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AgentTally {
    pub(crate) arrivals: u64,
    pub(crate) retries: u64,
    pub(crate) delivered: u64,
    pub(crate) came_behind: u64,
    pub(crate) moved_up: u64,
    pub(crate) units: u64,
    pub(crate) calls: CallStats,
    pub(crate) samples: Vec<CallSample>,
    /// One call in this many is sampled; zero stands for one.
    thinning: u64,
    /// Calls to pass over before the next sample.
    passed_over: u64,
}

impl AgentTally {
    /// Closes the interval: hands over what was counted and starts afresh.
    pub(crate) fn close(&mut self, it: &mut AgentObservation) {
        it.arrivals = std::mem::take(&mut self.arrivals);
        it.retries = std::mem::take(&mut self.retries);
        it.delivered = std::mem::take(&mut self.delivered);
        it.came_behind = std::mem::take(&mut self.came_behind);
        it.moved_up = std::mem::take(&mut self.moved_up);
        it.units = std::mem::take(&mut self.units);
        it.calls = std::mem::take(&mut self.calls);
        std::mem::swap(&mut it.samples, &mut self.samples);
        self.samples.clear();
        self.thinning = 1;
        self.passed_over = 0;
    }

    /// A call succeeded.
    #[inline(always)]
    pub(crate) fn succeeded(&mut self, batch: u32, in_flight: u32, time: Duration) {
        self.calls.succeeded += 1;
        self.calls.messages += u64::from(batch);
        self.calls.time += time;
        if self.passed_over > 0 {
            self.passed_over -= 1;
            return;
        }
        if self.samples.len() == MOST_SAMPLES {
            self.thin();
        }
        self.passed_over = self.thinning.max(1) - 1;
        self.samples.push(CallSample {
            batch,
            in_flight,
            time,
        });
    }

    #[cold]
    fn thin(&mut self) {
        let mut kept = 0_usize;
        self.samples.retain(|_| {
            kept += 1;
            kept % 2 == 1
        });
        self.thinning = self.thinning.max(1) * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_thinned_evenly() {
        let mut tally = AgentTally::default();
        for nanos in 0..10_000 {
            tally.succeeded(1, 1, Duration::from_nanos(nanos));
        }
        assert_eq!(tally.calls.succeeded, 10_000);
        assert!(tally.samples.len() <= MOST_SAMPLES && tally.samples.len() > MOST_SAMPLES / 4);
        let late = tally
            .samples
            .iter()
            .filter(|s| s.time.as_nanos() >= 5_000)
            .count();
        assert!(
            late * 3 > tally.samples.len(),
            "{late} of {}",
            tally.samples.len()
        );
    }
}
