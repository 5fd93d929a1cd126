//! What the policy believes of each agent, kept up to date from observations.
//!
//! Rates are of first arrivals: an agent's own retries cost slot-time, and are counted as
//! calls that a success takes, but are no demand that grows. Messages that were refused for
//! want of room are demand too.

#[cfg(test)]
mod tests;

use crate::estimate::arrival_rate::{ArrivalRate, RateEstimate};
use crate::estimate::call_cost::{CallCost, CallLine};
use crate::estimate::crowding::{Crowding, SlowDown};
use crate::estimate::refusals::{Pool, Refusals};
use crate::estimate::season::Season;
use crate::estimate::time_on_test::TimeOnTest;
use crate::observation::{AgentObservation, BreakerState, Observation};

use super::turns::{self, Waited};
use super::workload::{AgentLoad, spread};

/// Outcomes of calls fade with this time constant, in seconds.
const MEMORY_S: f64 = 20.0;
/// More failures than this a success are an outage, which more slots do not mend.
const MOST_ATTEMPTS: f64 = 1.5;
/// An outage is taken to last this long at least, in seconds, and waiting for its end to be
/// worth as many worker-seconds in any case.
const SHORT_OUTAGE_S: f64 = 5.0;
/// The rate is foreseen at moments so far apart, in seconds, …
const FORESEEN_EVERY_S: f64 = 2.0;
/// … but no more of them.
const MOST_FORESEEN: f64 = 8.0;
/// An agent fails when this share of its calls does beyond what usually fails …
const FAILING: f64 = 0.1;
/// … within this time constant, in seconds, …
const USUALLY_S: f64 = 300.0;
/// … and all wait for it where it gets this share of the load.
const SHARE: f64 = 0.1;
/// Calls that take this much longer than those that finish say that these are no sample of them.
const MOST_LONGER: f64 = 1.5;
/// A full queue hides demand: it is taken to be this many times what is let in, until the queue
/// has room and shows it.
const HIDDEN: f64 = 2.0;
/// Slots are free when this share of their time has no call.
const FREE_SHARE: f64 = 0.1;
/// An agent that refuses this share of its calls may get more done of fewer.
const REFUSED_SHARE: f64 = 0.05;
/// Calls tried under way at an agent that refuses some, as a multiple of those that it does not refuse.
const REFUSED_MARGIN: f64 = 1.5;
/// A season is worth telling where it makes the rate another than the trend does, by this share.
const WORTH_TELLING: f64 = 0.2;

/// How far ahead loads count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// From here on, in seconds: what is taken away now lacks until the next decision …
    pub(super) from: f64,
    /// … to here: what is ordered then is there.
    pub(super) until: f64,
    /// Standard errors by which a season must have come true.
    pub(super) season_errors: f64,
}

/// Beliefs about all agents.
#[derive(Clone, Debug, Default)]
pub(super) struct Beliefs {
    agents: Vec<Belief>,
}

/// Calls that ended, fading.
#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    succeeded: f64,
    failed: f64,
}

#[derive(Clone, Debug, Default)]
struct Belief {
    name: String,
    rate: ArrivalRate,
    season: Season,
    cost: CallCost,
    crowding: Crowding,
    time_on_test: TimeOnTest,
    lately: Outcomes,
    usually: Outcomes,
    waited: Waited,
    /// Messages that stand behind their key for no lack of slots: they are demand when their keys let them through.
    held: f64,
    /// Units and messages, fading.
    units: f64,
    unit_messages: f64,
    refusals: Refusals,
    /// Seconds since its breaker opened, or since it was paused.
    out_s: f64,
    /// Seconds with calls in flight before the first success.
    silent_s: f64,
}

