//! The concurrency of one instance: it steps up while the host is healthy and makes full use of
//! it, down while it is not, faster the longer it goes one way.

use crate::units::{Duration, Time};

/// Checks in a row without which there is no step up, or down.
const HEALTHY: u32 = 5;
const UNHEALTHY: u32 = 3;
/// A step in the same direction within this time belongs to the run …
const RUN: Duration = Duration::from_secs(10);
/// … which adds this many to a step at most.
const LONGEST_RUN: u32 = 5;

/// What an interval showed of the instances.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Most calls that an instance had at once.
    pub(super) peak: u64,
    /// Calls that ended.
    pub(super) ended: f64,
    /// Their time in seconds, summed.
    pub(super) time_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    Up,
    Down,
}

/// What is learned of the concurrency.
#[derive(Clone, Debug)]
pub(super) struct Concurrency {
    current: u32,
    last: Option<Direction>,
    changed: Time,
    shrunk: Option<Time>,
    run: u32,
    healthy: u32,
    unhealthy: u32,
    /// Since the last change.
    seen: Seen,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self {
            current: 1,
            last: None,
            changed: Time::ZERO,
            shrunk: None,
            run: 0,
            healthy: 0,
            unhealthy: 0,
            seen: Seen::default(),
        }
    }
}

impl Concurrency {
    /// Calls that an instance should have at once, at least 1.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// Adds what an interval showed.
    pub(super) fn note(&mut self, seen: Seen) {
        self.seen.peak = self.seen.peak.max(seen.peak);
        self.seen.ended += seen.ended;
        self.seen.time_s += seen.time_s;
    }

    /// A check of the host's health, `None` if it is unknown; at most `most` calls.
    pub(super) fn check(&mut self, now: Time, is_healthy: Option<bool>, most: u32) {
        (self.healthy, self.unhealthy) = match is_healthy {
            Some(true) => (self.healthy.saturating_add(1), 0),
            Some(false) => (0, self.unhealthy.saturating_add(1)),
            None => return,
        };
        self.current = self.current.min(most);
        let mean_s = (self.seen.ended > 0.0).then(|| self.seen.time_s / self.seen.ended);
        if now.since(self.changed) <= between(mean_s) {
            return;
        }
        let is_quiet = (self.shrunk).is_none_or(|at| now.since(at) >= quiet(mean_s));
        let is_used = self.seen.peak >= u64::from(self.current);
        if self.healthy >= HEALTHY && is_quiet && is_used && self.current < most {
            self.step(now, Direction::Up, most);
        } else if self.unhealthy >= UNHEALTHY && self.current > 1 {
            self.step(now, Direction::Down, most);
        }
    }

    fn step(&mut self, now: Time, direction: Direction, most: u32) {
        let goes_on =
            self.last.is_none_or(|last| last == direction) && now.since(self.changed) <= RUN;
        self.run = if goes_on { self.run + 1 } else { 0 };
        // The step that extends a run is counted by the run before it.
        let step = 1 + self.run.saturating_sub(1).min(LONGEST_RUN);
        self.current = match direction {
            Direction::Up => self.current.saturating_add(step).min(most),
            Direction::Down => self.current.saturating_sub(step).max(1),
        };
        if direction == Direction::Down {
            self.shrunk = Some(now);
        }
        self.last = Some(direction);
        self.changed = now;
        self.seen = Seen::default();
    }
}

/// Between two steps: 2 s and a call, at most 5 s, which also stands for no call.
fn between(mean_s: Option<f64>) -> Duration {
    Duration::from_secs_f64(mean_s.map_or(5.0, |mean_s| (2.0 + mean_s).min(5.0)))
}

/// From a step down to one up: 10 s and ten calls, at most 30 s, which also stands for no call.
fn quiet(mean_s: Option<f64>) -> Duration {
    Duration::from_secs_f64(mean_s.map_or(30.0, |mean_s| (10.0 + 10.0 * mean_s).min(30.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Time {
        Time::ZERO + Duration::from_secs(second)
    }

    /// The concurrency after steps in a direction, three seconds apart.
    fn steps(it: &mut Concurrency, from: u64, direction: Direction, count: u64) -> Vec<u32> {
        let mut step = |k| {
            it.step(at(from + 3 * k), direction, 500);
            it.current()
        };
        (0..count).map(&mut step).collect()
    }

    #[test]
    fn steps_grow_with_the_run() {
        let mut it = Concurrency::default();
        let up = steps(&mut it, 3, Direction::Up, 10);
        assert_eq!(up, [2, 4, 7, 11, 16, 22, 28, 34, 40, 46]);
        it.current = 16;
        let down = steps(&mut it, 40, Direction::Down, 4);
        assert_eq!(down, [15, 14, 12, 9]);
        it.current = 16;
        let later = steps(&mut it, 60, Direction::Down, 1);
        assert_eq!(later, [15], "more than ten seconds later the run is over");
    }

    /// After `GetNextAdjustment_RunInSameDirection` of the original.
    #[test]
    fn the_first_step_begins_a_run_whichever_way_it_goes() {
        let mut it = Concurrency {
            current: 50,
            ..Concurrency::default()
        };
        let down = steps(&mut it, 3, Direction::Down, 10);
        assert_eq!(down, [49, 47, 44, 40, 35, 29, 23, 17, 11, 5]);
    }

    #[test]
    fn waits_between_steps_grow_with_the_call_time() {
        let seconds = Duration::from_secs_f64;
        for (mean_s, expected) in [
            (None, (5.0, 30.0)),
            (Some(0.1), (2.1, 11.0)),
            (Some(5.0), (5.0, 30.0)),
        ] {
            assert_eq!(between(mean_s), seconds(expected.0));
            assert_eq!(quiet(mean_s), seconds(expected.1));
        }
    }

    /// The concurrency after each of these seconds, with calls of 100 ms and this peak.
    fn run(it: &mut Concurrency, from: u64, health: &[Option<bool>], peak: u64) -> Vec<u32> {
        let mut second = |(k, &is_healthy)| {
            it.note(Seen {
                peak,
                ended: 10.0,
                time_s: 1.0,
            });
            it.check(at(from + k), is_healthy, 500);
            it.current()
        };
        (0..).zip(health).map(&mut second).collect()
    }

    #[test]
    fn grows_after_five_healthy_checks_if_it_is_in_use() {
        let mut it = Concurrency::default();
        let grown = run(&mut it, 1, &[Some(true); 9], 9);
        assert_eq!(grown, [1, 1, 1, 1, 2, 2, 2, 4, 4]);
        let mut unused = Concurrency::default();
        assert_eq!(run(&mut unused, 1, &[Some(true); 9], 0), [1; 9]);
        let mut unknown = Concurrency::default();
        assert_eq!(run(&mut unknown, 1, &[None; 9], 9), [1; 9]);
    }

    #[test]
    fn shrinks_after_three_unhealthy_checks_and_is_quiet_then() {
        let mut it = Concurrency {
            current: 9,
            ..Concurrency::default()
        };
        assert_eq!(run(&mut it, 10, &[Some(false); 3], 9), [9, 9, 8]);
        let healthy = run(&mut it, 13, &[Some(true); 13], 9);
        assert_eq!(healthy.iter().position(|&c| c > 8), Some(10));
    }
}
