//! What it means that an agent answers "too many requests".
//!
//! It is taken for a limit to its rate: it gets no more than it delivers until it no longer refuses. But some refuse
//! calls however many there are, because others use the limit up or for their own reasons. Then it lets more in from more
//! workers and refuses as large a share, which no limit does; that is looked for, and believed for some minutes, unless it
//! refuses a larger share. What remains true of such an agent is that slots wait while it pauses.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::observation::AgentObservation;

/// While slots are not free, this share of calls may be refused before the agent counts as what limits.
const TOLERATED: f64 = 0.05;
/// A limit is known once the calls that are let through have had so many seconds to end.
const KNOWN_S: f64 = 4.0;
/// A limited rate that is no longer refused is tried this much higher each second.
const RELEASE: f64 = 1.05;
/// What became of how many workers' calls fades with this time constant, in seconds, …
const MEMORY_S: f64 = 60.0;
/// … until so much of a second is left.
const FORGOTTEN_S: f64 = 0.01;
/// Refusals that lie farther apart, in seconds, say nothing of what is let in between.
const LONGEST_CYCLE_S: f64 = 15.0;
/// Seconds that a number of workers must have been watched.
const WATCHED_S: f64 = 5.0;
/// More is let in if it is more by this share …
const MORE: f64 = 0.15;
/// … and by so many standard errors.
const MORE_ERRORS: f64 = 3.0;
/// It refuses alike if no more than this many times as many are refused for each that is let in.
const ALIKE: f64 = 1.5;
/// So long no refusal is taken for a limit once more was let in, in seconds.
const BELIEVED_S: f64 = 600.0;
/// The share of the slots' time for which it pauses fades with this time constant, in seconds.
const PAUSES_MEMORY_S: f64 = 20.0;
/// An agent of which no call has ended for so long, in seconds, pauses for longer than a moment.
const LONG_PAUSE_S: f64 = 5.0;
/// Pauses are no more than this share of the time: beyond, no slots would be enough.
const MOST_PAUSED: f64 = 0.8;

/// What is believed of an agent that refuses calls.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    limit: Option<f64>,
    /// Since when, in seconds.
    limited_s: f64,
    cycle: Option<Cycle>,
    by_workers: BTreeMap<u32, Done>,
    /// How much longer refusals are taken for chance, in seconds.
    by_chance_s: f64,
    /// What made that believed.
    accepted: Done,
    paused_share: f64,
    /// Since when no call has ended, in seconds.
    silent_s: f64,
}

/// The pool during an interval.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Ready workers.
    pub workers: u32,
    /// Whether slots were free.
    pub has_free_slots: bool,
    /// Share of the slots' time with a message at hand whose agent paused.
    pub paused_share: f64,
}

/// What became of calls while it refused some.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    length_s: f64,
    let_in: f64,
    refused: f64,
}

/// From an interval with refusals to the next: pauses may last longer than one.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    workers: u32,
    done: Done,
}

impl Refusals {
    /// Takes an interval of `length_s` seconds of an agent that is asked for so many messages a second.
    pub fn observe(&mut self, length_s: f64, asked: f64, pool: Pool, agent: &AgentObservation) {
        if length_s <= 0.0 {
            return;
        }
        let refused = agent.calls.rate_limited as f64;
        self.limited_s = if self.limit.is_some() {
            self.limited_s + length_s
        } else {
            0.0
        };
        let is_silent = agent.calls.succeeded == 0 && agent.calls.failed == 0 && refused == 0.0;
        self.silent_s = if is_silent {
            self.silent_s + length_s
        } else {
            0.0
        };
        // Others may pause too.
        let paused_share = if refused > 0.0 {
            pool.paused_share
        } else {
            0.0
        };
        let keep = (-length_s / PAUSES_MEMORY_S).exp();
        self.paused_share = self.paused_share * keep + paused_share * (1.0 - keep);
        self.watch(length_s, pool.workers, agent);
        let calls = refused + agent.calls.succeeded as f64;
        let delivered = agent.delivered as f64 / length_s;
        let tolerated = if pool.has_free_slots { 0.0 } else { TOLERATED };
        if refused > tolerated * calls {
            let before = self.limit.unwrap_or(delivered);
            self.limit = Some(f64::midpoint(before, delivered));
        } else if let Some(rate) = self.limit {
            let higher = (rate * RELEASE.powf(length_s)).max(delivered);
            self.limit = (higher < 2.0 * asked.max(delivered)).then_some(higher);
        }
    }

