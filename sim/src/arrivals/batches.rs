//! Batches of messages that are sent together.

use ebbtide_policies::units::Time;

use crate::distribution::exponential;
use crate::streams::Stream;

use super::curve::Steps;
use super::poisson::Poisson;
use super::{BatchSize, Generator};

/// Poisson batches; each size is keyed by the batch's number.
pub(super) struct Batches {
    times: Poisson<Steps>,
    size: BatchSize,
    stream: Stream,
    batches: u64,
    at: Time,
    left: u64,
}

impl Batches {
    pub(super) fn new(times: Poisson<Steps>, size: BatchSize, stream: Stream) -> Self {
        Self {
            times,
            size,
            stream,
            batches: 0,
            at: Time::ZERO,
            left: 0,
        }
    }

    fn draw_size(&self) -> u64 {
        match self.size {
            BatchSize::Constant(size) => u64::from(size),
            // An exponential of rate −ln(1 − 1/mean), rounded up, is geometric.
            BatchSize::Geometric(mean) => {
                let rate = -(-1.0 / mean).ln_1p();
                let drawn = exponential(&mut self.stream.draw(self.batches, 0)) / rate;
                (drawn.ceil() as u64).max(1)
            }
        }
    }
}

impl Generator for Batches {
    fn next(&mut self) -> Option<Time> {
        if self.left == 0 {
            self.at = self.times.next()?;
            self.left = self.draw_size();
            self.batches += 1;
        }
        self.left -= 1;
        Some(self.at)
    }
}
