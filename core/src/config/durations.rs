//! The configuration's plain milliseconds and seconds as [`Duration`]s.
//!
//! Apart because it is the one place where a bare number becomes a time.

use ebbtide_policies::units::Duration;

use super::{BreakerConfig, BrokerConfig};
use crate::message::Lane;

impl BrokerConfig {
    /// `batch_timeout_ms`.
    #[must_use]
    pub const fn batch_timeout(&self) -> Duration {
        Duration::from_millis(self.batch_timeout_ms)
    }

    /// `max_batch_timeout_ms`.
    #[must_use]
    pub const fn max_batch_timeout(&self) -> Duration {
        Duration::from_millis(self.max_batch_timeout_ms)
    }

    /// `retry_backoff_ms`.
    #[must_use]
    pub const fn retry_backoff(&self) -> Duration {
        Duration::from_millis(self.retry_backoff_ms)
    }

    /// `retry_backoff_max_ms`.
    #[must_use]
    pub const fn retry_backoff_max(&self) -> Duration {
        Duration::from_millis(self.retry_backoff_max_ms)
    }

    /// `worker_health_check_interval_sec`.
    #[must_use]
    pub const fn worker_health_check_interval(&self) -> Duration {
        Duration::from_secs(self.worker_health_check_interval_sec)
    }

    /// `worker_start_ms`.
    #[must_use]
    pub const fn worker_start(&self) -> Duration {
        Duration::from_millis(self.worker_start_ms)
    }

    /// `call_timeout_ms`.
    #[must_use]
    pub const fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    /// `cancel_grace_ms`.
    #[must_use]
    pub const fn cancel_grace(&self) -> Duration {
        Duration::from_millis(self.cancel_grace_ms)
    }

    /// `control_interval_ms`.
    #[must_use]
    pub const fn control_interval(&self) -> Duration {
        Duration::from_millis(self.control_interval_ms)
    }

    /// `cool_down_ms`.
    #[must_use]
    pub const fn cool_down(&self) -> Duration {
        Duration::from_millis(self.cool_down_ms)
    }

    /// `shrink_window_ms`.
    #[must_use]
    pub const fn shrink_window(&self) -> Duration {
        Duration::from_millis(self.shrink_window_ms)
    }

    /// `lane_max_wait_ms` of one lane.
    #[must_use]
    pub fn lane_max_wait(&self, lane: Lane) -> Option<Duration> {
        self.lane_max_wait_ms[lane.index()].map(Duration::from_millis)
    }
}

impl BreakerConfig {
    /// `window_ms`.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }

    /// `open_ms`.
    #[must_use]
    pub const fn open(&self) -> Duration {
        Duration::from_millis(self.open_ms)
    }

    /// Half of `open_ms`.
    pub(crate) const fn recovery_step(&self) -> Duration {
        Duration::from_nanos(self.open().as_nanos() / 2)
    }
}
