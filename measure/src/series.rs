//! A run over time, in bins of equal width: at most [`MAX_BINS`], whatever the run's length.
//!
//! When the bins are used up, each two are merged and the width doubles, so memory is flat.
//! The CSV of both tables is here too, beside the fields it prints.

use ebbtide_core::units::{Duration, Time};

use crate::books::Outcomes;

/// Most bins of a [`Series`].
pub const MAX_BINS: usize = 4_096;

/// Counts and levels over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    width: Duration,
    bins: Vec<Bin>,
}

/// What happened during one bin. Levels are those at its end unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    /// (the longest); `None` if none saw a waiting message, or none ran.
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
}

impl Series {
    /// A series of bins that are known: read back from a file, say.
    #[must_use]
    pub const fn from_bins(width: Duration, bins: Vec<Bin>) -> Self {
        Self { width, bins }
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
}

/// Sojourns over time, by when the message was sent.
#[derive(Clone, Debug, PartialEq)]
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
    /// How many of them were unfinished: from there on the true values may be larger.
    pub unfinished: u64,
    /// The median.
    pub p50: Option<Duration>,
    /// 95 % are shorter.
    pub p95: Option<Duration>,
    /// 99 % are shorter.
    pub p99: Option<Duration>,
    /// The longest.
    pub max: Option<Duration>,
}