impl Beliefs {
    /// Takes an interval. `told` replaces the arrivals by others, over another length. Returns how many of the messages
    /// that came no worker could help.
    pub(super) fn observe(
        &mut self,
        seen: &Observation,
        told: Option<&(f64, Vec<f64>)>,
        ahead: Ahead,
    ) -> f64 {
        let length_s = seen.interval.as_secs_f64();
        let (each, hidden) = refused(seen);
        let usual = self.rate().max(f64::MIN_POSITIVE);
        let pool = pool(seen);
        // The slots' time is known exactly, an agent's part of it by its calls, of which none had
        // more than the interval.
        let part_s = |agent: &AgentObservation| {
            let ended = (agent.calls.succeeded + agent.calls.failed) as f64;
            let ended_s = finished_s(agent, f64::INFINITY).min(ended * length_s);
            f64::from(agent.in_flight) * length_s + ended_s
        };
        let all_s: f64 = seen.agents.iter().map(part_s).sum();
        let scale = seen.slots.with_call.as_secs_f64() / all_s.max(1e-9);
        let mut held_back = 0.0;
        for (index, agent) in seen.agents.iter().enumerate() {
            let belief = self.of(index, &agent.name);
            belief.observe(length_s, part_s(agent) * scale, agent);
            let held = belief.hold_back(length_s, agent);
            held_back += held;
            match told {
                Some((told_s, arrivals)) => {
                    let held = held * told_s / length_s;
                    (belief.rate).observe(*told_s, (arrivals[index] - held).max(0.0));
                }
                None => {
                    let come = (agent.arrivals as f64 - held).max(0.0);
                    let of_hidden = hidden * belief.rate.estimate().mean / usual;
                    let arrivals = come * each + of_hidden;
                    belief.rate.observe(length_s, arrivals);
                    let rate = belief.rate.estimate();
                    (belief.season).observe(length_s, arrivals, &rate, ahead.until);
                }
            }
            let asked = belief.rate.estimate().mean;
            belief.refusals.observe(length_s, asked, pool, agent);
            belief.out_s = if belief.is_out(agent) {
                belief.out_s + length_s
            } else {
                0.0
            };
        }
        self.agents.truncate(seen.agents.len());
        held_back
    }

    /// The belief about the agent called `name`, moved to `index`; a new one if need be.
    fn of(&mut self, index: usize, name: &str) -> &mut Belief {
        let is_it = |belief: &Belief| belief.name == name;
        // Mostly it is where it was: agents seldom come and go.
        if !self.agents.get(index).is_some_and(is_it) {
            match self.agents.iter().position(is_it) {
                Some(at) if index < self.agents.len() => self.agents.swap(at, index),
                _ => {
                    let belief = Belief {
                        name: name.to_owned(),
                        ..Belief::default()
                    };
                    self.agents.insert(index.min(self.agents.len()), belief);
                }
            }
        }
        let last = self.agents.len() - 1;
        &mut self.agents[index.min(last)]
    }

    /// The loads to reckon with.
    pub(super) fn loads(&self, seen: &Observation, ahead: Ahead) -> Vec<AgentLoad> {
        let pairs = self.agents.iter().zip(&seen.agents);
        let (mut loads, waited): (Vec<AgentLoad>, Vec<Waited>) = pairs
            .map(|(belief, agent)| (belief.load(seen, agent, ahead), belief.waited))
            .filter(|(load, _)| load.rate > 0.0 || load.waiting > 0.0)
            .unzip();
        turns::share_out(&mut loads, &waited);
        loads
    }

    /// First arrivals per second that are believed, over all agents.
    pub(super) fn rate(&self) -> f64 {
        let rates = self.agents.iter().map(|belief| belief.rate.estimate().mean);
        rates.sum()
    }

    /// Whether an agent fails that gets a share of the load.
    pub(super) fn is_any_failing(&self, seen: &Observation) -> bool {
        let all = self.rate();
        let pairs = self.agents.iter().zip(&seen.agents);
        let mut shares = pairs.filter(|(it, _)| it.rate.estimate().mean >= SHARE * all);
        shares.any(|(it, agent)| {
            agent.breaker != BreakerState::Closed
                || it.lately.failed_share() > FAILING + it.usually.failed_share()
        })
    }

    /// Whether some agent is taken to limit its rate because it refuses calls.
    pub(super) fn is_any_throttled(&self) -> bool {
        self.agents.iter().any(|it| it.refusals.limit().is_some())
    }

    /// Whether slots wait for agents that pause for a moment, however many calls they get, and for no others.
    pub(super) fn are_pauses_by_chance(&self, seen: &Observation) -> bool {
        let pairs = || self.agents.iter().zip(&seen.agents);
        pairs().any(|(it, _)| it.refusals.are_by_chance())
            && pairs().all(|(it, agent)| !it.is_out(agent) && it.refusals.limit().is_none())
    }

