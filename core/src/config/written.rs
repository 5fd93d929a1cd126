//! A configuration as a file has it: what is not said is left to the profile.
//!
//! Apart from [`BrokerConfig`] so that in code every setting is a plain value: parse, then
//! resolve.

use std::ops::RangeInclusive;

use ebbtide_policies::objective::Objective;
use ebbtide_policies::units::Bytes;
use serde::Deserialize;

use super::forms::{ByLane, Form, Off, OrWord, Unlimited, given};
use super::ranges::Starts;
use super::{BreakerConfig, BrokerConfig, Discipline, Profile};

/// Declares [`Written`] and its resolution, so that each setting is named once. The compiler
/// refuses a list from which a field of [`BrokerConfig`] is missing.
macro_rules! written {
    ($($(#[$attribute:meta])* $field:ident: $form:ty),* $(,)?) => {
        /// What a file says.
        #[derive(Deserialize)]
        #[serde(rename = "BrokerConfig", deny_unknown_fields)]
        pub(super) struct Written {
            #[serde(default)]
            profile: Profile,
            $(
                $(#[$attribute])*
                #[serde(default, deserialize_with = "given")]
                $field: Option<$form>,
            )*
        }

        impl From<Written> for BrokerConfig {
            fn from(written: Written) -> Self {
                let base = Self::default().with_profile(written.profile);
                let base = written.bounded(base);
                Self {
                    $($field: match written.$field {
                        Some(form) => form.over(base.$field),
                        None => base.$field,
                    }),*
                }
            }
        }
    };
}

impl Written {
    /// The default start values brought within the bounds that the file sets: whoever sets a bound
    /// need not know them, nor hear of them where the bound is none.
    fn bounded(&self, mut base: BrokerConfig) -> BrokerConfig {
        let bounds = BrokerConfig {
            min_workers: self.min_workers.unwrap_or(base.min_workers),
            max_workers: self.max_workers.unwrap_or(base.max_workers),
            min_batch_size: self.min_batch_size.unwrap_or(base.min_batch_size),
            max_batch_size: self.max_batch_size.unwrap_or(base.max_batch_size),
            max_batch_timeout_ms: (self.max_batch_timeout_ms).unwrap_or(base.max_batch_timeout_ms),
            retry_backoff_max_ms: (self.retry_backoff_max_ms).unwrap_or(base.retry_backoff_max_ms),
            ..BrokerConfig::default()
        };
        let starts = Starts::of(&bounds);
        base.num_workers = within(base.num_workers, &starts.workers);
        base.batch_size = within(base.batch_size, &starts.batch);
        base.batch_timeout_ms = within(base.batch_timeout_ms, &starts.batch_timeout_ms);
        base.retry_backoff_ms = within(base.retry_backoff_ms, &starts.backoff_ms);
        base
    }
}

fn within<T: Copy + Ord>(start: T, range: &RangeInclusive<T>) -> T {
    start.clamp(*range.start(), *range.end())
}

written! {
    num_workers: u32,
    min_workers: u32,
    max_workers: u32,
    enable_batching: bool,
    batch_size: u32,
    min_batch_size: u32,
    max_batch_size: u32,
    batch_timeout_ms: u64,
    max_batch_timeout_ms: u64,
    delivery_parallelism: u32,
    max_queue_size: u64,
    max_queue_bytes: Bytes,
    reserve: u64,
    queue_warning_threshold: f64,
    #[serde(alias = "max_retry")]
    retry_max_attempts: OrWord<u32, Unlimited>,
    retry_backoff_ms: u64,
    retry_backoff_max_ms: u64,
    retry_jitter: f64,
    retry_budget: OrWord<f64, Off>,
    retry_budget_reserve: u32,
    worker_restart_on_failure: bool,
    worker_health_check_interval_sec: u64,
    worker_start_ms: u64,
    call_timeout_ms: u64,
    cancel_grace_ms: u64,
    control_interval_ms: u64,
    objective: Option<Objective>,
    price_late: f64,
    price_call: f64,
    discipline: Discipline,
    lane_weights: ByLane<u32>,
    lane_max_wait_ms: ByLane<OrWord<u64, Off>>,
    bulkhead: OrWord<f64, Off>,
    breaker: OrWord<BreakerConfig, Off>,
    cool_down_ms: u64,
    shrink_window_ms: u64,
    policy: String,
}
