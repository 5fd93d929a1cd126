//! What the broker's configuration may say: every setting's range, and what settings must be
//! together.
//!
//! Apart because it is a table. The ranges are wide: they keep arithmetic from overflowing and
//! typing errors from passing, and leave judgement to the user.

use std::ops::RangeInclusive;

use ebbtide_policies::objective::Objective;
use ebbtide_policies::units::{Bytes, Duration};

use super::{BreakerConfig, BrokerConfig, Check};
use crate::fault::Fault;
use crate::message::Lane;

/// Longer times are typing errors; sums of a few hundred such still fit 64 bits of nanoseconds.
pub(super) const YEAR: Duration = Duration::from_secs(YEAR_SEC);
const YEAR_SEC: u64 = 365 * 24 * 60 * 60;
const YEAR_MS: u64 = YEAR_SEC * 1_000;
const MAX_WORKERS: u32 = ebbtide_policies::fixed::MOST_WORKERS;
const MAX_PARALLELISM: u64 = 10_000;
pub(super) const MAX_BATCH: u32 = 10_000;
pub(super) const MAX_ATTEMPTS: u32 = 1_000;
const MAX_QUEUE: u64 = 1_000_000_000;
const MAX_BYTES: Bytes = Bytes(1 << 50);
const MAX_WEIGHT: u64 = 10_000;
const MILLION: u64 = 1_000_000;
const MAX_PRICE: f64 = 1e6;
/// Messages have 32-bit names; what is left below 2³² is room for nested requests.
const MAX_MESSAGES: u64 = 4_000_000_000;

/// What the number at `path` may be when all else has its default: `allowed are 1 to 1000`.
/// `None` if that setting is not a number. The help for numbers that no reader can take.
#[must_use]
pub fn allowed(path: &str) -> Option<String> {
    let config = BrokerConfig::default();
    let whole = whole_numbers(&config)
        .into_iter()
        .find(|row| row.field == path);
    let real = || reals(&config).into_iter().find(|row| row.field == path);
    let range = whole.map(|row| row.allowed());
    let range = range.or_else(|| real().map(|row| row.allowed()))?;
    Some(format!("allowed are {range}"))
}

impl Check for BrokerConfig {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        faults.extend(whole_numbers(self).iter().filter_map(Whole::fault));
        faults.extend(reals(self).iter().filter_map(Real::fault));
        if self.max_queue_bytes > MAX_BYTES {
            let allowed = format!("{} to {MAX_BYTES}", Bytes(0));
            faults.push(Fault::out_of_range(
                "max_queue_bytes",
                self.max_queue_bytes,
                allowed,
            ));
        }
        faults.extend(
            self.objective
                .and_then(|objective| objective_fault(&objective)),
        );
        if self.policy.is_empty() {
            faults.push(Fault::new(
                "policy",
                "is empty, allowed are names of policies",
            ));
        }
        if faults.is_empty() {
            faults.extend(too_many_messages(self));
        }
        faults
    }

    /// Whoever sets a bound in code has not written the number of workers to start with.
    fn faults_in_code(&self) -> Vec<Fault> {
        let (mut faults, default) = (self.faults(), Self::default().num_workers);
        let start = faults.iter_mut().find(|fault| fault.path == "num_workers");
        if let Some(fault) = start
            && self.num_workers == default
        {
            fault.problem = format!(
                "is {default} (the default), min_workers is {} and max_workers {}: set them together",
                self.min_workers, self.max_workers
            );
        }
        faults
    }
}

/// A whole number among the settings.
struct Whole {
    field: String,
    /// `None` passes: the setting is absent.
    value: Option<u64>,
    range: RangeInclusive<u64>,
    /// The word for "absent", where it may be.
    or: Option<&'static str>,
}

impl Whole {
    fn new(field: impl Into<String>, value: impl Into<u64>, range: RangeInclusive<u64>) -> Self {
        Self {
            field: field.into(),
            value: Some(value.into()),
            range,
            or: None,
        }
    }

    fn optional(
        field: impl Into<String>,
        value: Option<impl Into<u64>>,
        range: RangeInclusive<u64>,
        or: &'static str,
    ) -> Self {
        Self {
            field: field.into(),
            value: value.map(Into::into),
            range,
            or: Some(or),
        }
    }

    fn allowed(&self) -> String {
        let (least, most) = (self.range.start(), self.range.end());
        format!("{least} to {most}{}", or_word(self.or))
    }