    /// Whether some load comes back by a season that can be relied on, by more than `season_errors`.
    pub(super) fn know_a_season(&self, season_errors: f64) -> bool {
        let is_known = |belief: &Belief| belief.season.trust(season_errors) > 0.0;
        self.agents.iter().any(is_known)
    }

    /// What a call takes, on the mean over the agents' first arrivals, in seconds.
    pub(super) fn call_s(&self) -> f64 {
        let (mut total_s, mut rate) = (0.0, 0.0);
        for belief in &self.agents {
            let mean = belief.rate.estimate().mean;
            total_s += mean * belief.line().time_s(1.0);
            rate += mean;
        }
        if rate > 0.0 { total_s / rate } else { 0.0 }
    }

    /// Calls under way, over all agents, among which calls were shorter, if it cannot be told whether some agent is
    /// crowded or slow for its own reasons.
    pub(super) fn doubt(&self, seen: &Observation) -> Option<f64> {
        let under_way: f64 = (seen.agents.iter())
            .map(|agent| f64::from(agent.in_flight))
            .sum();
        let pairs = self.agents.iter().zip(&seen.agents);
        let doubts = pairs.filter_map(|(belief, agent)| {
            let calls = belief.crowding.doubt()?;
            let others = under_way - f64::from(agent.in_flight);
            (belief.longer(&belief.line()) <= MOST_LONGER).then_some(others + calls)
        });
        doubts.reduce(f64::min)
    }

    /// Calls under way, over all agents, that would do what gets done and half as much again, if an agent refuses calls
    /// for being called too often.
    pub(super) fn calls_not_refused(&self, seen: &Observation) -> Option<f64> {
        let pairs = || self.agents.iter().zip(&seen.agents);
        let refuses = |agent: &AgentObservation| {
            let refused = agent.calls.rate_limited as f64;
            refused > REFUSED_SHARE * (refused + agent.calls.succeeded as f64)
        };
        let calls = |(belief, agent): (&Belief, &AgentObservation)| {
            let line = belief.line();
            let per_s = agent.calls.succeeded as f64 / seen.interval.as_secs_f64();
            REFUSED_MARGIN * per_s * line.time_s(line.mean_batch)
        };
        pairs()
            .any(|(_, agent)| refuses(agent))
            .then(|| pairs().map(calls).sum())
    }

    /// Index of dispersion of the most irregular agent's arrivals, at least 1.
    pub(super) fn dispersion(&self) -> f64 {
        let indices = (self.agents.iter()).map(|belief| belief.rate.estimate().dispersion);
        indices.fold(1.0, f64::max)
    }
}

/// The pool, for agents that refuse calls.
fn pool(seen: &Observation) -> Pool {
    let slots = f64::from(seen.workers.ready) * f64::from(seen.parallelism);
    let slots_s = (slots * seen.interval.as_secs_f64()).max(f64::MIN_POSITIVE);
    Pool {
        workers: seen.workers.ready,
        has_free_slots: seen.slots.with_call.as_secs_f64() < (1.0 - FREE_SHARE) * slots_s,
        paused_share: (seen.slots.blocked.paused.as_secs_f64() / slots_s).min(1.0),
    }
}

/// Demand that was refused and that workers could have made room for: messages that each one which came stands for, and
/// those of which none came, so that only the past tells whose they were.
fn refused(seen: &Observation) -> (f64, f64) {
    let refused = seen.flow.refused as f64;
    let (each, hidden) = match seen.flow.arrivals {
        0 => (0.0, refused),
        accepted => (refused / accepted as f64, 0.0),
    };
    // Whoever waits for room in a full queue is no arrival yet.
    let is_full = seen.queue.waiting > 0 && seen.queue.waiting >= seen.queue.max_size;
    let each = if is_full {
        each.max(HIDDEN - 1.0)
    } else {
        each
    };
    // Room that is taken by what stands behind its key no worker can make.
    let behind = seen.behind() as f64 / seen.queue.waiting.max(1) as f64;
    let could_be = (1.0 - behind).max(0.0);
    (1.0 + each * could_be, hidden * could_be)
}

impl Outcomes {
    fn add(&mut self, keep: f64, agent: &AgentObservation) {
        self.succeeded = self.succeeded * keep + agent.calls.succeeded as f64;
        self.failed = self.failed * keep + agent.calls.failed as f64;
    }

