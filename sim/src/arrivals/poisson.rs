//! Poisson arrivals, of constant or changing rate.

use ebbtide_policies::units::Time;

use crate::distribution::exponential;
use crate::streams::Stream;

use super::Generator;
use super::curve::{Curve, Walk};

/// Exponential gaps of operational time, each keyed by its number.
pub(super) struct Poisson<C> {
    walk: Walk<C>,
    stream: Stream,
    sent: u64,
}

impl<C: Curve> Poisson<C> {
    /// Along `rate`, as far as `end`.
    pub(super) fn new(rate: C, stream: Stream, end: Time) -> Self {
        Self {
            walk: Walk::new(rate, end),
            stream,
            sent: 0,
        }
    }
}

impl<C: Curve> Generator for Poisson<C> {
    #[inline(always)]
    fn next(&mut self) -> Option<Time> {
        let gap = exponential(&mut self.stream.draw(self.sent, 0));
        self.sent += 1;
        self.walk.pass(gap)
    }
}