    fn fault(&self) -> Option<Fault> {
        let value = self.value.filter(|value| !self.range.contains(value))?;
        Some(Fault::out_of_range(&self.field, value, self.allowed()))
    }
}

/// A number among the settings that need not be whole.
struct Real {
    field: &'static str,
    /// `None` passes: the setting is absent.
    value: Option<f64>,
    least: Least,
    most: f64,
    /// The word for "absent", where it may be.
    or: Option<&'static str>,
}

/// Where its range begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Least {
    Zero,
    AboveZero,
}

impl Real {
    fn allowed(&self) -> String {
        let least = match self.least {
            Least::Zero => "0",
            Least::AboveZero => "above 0",
        };
        format!("{least} to {}{}", self.most, or_word(self.or))
    }

    fn fault(&self) -> Option<Fault> {
        let is_allowed = |value: f64| match self.least {
            Least::Zero => (0.0..=self.most).contains(&value),
            Least::AboveZero => value > 0.0 && value <= self.most,
        };
        // NaN is in no range.
        let value = self.value.filter(|&value| !is_allowed(value))?;
        Some(Fault::out_of_range(self.field, value, self.allowed()))
    }
}

fn or_word(word: Option<&'static str>) -> String {
    word.map_or_else(String::new, |word| format!(" or {word:?}"))
}

/// Every whole number of a configuration with its range. Ranges that depend on other settings
/// are clamped, so that what is wrong with those is reported once.
fn whole_numbers(c: &BrokerConfig) -> Vec<Whole> {
    let mut rows = pool(c);
    rows.extend(queue(c));
    rows.extend(calls(c));
    for lane in Lane::ALL {
        let (name, index) = (lane.name(), lane.index());
        let (weight, wait) = (c.lane_weights[index], c.lane_max_wait_ms[index]);
        let (weights, waits) = (
            format!("lane_weights.{name}"),
            format!("lane_max_wait_ms.{name}"),
        );
        rows.push(Whole::new(weights, weight, 1..=MAX_WEIGHT));
        rows.push(Whole::optional(waits, wait, 0..=YEAR_MS, "off"));
    }
    rows.extend(c.breaker.iter().flat_map(breaker));
    rows
}

/// Where `c` may start, whatever its bounds are.
pub(super) struct Starts {
    pub(super) workers: RangeInclusive<u32>,
    pub(super) batch: RangeInclusive<u32>,
    pub(super) batch_timeout_ms: RangeInclusive<u64>,
    pub(super) backoff_ms: RangeInclusive<u64>,
}

impl Starts {
    pub(super) fn of(c: &BrokerConfig) -> Self {
        let within = |least: u32, most: u32, limit: u32| {
            least.clamp(1, limit)..=most.max(least).clamp(1, limit)
        };
        Self {
            workers: within(c.min_workers, c.max_workers, MAX_WORKERS),
            batch: within(c.min_batch_size, c.max_batch_size, MAX_BATCH),
            batch_timeout_ms: 0..=c.max_batch_timeout_ms.min(YEAR_MS),
            backoff_ms: 0..=c.retry_backoff_max_ms.min(YEAR_MS),
        }
    }
}

fn pool(c: &BrokerConfig) -> Vec<Whole> {
    let wide = |range: &RangeInclusive<u32>| (*range.start()).into()..=(*range.end()).into();
    let starts = Starts::of(c);
    let (most_workers, most_batch) = (u64::from(MAX_WORKERS), u64::from(MAX_BATCH));
    let least_most = |range: &RangeInclusive<u32>| u64::from(*range.start());
    vec![
        Whole::new("num_workers", c.num_workers, wide(&starts.workers)),
        Whole::new("min_workers", c.min_workers, 1..=most_workers),
        Whole::new(
            "max_workers",
            c.max_workers,
            least_most(&starts.workers)..=most_workers,
        ),
        Whole::new("batch_size", c.batch_size, wide(&starts.batch)),
        Whole::new("min_batch_size", c.min_batch_size, 1..=most_batch),
        Whole::new(
            "max_batch_size",
            c.max_batch_size,
            least_most(&starts.batch)..=most_batch,
        ),
        Whole::new(
            "batch_timeout_ms",
            c.batch_timeout_ms,
            starts.batch_timeout_ms,
        ),
        Whole::new("max_batch_timeout_ms", c.max_batch_timeout_ms, 0..=YEAR_MS),
        Whole::new(
            "delivery_parallelism",
            c.delivery_parallelism,
            1..=MAX_PARALLELISM,
        ),
        Whole::new("cool_down_ms", c.cool_down_ms, 0..=YEAR_MS),
        Whole::new("shrink_window_ms", c.shrink_window_ms, 0..=YEAR_MS),
    ]
}

