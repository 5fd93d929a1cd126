//! An HDR histogram (Tene 2012, the layout of the crate `hdrhistogram`) as lean as the
//! recorder needs it.
//!
//! The recorder counts three to four times a message and asks for quantiles of a dozen groups
//! per replication. The crate's `record` takes about 58 instructions (it keeps extremes and a
//! total), this one about 15; its quantiles scan all buckets each. Every property of the
//! buckets is tested against the crate. Layout: values of up to `BITS` bits have a bucket each,
//! larger ones share it with those of the same `BITS` leading bits.

/// Counts of values by their `BITS` leading bits: 11 for three significant digits, 8 for two.
///
/// Values come at random, and so do the buckets that are looked at: small counts keep more of them
/// in the nearest cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets<const BITS: u32> {
    /// The low halves of the counts.
    counts: Vec<u16>,
    /// The high ones; empty while all are zero.
    carried: Vec<u32>,
}

/// By what was counted: how far the high halves reach depends on when they were needed.
impl<const BITS: u32> PartialEq for Buckets<BITS> {
    fn eq(&self, other: &Self) -> bool {
        self.filled().eq(other.filled())
    }
}

impl<const BITS: u32> Eq for Buckets<BITS> {}

impl<const BITS: u32> Buckets<BITS> {
    const HALF: u32 = BITS - 1;

    /// Counts one value.
    #[inline(always)]
    pub(crate) fn record(&mut self, value: u64) {
        let index = Self::index_of(value);
        match self.counts.get_mut(index) {
            Some(count) => {
                *count = count.wrapping_add(1);
                if *count == 0 {
                    self.add(index, 1 << u16::BITS);
                }
            }
            None => self.grow_by(index),
        }
    }

    /// Counts so many more in a bucket that there is.
    #[cold]
    fn add(&mut self, index: usize, more: u64) {
        let sum = u64::from(self.counts[index]) + more;
        self.counts[index] = sum as u16;
        if sum > u64::from(u16::MAX) {
            self.carried.resize(self.counts.len(), 0);
            self.carried[index] += (sum >> u16::BITS) as u32;
        }
    }

    /// The buckets that are not empty and their counts, lowest first.
    fn filled(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let count = |(index, &low): (usize, &u16)| {
            let high = self.carried.get(index).copied().unwrap_or(0);
            let count = u64::from(high) << u16::BITS | u64::from(low);
            (count > 0).then_some((index, count))
        };
        self.counts.iter().enumerate().filter_map(count)
    }

    /// Counts the first value beyond the buckets that there are.
    #[cold]
    fn grow_by(&mut self, index: usize) {
        let full = (index >> Self::HALF) + 1;
        self.counts.resize(full << Self::HALF, 0);
        self.counts[index] = 1;
    }

    /// Counts all that `other` counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (index, count) in other.filled() {
            self.add(index, count);
        }
    }

    /// Whether nothing was counted.
    pub(crate) const fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The values in order, to be asked for quantiles.
    pub(crate) fn ranks(&self) -> Ranks {
        let mut within = 0;
        let steps = self.filled().map(|(index, count)| {
            within += count;
            (within, Self::largest_in(index))
        });
        Ranks(steps.collect())
    }

    /// How many values there are, and those of these ranks, which rise: each too large by at
    /// most the width of its bucket. For a few ranks it is less work than [`ranks`](Self::ranks).
    pub(crate) fn values_at<const N: usize>(
        &self,
        ranks: impl Fn(u64) -> [u64; N],
    ) -> (u64, [u64; N]) {
        let count = self.filled().map(|(_, count)| count).sum();
        let ranks = ranks(count);
        let (mut values, mut found, mut within) = ([0; N], 0, 0);
        for (index, count) in self.filled() {
            within += count;
            while found < N && within >= ranks[found] {
                values[found] = Self::largest_in(index);
                found += 1;
            }
        }
        (count, values)
    }

    /// Its `BITS` leading bits, beside how many bits follow them.
    fn index_of(value: u64) -> usize {
        let follow = (value | ((1 << BITS) - 1)).ilog2() + 1 - BITS;
        ((u64::from(follow) << Self::HALF) + (value >> follow)) as usize
    }

    /// The largest value of bucket `index`.
    fn largest_in(index: usize) -> u64 {
        let follow = (index >> Self::HALF).saturating_sub(1);
        let leading = (index - (follow << Self::HALF)) as u64;
        ((leading + 1) << follow) - 1
    }
}

