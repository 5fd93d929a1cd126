//! Workers that have stopped: how they are found, and how often they are replaced.
//!
//! A worker is stuck when it has been polling one and the same handler for too long: it blocks
//! the thread. Two things look: a lease that ran out while its worker
//! was in a turn, soon after; and the interval check, for those that hold no lease. A worker
//! whose task ends tells so itself. Handlers that merely never end are no fault of their worker:
//! they lose their lease and their slot is freed.

use std::collections::VecDeque;
use std::sync::Arc;

use ebbtide_core::message::WorkerId;
use ebbtide_policies::units::{Duration, Time};

use crate::crew::{Crew, WorkerLink};

/// A worker whose handler is out of time is given this long to end it.
pub(crate) const LAST_CHANCE: Duration = Duration::from_millis(100);

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

/// What is known of the workers' health.
pub(crate) struct Health {
    limit: RestartLimit,
    /// Workers to look at, when, and the turn that they were in; first to look at first.
    suspects: VecDeque<(Time, Arc<WorkerLink>, u64)>,
    interval: Duration,
    next_check: Time,
    /// Turns that workers were in at the last interval check.
    seen: Vec<(WorkerId, u64)>,
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
            seen: Vec::new(),
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

    /// Workers found stuck by now.
    pub(crate) fn look(&mut self, now: Time, crew: &Crew) -> Vec<WorkerId> {
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
            let in_turn = crew.turns();
            stuck.extend(
                in_turn
                    .iter()
                    .filter(|it| self.seen.contains(it))
                    .map(|it| it.0),
            );
            self.seen = in_turn;
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
