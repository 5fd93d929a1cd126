//! A plain policy that holds every property, for others to be spoilt from.

use ebbtide_policies::decision::{Decision, Reason};
use ebbtide_policies::observation::Observation;
use ebbtide_policies::policy::Policy;
use ebbtide_policies::units::{Duration, Time};

/// Grows by one when nearly all slots have been busy for some seconds; shrinks to what the last
/// minute needed, two minutes after it last grew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plain {
    /// Slots with a call, smoothed over 5 and over 60 seconds.
    fast: f64,
    slow: f64,
    grown: Option<Time>,
}

/// Seconds after growth in which the pool does not shrink.
const REST: Duration = Duration::from_secs(120);

impl Plain {
    /// Workers for so many slots busy in this interval.
    pub(crate) fn workers(&mut self, seen: &Observation, busy: f64) -> f64 {
        let (present, slots) = (seen.setting.workers, f64::from(seen.parallelism.max(1)));
        let interval_s = seen.interval.as_secs_f64().clamp(0.001, 10.0);
        let busy = busy.clamp(0.0, f64::from(present) * slots);
        self.fast += (busy - self.fast) * (1.0 - (-interval_s / 5.0).exp());
        self.slow += (busy - self.slow) * (1.0 - (-interval_s / 60.0).exp());
        let present = f64::from(present);
        let enough = (self.slow / slots / 0.6).ceil().max(1.0);
        let wanted = if self.fast > 0.9 * present * slots {
            present + 1.0
        } else if enough < present && self.grown.is_none_or(|at| seen.at.since(at) > REST) {
            enough
        } else {
            present
        };
        let bounds = &seen.bounds;
        let wanted = wanted.clamp(f64::from(bounds.min_workers), f64::from(bounds.max_workers));
        if wanted > present {
            self.grown = Some(seen.at);
        }
        wanted
    }
}

/// Slots with a call on average, in this interval.
pub(crate) fn busy(seen: &Observation) -> f64 {
    seen.slots.with_call.as_secs_f64() / seen.interval.as_secs_f64().max(0.001)
}

/// So many workers, whatever the bounds, and batches as they are.
pub(crate) fn decision(seen: &Observation, workers: f64) -> Decision {
    let reason = Reason::new("plain", format!("{workers} workers"));
    Decision {
        workers,
        ..Decision::of_workers(workers, seen, reason)
    }
}

impl Policy for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let workers = self.workers(seen, busy(seen));
        decision(seen, workers)
    }
}
