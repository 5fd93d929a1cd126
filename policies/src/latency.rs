//! Compact latency histograms for observations.
//!
//! Log-linear (HDR) with microsecond resolution and a relative error of at most 1/16: small
//! enough to be logged with every observation, fine enough to compare a quantile with an
//! objective. Reports use measure's finer ones.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::Duration;

const NANOS_PER_MICRO: u64 = 1_000;
/// One hour; longer latencies count as this long.
const HIGHEST_MICROS: u64 = 3_600_000_000;

/// Latencies of one interval. Relative error at most 1/16, at least 1 µs, at most one hour.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyHistogram(Histogram<u32>);

impl Default for LatencyHistogram {
    fn default() -> Self {
        let bounds = Histogram::new_with_bounds(1, HIGHEST_MICROS, 1);
        Self(bounds.expect("1 µs to 1 h at one digit is a valid range"))
    }
}

impl LatencyHistogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        self.0
            .saturating_record((latency.as_nanos() / NANOS_PER_MICRO).max(1));
    }

    /// How many latencies were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency below which a share `q` (0–1) of the counted lie; `None` if none was counted.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        (self.count() > 0)
            .then(|| Duration::from_nanos(self.0.value_at_quantile(q) * NANOS_PER_MICRO))
    }

    /// The share (0–1) of the counted that lie above `limit`; `None` if none was counted.
    #[must_use]
    pub fn share_above(&self, limit: Duration) -> Option<f64> {
        (self.count() > 0).then(|| {
            let within = self.0.count_between(0, limit.as_nanos() / NANOS_PER_MICRO);
            1.0 - within as f64 / self.count() as f64
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.reset();
    }
}

/// As `[micros, count]` pairs of the buckets that are not empty.
impl Serialize for LatencyHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let recorded = self.0.iter_recorded();
        serializer.collect_seq(recorded.map(|v| (v.value_iterated_to(), v.count_at_value())))
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut histogram = Self::default();
        for (micros, count) in Vec::<(u64, u32)>::deserialize(deserializer)? {
            histogram.0.saturating_record_n(micros, count);
        }
        Ok(histogram)
    }
}
