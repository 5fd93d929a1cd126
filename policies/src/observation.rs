//! What a policy sees: one closed interval of the broker's life, in counts and times.
//!
//! Core fills it, a policy only reads it. Counts rather than rates, so that a policy can tell
//! growth from noise; what is not known is `None`, never zero. Deliberately absent: anything
//! a live broker could not know (true rates, future arrivals, an agent's real parameters).

use serde::{Deserialize, Serialize};

use crate::latency::LatencyHistogram;
use crate::objective::Objective;
use crate::prices::Prices;
use crate::units::{Duration, Rate, Time};

/// One interval as a policy sees it: `(at - interval, at]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// When the interval was closed.
    pub at: Time,
    /// Its length: the control interval, less after or before an early tick, more where ticks
    /// were missed.
    pub interval: Duration,
    /// Whether the policy's own early tick closed it.
    pub early: bool,
    /// The setting in force during the interval.
    pub setting: Setting,
    /// Within which a decision is applied.
    pub bounds: Bounds,
    /// What the user wants, if anything was said.
    pub objective: Option<Objective>,
    /// What lateness beyond the objective, and calls, cost.
    pub prices: Prices,
    /// Slots of one worker.
    pub parallelism: u32,
    /// From a worker's order until it is ready.
    pub worker_start: Duration,
    /// The pool at the end of the interval.
    pub workers: WorkerCounts,
    /// Where the slot-time of the interval went.
    pub slots: SlotTime,
    /// The queue at the end of the interval.
    pub queue: QueueState,
    /// Messages that came and went during the interval.
    pub flow: Flow,
    /// Waits (sent until first call) of the messages whose first call started in the interval.
    pub wait: LatencyHistogram,
    /// Sojourns (sent until outcome) of the messages delivered in the interval.
    pub sojourn: LatencyHistogram,
    /// The agents, in the order of their registration.
    pub agents: Vec<AgentObservation>,
}

impl Observation {
    /// Whether nothing happened, and nothing was there that could: no message came, waited or was in a call,
    /// nobody was refused, no worker starts or ends, and no agent is held back.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let (slots, queue) = (&self.slots, &self.queue);
        let is_still = |agent: &AgentObservation| {
            agent.breaker == BreakerState::Closed && !agent.paused && agent.in_flight == 0
        };
        self.flow == Flow::default()
            && slots.with_call.is_zero()
            && slots.blocked == BlockedTime::default()
            && queue.waiting + queue.delayed == 0
            && self.workers.starting + self.workers.draining == 0
            && self.agents.iter().all(is_still)
    }

    /// Waiting messages that stand behind another of their ordering key, over all agents.
    #[must_use]
    pub fn behind(&self) -> u64 {
        let behind = self.agents.iter().map(|agent| agent.behind);
        behind.fold(0, u64::saturating_add)
    }

    /// Whether there are as few workers as there may be.
    #[must_use]
    pub fn has_fewest_workers(&self) -> bool {
        self.setting.workers <= self.bounds.min_workers
    }
}

/// What a policy steers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Workers wanted.
    pub workers: u32,
    /// Messages that one call to a batch agent may carry.
    pub batch_size: u32,
    /// How long a batch waits to fill after its oldest message became due.
    pub batch_timeout: Duration,
}

/// The range of each part of a [`Setting`], both ends allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Fewest workers, at least 1.
    pub min_workers: u32,
    /// Most workers, at least `min_workers`.
    pub max_workers: u32,
    /// Smallest batch, at least 1.
    pub min_batch_size: u32,
    /// Largest batch.
    pub max_batch_size: u32,
    /// Longest batch timeout; the shortest is zero.
    pub max_batch_timeout: Duration,
}

/// Workers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerCounts {
    /// What the setting asks for.
    pub wanted: u32,
    /// Ordered, not yet able to take.
    pub starting: u32,
    /// Able to take.
    pub ready: u32,
    /// Finishing what they hold, then gone.
    pub draining: u32,
    /// Ready or draining, with at least one call.
    pub busy: u32,
}

/// Slot-time of ready workers (draining ones count only with a call), summed over slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotTime {
    /// With a call.
    pub with_call: Duration,
    /// Free, with nothing to take.
    pub idle: Duration,
    /// Free although messages waited, by what stood in the way.
    pub blocked: BlockedTime,
}

