//! Processes of independent gaps: regular, and renewal.

use ebbtide_policies::units::Time;

use crate::distribution::Sampler;
use crate::streams::Stream;

use super::{ArrivalRate, Generator};

/// Evenly spaced times.
pub(super) struct Regular {
    gap_ns: f64,
    sent: u64,
}

impl Regular {
    pub(super) fn new(rate: ArrivalRate) -> Self {
        Self {
            gap_ns: 1e9 / rate.per_s(),
            sent: 0,
        }
    }
}

impl Generator for Regular {
    fn next(&mut self) -> Option<Time> {
        self.sent += 1;
        // From the start rather than from the last time, so that rounding does not add up.
        let nanos = self.gap_ns * self.sent as f64;
        nanos
            .is_finite()
            .then(|| Time::from_nanos(nanos.round() as u64))
    }
}

/// Gaps of one distribution, each keyed by its number.
pub(super) struct Renewal {
    gap: Sampler,
    stream: Stream,
    sent: u64,
    last: Time,
}

impl Renewal {
    pub(super) fn new(gap: Sampler, stream: Stream) -> Self {
        Self {
            gap,
            stream,
            sent: 0,
            last: Time::ZERO,
        }
    }
}

impl Generator for Renewal {
    fn next(&mut self) -> Option<Time> {
        let gap = self.gap.duration(&mut self.stream.draw(self.sent, 0));
        self.sent += 1;
        self.last = self.last + gap;
        Some(self.last)
    }
}
