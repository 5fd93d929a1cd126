//! Trying out whether more workers help although an agent seems crowded.
//!
//! That calls take longer the more are under way may be a coincidence: other messages, another
//! hour. A belief that keeps the pool small while messages are late is put to the test: some
//! workers more for a while. If calls then take no longer, the belief is gone by itself; if they
//! do, the next trial is twice as far off.

use crate::units::{Duration, Time};

/// Messages must have been late for this long before a trial: a backlog that a crowded agent can
/// work off is gone by then.
const LATE_FOR: Duration = Duration::from_secs(20);
/// A trial lasts this long, and a start-up.
const LASTS: Duration = Duration::from_secs(10);
/// Workers that are tried beyond the present ones.
const MORE: u32 = 3;
/// The next trial comes no sooner than this after the last, then twice as long …
const PAUSE: Duration = Duration::from_secs(60);
/// … up to eight times.
const MOST_DOUBLINGS: u32 = 3;

/// Trials so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials {
    late_since: Option<Time>,
    /// The one under way: until when, and up to how many workers.
    running: Option<(Time, u32)>,
    not_before: Time,
    doublings: u32,
}

impl Trials {
    /// Most workers while a trial is under way at `now`, when some agent `is_crowded` and
    /// messages are `late`, with `workers` wanted that take `lead` to start.
    pub(super) fn most_workers(
        &mut self,
        now: Time,
        is_crowded: bool,
        late: bool,
        workers: u32,
        lead: Duration,
    ) -> Option<u32> {
        if let Some((until, most)) = self.running {
            if now < until {
                return Some(most);
            }
            self.running = None;
            self.late_since = None;
            self.not_before = now + PAUSE * (1 << self.doublings);
            self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        }
        if !is_crowded {
            self.doublings = 0;
        }
        if !(is_crowded && late) {
            self.late_since = None;
            return None;
        }
        let since = *self.late_since.get_or_insert(now);
        if now < self.not_before || now.since(since) < LATE_FOR {
            return None;
        }
        let most = workers.saturating_add(MORE);
        self.running = Some((now + LASTS + lead, most));
        Some(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which trials are under way, of these.
    fn trials(seconds: u64, crowded: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut trials = Trials::default();
        let lead = Duration::from_secs(1);
        let at = |second| Time::ZERO + Duration::from_secs(second);
        (0..seconds)
            .filter(|&second| {
                let most = trials.most_workers(at(second), crowded(second), true, 4, lead);
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
        assert!(trials(300, |second| second % 15 > 0).is_empty());
    }
}