    fn failed_share(self) -> f64 {
        self.failed / (self.succeeded + self.failed).max(1.0)
    }
}

impl Belief {
    fn observe(&mut self, length_s: f64, busy_s: f64, agent: &AgentObservation) {
        let of_calls = self.cost.keep(length_s);
        self.cost.observe(length_s, agent);
        let finished_s = finished_s(agent, busy_s);
        (self.time_on_test).observe(of_calls, length_s, busy_s, finished_s);
        self.crowding.observe(length_s, agent);
        let keep = (-length_s / MEMORY_S).exp();
        self.lately.add(keep, agent);
        self.usually.add((-length_s / USUALLY_S).exp(), agent);
        self.units = self.units * keep + agent.units as f64;
        self.unit_messages = self.unit_messages * keep + agent.delivered as f64;
        let for_slots = !is_out(agent) && !is_full(agent);
        self.waited.observe(length_s, agent, for_slots);
        if self.lately.succeeded <= 0.0 && agent.in_flight > 0 {
            self.silent_s += length_s;
        }
    }

    /// Of the messages that came, those that stand behind their key and would with any pool: each key lets one through in
    /// the time that a message takes. Less than none while those that were held back before move up.
    fn hold_back(&mut self, length_s: f64, agent: &AgentObservation) -> f64 {
        let before = self.held;
        if is_out(agent) {
            return 0.0;
        }
        let moved = (agent.moved_up as f64).max(self.most_moved_up(length_s, agent));
        let held = (before + agent.came_behind as f64 - moved).max(0.0);
        // Those that ended behind their key are neither held nor demand.
        self.held = held.min(agent.behind as f64);
        held - before
    }

    /// Messages that could move up within so many seconds if there were slots for all.
    fn most_moved_up(&self, length_s: f64, agent: &AgentObservation) -> f64 {
        let line = self.line();
        let message_s = self.attempts() * line.time_s(line.mean_batch.max(1.0));
        agent.contended_keys as f64 * length_s / message_s.max(1e-9)
    }

    /// Messages that wait for slots: those that could be taken, and of those behind them as large a part as the time
    /// that these wait is of the time that they take, by Little's law, as far as their keys let them through.
    fn waiting(&self, lead_s: f64, agent: &AgentObservation) -> f64 {
        let takeable = agent.takeable() as f64;
        let behind = self.most_moved_up(lead_s, agent).min(agent.behind as f64);
        takeable + behind * takeable / (takeable + f64::from(agent.in_flight)).max(1.0)
    }

    /// The call line, or a guess as long as no call has succeeded: calls take at least as long
    /// as the agent has been silent.
    fn line(&self) -> CallLine {
        (self.cost.line()).unwrap_or_else(|| CallLine::guess(self.silent_s))
    }

    /// How much longer calls take than those that finished, on the `line`; below 1: less long.
    fn longer(&self, line: &CallLine) -> f64 {
        if line.calls <= 0.0 {
            return 1.0;
        }
        (self.time_on_test).factor(line.time_s(line.mean_batch), line.cv2)
    }

    /// Calls that it takes to have one succeed.
    fn attempts(&self) -> f64 {
        (1.0 + self.lately.failed / self.lately.succeeded.max(1.0)).min(MOST_ATTEMPTS)
    }

    /// The highest rate to reckon with: no worker goes for a fall that is still to come.
    fn expected(&self, estimate: &RateEstimate, ahead: Ahead) -> f64 {
        let length_s = ahead.until - ahead.from;
        let steps = (length_s / FORESEEN_EVERY_S)
            .ceil()
            .clamp(1.0, MOST_FORESEEN);
        let moments =
            (0..=steps as u32).map(|step| ahead.from + length_s * f64::from(step) / steps);
        let rates = moments.map(|at_s| self.season.ahead(estimate, at_s, ahead.season_errors));
        rates.fold(0.0, f64::max)
    }

