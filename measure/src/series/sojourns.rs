//! Sojourns over time: a small histogram for each stretch of time in which messages were sent.

use ebbtide_core::units::{Duration, Time};

use crate::buckets::Buckets;
use crate::histogram::LONGEST;
use crate::series::round_up;

/// Most bins of a [`SojournSeries`].
pub const MAX_SOJOURN_BINS: usize = 512;

/// Leading bits that make two significant digits: enough for a line on a plot, and 512
/// histograms of them are a few megabytes.
const DIGITS_2: u32 = 8;

/// Sojourns over time, by when the message was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SojournSeries {
    /// Length of one bin.
    pub width: Duration,
    /// The bins, the first from time 0 on.
    pub bins: Vec<SojournBin>,
}

/// Sojourns of the messages sent during one bin. A quantile is `None` where not even one
/// message lies beyond it; unfinished messages count as old as they were at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SojournBin {
    /// Messages.
    pub count: u64,
    /// How many of them were unfinished: the true values may be larger.
    pub unfinished: u64,
    /// The median; relative error at most 1/100, as the other quantiles.
    pub p50: Option<Duration>,
    /// 95 % are shorter.
    pub p95: Option<Duration>,
    /// 99 % are shorter.
    pub p99: Option<Duration>,
    /// The longest.
    pub max: Option<Duration>,
}

/// Collects a [`SojournSeries`].
#[derive(Debug)]
pub(crate) struct SojournRecorder {
    width: Duration,
    bins: Vec<Collected>,
    /// The bin counted in last, and when it begins: mostly the next one is the same.
    last: (usize, Time),
}

#[derive(Clone, Debug, Default)]
struct Collected {
    buckets: Buckets<DIGITS_2>,
    unfinished: u64,
    longest: u64,
}

impl SojournRecorder {
    /// For a run of about `length`; a longer one makes the bins wider.
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            width: round_up(length.as_nanos() / 400),
            bins: Vec::new(),
            last: (usize::MAX, Time::MAX),
        }
    }

    /// Counts a message sent at `sent` that ended `sojourn` later.
    pub(crate) fn ended(&mut self, sent: Time, sojourn: Duration) {
        self.record(sent, sojourn);
    }

    /// Counts a message sent at `sent` that had not ended `age` later.
    pub(crate) fn unfinished(&mut self, sent: Time, age: Duration) {
        self.record(sent, age).unfinished += 1;
    }

    #[inline(always)]
    fn record(&mut self, sent: Time, sojourn: Duration) -> &mut Collected {
        let (mut index, from) = self.last;
        if sent < from || sent >= from + self.width {
            index = self.find(sent);
        }
        let bin = &mut self.bins[index];
        let nanos = sojourn.as_nanos().min(LONGEST);
        bin.buckets.record(nanos);
        bin.longest = bin.longest.max(nanos);
        bin
    }

    /// The place of the bin for `sent`.
    fn find(&mut self, sent: Time) -> usize {
        let mut index = (sent.as_nanos() / self.width.as_nanos()) as usize;
        if index >= self.bins.len() {
            index = self.grow(sent);
        }
        self.last = (index, Time::ZERO + self.width * index as u64);
        index
    }

    /// Makes a bin for `sent`, widening all as often as needed; gives its place.
    #[cold]
    fn grow(&mut self, sent: Time) -> usize {
        while sent.as_nanos() / self.width.as_nanos() >= MAX_SOJOURN_BINS as u64 {
            self.width = self.width * 2;
            let mut wider: Vec<Collected> = Vec::with_capacity(MAX_SOJOURN_BINS);
            for (index, bin) in std::mem::take(&mut self.bins).into_iter().enumerate() {
                match wider.last_mut() {
                    Some(pair) if index % 2 == 1 => {
                        pair.buckets.merge(&bin.buckets);
                        pair.unfinished += bin.unfinished;
                        pair.longest = pair.longest.max(bin.longest);
                    }
                    _ => wider.push(bin),
                }
            }
            self.bins = wider;
        }
        let index = (sent.as_nanos() / self.width.as_nanos()) as usize;
        if index >= self.bins.len() {
            self.bins.resize(index + 1, Collected::default());
        }
        index
    }

    pub(crate) fn finish(&self) -> SojournSeries {
        SojournSeries {
            width: self.width,
            bins: self.bins.iter().map(Collected::bin).collect(),
        }
    }
}

impl Collected {
    fn bin(&self) -> SojournBin {
        const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
        let ranks = |count| QUANTILES.map(|q| (q * count as f64).ceil() as u64);
        let (count, values) = self.buckets.values_at(ranks);
        let quantile = |at: usize| {
            let beyond = count as f64 * (1.0 - QUANTILES[at]) + 1e-6;
            let nanos = values[at].min(self.longest);
            (beyond >= 1.0).then(|| Duration::from_nanos(nanos))
        };
        SojournBin {
            count,
            unfinished: self.unfinished,
            p50: quantile(0),
            p95: quantile(1),
            p99: quantile(2),
            max: (count > 0).then(|| Duration::from_nanos(self.longest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn sojourns_are_kept_by_when_the_message_was_sent() {
        let mut recorder = SojournRecorder::new(Duration::from_secs(400));
        for k in 1..=1_000 {
            recorder.ended(Time::ZERO + millis(1_500), millis(k));
        }
        recorder.unfinished(Time::ZERO + millis(2_500), millis(9_000));
        let series = recorder.finish();
        assert_eq!(series.width, Duration::from_secs(1));
        let [none, first, second] = series.bins[..] else {
            panic!("three bins");
        };
        assert_eq!(none, SojournBin::default());
        assert_eq!((first.count, first.unfinished), (1_000, 0));
        for (quantile, expected) in [(first.p50, 500.0), (first.p95, 950.0), (first.p99, 990.0)] {
            let seconds = quantile.expect("enough beyond").as_secs_f64();
            assert!((seconds * 1e3 / expected - 1.0).abs() < 0.01);
        }
        assert_eq!(
            (first.max, second.max),
            (Some(millis(1_000)), Some(millis(9_000)))
        );
        assert_eq!((second.count, second.unfinished, second.p50), (1, 1, None));
    }

    #[test]
    fn a_longer_run_merges_its_bins_and_loses_nothing() {
        let mut recorder = SojournRecorder::new(Duration::from_secs(1));
        for k in 0..3_000_u64 {
            recorder.ended(Time::ZERO + millis(10) * k, millis(k + 1));
        }
        let series = recorder.finish();
        assert!(series.bins.len() <= MAX_SOJOURN_BINS);
        let count: u64 = series.bins.iter().map(|bin| bin.count).sum();
        assert_eq!(count, 3_000);
        let longest = series.bins.iter().filter_map(|bin| bin.max).max();
        assert_eq!(longest, Some(millis(3_000)));
    }
}
