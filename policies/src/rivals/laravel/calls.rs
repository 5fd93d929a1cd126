//! What calls showed: job time, failures, and how busy the slots were.

use crate::observation::Observation;

/// Job time if what was measured is not credible, in seconds.
const FALLBACK_JOB_S: f64 = 2.0;

/// Call times, failures, and how busy the slots were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calls {
    job_s: Option<f64>,
    failed: f64,
    all: f64,
    /// Slot-time with a call, and in all, since the last look.
    pub(super) busy_s: f64,
    pub(super) slots_s: f64,
}

impl Calls {
    /// Weight of the newest interval's mean job time.
    const WEIGHT: f64 = 0.2;

    pub(super) fn note(&mut self, observation: &Observation) {
        let calls = observation.agents.iter().map(|agent| agent.calls);
        let (mut time_s, mut succeeded) = (0.0, 0.0);
        for calls in calls {
            time_s += calls.time.as_secs_f64();
            succeeded += calls.succeeded as f64;
            self.failed += calls.failed as f64 + calls.rate_limited as f64;
        }
        if succeeded > 0.0 {
            let mean = time_s / succeeded;
            self.job_s = Some(
                self.job_s
                    .map_or(mean, |old| old + Self::WEIGHT * (mean - old)),
            );
        }
        self.all += succeeded;
        let slots = observation.slots;
        self.busy_s += slots.with_call.as_secs_f64();
        self.slots_s += slots.with_call.as_secs_f64() + slots.idle.as_secs_f64();
    }

    /// Seconds a job, or what is assumed where that is not credible.
    pub(super) fn job_s(&self) -> f64 {
        let credible = self.job_s.filter(|job_s| (0.01..=600.0).contains(job_s));
        credible.unwrap_or(FALLBACK_JOB_S)
    }

    /// Failures of all calls so far, in percent.
    pub(super) fn failure_percent(&self) -> f64 {
        let all = self.all + self.failed;
        if all > 0.0 {
            100.0 * self.failed / all
        } else {
            0.0
        }
    }
}
