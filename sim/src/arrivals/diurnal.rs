//! A Poisson process whose rate follows a sine wave, by thinning.
//!
//! Candidates come at the crest's rate, and each stays with the chance that the wave gives it
//! at its time (Lewis and Shedler 1979, "Simulation of nonhomogeneous Poisson processes by
//! thinning"). Both draws of a candidate are keyed by its number.

use std::f64::consts::TAU;

use ebbtide_policies::units::{Duration, Time};

use crate::distribution::exponential;
use crate::streams::Stream;

use super::curve::{Steps, Walk};
use super::{ArrivalRate, Generator};

/// Times along the wave.
pub(super) struct Diurnal {
    /// Along the crest's rate.
    candidates: Walk<Steps>,
    amplitude: f64,
    period_ns: f64,
    phase_ns: f64,
    stream: Stream,
    drawn: u64,
    end: Time,
}

impl Diurnal {
    pub(super) fn new(
        mean: ArrivalRate,
        amplitude: f64,
        period: Duration,
        phase: Duration,
        stream: Stream,
        end: Time,
    ) -> Self {
        Self {
            candidates: Walk::new(Steps::constant(mean.per_s() * (1.0 + amplitude)), end),
            amplitude,
            period_ns: period.as_nanos() as f64,
            phase_ns: phase.as_nanos() as f64,
            stream,
            drawn: 0,
            end,
        }
    }
}

impl Generator for Diurnal {
    fn next(&mut self) -> Option<Time> {
        loop {
            let mut rng = self.stream.draw(self.drawn, 0);
            self.drawn += 1;
            let at = self.candidates.pass(exponential(&mut rng))?;
            if at >= self.end {
                return None;
            }
            let angle = TAU * (at.as_nanos() as f64 + self.phase_ns) / self.period_ns;
            let height = 1.0 + self.amplitude * angle.sin();
            if rng.happens(height / (1.0 + self.amplitude)) {
                return Some(at);
            }
        }
    }
}
