//! Workers that have stopped: how they are found, and how often they are replaced.
//!
//! A worker is stuck when it has been polling one and the same handler for too long: it blocks
//! the thread. Three things look: a lease that runs out, which finds what has gone on for a while, so that
//! calls which nobody could poll spend no attempt; if its worker has but begun, the same soon
//! after; and the interval check, for those that hold no lease. A worker whose task ends tells so
//! itself. Handlers that merely never end are no fault of their worker: they lose their lease and
//! their slot is freed.

use std::collections::VecDeque;
use std::sync::Arc;

use ebbtide_core::message::WorkerId;
use ebbtide_policies::units::{Duration, Time};

use crate::crew::WorkerLink;

/// A handler that holds up its worker when a lease runs out has this long: before, or else after.
pub(crate) const LAST_CHANCE: Duration = Duration::from_millis(100);

/// So long before a lease runs out its worker is looked at: once it has run out its call has spent an
/// attempt, whoever held it up.
pub(crate) const AHEAD: Duration = Duration::from_millis(50);

/// How many lost workers are replaced at once within a while, and what follows beyond that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartLimit {
    /// Workers replaced at once.
    pub most: u32,
    /// Within this long.
    pub within: Duration,
    /// What follows when more are lost.
    pub escalation: Escalation,
}

/// What follows when more workers are lost than are replaced at once: replacing them mends
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escalation {
    /// Replacements are held back until the first loss is forgotten.
    #[default]
    HoldBack,
    /// The broker shuts down within this long, as by [`Broker::shutdown`](crate::Broker::shutdown).
    /// Whoever awaits [`Broker::closed`](crate::Broker::closed) learns why, and may start another or
    /// end the process.
    ShutDown(Duration),
}

impl Default for RestartLimit {
    /// Ten within a minute, then held back: a pool of the default size may be lost once as a
    /// whole.
    fn default() -> Self {
        Self {
            most: 10,
            within: Duration::from_secs(60),
            escalation: Escalation::HoldBack,
        }
    }
}

/// A worker, and the turn and handler that it is at.
pub(crate) type Turn = (WorkerId, u64);

/// What is known of the workers' health.
pub(crate) struct Health {
    limit: RestartLimit,
    /// Workers to look at, when, and the turn that they were in; first to look at first.
    suspects: VecDeque<(Time, Arc<WorkerLink>, u64)>,
    interval: Duration,
    next_check: Time,
    /// Turns that workers were in when they were last looked at, and since when they were seen in them.
    in_turn: Vec<(Turn, Time)>,
    /// Losses within the limit's time.
    losses: VecDeque<Time>,
}

impl Health {
    pub(crate) fn new(limit: RestartLimit, interval: Duration) -> Self {
        Self {
            limit,
            suspects: VecDeque::new(),
            interval,
            next_check: Time::ZERO + interval,
            in_turn: Vec::new(),
            losses: VecDeque::new(),
        }
    }

    /// From `now` on workers are looked at this often.
    pub(crate) fn look_every(&mut self, now: Time, interval: Duration) {
        if interval != self.interval {
            self.interval = interval;
            self.next_check = now + interval;
        }
    }

    /// A call of this worker has run out of time.
    pub(crate) fn suspect(&mut self, now: Time, worker: Arc<WorkerLink>) {
        if let Some(turn) = worker.bell.turn() {
            self.suspects.push_back((now + LAST_CHANCE, worker, turn));
        }
    }

    /// When to look next.
    pub(crate) fn next_look(&self) -> Time {
        let suspect = self.suspects.front().map(|&(at, ..)| at);
        suspect.map_or(self.next_check, |at| at.min(self.next_check))
    }

    /// When to look next at workers whose first lease runs out at `expiry`: in time to have seen for long
    /// enough what they are at, and again just before.
    pub(crate) fn look_ahead(now: Time, expiry: Time) -> Time {
        let looks = [LAST_CHANCE * 2, AHEAD].map(|ahead| expiry.before(ahead));
        let next = looks.into_iter().find(|&look| look > now);
        next.filter(|_| expiry < Time::MAX).unwrap_or(Time::MAX)
    }

