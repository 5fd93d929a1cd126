//! Counts in the buckets of an HDR histogram: a cheap way in.
//!
//! The recorder counts three times a message. The crate's own `record` takes about 58
//! instructions (it keeps extremes and a total, and grows), this one about 15; whoever wants
//! quantiles gets the crate's histogram. Layout: values of up to `BITS` bits have a bucket
//! each, larger ones share it with those of the same `BITS` leading bits.

use hdrhistogram::Histogram;

/// Counts of values by their `BITS` leading bits: 11 for three significant digits, 8 for two.
/// A count of four thousand million stays there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Buckets<const BITS: u32> {
    counts: Vec<u32>,
}

impl<const BITS: u32> Buckets<BITS> {
    const HALF: u32 = BITS - 1;

    /// Counts one value.
    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        let index = Self::index_of(value);
        if index >= self.counts.len() {
            self.grow(index);
        }
        let count = &mut self.counts[index];
        *count = count.saturating_add(1);
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        let full = (index >> Self::HALF) + 1;
        self.counts.resize(full << Self::HALF, 0);
    }

    /// Counts all that `other` counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The same counts as the crate's histogram.
    pub(crate) fn histogram(&self) -> Histogram<u64> {
        let digits = (2_u32.pow(BITS) / 2).ilog10() as u8;
        let histogram = Histogram::new(digits);
        let mut histogram = histogram.expect("two or three digits are within 0 to 5");
        for (index, count) in self.counts.iter().enumerate() {
            if *count > 0 {
                let recorded = histogram.record_n(Self::value_of(index), u64::from(*count));
                recorded.expect("it grows up to the largest value");
            }
        }
        histogram
    }

    /// Its `BITS` leading bits, beside how many bits follow them.
    fn index_of(value: u64) -> usize {
        let follow = (value | ((1 << BITS) - 1)).ilog2() + 1 - BITS;
        ((u64::from(follow) << Self::HALF) + (value >> follow)) as usize
    }

    /// The smallest value of bucket `index`.
    fn value_of(index: usize) -> u64 {
        let follow = (index >> Self::HALF).saturating_sub(1);
        ((index - (follow << Self::HALF)) as u64) << follow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// The largest value that the crate's histogram can take.
    const LARGEST: u64 = i64::MAX as u64 / 2;

    fn check<const BITS: u32>(digits: u8, values: &[u64]) {
        let mut buckets = Buckets::<BITS>::default();
        let mut reference = Histogram::<u64>::new(digits).expect("valid digits");
        for value in values {
            buckets.record(*value);
            reference.record(*value).expect("it grows");
        }
        let histogram = buckets.histogram();
        assert_eq!(buckets.count(), reference.len());
        for q in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
            assert_eq!(
                histogram.value_at_quantile(q),
                reference.value_at_quantile(q)
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
        cases: 200,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

        #[test]
        fn counting_here_equals_recording_in_the_crates_histogram(
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
            let of = |values: &[u64]| {
                let mut buckets = Buckets::<11>::default();
                values.iter().for_each(|value| buckets.record(*value));
                buckets
            };
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let both: Vec<u64> = left.iter().chain(&right).copied().collect();
            prop_assert_eq!(merged.histogram(), of(&both).histogram());
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
}
