//! Many times in little space: HDR histograms with exact sums and maxima, and what is known
//! of times that had not ended.
//!
//! A histogram keeps three significant digits: its relative error is at most 1/1000
//! ([`RELATIVE_ERROR`]). Means and maxima are exact. Histograms merge without loss.

use ebbtide_core::units::Duration;

use crate::buckets::{Buckets, Ranks};
use crate::figures::Sample;
use crate::metric::Stat;
use crate::run::{CURVE_MARKS, CurvePoint};

/// Largest relative error of a quantile.
pub const RELATIVE_ERROR: f64 = 1e-3;

/// A quantile is printed only when at least this many messages of a run lie beyond it.
pub const MIN_BEYOND: f64 = 100.0;

/// A figure with unfinished messages in it is a lower bound ("≥") when they could move it by
/// more than this share of itself.
pub const OPEN_TOLERANCE: f64 = 0.01;

/// Leading bits that make three significant digits.
const DIGITS_3: u32 = 11;
const NANOS_PER_SEC: f64 = 1e9;
/// The longest time that is told from longer ones, 146 years.
pub(crate) const LONGEST: u64 = i64::MAX as u64 / 2;

/// Times that ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    buckets: Buckets<DIGITS_3>,
    sum: u128,
    longest: u64,
}

impl Latencies {
    /// Counts one time.
    #[inline(always)]
    pub(crate) fn record(&mut self, time: Duration) {
        let mut nanos = time.as_nanos();
        if nanos > self.longest {
            nanos = nanos.min(LONGEST);
            self.longest = nanos;
        }
        self.sum += u128::from(nanos);
        self.buckets.record(nanos);
    }

    /// Counts all that `other` counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.buckets.merge(&other.buckets);
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }
}

/// Times of which some had not ended when they were last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenLatencies {
    /// Those that ended.
    pub(crate) ended: Latencies,
    /// Those that had not: each is at least this long.
    pub(crate) open: Latencies,
}

impl OpenLatencies {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.ended.merge(&other.ended);
        self.open.merge(&other.open);
    }

    /// The same times in order.
    pub(crate) fn ranked(&self) -> Ranked {
        let ended = self.ended.buckets.ranks();
        let (all, ended) = if self.open.buckets.is_empty() {
            (ended, None)
        } else {
            let mut all = self.ended.buckets.clone();
            all.merge(&self.open.buckets);
            (all.ranks(), Some(ended))
        };
        Ranked {
            all,
            ended,
            sum: self.ended.sum + self.open.sum,
            open_sum: self.open.sum,
            longest: self.ended.longest.max(self.open.longest),
            longest_is_open: self.open.longest >= self.ended.longest,
        }
    }
}

/// Times in order, with the open ones as old as they were.
pub(crate) struct Ranked {
    all: Ranks,
    /// Those that ended; `None` if all have.
    ended: Option<Ranks>,
    sum: u128,
    open_sum: u128,
    longest: u64,
    longest_is_open: bool,
}

