//! Rates that change over time, as pieces on which the rate is constant or goes evenly up or
//! down, and exact inversion through them.
//!
//! A Poisson process of rate λ(t) has exponential gaps of mean 1 in its *operational time*
//! Λ(t) = ∫λ (Çinlar 1975, "Introduction to Stochastic Processes", section 4.7), so that only
//! Λ need be inverted. Deliberately absent: smooth waves, which `diurnal.rs` thins instead.

use ebbtide_policies::units::{Duration, Time};

use crate::distribution::whole;
use crate::series::{Series, sped_up};
use crate::streams::Stream;

use super::{ArrivalRate, Load};

/// A piece of a rate curve, from where the last one ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Where it ends; [`Time::MAX`]: never.
    pub(super) until: Time,
    /// Messages a nanosecond at its start.
    pub(super) rate: f64,
    /// Change of the rate a nanosecond.
    pub(super) slope: f64,
}

impl Piece {
    pub(super) fn flat(until: Time, per_s: f64) -> Self {
        Self {
            until,
            rate: per_s / 1e9,
            slope: 0.0,
        }
    }

    /// Nothing, for ever.
    pub(super) fn silence() -> Self {
        Self::flat(Time::MAX, 0.0)
    }
}

/// A rate over time.
pub(super) trait Curve: Send + Sync {
    /// The next piece; the first begins at 0, one that ends at [`Time::MAX`] is the last.
    fn next_piece(&mut self) -> Piece;
}

/// Walks along a curve.
pub(super) struct Walk<C> {
    curve: C,
    piece: Piece,
    /// Where the piece begins, and how long it is in nanoseconds.
    begun: Time,
    length: f64,
    /// How far into the piece the walk has come, in nanoseconds; not rounded, so that times of
    /// many small steps do not drift.
    offset: f64,
    end: Time,
}

impl<C: Curve> Walk<C> {
    /// At the start of `curve`, to be followed as far as `end`.
    pub(super) fn new(mut curve: C, end: Time) -> Self {
        let piece = curve.next_piece();
        Self {
            curve,
            piece,
            begun: Time::ZERO,
            length: piece.until.as_nanos() as f64,
            offset: 0.0,
            end,
        }
    }

    pub(super) fn curve(&self) -> &C {
        &self.curve
    }

    /// When `exposure` of operational time has passed; `None` if that is beyond the end.
    #[inline(always)]
    pub(super) fn pass(&mut self, mut exposure: f64) -> Option<Time> {
        loop {
            let Piece { rate, slope, .. } = self.piece;
            if slope == 0.0 {
                let offset = self.offset + exposure / rate;
                if offset < self.length {
                    return Some(self.come_to(offset));
                }
                exposure -= rate * (self.length - self.offset);
            } else {
                let left = self.length - self.offset;
                let rate = (rate + slope * self.offset).max(0.0);
                let area = (rate + slope * left / 2.0) * left;
                if exposure < area {
                    // The root of slope/2·x² + rate·x = exposure that does not cancel.
                    let root = (rate * rate + 2.0 * slope * exposure).max(0.0).sqrt();
                    let step = (2.0 * exposure / (rate + root)).min(left);
                    return Some(self.come_to(self.offset + step));
                }
                exposure -= area;
            }
            let until = self.piece.until;
            if until >= self.end {
                return None;
            }
            self.piece = self.curve.next_piece();
            self.begun = until;
            self.length = self.piece.until.since(until).as_nanos() as f64;
            self.offset = 0.0;
        }
    }

    #[inline]
    fn come_to(&mut self, offset: f64) -> Time {
        self.offset = offset;
        self.begun + Duration::from_nanos(whole(offset))
    }
}

/// What a curve brings until `end`.
pub(super) fn load(mut curve: impl Curve, end: Time) -> Load {
    let (mut begun, mut messages, mut peak) = (Time::ZERO, 0.0, 0.0_f64);
    while begun < end {
        let piece = curve.next_piece();
        let until = piece.until.min(end);
        let length = until.since(begun).as_nanos() as f64;
        let last = piece.rate + piece.slope * length;
        messages += (piece.rate + last) / 2.0 * length;
        if length > 0.0 {
            peak = peak.max(piece.rate).max(last);
        }
        begun = until;
    }
    Load {
        messages,
        peak_per_s: peak * 1e9,
    }
}