fn queue(c: &BrokerConfig) -> [Whole; 6] {
    let first_backoff = Starts::of(c).backoff_ms;
    [
        Whole::new("max_queue_size", c.max_queue_size, 0..=MAX_QUEUE),
        Whole::new("reserve", c.reserve, 0..=MILLION),
        Whole::optional(
            "retry_max_attempts",
            c.retry_max_attempts,
            1..=MAX_ATTEMPTS.into(),
            "unlimited",
        ),
        Whole::new("retry_backoff_ms", c.retry_backoff_ms, first_backoff),
        Whole::new("retry_backoff_max_ms", c.retry_backoff_max_ms, 0..=YEAR_MS),
        Whole::new("retry_budget_reserve", c.retry_budget_reserve, 0..=MILLION),
    ]
}

fn calls(c: &BrokerConfig) -> [Whole; 5] {
    let health = c.worker_health_check_interval_sec;
    [
        Whole::new("worker_health_check_interval_sec", health, 1..=YEAR_SEC),
        Whole::new("worker_start_ms", c.worker_start_ms, 0..=YEAR_MS),
        Whole::new("call_timeout_ms", c.call_timeout_ms, 1..=YEAR_MS),
        Whole::new("cancel_grace_ms", c.cancel_grace_ms, 0..=YEAR_MS),
        Whole::new("control_interval_ms", c.control_interval_ms, 1..=YEAR_MS),
    ]
}

fn breaker(breaker: &BreakerConfig) -> [Whole; 4] {
    [
        Whole::new("breaker.window_ms", breaker.window_ms, 1..=YEAR_MS),
        Whole::new("breaker.min_calls", breaker.min_calls, 1..=MILLION),
        Whole::new(
            "breaker.failures_in_a_row",
            breaker.failures_in_a_row,
            1..=MILLION,
        ),
        Whole::new("breaker.open_ms", breaker.open_ms, 1..=YEAR_MS),
    ]
}

/// Every other number of a configuration with its range.
fn reals(c: &BrokerConfig) -> [Real; 7] {
    [
        Real {
            field: "queue_warning_threshold",
            value: Some(c.queue_warning_threshold),
            least: Least::Zero,
            most: 1.0,
            or: None,
        },
        Real {
            field: "retry_jitter",
            value: Some(c.retry_jitter),
            least: Least::Zero,
            most: 1.0,
            or: None,
        },
        Real {
            field: "retry_budget",
            value: c.retry_budget,
            least: Least::Zero,
            most: 10.0,
            or: Some("off"),
        },
        Real {
            field: "bulkhead",
            value: c.bulkhead,
            least: Least::AboveZero,
            most: 1.0,
            or: Some("off"),
        },
        Real {
            field: "breaker.failure_share",
            value: c.breaker.map(|breaker| breaker.failure_share),
            least: Least::AboveZero,
            most: 1.0,
            or: None,
        },
        price("price_late", c.price_late),
        price("price_call", c.price_call),
    ]
}

fn price(field: &'static str, value: f64) -> Real {
    Real {
        field,
        value: Some(value),
        least: Least::Zero,
        most: MAX_PRICE,
        or: None,
    }
}

fn objective_fault(objective: &Objective) -> Option<Fault> {
    if !(objective.quantile > 0.0 && objective.quantile < 1.0) {
        let problem = "has a quantile that is none, allowed are shares above 0 and below 1";
        return Some(Fault::new("objective", problem));
    }
    let allowed = format!("limits above {} to {YEAR}", Duration::ZERO);
    (objective.limit.is_zero() || objective.limit > YEAR)
        .then(|| Fault::out_of_range("objective", objective, allowed))
}

/// What the queue and the calls may hold together must have names for every message.
fn too_many_messages(c: &BrokerConfig) -> Option<Fault> {
    let calls = u64::from(c.max_workers) * u64::from(c.delivery_parallelism);
    let messages = c.max_queue_size + c.reserve + calls * u64::from(c.max_batch_size);
    (messages > MAX_MESSAGES).then(|| {
        let problem = format!(
            "+ reserve + max_workers × delivery_parallelism × max_batch_size is {messages}, \
             allowed are 0 to {MAX_MESSAGES}"
        );
        Fault::new("max_queue_size", problem)
    })
}