    /// Messages per second beyond which it refuses, as far as that is believed.
    #[must_use]
    pub fn limit(&self) -> Option<f64> {
        let is_known = self.limited_s >= KNOWN_S && !self.are_by_chance();
        self.limit.filter(|_| is_known)
    }

    /// Whether it refuses calls however many there are.
    #[must_use]
    pub fn are_by_chance(&self) -> bool {
        self.by_chance_s > 0.0
    }

    /// Whether it pauses for a moment now and then, as it refuses calls.
    #[must_use]
    pub fn make_short_pauses(&self) -> bool {
        (self.limit.is_some() || self.are_by_chance()) && self.silent_s < LONG_PAUSE_S
    }

    /// How much longer a slot is busy with a call because the agent pauses, as a factor: where there
    /// is no limit to blame.
    #[must_use]
    pub fn longer(&self) -> f64 {
        if self.are_by_chance() {
            1.0 / (1.0 - self.paused_share.min(MOST_PAUSED))
        } else {
            1.0
        }
    }

    /// Whether more is let in from more workers.
    fn watch(&mut self, length_s: f64, workers: u32, agent: &AgentObservation) {
        let keep = (-length_s / MEMORY_S).exp();
        self.by_workers.retain(|_, done| {
            done.fade(keep);
            done.length_s > FORGOTTEN_S
        });
        self.by_chance_s = (self.by_chance_s - length_s).max(0.0);
        let refuses = agent.calls.rate_limited > 0;
        let Some(cycle) = self.cycle.as_mut().filter(|it| it.goes_on(workers)) else {
            // It ends an interval that may have what a limit had saved up, or another pool's calls.
            self.cycle = refuses.then(|| Cycle {
                workers,
                done: Done::default(),
            });
            return;
        };
        cycle.done.add(length_s, agent);
        if !refuses {
            return;
        }
        let cycle = std::mem::take(&mut cycle.done);
        let done = self.by_workers.entry(workers).or_default();
        done.length_s += cycle.length_s;
        done.let_in += cycle.let_in;
        done.refused += cycle.refused;
        if self.by_chance_s > 0.0 && done.is_known() && !done.is_as_welcome_as(self.accepted) {
            self.by_chance_s = 0.0;
            self.by_workers.clear();
        } else if let Some(done) = self.more_let_in() {
            self.by_chance_s = BELIEVED_S;
            self.accepted = done;
        }
    }

    /// What is let in from more workers, if that is more than from fewer, and as large a share.
    fn more_let_in(&self) -> Option<Done> {
        let mut least: Option<Done> = None;
        for done in self.by_workers.values().filter(|done| done.is_known()) {
            match least {
                Some(least) if done.is_more_than(least) && done.is_as_welcome_as(least) => {
                    return Some(*done);
                }
                Some(least) if done.rate() >= least.rate() => {}
                _ => least = Some(*done),
            }
        }
        None
    }
}

impl Cycle {
    /// Whether the pool is the same, and that it refuses not long ago.
    fn goes_on(&self, workers: u32) -> bool {
        self.workers == workers && self.done.length_s < LONGEST_CYCLE_S
    }
}

impl Done {
    fn add(&mut self, length_s: f64, agent: &AgentObservation) {
        self.length_s += length_s;
        // Not what was delivered: where messages wait until they expire that is little, whoever is to blame.
        self.let_in += agent.calls.succeeded as f64 + agent.calls.failed as f64;
        self.refused += agent.calls.rate_limited as f64;
    }

    fn fade(&mut self, keep: f64) {
        let parts = [&mut self.length_s, &mut self.let_in, &mut self.refused];
        parts.into_iter().for_each(|it| *it *= keep);
    }

    fn is_known(&self) -> bool {
        self.length_s >= WATCHED_S
    }

    fn rate(self) -> f64 {
        self.let_in / self.length_s
    }

    /// Whether no more is refused for each call that is let in, or not much: a limit minds more of them.
    fn is_as_welcome_as(self, other: Self) -> bool {
        self.refused * other.let_in < ALIKE * other.refused * self.let_in
    }

    fn is_more_than(self, other: Self) -> bool {
        let variance = self.let_in / self.length_s.powi(2) + other.let_in / other.length_s.powi(2);
        let by = self.rate() - other.rate();
        by > MORE * other.rate() && by > MORE_ERRORS * variance.sqrt()
    }
}