/// Constant rates, one after another.
pub(super) struct Steps {
    pieces: std::vec::IntoIter<Piece>,
}

impl Steps {
    fn new(pieces: Vec<Piece>) -> Self {
        Self {
            pieces: pieces.into_iter(),
        }
    }

    /// One rate for ever.
    pub(super) fn constant(per_s: f64) -> Self {
        Self::new(vec![Piece::flat(Time::MAX, per_s)])
    }

    /// Each rate for its time, then silence.
    pub(super) fn phases(phases: &[(ArrivalRate, Duration)]) -> Self {
        let pieces = phases.iter().scan(Time::ZERO, |until, (rate, length)| {
            *until = *until + *length;
            Some(Piece::flat(*until, rate.per_s()))
        });
        Self::new(pieces.collect())
    }

    /// The rates of a file, then silence.
    pub(super) fn series(series: &Series, speed: f64, load: f64) -> Self {
        let steps = series.steps();
        Self::new(
            steps
                .map(|step| Piece::flat(sped_up(step.until, speed), step.value * load))
                .collect(),
        )
    }
}

impl Curve for Steps {
    fn next_piece(&mut self) -> Piece {
        self.pieces.next().unwrap_or_else(Piece::silence)
    }
}

/// From one rate to another, and then that one for ever.
pub(super) struct Ramp {
    from: f64,
    to: f64,
    over: Duration,
    begun: bool,
}

impl Ramp {
    pub(super) fn new(from: ArrivalRate, to: ArrivalRate, over: Duration) -> Self {
        Self {
            from: from.per_s(),
            to: to.per_s(),
            over,
            begun: false,
        }
    }
}

impl Curve for Ramp {
    fn next_piece(&mut self) -> Piece {
        if self.begun || self.over.is_zero() {
            return Piece::flat(Time::MAX, self.to);
        }
        self.begun = true;
        Piece {
            slope: (self.to - self.from) / 1e9 / self.over.as_nanos() as f64,
            ..Piece::flat(Time::ZERO + self.over, self.from)
        }
    }
}

/// A base rate, with a burst at the start of each interval but the first.
pub(super) struct Bursts {
    base: f64,
    burst: f64,
    every: Duration,
    length: Duration,
    pieces: u64,
}

impl Bursts {
    pub(super) fn new(
        base: ArrivalRate,
        burst: ArrivalRate,
        every: Duration,
        length: Duration,
    ) -> Self {
        Self {
            base: base.per_s(),
            burst: burst.per_s(),
            every,
            length,
            pieces: 0,
        }
    }
}

impl Curve for Bursts {
    fn next_piece(&mut self) -> Piece {
        let interval = Time::ZERO + self.every * (self.pieces / 2 + 1);
        let in_burst = self.pieces % 2 == 1;
        self.pieces += 1;
        if in_burst {
            // Began where the base of the last interval ended.
            let begun = Time::ZERO + self.every * (self.pieces / 2);
            Piece::flat(begun + self.length, self.burst)
        } else {
            Piece::flat(interval, self.base)
        }
    }
}

/// States in a circle, each held for an exponential time that is keyed by its number.
pub(super) struct Markov {
    /// Rate a second and mean hold in nanoseconds of each state.
    states: Vec<(f64, f64)>,
    stream: Stream,
    holds: u64,
    until: Time,
}

impl Markov {
    pub(super) fn new(states: &[(ArrivalRate, Duration)], stream: Stream) -> Self {
        let state = |(rate, hold): &(ArrivalRate, Duration)| (rate.per_s(), hold.as_nanos() as f64);
        Self {
            states: states.iter().map(state).collect(),
            stream,
            holds: 0,
            until: Time::ZERO,
        }
    }
}

impl Curve for Markov {
    fn next_piece(&mut self) -> Piece {
        let (rate, mean) = self.states[self.holds as usize % self.states.len()];
        let hold = mean * crate::distribution::exponential(&mut self.stream.draw(self.holds, 0));
        self.holds += 1;
        // At least one nanosecond, so that time passes even in the shortest state.
        self.until = self.until + Duration::from_nanos((hold as u64).max(1));
        Piece::flat(self.until, rate)
    }
}
