//! The broker's configuration: one plain struct, checked as a whole.
//!
//! Apart from the state machine because files, scenarios and embedders write it, each in
//! their own way. How it looks in a file lives in `config/written.rs`, what is allowed in
//! `config/ranges.rs`. Deliberately absent: files.
//!
//! ```
//! use ebbtide_core::config::{BrokerConfig, Checked, from_text};
//! use ebbtide_core::text::Format;
//!
//! // In code: a plain struct, checked once.
//! let config = BrokerConfig { max_queue_size: 500, ..BrokerConfig::default() };
//! let config = Checked::new(config)?;
//! assert_eq!(config.call_timeout().as_secs_f64(), 30.0);
//!
//! // As text: what is not said keeps its default, which the profile sets.
//! let config = from_text(Format::Ron, "(profile: \"remote\", batch_size: 30, retry_budget: \"off\")")?;
//! assert_eq!((config.num_workers, config.batch_size, config.retry_budget), (5, 30, None));
//!
//! let error = from_text(Format::Ron, "(batch_size: 0, max_workers: 0)").unwrap_err();
//! assert!(error.to_string().contains("batch_size is 0, allowed are 1 to 50"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agent;
mod check;
mod durations;
mod forms;
mod profile;
mod ranges;
mod written;

pub use agent::{AgentConfig, RateLimit};
pub use check::{Check, Checked, ConfigError};
pub use profile::{Profile, UnknownProfile};
pub use ranges::allowed;

use ebbtide_policies::objective::Objective;
use ebbtide_policies::prices::Prices;
use ebbtide_policies::units::Bytes;
use ebbtide_policies::{Policy, registry};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::text::{self, Format, TextError};

