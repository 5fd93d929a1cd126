//! Trying out what calls under way do to an agent, when messages are late and nothing else is left.
//!
//! That calls take longer the more are under way may be a coincidence: other messages, another
//! hour. A belief that keeps the pool small while messages are late is put to the test: some
//! workers more for a while. If calls then take no longer, the belief is gone by itself; if they
//! do, the next trial is twice as far off. And where the largest pool falls ever further behind,
//! the agent may get less done with it than it would with fewer, which nobody can see as long as
//! equally many calls are under way: then some workers fewer are tried.

use crate::units::{Duration, Time};

/// Messages must have been late for this long before a trial: a backlog that the pool can work off
/// is gone by then, or at least shrinks.
const LATE_FOR: Duration = Duration::from_secs(20);
/// The largest pool must have fallen behind for this long: what it lacks is lost for good.
const BEHIND_FOR: Duration = Duration::from_secs(8);
/// A pool falls behind when the oldest message gets older by this much each second.
const BEHIND: f64 = 0.1;
/// A trial lasts this long, and a start-up.
const LASTS: Duration = Duration::from_secs(10);
/// Workers that are tried beyond the present ones.
const MORE: u32 = 3;
/// Share of the workers that fewer leave.
const FEWER: f64 = 0.7;
/// The next trial comes no sooner than this after the last, then twice as long …
const PAUSE: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;

/// Trials so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials {
    late: Option<Late>,
    running: Option<Trial>,
    /// Of trials of more workers, and of fewer: what one said is no reason to put off the other.
    more: Pause,
    fewer: Pause,
    was_crowded: bool,
}

/// One that is under way.
#[derive(Clone, Copy, Debug)]
struct Trial {
    until: Time,
    most_workers: u32,
    is_of_more: bool,
}

/// When the next trial may come.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    not_before: Time,
    doublings: u32,
}

/// Messages are late.
#[derive(Clone, Copy, Debug)]
struct Late {
    since: Time,
    /// How long the oldest message had waited then.
    oldest: Duration,
}

/// What trials go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) now: Time,
    /// Whether some agent is believed to be crowded.
    pub(super) is_crowded: bool,
    /// Whether some agent's calls take longer than they did, for one cause or the other, and hold
    /// all slots.
    pub(super) is_in_doubt: bool,
    /// How long the oldest message has waited, if it is late.
    pub(super) late: Option<Duration>,
    /// Workers that are wanted, and the most that may be.
    pub(super) workers: u32,
    pub(super) max_workers: u32,
    /// How long a worker takes to start.
    pub(super) lead: Duration,
}

impl State {
    /// Whether all that there is falls behind and it is in doubt why, since messages are late.
    fn falls_behind(&self, late: Late) -> bool {
        let behind = self.late.map_or(0.0, |oldest| {
            oldest.as_secs_f64() - late.oldest.as_secs_f64()
        });
        let passed_s = self.now.since(late.since).as_secs_f64();
        self.is_in_doubt && self.workers >= self.max_workers && behind > BEHIND * passed_s
    }
}

impl Trials {
    /// Most workers while a trial is under way.
    pub(super) fn most_workers(&mut self, state: &State) -> Option<u32> {
        let now = state.now;
        if let Some(trial) = self.running {
            if now < trial.until && (state.is_crowded || state.is_in_doubt) {
                return Some(trial.most_workers);
            }
            self.running = None;
            self.late = None;
            self.pause(trial.is_of_more).begin(now);
        }
        if state.is_crowded != self.was_crowded {
            self.was_crowded = state.is_crowded;
            self.late = None;
            (self.more.doublings, self.fewer.doublings) = (0, 0);
        }
        let Some(oldest) = state.late else {
            self.late = None;
            return None;
        };
        let late = *self.late.get_or_insert(Late { since: now, oldest });
        let is_of_more = state.is_crowded;
        let long = if is_of_more { LATE_FOR } else { BEHIND_FOR };
        if now < self.pause(is_of_more).not_before || now.since(late.since) < long {
            return None;
        }
        let most = if is_of_more {
            state.workers.saturating_add(MORE)
        } else if state.falls_behind(late) && state.workers > 1 {
            // Small enough for the cast.
            (f64::from(state.workers) * FEWER).floor().max(1.0) as u32
        } else {
            self.late = Some(Late { since: now, oldest });
            return None;
        };
        self.running = Some(Trial {
            until: now + LASTS + state.lead,
            most_workers: most,
            is_of_more,
        });
        Some(most)
    }

    /// The pause between trials of more workers, or of fewer.
    fn pause(&mut self, of_more: bool) -> &mut Pause {
        if of_more {
            &mut self.more
        } else {
            &mut self.fewer
        }
    }
}

impl Pause {
    /// After a trial that ends `now`.
    fn begin(&mut self, now: Time) {
        self.not_before = now + PAUSE * (1 << self.doublings);
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages that are the later the longer it takes, with `workers` of ten.
    fn state(second: u64, workers: u32) -> State {
        State {
            now: Time::ZERO + Duration::from_secs(second),
            is_crowded: false,
            is_in_doubt: true,
            late: Some(Duration::from_secs(second + 1)),
            workers,
            max_workers: 10,
            lead: Duration::from_secs(1),
        }
    }

    /// Seconds at which trials are under way, of these.
    fn trials(seconds: u64, crowded: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut trials = Trials::default();
        (0..seconds)
            .filter(|&second| {
                let most = trials.most_workers(&State {
                    is_crowded: crowded(second),
                    ..state(second, 4)
                });
                assert!(most.is_none_or(|most| most == 7));
                most.is_some()
            })
            .collect()
    }

    #[test]
    fn trials_become_rarer_while_they_fail() {
        let expected: Vec<u64> = (20..31).chain(91..102).chain(222..233).collect();
        assert_eq!(trials(300, |_| true), expected);
    }

    #[test]
    fn without_a_belief_there_is_nothing_to_try() {
        assert!(trials(300, |_| false).is_empty());
    }

    #[test]
    fn a_trial_of_more_puts_off_none_of_fewer() {
        let mut trials = Trials::default();
        let tried: Vec<(u64, u32)> = (0..60)
            .filter_map(|second| {
                let is_crowded = second < 31;
                let workers = if is_crowded { 4 } else { 10 };
                let most = trials.most_workers(&State {
                    is_crowded,
                    ..state(second, workers)
                });
                most.map(|most| (second, most))
            })
            .collect();
        let expected = (20..31).map(|second| (second, 7));
        let expected: Vec<(u64, u32)> =
            expected.chain((39..50).map(|second| (second, 7))).collect();
        assert_eq!(tried, expected);
    }

    #[test]
    fn fewer_are_tried_where_the_largest_pool_falls_behind() {
        let run = |workers, late: fn(u64) -> Option<Duration>| {
            let mut trials = Trials::default();
            let most = (0..60).map(|second| {
                trials.most_workers(&State {
                    late: late(second),
                    ..state(second, workers)
                })
            });
            most.flatten().collect::<Vec<u32>>()
        };
        let later = |second| Some(Duration::from_secs(second + 1));
        assert_eq!(run(10, later), [7; 11]);
        let mut soon = Trials::default();
        let first = (0..60).find(|&second| soon.most_workers(&state(second, 10)).is_some());
        assert_eq!(first, Some(8));
        assert!(run(9, later).is_empty(), "there are more to be had");
        let catching_up = |second| Some(Duration::from_secs(100 - second));
        assert!(run(10, catching_up).is_empty());
    }
}