    fn load(&self, seen: &Observation, agent: &AgentObservation, ahead: Ahead) -> AgentLoad {
        let estimate = self.rate.estimate();
        let mut line = self.line();
        let longer = self.longer(&line);
        let factor = longer * self.refusals.longer();
        line.per_call_s *= factor;
        line.per_message_s *= factor;
        // Load is rate times call time: their relative errors add in squares.
        let error = estimate.error.hypot(estimate.mean * line.error());
        let waits_for_slots = !(self.is_out(agent) || is_full(agent));
        let by_trend = estimate.ahead(ahead.until);
        let expected = self.expected(&estimate, ahead);
        let comes_back = (expected - by_trend).abs() > WORTH_TELLING * estimate.mean;
        AgentLoad {
            season_s: self.season.period_s().filter(|_| comes_back),
            rate: if expected > 0.0 && self.is_worth_waiting_for(seen, agent, &line) {
                expected
            } else {
                0.0
            },
            error,
            attempts: self.attempts(),
            spread: spread(line.cv2),
            // While slots are held by calls that nobody has seen end, no time is known.
            slow_down: if longer > MOST_LONGER {
                SlowDown::NONE
            } else {
                self.crowding.slow_down(line.calls)
            },
            line,
            max_batch: match (agent.is_batch, agent.max_batch) {
                (false, _) => 1.0,
                (true, Some(most)) => f64::from(most.max(1)),
                (true, None) => f64::from(u32::MAX),
            },
            limit: agent
                .limit
                .map_or(f64::INFINITY, |limit| f64::from(limit.max(1))),
            calls_per_s: agent
                .call_rate
                .map_or(f64::INFINITY, |rate| rate.as_per_second()),
            messages_per_s: self.messages_per_s(agent),
            waiting: if waits_for_slots {
                // What it takes until workers ordered now could help.
                let limit = self.refusals.limit();
                let most = limit.map_or(f64::INFINITY, |rate| rate * ahead.until);
                most.min(self.waiting(ahead.until, agent))
            } else {
                0.0
            },
            waits: 1.0,
            dispersion: estimate.dispersion,
        }
    }

    /// Whoever pauses for a moment, as it refuses calls, is not out.
    fn is_out(&self, agent: &AgentObservation) -> bool {
        is_out(agent) && !(agent.paused && self.refusals.make_short_pauses())
    }

    /// Whether workers for an agent that is out should stay until it comes back. As in renting
    /// skis, they do until they have cost what it would cost to be without them then: all that
    /// waits, later by a start-up. Of an agent that never was well nobody knows what it will need.
    fn is_worth_waiting_for(
        &self,
        seen: &Observation,
        agent: &AgentObservation,
        line: &CallLine,
    ) -> bool {
        let batch = line.seen_up_to.max(1.0);
        let work = line.time_s(batch) / batch / f64::from(seen.parallelism.max(1));
        let workers = self.rate.estimate().mean * work;
        let waiting = agent.waiting as f64 + seen.queue.delayed as f64;
        let late = seen.prices.late * work * waiting * seen.worker_start.as_secs_f64();
        self.out_s <= 0.0
            || line.calls > 0.0 && workers * self.out_s.max(SHORT_OUTAGE_S) < late + SHORT_OUTAGE_S
    }

    fn messages_per_s(&self, agent: &AgentObservation) -> f64 {
        let by_units = match agent.unit_rate {
            Some(rate) if self.units > 0.0 => {
                rate.as_per_second() * self.unit_messages / self.units
            }
            _ => f64::INFINITY,
        };
        by_units.min(self.refusals.limit().unwrap_or(f64::INFINITY))
    }
}

/// Time of the calls that ended, which kept slots busy for `busy_s`. How long those that failed
/// lasted is not observed: as long as the others, or those beyond what counts as attempts not at
/// all, as the slots say.
fn finished_s(agent: &AgentObservation, busy_s: f64) -> f64 {
    let succeeded = agent.calls.succeeded.max(1) as f64;
    let attempts = 1.0 + agent.calls.failed as f64 / succeeded;
    let time_s = agent.calls.time.as_secs_f64();
    busy_s.clamp(time_s * attempts.min(MOST_ATTEMPTS), time_s * attempts)
}

/// Whether its own limit is reached.
fn is_full(agent: &AgentObservation) -> bool {
    agent.limit.is_some_and(|limit| agent.in_flight >= limit)
}

/// While it recovers its calls flow, and what has piled up is worked off.
fn is_out(agent: &AgentObservation) -> bool {
    agent.paused || matches!(agent.breaker, BreakerState::Open | BreakerState::HalfOpen)
}
