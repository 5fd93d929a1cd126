//! Whether more workers still help, found out by experiment.
//!
//! An agent may slow down as its calls grow in number, or have a limit that nobody declared.
//! From its call times alone that cannot be told from an agent that is slow for its own
//! reasons, since slow calls pile up in flight. So each growth out of saturation is a trial:
//! if the larger pool delivers hardly more work, the policy goes down again, step by step, as
//! long as fewer workers deliver as much, and stays for a while at the best that it met.
//! Beliefs of this kind are dear when wrong: one that a step down disproves is given up, the
//! others lapse, later each time, and growth is then tried one worker at a time.

use crate::observation::Observation;
use crate::units::{Duration, Time};

/// A pool is saturated when this share of its slot-time has a call, and more messages wait
/// than its slots could take at once.
const SATURATED_SHARE: f64 = 0.85;
/// Work is compared over at least this long, in seconds.
const LEAST_SECONDS: f64 = 2.0;
/// Before measuring, calls that started in the other pool may end: so many call times.
const SETTLING_CALLS: f64 = 1.5;
/// Less than this part of the gain that the added slots promise, and growth did not help.
const LEAST_GAIN: f64 = 0.3;
/// Calls slower by this factor than before the growth put off any further one until the trial
/// is over.
const SLOWED: f64 = 1.2;
/// The least cost of a message creeps up with this time constant, in seconds.
const LEAST_MEMORY_S: f64 = 600.0;
/// A step down that loses less than this part of the work that its slots should have done
/// loses nothing.
const FREE: f64 = 0.25;
/// A step down that loses at least this part of the work that its slots did disproves that
/// they did none.
const PROPORTIONAL: f64 = 0.85;
/// The first ceiling lasts this long, each further one twice as long …
const FIRST_CEILING: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;

/// Watches growth.
#[derive(Clone, Debug, Default)]
pub(super) struct Ceiling {
    ready: u32,
    /// From when on what is measured is this pool's own.
    settled_at: Time,
    /// Seconds of saturation of this pool, and the work done in them.
    saturated_s: f64,
    work: f64,
    /// What a message of each agent costs, in slot-seconds, as believed before the trial: the
    /// weights by which work is counted.
    message_s: Vec<f64>,
    trial: Trial,
    /// The least that a message of each agent has cost in the last minutes, in slot-seconds.
    least_s: Vec<f64>,
    /// Whether calls have become slower since the trial began.
    is_slowed: bool,
    /// Whether calls are slower than the agents can.
    is_crowded: bool,
    limit: Option<(u32, Time)>,
    failures: u32,
}

/// An experiment under way.
#[derive(Clone, Copy, Debug, Default)]
enum Trial {
    #[default]
    None,
    /// Do the workers that were added do their part?
    Growth { before: Measured },
    /// Do fewer workers than `best` deliver as much?
    Descent {
        best: Measured,
        /// Workers before the growth: the way down to them is taken in halves.
        floor: u32,
        /// Workers to try next.
        target: u32,
        is_first: bool,
    },
}

/// What a saturated pool delivered.
#[derive(Clone, Copy, Debug)]
struct Measured {
    workers: u32,
    /// Slot-seconds of work per second.
    rate: f64,
}

impl Ceiling {
    /// Takes an interval. `message_s` is what a message of each agent costs now, in
    /// slot-seconds, in the observation's order.
    pub(super) fn observe(&mut self, seen: &Observation, message_s: &[f64]) {
        self.note_least(seen, message_s);
        if seen.workers.ready != self.ready {
            self.note_resize(seen);
            return;
        }
        if !is_saturated(seen) {
            self.note_load_is_carried(seen.at);
            return;
        }
        if seen.at <= self.settled_at {
            return;
        }
        if matches!(self.trial, Trial::None) {
            self.message_s.clear();
            self.message_s.extend_from_slice(message_s);
        }
        let work_now = work(seen, message_s);
        self.is_slowed = work_now > SLOWED * work(seen, &self.message_s);
        self.is_crowded = work_now > SLOWED * work(seen, &self.least_s);
        self.work += work(seen, &self.message_s);
        self.saturated_s += seen.interval.as_secs_f64();
        if self.saturated_s >= LEAST_SECONDS {
            let measured = Measured {
                workers: self.ready,
                rate: self.work / self.saturated_s,
            };
            self.conclude(seen.at, measured);
        }
    }

    fn note_least(&mut self, seen: &Observation, message_s: &[f64]) {
        if self.least_s.len() != message_s.len() {
            self.least_s = message_s.to_vec();
        }
        let forgotten = (seen.interval.as_secs_f64() / LEAST_MEMORY_S)
            .min(1.0)
            .exp();
        for (least_s, now_s) in self.least_s.iter_mut().zip(message_s) {
            *least_s = (*least_s * forgotten).min(*now_s);
        }
    }