/// For each filled bucket, smallest first: how many values lie within it or before, and its
/// largest value.
#[derive(Debug)]
pub(crate) struct Ranks(Vec<(u64, u64)>);

impl Ranks {
    /// How many values there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.last().map_or(0, |(within, _)| *within)
    }

    /// The value of rank `rank`, the smallest having rank 1; zero if there are none. Too large
    /// by at most the width of its bucket.
    pub(crate) fn value_at(&self, rank: u64) -> u64 {
        let before = self.0.partition_point(|(within, _)| *within < rank);
        let step = self.0.get(before).or(self.0.last());
        step.map_or(0, |(_, largest)| *largest)
    }

    /// The value that a share `q` (0–1) of all does not exceed.
    pub(crate) fn quantile(&self, q: f64) -> u64 {
        self.value_at(self.rank_of(q))
    }

    /// The rank of the quantile `q` (0–1).
    pub(crate) fn rank_of(&self, q: f64) -> u64 {
        (q * self.count() as f64).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// The largest value that the crate's histogram can take.
    const LARGEST: u64 = i64::MAX as u64 / 2;

    fn of<const BITS: u32>(values: &[u64]) -> Buckets<BITS> {
        let mut buckets = Buckets::default();
        values.iter().for_each(|value| buckets.record(*value));
        buckets
    }

    #[track_caller]
    fn check<const BITS: u32>(digits: u8, values: &[u64]) {
        let ranks = of::<BITS>(values).ranks();
        let mut reference = Histogram::<u64>::new(digits).expect("valid digits");
        for value in values {
            reference.record(*value).expect("it grows");
        }
        assert_eq!(ranks.count(), reference.len());
        for q in [0.001, 0.1, 0.5, 0.9, 0.99, 1.0] {
            assert_eq!(ranks.quantile(q), reference.value_at_quantile(q));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 200,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn quantiles_are_those_of_the_crates_histogram(
            shifted in prop::collection::vec((0..=LARGEST, 0_u32..62), 1..60)
        ) {
            // Shifted, so that every size of number is met.
            let values: Vec<u64> = shifted.iter().map(|(value, by)| value >> by).collect();
            check::<11>(3, &values);
            check::<8>(2, &values);
        }

        #[test]
        fn merging_equals_recording_at_once(
            left in prop::collection::vec(0..=LARGEST, 0..50),
            right in prop::collection::vec(0_u64..100_000, 0..50),
        ) {
            let mut merged = of::<11>(&left);
            merged.merge(&of(&right));
            let both: Vec<u64> = left.iter().chain(&right).copied().collect();
            prop_assert_eq!(merged, of(&both));
        }
    }

    #[test]
    fn the_edges_of_the_buckets_are_where_the_crate_has_them() {
        let edges = [
            0, 1, 2_047, 2_048, 2_049, 4_095, 4_096, 255, 256, 511, 512, LARGEST,
        ];
        for value in edges {
            check::<11>(3, &[value]);
            check::<8>(2, &[value]);
        }
    }

    #[test]
    fn counts_go_on_beyond_their_low_halves() {
        let (mut once, mut other) = (of::<11>(&[7; 200_000]), of::<11>(&[7, 9]));
        once.record(9);
        other.merge(&once);
        other.merge(&other.clone());
        let ranks = other.ranks();
        assert_eq!(ranks.count(), 400_006);
        assert_eq!((ranks.value_at(400_002), ranks.value_at(400_003)), (7, 9));
    }

    #[test]
    fn equal_counts_are_equal_in_whatever_order_they_came() {
        let (many, large) = ([7; 70_000], [1 << 20]);
        let [mut first, mut last] = [of::<11>(&many), of(&large)];
        first.merge(&of(&large));
        last.merge(&of(&many));
        assert!(first == last);
        last.record(7);
        assert!(first != last);
    }

    #[test]
    fn nothing_counted_has_no_rank() {
        let ranks = Buckets::<11>::default().ranks();
        assert_eq!((ranks.count(), ranks.quantile(0.5)), (0, 0));
    }
}
