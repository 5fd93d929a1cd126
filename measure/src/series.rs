//! A run over time, in bins of equal width: at most [`MAX_BINS`], whatever the run's length.
//!
//! When the bins are used up, each two are merged and the width doubles, so memory is flat.
//! Sojourns over time are in `series/sojourns.rs`, the CSV of both in `series/csv.rs`.

mod csv;
mod sojourns;

pub(crate) use sojourns::SojournRecorder;
pub use sojourns::{MAX_SOJOURN_BINS, SojournBin, SojournSeries};

use ebbtide_core::units::{Duration, Time};

use crate::books::Outcomes;
use crate::level::Section;
use crate::pool::BusySection;
use crate::queue::Queue;
use crate::run::PoolState;

/// Most bins of a [`Series`].
pub const MAX_BINS: usize = 4_096;

/// Counts and levels over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    width: Duration,
    /// Never empty; the last one is still being filled until the run is over.
    bins: Vec<Bin>,
    /// When that one begins.
    open_since: Time,
    /// When the run was over; [`Time::MAX`] until then.
    end: Time,
}

/// What happened during one bin. Levels are those at its end unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bin {
    /// Messages sent, accepted or not.
    pub offered: u64,
    /// Messages refused.
    pub refused: u64,
    /// Outcomes (`unfinished` stays 0).
    pub outcomes: Outcomes,
    /// Messages waiting.
    pub waiting: u64,
    /// Most messages waiting at once.
    pub waiting_max: u64,
    /// Messages waiting, summed over time.
    pub waiting_time: Duration,
    /// Messages delayed for a retry or a schedule.
    pub delayed: u64,
    /// Time since the oldest waiting message was sent, as the control ticks of the bin saw it
    /// (the longest); zero if none saw a waiting message, `None` if none ran.
    pub oldest_wait: Option<Duration>,
    /// Slots with a call, summed over time.
    pub busy_slot_time: Duration,
    /// Workers with a call, summed over time.
    pub busy_worker_time: Duration,
    /// Workers wanted.
    pub wanted: u32,
    /// Workers ordered, not yet able to take.
    pub starting: u32,
    /// Workers able to take.
    pub ready: u32,
    /// Workers finishing what they hold.
    pub draining: u32,
    /// Messages a batch may carry.
    pub batch_size: u32,
}

impl Bin {
    /// Messages that got nowhere: refused, expired, dead-lettered or returned.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        let ended = &self.outcomes;
        self.refused + ended.expired + ended.dead_lettered + ended.returned
    }

    /// Makes one bin of this and the `next`.
    fn absorb(&mut self, next: &Self) {
        *self = Self {
            offered: self.offered + next.offered,
            refused: self.refused + next.refused,
            outcomes: {
                let mut both = self.outcomes;
                both.add(&next.outcomes);
                both
            },
            waiting_max: self.waiting_max.max(next.waiting_max),
            waiting_time: self.waiting_time + next.waiting_time,
            oldest_wait: self.oldest_wait.max(next.oldest_wait),
            busy_slot_time: self.busy_slot_time + next.busy_slot_time,
            busy_worker_time: self.busy_worker_time + next.busy_worker_time,
            ..*next
        };
    }
}

impl Series {
    /// A series of bins that are known: read back from a file, say.
    #[must_use]
    pub const fn from_bins(width: Duration, bins: Vec<Bin>) -> Self {
        Self {
            width,
            bins,
            open_since: Time::MAX,
            end: Time::MAX,
        }
    }