    /// Most workers that may be asked for; `None`: no ceiling.
    pub(super) fn most_workers(&self, now: Time) -> Option<u32> {
        let ready = self.ready.max(1);
        match (self.trial, self.limit) {
            (Trial::Descent { target, .. }, _) => Some(target),
            (Trial::Growth { .. }, _) if self.is_slowed || self.failures > 0 => Some(ready),
            (_, Some((workers, until))) if now < until => Some(workers),
            // Lapsed, but not disproved: one worker more at a time.
            (_, Some(_)) => Some(ready.saturating_add(1)),
            (_, None) => None,
        }
    }

    /// Growth out of saturation starts a trial, or goes on with the one under way; shrinking
    /// ends it.
    fn note_resize(&mut self, seen: &Observation) {
        let before = self.ready;
        self.ready = seen.workers.ready;
        self.trial = match self.trial {
            Trial::Growth { .. } if self.ready < before => Trial::None,
            Trial::None if self.ready > before && self.saturated_s > 0.0 => Trial::Growth {
                before: Measured {
                    workers: before.max(1),
                    rate: self.work / self.saturated_s,
                },
            },
            trial => trial,
        };
        self.settled_at = seen.at + Duration::from_secs_f64(SETTLING_CALLS * call_s(seen));
        (self.saturated_s, self.work) = (0.0, 0.0);
    }

    /// A pool that keeps up settles every question for now.
    fn note_load_is_carried(&mut self, now: Time) {
        (self.saturated_s, self.work, self.is_slowed) = (0.0, 0.0, false);
        match self.trial {
            Trial::Descent { target, .. } if self.ready <= target => {
                self.set_limit(now, self.ready)
            }
            Trial::Descent { .. } => return,
            Trial::Growth { .. } if self.limit.is_none() => self.failures = 0,
            Trial::Growth { .. } | Trial::None => {}
        }
        self.trial = Trial::None;
        if self.limit.is_some_and(|(_, until)| now >= until) {
            (self.failures, self.limit) = (0, None);
        }
    }

    fn conclude(&mut self, now: Time, measured: Measured) {
        // The past counts half, so that the rate is a recent one; it stays, since the next
        // growth is measured against it.
        self.work /= 2.0;
        self.saturated_s /= 2.0;
        match self.trial {
            Trial::Growth { before } => self.conclude_growth(now, before, measured),
            Trial::Descent {
                best,
                floor,
                target,
                is_first,
            } if measured.workers <= target => {
                self.conclude_step(now, best, measured, floor, is_first);
            }
            Trial::Descent { .. } | Trial::None => {}
        }
    }

    fn conclude_growth(&mut self, now: Time, before: Measured, after: Measured) {
        let gain = after.rate / before.rate.max(1e-9) - 1.0;
        let promised = f64::from(after.workers) / f64::from(before.workers) - 1.0;
        let is_lapsed = self.limit.is_none_or(|(_, until)| now >= until);
        self.trial = Trial::None;
        if gain < LEAST_GAIN * promised {
            self.failures += 1;
            self.descend(after, before.workers, true);
        } else if is_lapsed {
            (self.failures, self.limit) = (0, None);
        }
    }

    fn conclude_step(
        &mut self,
        now: Time,
        best: Measured,
        fewer: Measured,
        floor: u32,
        is_first: bool,
    ) {
        let left = f64::from(fewer.workers) / f64::from(best.workers);
        if fewer.rate > best.rate * (1.0 - FREE * (1.0 - left)) {
            let is_enough = fewer.workers <= floor && !self.is_crowded;
            if fewer.workers > 1 && !is_enough {
                self.descend(fewer, floor, false);
            } else {
                self.set_limit(now, fewer.workers);
            }
        } else if is_first && fewer.rate < best.rate * (1.0 - PROPORTIONAL * (1.0 - left)) {
            // Every worker does its part after all: it was the agent that became slower.
            (self.trial, self.limit, self.failures) = (Trial::None, None, 0);
        } else {
            self.set_limit(now, best.workers);
        }
    }

    fn descend(&mut self, best: Measured, floor: u32, is_first: bool) {
        let target = if best.workers > floor {
            u32::midpoint(best.workers, floor)
        } else {
            best.workers.saturating_sub(1)
        };
        self.trial = Trial::Descent {
            best,
            floor,
            target: target.max(1),
            is_first,
        };
    }

    fn set_limit(&mut self, now: Time, workers: u32) {
        let doublings = self.failures.saturating_sub(1).min(MOST_DOUBLINGS);
        self.limit = Some((workers.max(1), now + FIRST_CEILING * (1 << doublings)));
        self.trial = Trial::None;
    }
}

/// What was delivered, in slot-seconds.
fn work(seen: &Observation, message_s: &[f64]) -> f64 {
    let parts = seen.agents.iter().zip(message_s);
    parts
        .map(|(agent, cost_s)| agent.delivered as f64 * cost_s)
        .sum()
}

/// Mean time of the calls that ended, in seconds.
fn call_s(seen: &Observation) -> f64 {
    let calls = seen.agents.iter().map(|agent| agent.calls);
    let (time_s, count) = calls.fold((0.0, 0.0), |(time_s, count), calls| {
        (
            time_s + calls.time.as_secs_f64(),
            count + calls.succeeded as f64,
        )
    });
    if count > 0.0 { time_s / count } else { 0.0 }
}