    /// Workers are in these turns now.
    pub(crate) fn see(&mut self, now: Time, turns: Vec<Turn>) {
        let before = std::mem::take(&mut self.in_turn);
        let since = |turn: Turn| {
            let seen = before.iter().find(|(other, _)| *other == turn);
            (turn, seen.map_or(now, |&(_, since)| since))
        };
        self.in_turn = turns.into_iter().map(since).collect();
    }

    /// Since when this worker, as last seen, has been at one and the same handler, if that is long.
    pub(crate) fn blocked_since(&self, now: Time, worker: WorkerId) -> Option<Time> {
        let seen = self.in_turn.iter().find(|((other, _), _)| *other == worker);
        let since = seen.map(|&(_, since)| since);
        since.filter(|&since| now.since(since) >= LAST_CHANCE)
    }

    /// Workers found stuck by now, as last seen.
    pub(crate) fn look(&mut self, now: Time) -> Vec<WorkerId> {
        let mut stuck = Vec::new();
        while let Some((at, worker, turn)) = self.suspects.pop_front() {
            if at > now {
                self.suspects.push_front((at, worker, turn));
                break;
            }
            if worker.bell.turn() == Some(turn) {
                stuck.push(worker.id);
            }
        }
        if self.next_check <= now {
            self.next_check = now + self.interval;
            let long = |since| now.since(since) >= self.interval;
            let in_turn = self.in_turn.iter().filter(|(_, since)| long(*since));
            stuck.extend(in_turn.map(|((worker, _), _)| *worker));
        }
        stuck.sort_unstable();
        stuck.dedup();
        stuck
    }

    /// What follows when too many are lost.
    pub(crate) fn escalation(&self) -> Escalation {
        self.limit.escalation
    }

    /// A worker was lost: if that is too many, how many were lost within the limit's time, and
    /// until when that is so.
    pub(crate) fn lost(&mut self, now: Time) -> Option<(u32, Time)> {
        let within = self.limit.within;
        while self
            .losses
            .front()
            .is_some_and(|&at| now.since(at) >= within)
        {
            self.losses.pop_front();
        }
        self.losses.push_back(now);
        let lost = u32::try_from(self.losses.len()).unwrap_or(u32::MAX);
        let first = *self.losses.front()?;
        (lost > self.limit.most).then(|| (lost, first + within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_interval_counts_from_when_it_is_set() {
        let secs = Duration::from_secs;
        let mut health = Health::new(RestartLimit::default(), secs(30));
        health.look_every(Time::ZERO + secs(10), secs(30));
        assert_eq!(health.next_look(), Time::ZERO + secs(30));
        health.look_every(Time::ZERO + secs(10), secs(5));
        assert_eq!(health.next_look(), Time::ZERO + secs(15));
    }

    #[test]
    fn a_worker_at_one_handler_for_long_is_blocked_since_it_was_first_seen_so() {
        let (one, other) = (WorkerId(1), WorkerId(2));
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        let mut health = Health::new(RestartLimit::default(), Duration::from_secs(1));
        health.see(at(10), vec![(one, 3), (other, 5)]);
        assert_eq!(health.blocked_since(at(10), one), None);
        health.see(at(110), vec![(one, 3), (other, 7)]);
        assert_eq!(health.blocked_since(at(110), one), Some(at(10)));
        assert_eq!(health.blocked_since(at(110), other), None, "it went on");
        health.see(at(1_000), vec![(one, 3)]);
        assert!(health.look(at(1_000)).is_empty());
        health.see(at(2_000), vec![(one, 3)]);
        assert_eq!(health.look(at(2_000)), [one]);
        health.see(at(2_001), Vec::new());
        assert_eq!(health.blocked_since(at(2_001), one), None);
    }

    #[test]
    fn losses_beyond_the_limit_are_held_back_until_the_first_is_forgotten() {
        let limit = RestartLimit {
            most: 2,
            within: Duration::from_secs(10),
            escalation: Escalation::HoldBack,
        };
        let mut health = Health::new(limit, Duration::from_secs(30));
        let at = |secs| Time::ZERO + Duration::from_secs(secs);
        assert_eq!(health.lost(at(0)), None);
        assert_eq!(health.lost(at(4)), None);
        assert_eq!(health.lost(at(5)), Some((3, at(10))));
        assert_eq!(health.lost(at(14)), None, "two are forgotten");
        assert_eq!(health.lost(at(14)), Some((3, at(15))));
    }
}
