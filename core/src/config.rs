//! The broker's configuration: one plain struct, checked as a whole.

mod agent;

pub use agent::{AgentConfig, RateLimit};

use ebbtide_policies::objective::Objective;
use ebbtide_policies::units::Bytes;

/// Everything a user may set. Durations are whole milliseconds (`_ms`) or seconds (`_sec`).
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    /// Workers at the start, and always under a fixed policy.
    pub num_workers: u32,
    /// Fewest workers.
    pub min_workers: u32,
    /// Most workers.
    pub max_workers: u32,
    /// Off: every call carries one message.
    pub enable_batching: bool,
    /// Messages that a batch may carry, at the start.
    pub batch_size: u32,
    /// Smallest batch size a policy may ask for.
    pub min_batch_size: u32,
    /// Largest batch size.
    pub max_batch_size: u32,
    /// How long a batch waits to fill, at the start.
    pub batch_timeout_ms: u64,
    /// Longest batch timeout a policy may ask for.
    pub max_batch_timeout_ms: u64,
    /// Slots of one worker.
    pub delivery_parallelism: u32,
    /// Most messages waiting or delayed.
    pub max_queue_size: u64,
    /// Most bytes waiting or delayed.
    pub max_queue_bytes: Bytes,
    /// Places beyond `max_queue_size` for the critical lane.
    pub reserve: u64,
    /// Share of `max_queue_size` at which the queue warns.
    pub queue_warning_threshold: f64,
    /// Attempts a message gets, the first included; `None`: unlimited.
    pub retry_max_attempts: Option<u32>,
    /// Backoff before the second attempt; doubles with each further one.
    pub retry_backoff_ms: u64,
    /// Longest backoff.
    pub retry_backoff_max_ms: u64,
    /// Share of each backoff that is left to chance, 0–1: it is shortened by up to this much.
    pub retry_jitter: f64,
    /// Retries allowed, as a share of first arrivals; `None`: no budget.
    pub retry_budget: Option<f64>,
    /// Retries allowed beyond the share, at once: what the budget holds at most.
    pub retry_budget_reserve: u32,
    /// Whether a lost worker is replaced.
    pub worker_restart_on_failure: bool,
    /// How often a live worker's health is checked.
    pub worker_health_check_interval_sec: u64,
    /// From a worker's order until it is ready.
    pub worker_start_ms: u64,
    /// Length of a call's lease.
    pub call_timeout_ms: u64,
    /// From telling a handler that nobody waits until its slot is taken from it.
    pub cancel_grace_ms: u64,
    /// Interval of the control tick.
    pub control_interval_ms: u64,
    /// What the controller steers for.
    pub objective: Option<Objective>,
    /// How lanes share the workers.
    pub discipline: Discipline,
    /// Weight of each lane under `Weighted`, highest lane first.
    pub lane_weights: [u32; 5],
    /// A message due for longer goes first under `Weighted`, highest lane first; `None`: no
    /// maximum wait.
    pub lane_max_wait_ms: [Option<u64>; 5],
    /// Share of the ready workers' slots that one of several agents may fill; `None`: all.
    pub bulkhead: Option<f64>,
    /// The agents' circuit breakers; `None`: none.
    pub breaker: Option<BreakerConfig>,
    /// Shrinking waits this long after any change of workers.
    pub cool_down_ms: u64,
    /// The pool shrinks only to the largest wish within this window.
    pub shrink_window_ms: u64,
    /// The policy, by name.
    pub policy: String,
}

/// How lanes share the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discipline {
    /// By weight, and what has waited too long goes first.
    #[default]
    Weighted,
    /// Highest lane first, always.
    Strict,
}

/// When a circuit breaker opens and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// Opens when at least this share of the window's calls failed.
    pub failure_share: f64,
    /// Length of the window.
    pub window_ms: u64,
    /// Fewest calls in the window for the share to count.
    pub min_calls: u32,
    /// Opens after this many failures in a row.
    pub failures_in_a_row: u32,
    /// How long it stays open before it probes.
    pub open_ms: u64,
    /// While open, messages fail at once rather than wait.
    pub fail_fast: bool,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failure_share: 0.5,
            window_ms: 10_000,
            min_calls: 20,
            failures_in_a_row: 10,
            open_ms: 5_000,
            fail_fast: false,
        }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            num_workers: 5,
            min_workers: 1,
            max_workers: 10,
            enable_batching: true,
            batch_size: 20,
            min_batch_size: 1,
            max_batch_size: 50,
            batch_timeout_ms: 100,
            max_batch_timeout_ms: 1_000,
            delivery_parallelism: 10,
            max_queue_size: 10_000,
            max_queue_bytes: Bytes(64 << 20),
            reserve: 100,
            queue_warning_threshold: 0.8,
            retry_max_attempts: Some(3),
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 30_000,
            retry_jitter: 0.5,
            retry_budget: Some(0.2),
            retry_budget_reserve: 100,
            worker_restart_on_failure: true,
            worker_health_check_interval_sec: 30,
            worker_start_ms: 0,
            call_timeout_ms: 30_000,
            cancel_grace_ms: 0,
            control_interval_ms: 1_000,
            objective: None,
            discipline: Discipline::Weighted,
            lane_weights: [16, 8, 4, 2, 1],
            lane_max_wait_ms: [
                Some(1_000),
                Some(5_000),
                Some(30_000),
                Some(120_000),
                Some(600_000),
            ],
            bulkhead: Some(0.9),
            breaker: Some(BreakerConfig::default()),
            cool_down_ms: 0,
            shrink_window_ms: 5_000,
            policy: "adaptive".to_owned(),
        }
    }
}
