//! What it means that an agent answers "too many requests".
//!
//! It is taken for a limit to its rate: it gets no more than it delivers until it no longer refuses. But some refuse
//! calls however many there are, because others use the limit up or for their own reasons. Then more gets done with more
//! workers although it refuses all the same, which no limit allows; that is looked for, and believed for some minutes.
//! What remains true of such an agent is that slots wait while it pauses.

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
/// What was done by how many workers fades with this time constant, in seconds, …
const MEMORY_S: f64 = 60.0;
/// … until so much of a second is left.
const FORGOTTEN_S: f64 = 0.01;
/// Seconds that a number of workers must have been watched.
const WATCHED_S: f64 = 5.0;
/// More workers got more done if it was more by this share …
const MORE: f64 = 0.15;
/// … and by so many standard errors.
const MORE_ERRORS: f64 = 3.0;
/// It refuses alike if its share of refused calls is no more than this many times as large.
const ALIKE: f64 = 1.5;
/// So long no refusal is taken for a limit once more got done, in seconds.
const BELIEVED_S: f64 = 600.0;
/// The share of the slots' time for which it pauses fades with this time constant, in seconds.
const PAUSES_MEMORY_S: f64 = 20.0;
/// Pauses are no more than this share of the time: beyond, no slots would be enough.
const MOST_PAUSED: f64 = 0.8;

/// What is believed of an agent that refuses calls.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    limit: Option<f64>,
    /// Since when, in seconds.
    limited_s: f64,
    /// Whether it refused in the interval before, and the workers then.
    before: Option<u32>,
    by_workers: BTreeMap<u32, Done>,
    /// How much longer refusals are taken for chance, in seconds.
    by_chance_s: f64,
    paused_share: f64,
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

/// What was delivered while it refused.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    messages: f64,
    length_s: f64,
    calls: f64,
    refused: f64,
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
        let keep = (-length_s / PAUSES_MEMORY_S).exp();
        self.paused_share = self.paused_share * keep + pool.paused_share * (1.0 - keep);
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

    /// Whether it refuses calls, be it by chance.
    #[must_use]
    pub fn are_usual(&self) -> bool {
        self.limit.is_some() || self.are_by_chance()
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

    /// Whether more workers get more done.
    fn watch(&mut self, length_s: f64, workers: u32, agent: &AgentObservation) {
        let keep = (-length_s / MEMORY_S).exp();
        self.by_workers.retain(|_, done| {
            done.fade(keep);
            done.length_s > FORGOTTEN_S
        });
        self.by_chance_s = (self.by_chance_s - length_s).max(0.0);
        // The first interval may have what a limit had saved up, and another pool's calls.
        let refuses = agent.calls.rate_limited > 0;
        let before = std::mem::replace(&mut self.before, refuses.then_some(workers));
        if !refuses || before != Some(workers) {
            return;
        }
        let done = self.by_workers.entry(workers).or_default();
        done.messages += agent.delivered as f64;
        done.length_s += length_s;
        done.calls += agent.calls.succeeded as f64 + agent.calls.rate_limited as f64;
        done.refused += agent.calls.rate_limited as f64;
        if self.get_more_done() {
            self.by_chance_s = BELIEVED_S;
        }
    }

    fn get_more_done(&self) -> bool {
        let watched = || (self.by_workers.values()).filter(|done| done.length_s >= WATCHED_S);
        let mut fewest: Option<Done> = None;
        for done in watched() {
            if fewest
                .is_some_and(|fewest| done.is_more_than(fewest) && done.is_as_welcome_as(fewest))
            {
                return true;
            }
            if fewest.is_none_or(|fewest| done.rate() < fewest.rate()) {
                fewest = Some(*done);
            }
        }
        false
    }
}

impl Done {
    fn fade(&mut self, keep: f64) {
        let parts = [
            &mut self.messages,
            &mut self.length_s,
            &mut self.calls,
            &mut self.refused,
        ];
        parts.into_iter().for_each(|it| *it *= keep);
    }

    fn rate(self) -> f64 {
        self.messages / self.length_s
    }

    /// Whether no larger share of the calls was refused, or not much: a limit minds more of them.
    fn is_as_welcome_as(self, other: Self) -> bool {
        self.refused * other.calls < ALIKE * other.refused * self.calls
    }

    fn is_more_than(self, other: Self) -> bool {
        let variance =
            self.messages / self.length_s.powi(2) + other.messages / other.length_s.powi(2);
        let by = self.rate() - other.rate();
        by > MORE * other.rate() && by > MORE_ERRORS * variance.sqrt()
    }
}