    /// For a run of about `length`; a longer one makes the bins wider.
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            width: round_up(length.as_nanos() / (MAX_BINS as u64 / 2)),
            bins: vec![Bin::default()],
            open_since: Time::ZERO,
            end: Time::MAX,
        }
    }

    /// Length of one bin.
    #[must_use]
    pub const fn width(&self) -> Duration {
        self.width
    }

    /// The bins, the first from time 0 on.
    #[must_use]
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// When bin `index` begins.
    #[must_use]
    pub fn start_of(&self, index: usize) -> Time {
        Time::ZERO + self.width * index as u64
    }

    /// How long bin `index` lasts: the width, or less for the last one.
    #[must_use]
    pub fn span_of(&self, index: usize) -> Duration {
        self.start_of(index + 1)
            .min(self.end)
            .since(self.start_of(index))
    }

    /// When the bin that is being filled ends.
    pub(crate) fn bin_end(&self) -> Time {
        self.start_of(self.bins.len())
    }

    /// The bin that is being filled.
    pub(crate) fn open_bin(&mut self) -> &mut Bin {
        self.bins.last_mut().expect("there is always an open bin")
    }

    /// Counts a message sent at `sent`, which may be long ago if its sender was blocked.
    pub(crate) fn offered(&mut self, sent: Time) {
        let last = self.bins.len() - 1;
        let index = if sent >= self.open_since {
            last
        } else {
            (sent.as_nanos() / self.width.as_nanos()) as usize
        };
        self.bins[index.min(last)].offered += 1;
    }

    /// Adds what the levels came to during a part of the open bin.
    pub(crate) fn add_section(&mut self, waiting: Section, busy: BusySection) {
        let bin = self.open_bin();
        bin.waiting_max = bin.waiting_max.max(waiting.peak);
        bin.waiting_time += length(waiting);
        bin.busy_slot_time += length(busy.slots);
        bin.busy_worker_time += length(busy.workers);
    }

    /// Ends the open bin with the levels of its end, and begins the next.
    pub(crate) fn close_bin(&mut self, queue: &Queue, pool: PoolState) {
        self.stamp(queue, pool);
        self.bins.push(Bin::default());
        self.open_since = self.start_of(self.bins.len() - 1);
    }

    /// Widens the bins until `at` falls into one of at most [`MAX_BINS`].
    pub(crate) fn make_room(&mut self, at: Time) {
        while at.as_nanos() / self.width.as_nanos() >= MAX_BINS as u64 {
            self.width = self.width * 2;
            let pairs = self.bins.chunks(2).map(|pair| {
                let mut bin = pair[0];
                if let Some(next) = pair.get(1) {
                    bin.absorb(next);
                }
                bin
            });
            self.bins = pairs.collect();
            self.open_since = self.start_of(self.bins.len() - 1);
        }
    }

    /// The run was over at `end`, within the open bin, with these levels.
    pub(crate) fn finish(&mut self, end: Time, queue: &Queue, pool: PoolState) {
        self.stamp(queue, pool);
        self.end = end;
        // What happened at the very end belongs to the bin that ended there: one of no length
        // has no rates.
        let is_empty = end <= self.start_of(self.bins.len() - 1);
        if let [.., before, last] = &mut self.bins[..]
            && is_empty
        {
            before.absorb(last);
            self.bins.pop();
        }
    }

    fn stamp(&mut self, queue: &Queue, pool: PoolState) {
        let bin = self.open_bin();
        bin.waiting = queue.waiting();
        bin.delayed = queue.delayed();
        bin.wanted = pool.setting.workers;
        bin.starting = pool.starting;
        bin.ready = pool.ready;
        bin.draining = pool.draining;
        bin.batch_size = pool.setting.batch_size;
    }
}

fn length(section: Section) -> Duration {
    Duration::from_nanos(u64::try_from(section.area).unwrap_or(u64::MAX))
}

/// The next of 1, 2, 5, 10, 20, … nanoseconds that is at least `nanos`.
pub(crate) fn round_up(nanos: u64) -> Duration {
    let mut step = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let width = step.saturating_mul(factor);
            if width >= nanos {
                return Duration::from_nanos(width);
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebbtide_policies::observation::Setting;

    fn seconds(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn at(secs: u64) -> Time {
        Time::ZERO + seconds(secs)
    }

    /// A series whose bins of one second have seen as many messages as their number.
    fn counted(bins: u64) -> Series {
        let bin = |index| Bin {
            offered: index,
            waiting: index,
            waiting_max: index + 1,
            waiting_time: seconds(index),
            oldest_wait: index.checked_sub(2).map(seconds),
            ..Bin::default()
        };
        Series::from_bins(seconds(1), (0..bins).map(bin).collect())
    }

    #[test]
    fn widths_are_round_numbers() {
        let rounded = [0, 1, 2, 3, 6, 11, 322_265].map(|nanos| round_up(nanos).as_nanos());
        assert_eq!(rounded, [1, 1, 2, 5, 10, 20, 500_000]);
    }

    #[test]
    fn a_run_of_the_expected_length_fills_at_most_half_the_bins() {
        let series = Series::new(seconds(660));
        assert_eq!(series.width(), Duration::from_millis(500));
        assert!(seconds(660).as_nanos() / series.width().as_nanos() <= MAX_BINS as u64 / 2);
    }

    #[test]
    fn full_bins_are_merged_in_pairs_and_nothing_is_lost() {
        let mut series = counted(7);
        series.make_room(at(MAX_BINS as u64));
        assert_eq!(series.width(), seconds(2));
        let offered: Vec<u64> = series.bins().iter().map(|bin| bin.offered).collect();
        assert_eq!(offered, [1, 5, 9, 6]);
        let pair = series.bins()[1];
        assert_eq!((pair.waiting, pair.waiting_max), (3, 4));
        assert_eq!(pair.waiting_time, seconds(2 + 3));
        assert_eq!(pair.oldest_wait, Some(seconds(1)));
        assert_eq!(
            series.bin_end(),
            at(8),
            "the last bin is still being filled"
        );
    }

    #[test]
    fn a_leap_in_time_widens_the_bins_as_often_as_needed() {
        let mut series = counted(3);
        series.make_room(Time::MAX);
        assert!(series.width() > seconds(1 << 22), "584 years in 4,096 bins");
        assert_eq!(series.bins().len(), 1);
        assert_eq!(series.bins()[0].offered, 3);
    }

    #[test]
    fn what_happens_at_the_very_end_of_a_bin_joins_it() {
        let queue = Queue::new(1, 1);
        let mut series = counted(4);
        let setting = Setting {
            workers: 1,
            batch_size: 1,
            batch_timeout: Duration::ZERO,
        };
        let pool = PoolState {
            setting,
            starting: 0,
            ready: 1,
            draining: 0,
        };
        series.finish(at(3), &queue, pool);
        assert_eq!(series.bins().len(), 3);
        assert_eq!(series.bins()[2].offered, 2 + 3);
        assert_eq!(series.span_of(2), seconds(1));
    }
}