/// Everything a user may set. Durations are whole milliseconds (`_ms`) or seconds (`_sec`).
///
/// A file may say `profile` besides, and `max_retry` for `retry_max_attempts`. What it does
/// not say keeps the default given here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "written::Written")]
pub struct BrokerConfig {
    /// Workers at the start, and always under a fixed policy: `min_workers` to `max_workers`.
    ///
    /// Default 5: half of the most, so that a controller has room either way. In a file it follows
    /// its bounds, as other start values do: `(max_workers: 3)` starts with 3.
    pub num_workers: u32,
    /// Fewest workers a controller may ask for: 1 to 1000.
    ///
    /// Default 1: with none, nothing would notice the next message.
    pub min_workers: u32,
    /// Most workers a controller may ask for, draining ones included: `min_workers` to 1000.
    ///
    /// Default 10: a hundred calls at once with ten slots each, which is as much as one
    /// process should press on agents without being asked to.
    pub max_workers: u32,
    /// Off: every call carries one message.
    ///
    /// Default on: it costs agents that take one message a call nothing.
    pub enable_batching: bool,
    /// Messages that a batch may carry, at the start: `min_batch_size` to `max_batch_size`;
    /// 10 to 50 is recommended.
    ///
    /// Default 20: most of what sharing a call's fixed cost can save is saved by then.
    pub batch_size: u32,
    /// Smallest batch size a policy may ask for: 1 to 10 000.
    ///
    /// Default 1: no batching at all may be best.
    pub min_batch_size: u32,
    /// Largest batch size a policy may ask for: `min_batch_size` to 10 000.
    ///
    /// Default 50: beyond it the last message of a batch waits long for little gain.
    pub max_batch_size: u32,
    /// How long a batch waits to fill after its oldest message became due, at the start: 0 to
    /// `max_batch_timeout_ms`.
    ///
    /// Default 100: unnoticed beside remote agents, and long enough to fill a batch at 200
    /// messages a second.
    pub batch_timeout_ms: u64,
    /// Longest batch timeout a policy may ask for: 0 to a year.
    ///
    /// Default 1000: a policy trades latency for larger batches, but not seconds of it.
    pub max_batch_timeout_ms: u64,
    /// Slots of one worker, each of which carries one call: 1 to 10 000.
    ///
    /// Default 10: remote agents are waited for, not computed with.
    pub delivery_parallelism: u32,
    /// Most messages waiting or delayed: 0 to 1 000 000 000. 0 accepts only what a free slot
    /// could start at once.
    ///
    /// Default 10 000: ten seconds' worth at 1000 messages a second; what waits longer is
    /// better refused while its sender can still do something about it.
    pub max_queue_size: u64,
    /// Most bytes waiting or delayed: `"0B"` to `"1PiB"`.
    ///
    /// Default `"64MiB"`: some 6 KiB a message in a full queue, and little beside a service's
    /// own memory.
    pub max_queue_bytes: Bytes,
    /// Places beyond `max_queue_size` for control and the critical lane: 0 to 1 000 000.
    ///
    /// Default 100: one in a hundred of the queue, so that a full queue can still be governed.
    pub reserve: u64,
    /// Share of `max_queue_size` at which the queue warns: 0 to 1.
    ///
    /// Default 0.8: at a fifth of the queue left there is still time to act.
    pub queue_warning_threshold: f64,
    /// Attempts a message gets, the first included: 1 to 1000, or `None`, in a file
    /// `"unlimited"`. (`max_retry` in a file means the same.)
    ///
    /// Default 3: a fault that outlives two retries is rarely a passing one.
    #[serde(serialize_with = "forms::or_unlimited")]
    pub retry_max_attempts: Option<u32>,
    /// Backoff before the second attempt; doubles with each further one: 0 to
    /// `retry_backoff_max_ms`. With unlimited attempts, calls for one message start at least a
    /// millisecond apart.
    ///
    /// Default 100: beyond a network's hiccup, below what a caller notices.
    pub retry_backoff_ms: u64,
    /// Longest backoff: 0 to a year.
    ///
    /// Default 30 000: as long as a call may take.
    pub retry_backoff_max_ms: u64,
    /// Share of each backoff that is left to chance: it is shortened by up to this much, 0 to 1.
    ///
    /// Default 0.5: messages that failed together come back spread over half of it, and none
    /// at once.
    pub retry_jitter: f64,
    /// Retries allowed, as a share of first arrivals: 0 to 10, or `None`, in a file `"off"`:
    /// no budget.
    ///
    /// Default 0.2: an outage then adds a fifth to the load on what is failing, rather than
    /// twice the load.
    #[serde(serialize_with = "forms::or_off")]
    pub retry_budget: Option<f64>,
    /// Retries allowed beyond the share, at once: 0 to 1 000 000.
    ///
    /// Default 100: a quiet broker, whose share is nearly nothing, can still retry.
    pub retry_budget_reserve: u32,
    /// Whether a lost worker is replaced at once. If not, one worker fewer is wanted from then
    /// on: `fixed` stays with what is left, a policy that decides for more gets more, and fewer
    /// than `min_workers` are made up at the next control tick.
    ///
    /// Default on.
    pub worker_restart_on_failure: bool,
    /// How often a live worker's health is checked: 1 second to a year.
    ///
    /// Default 30: leases find what is stuck earlier; this finds what holds none.
    pub worker_health_check_interval_sec: u64,
    /// From a worker's order until it is ready: 0 to a year.
    ///
    /// Default 0: a worker is a task, started at once. Set it where a worker must first
    /// connect or load.
    pub worker_start_ms: u64,
    /// A call's lease ends this long after it started or was last extended: 1 to a year.
    ///
    /// Default 30 000: the slowest answers of language models arrive within it.
    pub call_timeout_ms: u64,
    /// From telling a handler that nobody waits for it until its slot is taken from it: 0 to
    /// a year.
    ///
    /// Default 0: dropped at once.
    pub cancel_grace_ms: u64,
    /// Interval of the control tick: 1 to a year.
    ///
    /// Default 1000: long enough for figures that mean something at 100 messages a second,
    /// short enough to follow a burst; a policy may ask to be called earlier. Below 100 a tick
    /// sees so few messages that policies take chance for change: they buy more workers than
    /// they need, and decide often enough for that to cost something.
    pub control_interval_ms: u64,
    /// What the controller steers for, such as `"p95(sojourn) < 500ms"`.
    ///
    /// Default none: what is fast enough only the user knows.
    pub objective: Option<Objective>,
    /// What one message's second beyond the objective costs, in the message's own work (its share of a call at
    /// the best batch, in worker-seconds): 0 to 1 000 000.
    ///
    /// Default 10: a worker idle for its sake is worth a tenth of its work done a second sooner. Fast and slow
    /// agents weigh alike.
    pub price_late: f64,
    /// What one call costs, in worker-seconds: 0 to 1 000 000.
    ///
    /// Default 0: workers are what is paid for. With hosted models calls are the bill.
    pub price_call: f64,
    /// How lanes share the workers.
    ///
    /// Default `Weighted`: no lane starves.
    pub discipline: Discipline,
    /// Weight of each lane under `Weighted`, highest lane first: 1 to 10 000 each. In a file
    /// by name, `(critical: 16, bulk: 1)`; a lane not named keeps its default.
    ///
    /// Default 16, 8, 4, 2, 1: each lane gets twice what the next one gets.
    #[serde(serialize_with = "forms::weights_by_lane")]
    pub lane_weights: [u32; 5],
    /// A message due for longer goes first under `Weighted`, highest lane first: 0 to a year
    /// each, or `None`, in a file `"off"`: no maximum wait. In a file by name, as weights.
    ///
    /// Default 1 s, 5 s, 30 s, 2 min, 10 min: what urgent, interactive, ordinary, deferrable
    /// and overnight work bears.
    #[serde(serialize_with = "forms::waits_by_lane")]
    pub lane_max_wait_ms: [Option<u64>; 5],
    /// Share of the ready workers' slots that one of several agents may fill: above 0 to 1, or
    /// `None`, in a file `"off"`: all.
    ///
    /// Default 0.9: one stalled agent leaves a tenth to the others.
    #[serde(serialize_with = "forms::or_off")]
    pub bulkhead: Option<f64>,
    /// The agents' circuit breakers; `None`, in a file `"off"`: none.
    ///
    /// Default on, see [`BreakerConfig`].
    #[serde(serialize_with = "forms::or_off")]
    pub breaker: Option<BreakerConfig>,
    /// Shrinking waits this long after any change of workers: 0 to a year.
    ///
    /// Default 0: the shrink window paces enough.
    pub cool_down_ms: u64,
    /// The pool shrinks only to the largest wish within this window: 0 to a year.
    ///
    /// Default 5000: five ticks in a row must agree that less will do.
    pub shrink_window_ms: u64,
    /// The policy, by name; not empty.
    ///
    /// Default `adaptive`.
    pub policy: String,
}