impl Ranked {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.all.count()
    }

    /// The figure `stat` in seconds; no value where it may not be printed.
    pub(crate) fn stat(&self, stat: Stat) -> Sample {
        let count = self.count();
        if count == 0 {
            return Sample::default();
        }
        let (nanos, at_least) = match stat {
            Stat::Mean => self.mean(),
            Stat::Max => {
                let at_least = self.ended.is_some() && self.longest_is_open;
                (self.longest as f64, at_least)
            }
            Stat::P50 | Stat::P90 | Stat::P95 | Stat::P99 | Stat::P999 => {
                let q = stat.quantile().expect("these are the quantiles");
                if !enough_beyond(count, q) {
                    return Sample::default();
                }
                let (nanos, at_least) = self.quantile(q);
                (nanos as f64, at_least)
            }
        };
        Sample {
            value: Some(nanos / NANOS_PER_SEC),
            at_least,
        }
    }

    /// The open ones are counted as old as they were. If being twice as old would move the
    /// mean by more than the tolerance, it is a lower bound.
    fn mean(&self) -> (f64, bool) {
        let (sum, open) = (self.sum as f64, self.open_sum as f64);
        (sum / self.count() as f64, open > OPEN_TOLERANCE * sum)
    }

    /// The quantile `q` with the open ones as old as they were, and whether it could be larger
    /// by more than the tolerance: it is asked again with the open ones never ending.
    fn quantile(&self, q: f64) -> (u64, bool) {
        let low = self.all.quantile(q).min(self.longest);
        let rank = self.all.rank_of(q);
        let high = low as f64 * (1.0 + OPEN_TOLERANCE);
        let at_least = self
            .ended
            .as_ref()
            .is_some_and(|ended| rank > ended.count() || ended.value_at(rank) as f64 > high);
        (low, at_least)
    }

    /// The curve of times by percentile: ten points for each tenfold of rarity, up to the
    /// longest, and the marks ([`CURVE_MARKS`]).
    pub(crate) fn curve(&self) -> Vec<CurvePoint> {
        let count = self.count();
        if count == 0 {
            return Vec::new();
        }
        let rarer = (0_u32..).map(|step| 10_f64.powf(-f64::from(step) / 10.0));
        let inner = rarer.take_while(|beyond| beyond * count as f64 >= 1.0);
        let marks = CURVE_MARKS.into_iter();
        let marks = marks.filter(|quantile| (1.0 - quantile) * count as f64 >= 1.0);
        let inner = inner.map(|beyond| 1.0 - beyond);
        let mut quantiles: Vec<f64> = inner.chain(marks).chain([1.0]).collect();
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        quantiles
            .into_iter()
            .map(|quantile| {
                let (nanos, at_least) = self.quantile(quantile);
                let within = self.all.rank_of(quantile);
                CurvePoint {
                    quantile,
                    value: Duration::from_nanos(nanos),
                    beyond: count - within.min(count),
                    at_least,
                }
            })
            .collect()
    }
}

