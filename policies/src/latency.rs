//! Compact latency histograms for observations.
//!
//! Log-linear (HDR) with microsecond resolution and a relative error of at most 1/16: small
//! enough to be logged with every observation, fine enough to compare a quantile with an
//! objective. Reports use measure's finer ones.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::Duration;

const NANOS_PER_MICRO: u64 = 1_000;
/// One hour; latencies far beyond it count as this long.
const HIGHEST_MICROS: u64 = 3_600_000_000;
/// Leading bits by which latencies are told apart: values below 32 have a bucket each, larger
/// ones share it with those of the same five leading bits.
const BITS: u32 = 5;
const HALF: u32 = BITS - 1;
/// Buckets up to 2³² − 1.
const BUCKETS: usize = (32 - BITS as usize + 2) << HALF;

/// Latencies of one interval. Relative error at most 1/16, at least 1 µs, at most one hour.
///
/// The layout is that of the crate `hdrhistogram` at one significant digit, with which it is
/// tested; counting is what the broker does twice a message, and is a fourth of the crate's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyHistogram {
    counts: Box<[u32; BUCKETS]>,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
        }
    }
}

impl LatencyHistogram {
    /// Counts one latency.
    #[inline(always)]
    pub fn record(&mut self, latency: Duration) {
        let count = self.bucket(latency.as_nanos() / NANOS_PER_MICRO);
        *count += u32::from(*count < u32::MAX);
    }

    /// The count of a latency's bucket.
    #[inline(always)]
    fn bucket(&mut self, micros: u64) -> &mut u32 {
        let mut bucket = bucket_of(micros.max(1));
        if bucket >= BUCKETS {
            bucket = bucket_of(HIGHEST_MICROS);
        }
        &mut self.counts[bucket]
    }

    /// How many latencies were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().copied().map(u64::from).sum()
    }

    /// The latency below which a share `q` (0–1) of the counted lie; `None` if none was counted.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let rank = ((q * self.count() as f64).ceil() as u64).max(1);
        let mut within = 0;
        let bucket = self.counts.iter().position(|count| {
            within += u64::from(*count);
            within >= rank
        });
        bucket.map(|bucket| Duration::from_nanos(longest_of(bucket) * NANOS_PER_MICRO))
    }

    /// The share (0–1) of the counted that lie above `limit`; `None` if none was counted.
    #[must_use]
    pub fn share_above(&self, limit: Duration) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| {
            let last = bucket_of(limit.as_nanos() / NANOS_PER_MICRO).min(BUCKETS - 1);
            let within: u64 = self.counts[..=last].iter().copied().map(u64::from).sum();
            1.0 - within as f64 / count as f64
        })
    }

    /// Counts all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count = count.saturating_add(*more);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// The buckets that are not empty: their longest microseconds and their counts.
    fn filled(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let filled = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (longest_of(bucket), *count))
    }
}

/// A latency's leading bits, beside how many bits follow them.
#[inline]
fn bucket_of(micros: u64) -> usize {
    let follow = (micros | ((1 << BITS) - 1)).ilog2() + 1 - BITS;
    ((u64::from(follow) << HALF) + (micros >> follow)) as usize
}

/// The longest latency of a bucket, in microseconds.
fn longest_of(bucket: usize) -> u64 {
    let follow = (bucket >> HALF).saturating_sub(1);
    let leading = (bucket - (follow << HALF)) as u64;
    ((leading + 1) << follow) - 1
}

/// As `[micros, count]` pairs of the buckets that are not empty.
impl Serialize for LatencyHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Binary formats want the number of pairs beforehand.
        let filled: Vec<_> = self.filled().collect();
        filled.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut histogram = Self::default();
        for (micros, count) in Vec::<(u64, u32)>::deserialize(deserializer)? {
            let bucket = histogram.bucket(micros);
            *bucket = bucket.saturating_add(count);
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn it_counts_as_the_crate_does(
            latencies in prop::collection::vec((0_u32..44, any::<u64>()), 1..60),
            q in 0.001_f64..=1.0,
            limit in 0_u64..10_000_000_000,
        ) {
            let mut ours = LatencyHistogram::default();
            let bounds = Histogram::<u32>::new_with_bounds(1, HIGHEST_MICROS, 1);
            let mut crates = bounds.expect("a valid range");
            for (bits, word) in latencies {
                let micros = word >> (63 - bits);
                ours.record(Duration::from_nanos(micros * NANOS_PER_MICRO));
                crates.saturating_record(micros.max(1));
            }
            prop_assert_eq!(ours.count(), crates.len());
            let quantile = ours.quantile(q).map(|at| at.as_nanos() / NANOS_PER_MICRO);
            prop_assert_eq!(quantile, Some(crates.value_at_quantile(q)));
            let within = crates.count_between(0, limit) as f64 / crates.len() as f64;
            let above = ours.share_above(Duration::from_nanos(limit * NANOS_PER_MICRO));
            prop_assert_eq!(above, Some(1.0 - within));
            let recorded = crates.iter_recorded();
            let recorded: Vec<_> = recorded.map(|v| (v.value_iterated_to(), v.count_at_value())).collect();
            prop_assert_eq!(ours.filled().collect::<Vec<_>>(), recorded);
        }
    }
}
