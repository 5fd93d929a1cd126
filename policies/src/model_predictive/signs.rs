//! What says that an agent may be crowded, for trials to go by.

use crate::estimate::crowding::SlowDown;
use crate::observation::{BreakerState, Observation};
use crate::units::Duration;

use super::trial::{Allowed, State};
use super::workload::{AgentLoad, Workload};
use super::{Adaptive, LIMITED_SHARE};

/// A setting shows once so many calls' times have passed …
const CALLS_SHOW: f64 = 3.0;
/// … or this long, in seconds.
const LONGEST_SHOW_S: f64 = 300.0;

impl Adaptive {
    /// Puts what is believed of crowded agents to the test now and then.
    pub(super) fn try_out(&mut self, seen: &Observation, load: &mut Workload) -> Allowed {
        let minds = |agent: &AgentLoad| agent.slow_down != SlowDown::NONE;
        let limit = load.objective.limit;
        let calls_s = (CALLS_SHOW * self.beliefs.call_s()).min(LONGEST_SHOW_S);
        let allowed = self.trials.allow(&State {
            now: seen.at,
            is_crowded: load.agents.iter().any(minds),
            is_throttled: self.beliefs.is_any_throttled(),
            fewer: self.fewer(seen),
            is_failing: self.beliefs.is_any_failing(seen),
            is_out: seen
                .agents
                .iter()
                .any(|agent| agent.breaker != BreakerState::Closed),
            late: (seen.queue.oldest_wait).filter(|oldest| *oldest > limit),
            workers: seen.setting.workers,
            min_workers: seen.bounds.min_workers.max(1),
            max_workers: seen.bounds.max_workers,
            overflows: seen.flow.refused > 0 || seen.flow.expired > 0,
            delivered: seen.flow.delivered as f64,
            ready: seen.workers.ready,
            draining: seen.workers.draining,
            starts_in: seen.worker_start,
            shows_in: Duration::from_secs_f64(calls_s),
            is_saturated: is_saturated(seen),
            cv2: (load.agents.iter()).fold(1.0, |most, agent| most.max(agent.line.cv2)),
            batch: (load.agents.iter()).fold(1.0, |most, agent| most.max(agent.line.mean_batch)),
        });
        if allowed.is_trial {
            let agents = load.agents.iter_mut();
            agents.for_each(|agent| agent.slow_down = SlowDown::NONE);
        }
        allowed
    }

    /// Fewer workers that may get more done: half way, as logarithms go, to those with which calls were shorter, while
    /// all that there are have calls; or those that do what an agent does which refuses calls.
    fn fewer(&self, seen: &Observation) -> Option<u32> {
        let max_workers = seen.bounds.max_workers;
        let most = (self.trials.cliff()).map_or(max_workers, |cliff| cliff.min(max_workers));
        let is_full = seen.setting.workers >= most && is_saturated(seen);
        let present = f64::from(seen.setting.workers) * f64::from(seen.parallelism.max(1));
        let doubt =
            (self.beliefs.doubt(seen).filter(|_| is_full)).map(|calls| (calls * present).sqrt());
        let calls = doubt.or_else(|| self.beliefs.calls_not_refused(seen))?;
        // Small enough for the cast.
        Some((calls / f64::from(seen.parallelism.max(1))).ceil() as u32)
    }
}

/// Whether slots had calls all the time.
fn is_saturated(seen: &Observation) -> bool {
    let slots = f64::from(seen.workers.ready) * f64::from(seen.parallelism);
    let length_s = seen.interval.as_secs_f64();
    seen.slots.with_call.as_secs_f64() >= (1.0 - LIMITED_SHARE) * slots * length_s
}
