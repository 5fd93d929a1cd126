//! What follows from a number of workers until those ordered now are ready: the queue, first in,
//! first out, with the ages that its messages have, and the workers that are on their way.

use super::history::Past;
use super::stream::Stream;

/// Steps of a roll-out are about this long, in seconds …
const STEP_S: f64 = 0.2;
/// … but no fewer, and no more than these.
const STEPS: (f64, f64) = (4.0, 16.0);

/// Where all roll-outs begin.
pub(super) struct Start<'a> {
    /// Messages that wait for a slot and for nothing else.
    pub(super) backlog: f64,
    /// When they arrived.
    pub(super) past: &'a Past,
    /// Workers that can take.
    pub(super) ready: u32,
    /// Workers on their way: how many, and in how many seconds they are ready, soonest first.
    pub(super) starting: &'a [(f64, u32)],
    /// Workers that are wanted now.
    pub(super) wanted: u32,
    /// How long a worker takes to start, in seconds.
    pub(super) lead_s: f64,
    /// Arrivals until so many seconds from now, where they are told.
    pub(super) told: Option<&'a dyn Fn(f64) -> f64>,
}

/// How it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rolled {
    /// Priced lateness, in worker-seconds.
    pub(super) late: f64,
    /// Messages that wait at the end.
    pub(super) backlog: f64,
}

impl Start<'_> {
    /// Rolls `stream` through `workers`, wanted from now on, for `length_s` seconds.
    pub(super) fn roll(&self, stream: &Stream, workers: u32, length_s: f64) -> Rolled {
        let steps = (length_s / STEP_S).ceil().clamp(STEPS.0, STEPS.1);
        let step_s = length_s / steps;
        let arrivals = |until_s: f64| match self.told {
            Some(told) => told(until_s),
            None => stream.rate * until_s,
        };
        let (mut backlog, mut late, mut come) = (self.backlog, 0.0, 0.0);
        for step in 1..=steps as u32 {
            let now_s = f64::from(step) * step_s;
            let capacity = stream.capacity(f64::from(self.able(workers, now_s - step_s / 2.0)));
            let before = come;
            come = arrivals(now_s);
            let work = backlog + come - before;
            let served = work.min(capacity * step_s);
            backlog = work - served;
            let (age_s, overdue) = self.ages(stream, backlog, come, now_s);
            late += stream.late(overdue, age_s, served / step_s) * step_s;
        }
        Rolled { late, backlog }
    }

    /// The age of the oldest of `backlog` messages in `now_s` seconds, when `come` more have
    /// arrived, and how many are older than the limit.
    fn ages(&self, stream: &Stream, backlog: f64, come: f64, now_s: f64) -> (f64, f64) {
        if backlog <= 0.0 {
            return (0.0, 0.0);
        }
        let age_s = if backlog > come {
            now_s + self.past.age_of(backlog - come)
        } else {
            now_s * backlog / come
        };
        let recent = if stream.limit_s > now_s {
            come + self.past.arrivals_within(stream.limit_s - now_s)
        } else {
            come * stream.limit_s / now_s
        };
        (age_s, (backlog - recent).max(0.0))
    }

    /// Workers able to take in `at_s` seconds, if `workers` are wanted from now on.
    pub(super) fn able(&self, workers: u32, at_s: f64) -> u32 {
        let all = |sum: u32, it: &(f64, u32)| sum.saturating_add(it.1);
        let starting = self.starting.iter().fold(0, all);
        let is_ready = |it: &&(f64, u32)| it.0 <= at_s;
        let ordered = self.starting.iter().filter(is_ready).fold(0, all);
        let more = workers.saturating_sub(self.wanted);
        let fewer = self.wanted.saturating_sub(workers);
        // The latest orders are cancelled first.
        let kept = ordered.min(starting.saturating_sub(fewer));
        let drained = fewer.saturating_sub(starting);
        let new = if at_s >= self.lead_s { more } else { 0 };
        (self.ready.saturating_sub(drained))
            .saturating_add(kept)
            .saturating_add(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_predictive::fixtures::ordinary;
    use crate::model_predictive::history::History;
    use crate::model_predictive::settings::Settings;

    fn start<'a>(past: &'a Past, starting: &'a [(f64, u32)]) -> Start<'a> {
        Start {
            backlog: 0.0,
            past,
            ready: 2,
            starting,
            wanted: 2 + starting.iter().map(|it| it.1).sum::<u32>(),
            lead_s: 1.0,
            told: None,
        }
    }

    #[test]
    fn the_latest_orders_are_cancelled_first() {
        let past = Past::default();
        let starting = [(0.2, 1), (0.8, 2)];
        let start = start(&past, &starting);
        let able = |workers| [0.1, 0.5, 0.9, 1.1].map(|at_s| start.able(workers, at_s));
        assert_eq!(able(5), [2, 3, 5, 5]);
        assert_eq!(able(7), [2, 3, 5, 7]);
        assert_eq!(able(4), [2, 3, 4, 4]);
        assert_eq!(able(3), [2, 3, 3, 3]);
        assert_eq!(able(1), [1; 4]);
    }

    #[test]
    fn a_backlog_ages_until_it_is_gone() {
        // 200 a second for a second, of calls of 0.1 s: 20 slots carry all that comes and no
        // more, and the 100 that wait came within the last half second.
        let load = ordinary(200.0, 0.1, 0.0);
        let mut history = History::default();
        history.observe(1.0, 200.0);
        let past = history.past(100.0, 1.0);
        let stream = Stream::new(&load, 1.0, &Settings::default());
        let start = Start {
            backlog: 100.0,
            ..start(&past, &[])
        };
        let kept = start.roll(&stream, 2, 1.0);
        assert!((kept.backlog - 100.0).abs() < 1e-6);
        // Each waits half a second and takes a tenth: a tenth late, 200 times.
        let late_s = kept.late / stream.late_price;
        assert!((late_s - 20.0).abs() < 3.0, "{late_s}");
        // With two more from the end on nothing is gained; with two fewer all is lost.
        assert!((start.roll(&stream, 4, 1.0).late - kept.late).abs() < 1e-9);
        assert!(start.roll(&stream, 1, 1.0).late > 2.0 * kept.late);
    }
}
