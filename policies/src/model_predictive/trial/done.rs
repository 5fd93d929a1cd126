//! What gets done, as trials compare it.

use std::collections::VecDeque;

use crate::units::{Duration, Time};

use super::State;

/// What was done lately is what was done in so long.
const LATELY: Duration = Duration::from_secs(8);
/// More gets done if it is more by this share, and by some standard errors.
const BETTER: f64 = 0.1;
/// Less gets done of late if it is less by so many of them.
const FALL_ERRORS: f64 = 2.0;

/// What got done up to the end of each of the last intervals.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    recent: VecDeque<Mark>,
}

/// The end of an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) at: Time,
    /// Messages delivered in all.
    delivered: f64,
    /// Workers that had calls.
    workers: u32,
    /// Whether all slots had calls in the interval.
    is_saturated: bool,
}

/// Messages delivered within some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    messages: f64,
    pub(super) length_s: f64,
}

impl Done {
    pub(super) fn count(&mut self, state: &State) {
        let before = self.recent.back().map_or(0.0, |last| last.delivered);
        self.recent.push_back(Mark {
            at: state.now,
            delivered: before + state.delivered,
            workers: state.ready.saturating_add(state.draining),
            is_saturated: state.is_saturated,
        });
        let is_old = |mark: &Mark| state.now.since(mark.at) >= LATELY;
        while self.recent.get(1).is_some_and(is_old) {
            self.recent.pop_front();
        }
    }

    /// The end of the last interval.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.recent.back().copied()
    }

    /// What got done since.
    pub(super) fn since(&self, then: Mark) -> Rate {
        let last = self.mark().unwrap_or(then);
        Rate {
            messages: last.delivered - then.delivered,
            length_s: last.at.since(then.at).as_secs_f64(),
        }
    }

    /// What got done in the last seconds.
    pub(super) fn lately(&self) -> Rate {
        self.recent.front().map_or(Rate::NONE, |it| self.since(*it))
    }

    /// What the workers there are can do, as far as that is known: what got done lately with as many of them, or less if
    /// less gets done of late while all their slots have calls.
    pub(super) fn capacity(&self) -> Rate {
        let Some(last) = self.mark() else {
            return Rate::NONE;
        };
        let lately = self.since(self.before_all(last, |mark| mark.workers == last.workers));
        let full_since = self.before_all(last, |mark| mark.is_saturated).at;
        let full = self.recent.iter().filter(|mark| mark.at >= full_since);
        let less = (full.map(|mark| self.since(*mark)))
            .filter(|rate| lately.is_better_than(*rate, FALL_ERRORS));
        less.fold(lately, |least, rate| {
            if rate.per_s() < least.per_s() {
                rate
            } else {
                least
            }
        })
    }

    /// The end of the last interval before `last` that was not so, or the first.
    fn before_all(&self, last: Mark, so: impl Fn(&Mark) -> bool) -> Mark {
        let others = self.recent.iter().rev().find(|mark| !so(mark));
        let first = others.or(self.recent.front());
        first.copied().unwrap_or(last)
    }
}

impl Rate {
    const NONE: Self = Self {
        messages: 0.0,
        length_s: 0.0,
    };

    pub(super) fn per_s(self) -> f64 {
        self.messages / self.length_s
    }

    /// Whether it is more by so many standard `errors`, messages being counted as they come: at one rate, were it none
    /// (the two-sample test of Poisson rates).
    pub(super) fn is_better_than(self, other: Self, errors: f64) -> bool {
        let (this, that) = (self.per_s(), other.per_s());
        let pooled = (self.messages + other.messages) / (self.length_s + other.length_s);
        let variance = pooled / self.length_s + pooled / other.length_s;
        this > (1.0 + BETTER) * that && this - that > errors * variance.sqrt()
    }
}