/// Free slot-time by what kept waiting messages from being taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockedTime {
    /// The agent's in-flight limit.
    pub limit: Duration,
    /// The agent's share of the pool.
    pub bulkhead: Duration,
    /// The agent's breaker: open, or half-open with its probe under way.
    pub breaker: Duration,
    /// The agent is paused, by the user or by a retry-after, or the lane is.
    pub paused: Duration,
    /// The agent's call or unit tokens are spent.
    pub rate_limit: Duration,
    /// The agent's batch waits to fill.
    pub open_batch: Duration,
    /// What waits stands behind another message of its ordering key, at an agent that is neither paused nor
    /// held off by its breaker.
    #[serde(default)]
    pub key: Duration,
}

/// The queue at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueState {
    /// Messages due, with no call under way.
    pub waiting: u64,
    /// Messages delayed for a retry or a schedule.
    pub delayed: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Time since sending of the messages next in line, the longest: the first due in each
    /// lane of each agent and behind each ordering key. `None` if none waits. A retry stands at
    /// the tail, so its long past counts only once all that came before it is gone.
    pub oldest_wait: Option<Duration>,
    /// The bound on waiting plus delayed.
    pub max_size: u64,
}

/// Messages that came and went during an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// First arrivals that were accepted.
    pub arrivals: u64,
    /// First arrivals that were refused.
    pub refused: u64,
    /// Messages put back for another attempt.
    pub retries: u64,
    /// Messages whose call started, first or later.
    pub started: u64,
    /// Outcomes, all kinds.
    pub completed: u64,
    /// Outcomes "delivered".
    pub delivered: u64,
    /// Outcomes "expired".
    pub expired: u64,
    /// Outcomes "dead-lettered".
    pub dead_lettered: u64,
    /// Time that messages taken in a batch had waited for its closing, summed over messages.
    pub batch_wait: Duration,
}

/// One agent during the interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentObservation {
    /// Its name.
    pub name: String,
    /// Whether one call carries several messages.
    pub is_batch: bool,
    /// The agent's own cap on a batch, where it has one.
    pub max_batch: Option<u32>,
    /// Most calls in flight that its own limit allows (all replicas); `None`: no limit.
    pub limit: Option<u32>,
    /// Declared rate limit on calls.
    pub call_rate: Option<Rate>,
    /// Declared rate limit on units.
    pub unit_rate: Option<Rate>,
    /// State of its circuit breaker.
    pub breaker: BreakerState,
    /// Whether it is paused now.
    pub paused: bool,
    /// Its waiting messages now.
    pub waiting: u64,
    /// Those of them that stand behind another of their ordering key, whatever the pool.
    #[serde(default)]
    pub behind: u64,
    /// Its ordering keys with messages that stand behind another, now.
    #[serde(default)]
    pub contended_keys: u64,
    /// Its calls in flight now.
    pub in_flight: u32,
    /// Its first arrivals accepted in the interval.
    pub arrivals: u64,
    /// Its messages that came to stand behind another of their ordering key in the interval.
    #[serde(default)]
    pub came_behind: u64,
    /// Its messages that stood there and whose turn with their key came in the interval.
    #[serde(default)]
    pub moved_up: u64,
    /// Its messages put back for another attempt in the interval.
    pub retries: u64,
    /// Its messages delivered in the interval.
    pub delivered: u64,
    /// Units its started messages weighed.
    pub units: u64,
    /// Calls that ended in the interval.
    pub calls: CallStats,
    /// Samples of those calls: all of them, or an even thinning when there were many.
    pub samples: Vec<CallSample>,
}

impl AgentObservation {
    /// Its waiting messages that stand behind no other of their key: a free slot could take them, were there no limits.
    #[must_use]
    pub const fn takeable(&self) -> u64 {
        self.waiting.saturating_sub(self.behind)
    }
}

/// State of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BreakerState {
    /// Calls flow.
    #[default]
    Closed,
    /// No calls.
    Open,
    /// Single probes.
    HalfOpen,
    /// Closed again, with a limit that doubles until it no longer binds.
    Recovering,
}

/// Calls that ended in the interval, as sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallStats {
    /// Calls that ended with at least one message delivered.
    pub succeeded: u64,
    /// Calls that ended with a failure, a timeout or a lost lease and delivered nothing.
    pub failed: u64,
    /// Calls answered "too many requests".
    pub rate_limited: u64,
    /// Messages that the succeeded calls carried.
    pub messages: u64,
    /// Call time of the succeeded calls, summed.
    pub time: Duration,
}

/// One call that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallSample {
    /// Messages it carried.
    pub batch: u32,
    /// The agent's calls in flight at its start, itself included.
    pub in_flight: u32,
    /// How long it took.
    pub time: Duration,
}