fn is_saturated(seen: &Observation) -> bool {
    let slots = f64::from(seen.workers.ready) * f64::from(seen.parallelism);
    let calls: f64 = seen.agents.iter().map(|a| a.calls.succeeded as f64).sum();
    let messages: f64 = seen.agents.iter().map(|a| a.calls.messages as f64).sum();
    let carried = if calls > 0.0 { messages / calls } else { 1.0 };
    let busy_s = seen.slots.with_call.as_secs_f64();
    busy_s > SATURATED_SHARE * slots * seen.interval.as_secs_f64()
        && seen.queue.waiting as f64 > slots * carried
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, observation};

    fn second(second: u64) -> Time {
        Time::ZERO + Duration::from_secs(second)
    }

    /// A saturated second with this many workers of ten slots, which delivered so much.
    fn saturated(at: u64, ready: u32, delivered: u64) -> Observation {
        let mut seen = observation(second(at));
        seen.workers.ready = ready;
        seen.slots.idle = Duration::ZERO;
        seen.slots.with_call = Duration::from_secs(10 * u64::from(ready));
        seen.queue.waiting = 1_000;
        seen.agents = vec![agent("a")];
        seen.agents[0].delivered = delivered;
        seen
    }

    /// Five seconds with each pool, from `(workers, delivered a second)`.
    fn after(pools: &[(u32, u64)]) -> (Ceiling, Time) {
        let mut ceiling = Ceiling::default();
        let seconds = pools.iter().flat_map(|pool| [pool; 5]);
        let mut last = Time::ZERO;
        for (at, &(ready, delivered)) in (1..).zip(seconds) {
            let seen = saturated(at, ready, delivered);
            // All slots are busy, so a message costs what is left for it.
            let message_s = 10.0 * f64::from(ready) / delivered as f64;
            ceiling.observe(&seen, &[message_s]);
            last = seen.at;
        }
        (ceiling, last)
    }

    #[track_caller]
    fn check(pools: &[(u32, u64)], most: Option<u32>) {
        let (ceiling, now) = after(pools);
        assert_eq!(ceiling.most_workers(now), most);
    }

    #[test]
    fn growth_that_helps_leaves_no_ceiling() {
        check(&[(4, 400), (8, 780)], None);
        check(&[(4, 400), (8, 600)], None);
    }

    #[test]
    fn growth_that_does_not_help_is_taken_back_in_halves() {
        check(&[(4, 400), (8, 420)], Some(6));
        check(&[(4, 400), (8, 420), (6, 415)], Some(5));
    }

    #[test]
    fn the_way_down_ends_at_the_best_pool() {
        // The agent is at its best with 4 workers, which were never tried on the way up.
        let up = [(2, 190), (5, 297), (8, 164)];
        let down = [(6, 228), (5, 297), (4, 380), (3, 285)];
        check(&[&up[..], &down].concat(), Some(4));
        // The way stops early where a step costs work.
        check(&[(2, 190), (8, 180), (5, 350), (3, 285)], Some(5));
    }

    #[test]
    fn the_way_down_ends_where_calls_are_as_fast_as_before() {
        check(&[(2, 400), (4, 300), (3, 350), (2, 400)], Some(2));
    }

    #[test]
    fn a_step_down_that_costs_its_share_disproves_the_ceiling() {
        // Each worker does its part; the agent has become slower meanwhile.
        check(&[(4, 400), (8, 400), (6, 300)], None);
    }

    #[test]
    fn the_ceiling_lasts_a_minute_and_then_rises_by_one() {
        let (ceiling, now) = after(&[(4, 400), (8, 420), (6, 415), (5, 410), (4, 400), (3, 300)]);
        assert_eq!(ceiling.most_workers(now), Some(4));
        assert_eq!(ceiling.most_workers(now + Duration::from_secs(50)), Some(4));
        // From the three that are ready.
        assert_eq!(ceiling.most_workers(now + Duration::from_secs(60)), Some(4));
        let (mut ceiling, now) =
            after(&[(4, 400), (8, 420), (6, 415), (5, 410), (4, 400), (3, 300)]);
        let mut regrown = saturated(100, 4, 400);
        regrown.at = now + Duration::from_secs(1);
        ceiling.observe(&regrown, &[0.1]);
        assert_eq!(ceiling.most_workers(now + Duration::from_secs(60)), Some(4));
    }

    #[test]
    fn a_load_that_is_carried_settles_the_trial() {
        let (mut ceiling, now) = after(&[(4, 400), (8, 420)]);
        let mut carried = saturated(0, 6, 300);
        carried.at = now + Duration::from_secs(1);
        ceiling.observe(&carried, &[0.1]);
        carried.queue.waiting = 0;
        carried.at = now + Duration::from_secs(2);
        ceiling.observe(&carried, &[0.1]);
        assert_eq!(ceiling.most_workers(carried.at), Some(6));
        carried.at = now + Duration::from_secs(70);
        ceiling.observe(&carried, &[0.1]);
        assert_eq!(ceiling.most_workers(carried.at), None);
    }
}
