//! Workloads that the tests of this folder share.

use crate::estimate::call_cost::CallLine;
use crate::estimate::crowding::SlowDown;
use crate::objective::{Measure, Objective};
use crate::units::Duration;

use super::workload::{AgentLoad, Workload, spread};

/// An ordinary agent without limits.
pub(super) fn agent(rate: f64, call_s: f64, cv2: f64) -> AgentLoad {
    AgentLoad {
        season_s: None,
        rate,
        error: 0.0,
        attempts: 1.0,
        line: CallLine {
            per_call_s: call_s,
            per_message_s: 0.0,
            mean_batch: 1.0,
            seen_up_to: 1.0,
            cv2,
            calls: 150.0,
        },
        spread: spread(cv2),
        slow_down: SlowDown::NONE,
        max_batch: 1.0,
        limit: f64::INFINITY,
        calls_per_s: f64::INFINITY,
        messages_per_s: f64::INFINITY,
        waiting: 0.0,
        waits: 1.0,
        dispersion: 1.0,
    }
}

/// `p95(sojourn) < 500ms`, ten slots a worker, a second to start one.
pub(super) fn workload(agents: Vec<AgentLoad>) -> Workload {
    Workload {
        agents,
        parallelism: 10.0,
        objective: Objective {
            measure: Measure::Sojourn,
            quantile: 0.95,
            limit: Duration::from_millis(500),
        },
        lead_s: 1.0,
        reaction_s: 3.0,
        largest_batch: 50.0,
        price_late: 10.0,
        price_call: 0.0,
    }
}

/// One ordinary agent.
pub(super) fn ordinary(rate: f64, call_s: f64, cv2: f64) -> Workload {
    workload(vec![agent(rate, call_s, cv2)])
}

/// The agents of the scenario `remote-agents`, at `rate` messages per second: medians of 10
/// and 100 ms, a batch agent of 30 ms and 2 ms a message, all log-normal with sigma 0.3.
pub(super) fn remote_agents(rate: f64) -> Workload {
    const MEAN_OVER_MEDIAN: f64 = 1.046;
    const CV2: f64 = 0.094;
    let mut rank = agent(rate / 3.0, 0.030 * MEAN_OVER_MEDIAN, CV2);
    rank.line.per_message_s = 0.002 * MEAN_OVER_MEDIAN;
    rank.line.seen_up_to = 20.0;
    rank.max_batch = f64::from(u32::MAX);
    workload(vec![
        agent(rate / 3.0, 0.010 * MEAN_OVER_MEDIAN, CV2),
        rank,
        agent(rate / 3.0, 0.100 * MEAN_OVER_MEDIAN, CV2),
    ])
}