/// Whether the quantile `q` of `count` messages has enough of them beyond it.
fn enough_beyond(count: u64, q: f64) -> bool {
    // A millionth of a message forgives that 1 − q is rounded.
    count as f64 * (1.0 - q) >= MIN_BEYOND - 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(nanos: impl IntoIterator<Item = u64>) -> Latencies {
        let mut times = Latencies::default();
        for value in nanos {
            times.record(Duration::from_nanos(value));
        }
        times
    }

    fn ended(nanos: impl IntoIterator<Item = u64>) -> OpenLatencies {
        OpenLatencies {
            ended: times(nanos),
            open: Latencies::default(),
        }
    }

    #[test]
    fn quantiles_lie_within_the_stated_error() {
        let times = ended((1..=100_000_u64).map(|k| k * 1_234_567));
        let ranked = times.ranked();
        for stat in [Stat::P50, Stat::P90, Stat::P95, Stat::P99, Stat::P999] {
            let q = stat.quantile().expect("a quantile");
            let exact = (q * 100_000.0).ceil() * 1_234_567.0 / 1e9;
            let got = ranked.stat(stat).value.expect("enough beyond");
            assert!(
                (got / exact - 1.0).abs() <= RELATIVE_ERROR,
                "{stat:?}: {got} for {exact}"
            );
        }
    }

    #[test]
    fn a_constant_time_is_reported_exactly() {
        let times = ended([35_000_001; 1_000]);
        let ranked = times.ranked();
        for stat in [Stat::Mean, Stat::P50, Stat::P90, Stat::Max] {
            assert_eq!(ranked.stat(stat), Sample::exact(0.035_000_001), "{stat:?}");
        }
    }

    #[test]
    fn p99_wants_ten_thousand_messages() {
        assert_eq!(ended(0..9_999).ranked().stat(Stat::P99).value, None);
        assert!(ended(0..10_000).ranked().stat(Stat::P99).value.is_some());
        assert_eq!(ended(0..199).ranked().stat(Stat::P50).value, None);
        assert!(ended(0..200).ranked().stat(Stat::P50).value.is_some());
        assert!(ended(0..100_000).ranked().stat(Stat::P999).value.is_some());
    }

    #[test]
    fn nothing_counted_is_no_value() {
        let times = OpenLatencies::default();
        for stat in Stat::ALL {
            assert_eq!(times.ranked().stat(stat), Sample::default());
        }
        assert!(times.ranked().curve().is_empty());
    }

    #[test]
    fn a_quantile_among_unfinished_messages_is_a_lower_bound() {
        let mut times = ended([1_000_000; 9_000]);
        for _ in 0..1_000 {
            times.open.record(Duration::from_millis(5));
        }
        let ranked = times.ranked();
        assert!(!ranked.stat(Stat::P50).at_least);
        assert!(!ranked.stat(Stat::P90).at_least);
        assert!(ranked.stat(Stat::P95).at_least);
        assert!(ranked.stat(Stat::Mean).at_least);
        assert!(ranked.stat(Stat::Max).at_least);
    }

    #[test]
    fn young_unfinished_messages_make_a_bound_only_where_they_could_matter() {
        // Half the messages are 1 ms, half 100 ms, and as many again had just been sent: if
        // those never end, the median is 100 ms and not the 1 ms it seems.
        let mut times = ended((0..1_000).map(|k| if k % 2 == 0 { 1_000_000 } else { 100_000_000 }));
        for _ in 0..500 {
            times.open.record(Duration::ZERO);
        }
        assert!(times.ranked().stat(Stat::P50).at_least);
        let mut few = ended([1_000_000; 100_000]);
        few.open.record(Duration::ZERO);
        for stat in [Stat::Mean, Stat::P50, Stat::P99, Stat::Max] {
            assert!(!few.ranked().stat(stat).at_least, "{stat:?}");
        }
    }

    #[test]
    fn merging_equals_recording_at_once() {
        let values: Vec<u64> = (0..5_000_u64)
            .map(|k| k * k * 977 % 70_000_000_007)
            .collect();
        let (left, right) = values.split_at(1_700);
        let mut merged = ended(left.iter().copied());
        merged.merge(&ended(right.iter().copied()));
        let whole = ended(values.iter().copied());
        for stat in Stat::ALL {
            assert_eq!(merged.ranked().stat(stat), whole.ranked().stat(stat));
        }
        assert_eq!(merged.ranked().curve(), whole.ranked().curve());
    }

    #[test]
    fn the_curve_rises_to_the_longest_time() {
        let curve = ended(1..=1_000).ranked().curve();
        assert!(curve.is_sorted_by_key(|point| point.value));
        let last = curve.last().expect("not empty");
        assert_eq!((last.quantile, last.beyond), (1.0, 0));
        assert_eq!(last.value, Duration::from_nanos(1_000));
    }

    /// The report's table reads its percentiles off the curve, the summary asks for them.
    #[test]
    fn the_curve_has_the_very_quantiles_of_the_summary() {
        let ranked = ended((1..=100_000_u64).map(|k| k * 1_234_567)).ranked();
        let curve = ranked.curve();
        for stat in [Stat::P50, Stat::P90, Stat::P95, Stat::P99, Stat::P999] {
            let quantile = stat.quantile().expect("a quantile");
            let place = curve.iter().position(|point| point.quantile == quantile);
            let point = &curve[place.expect("a point of its own")];
            let value = Some(point.value.as_secs_f64());
            assert_eq!(ranked.stat(stat).value, value, "{stat:?}");
        }
        let is_rising = |pair: &[CurvePoint]| pair[0].quantile < pair[1].quantile;
        assert!(curve.windows(2).all(is_rising));
    }

    #[test]
    fn a_time_beyond_all_bounds_is_counted() {
        assert_eq!(ended([u64::MAX]).ranked().count(), 1);
        assert!(ended([u64::MAX]).ranked().stat(Stat::Max).value.is_some());
    }
}
