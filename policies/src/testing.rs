//! Plain observations for unit tests: nothing happened, one idle worker.

use crate::latency::LatencyHistogram;
use crate::observation::{
    AgentObservation, Bounds, BreakerState, CallSample, CallStats, Flow, Observation, QueueState,
    Setting, SlotTime, WorkerCounts,
};
use crate::prices::Prices;
use crate::units::{Duration, Time};

/// One second, ending at `at`, in which nothing happened.
pub(crate) fn observation(at: Time) -> Observation {
    Observation {
        at,
        interval: Duration::from_secs(1),
        early: false,
        setting: Setting {
            workers: 1,
            batch_size: 20,
            batch_timeout: Duration::from_millis(100),
        },
        bounds: Bounds {
            min_workers: 1,
            max_workers: 10,
            min_batch_size: 1,
            max_batch_size: 50,
            max_batch_timeout: Duration::from_secs(1),
        },
        objective: None,
        prices: Prices::default(),
        parallelism: 10,
        worker_start: Duration::from_secs(1),
        workers: WorkerCounts {
            wanted: 1,
            ready: 1,
            ..WorkerCounts::default()
        },
        slots: SlotTime {
            idle: Duration::from_secs(10),
            ..SlotTime::default()
        },
        queue: QueueState {
            max_size: 10_000,
            ..QueueState::default()
        },
        flow: Flow::default(),
        wait: LatencyHistogram::default(),
        sojourn: LatencyHistogram::default(),
        agents: Vec::new(),
    }
}

/// The second that ends `at` seconds after the start, with `calls` calls of 100 ms, as many in flight.
pub(crate) fn second_of_calls(at: u64, calls: u32) -> Observation {
    let mut seen = observation(Time::ZERO + Duration::from_secs(at));
    let mut it = agent("a");
    it.calls.succeeded = u64::from(calls);
    let sample = CallSample {
        batch: 1,
        in_flight: calls,
        time: Duration::from_millis(100),
    };
    it.samples = vec![sample; calls as usize];
    seen.agents = vec![it];
    seen
}

/// An ordinary agent without limits to which nothing happened.
pub(crate) fn agent(name: &str) -> AgentObservation {
    AgentObservation {
        name: name.to_owned(),
        is_batch: false,
        max_batch: None,
        limit: None,
        call_rate: None,
        unit_rate: None,
        breaker: BreakerState::Closed,
        paused: false,
        waiting: 0,
        behind: 0,
        contended_keys: 0,
        in_flight: 0,
        arrivals: 0,
        came_behind: 0,
        moved_up: 0,
        retries: 0,
        delivered: 0,
        units: 0,
        calls: CallStats::default(),
        samples: Vec::new(),
    }
}