impl BrokerConfig {
    /// `price_late` and `price_call`.
    #[must_use]
    pub const fn prices(&self) -> Prices {
        Prices {
            late: self.price_late,
            call: self.price_call,
        }
    }

    /// This configuration under `policy`: one that names a number of workers has them from the
    /// start, and the bounds have room for them. The one rule for where a pool starts.
    #[must_use]
    pub fn under(self, policy: &dyn Policy) -> Self {
        let Some(workers) = policy.start_workers() else {
            return self;
        };
        Self {
            num_workers: workers,
            min_workers: self.min_workers.min(workers),
            max_workers: self.max_workers.max(workers),
            ..self
        }
    }
}

/// How lanes share the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discipline {
    /// By weight, and what has waited too long goes first.
    #[default]
    Weighted,
    /// Highest lane first, always.
    Strict,
}

/// When a circuit breaker opens and how it closes again.
///
/// The defaults are those of the breakers that services know (resilience4j: half of a window
/// of calls, with a fewest number of them), with a window in time as traffic varies. Unlike those
/// it does not judge by calls that have ended alone: calls under way may be successes that take longer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Opens when at least this share of the window's calls failed, of those that ended in it or
    /// those that started in it, whichever are more: above 0 to 1. Default 0.5.
    pub failure_share: f64,
    /// Length of the window: 1 to a year. Default 10 000.
    pub window_ms: u64,
    /// Fewest calls in the window for the share to count: 1 to 1 000 000. Default 20: of fewer,
    /// half may fail by chance.
    pub min_calls: u32,
    /// Opens after this many failures in a row: 1 to 1 000 000. Default 10: finds a dead agent
    /// sooner than the share does, and at one in two failing is a chance of 1 in 1000.
    ///
    /// Of calls that started one after another, none of which is still under way, and since the
    /// last success: in a burst quick failures end before any success. A call that has been under
    /// way for as long as successes take on the average, or for `window_ms`, is no more waited for.
    ///
    /// After this many calls in a row that a deadline ended and that began late for it, or `min_calls` of them if
    /// that is less, messages are called for out of their order until something is delivered: such calls say
    /// nothing of an agent behind a backlog, and others do.
    pub failures_in_a_row: u32,
    /// How long it stays open before it probes: 1 to a year. Default 5000. Half of it is also the
    /// least time between two steps of a recovery beyond what the agent carried when it was last
    /// well.
    pub open_ms: u64,
    /// While open, messages fail at once rather than wait. Default off: a queue is there to
    /// wait in.
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

/// As the profile `adaptive` has it.
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
            price_late: Prices::default().late,
            price_call: Prices::default().call,
            discipline: Discipline::Weighted,
            lane_weights: [16, 8, 4, 2, 1],
            lane_max_wait_ms: [1_000, 5_000, 30_000, 120_000, 600_000].map(Some),
            bulkhead: Some(0.9),
            breaker: Some(BreakerConfig::default()),
            cool_down_ms: 0,
            shrink_window_ms: 5_000,
            policy: "adaptive".to_owned(),
        }
    }
}

/// Reads a configuration from text and checks it, its policy included.
///
/// # Errors
/// The first fault of the text's form, or all faults of its values, each with its place.
pub fn from_text(format: Format, text: &str) -> Result<Checked<BrokerConfig>, TextError> {
    let config =
        text::read::<BrokerConfig>(format, text).map_err(|error| error.with_help(allowed))?;
    let mut faults = config.faults();
    if !config.policy.is_empty()
        && let Err(unknown) = registry::build(&config.policy)
    {
        faults.push(Fault::new("policy", unknown.problem()));
    }
    if faults.is_empty() {
        return Ok(Checked::known(config));
    }
    Err(TextError::of_values(text, faults).with_help(|path| left_open(text, path)))
}

/// The help for the bound at `path` that a text leaves open, which is the root's or a section's: what is wrong with it
/// is the default's.
#[must_use]
pub fn left_open(text: &str, path: &str) -> Option<String> {
    const BOUNDS: [&str; 3] = ["max_workers", "max_batch_size", "max_batch_timeout_ms"];
    let is_bound = path
        .rsplit('.')
        .next()
        .is_some_and(|field| BOUNDS.contains(&field));
    let is_open = is_bound && !text::has_field(text, path);
    is_open.then(|| "the file does not set it, so that is its default".to_owned())
}

#[cfg(test)]
mod tests;
