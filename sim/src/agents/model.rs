//! What a call to a remote agent does: how long it takes, and how it ends.
//!
//! ```text
//! start(now, tag, messages) → runs, with its end and result | waits for a server
//! end(now, plan)            → a call ended: the waiting one that starts now, if any
//! cancel(now, tag, plan)    → the broker gave the call up: does the remote side stop?
//! ```
//! Everything is drawn by key, so that no policy changes another message's luck. Deliberately
//! absent: the events of the simulation, which are the world's business.

mod steps;

use std::collections::VecDeque;

use ebbtide_core::message::Verdict;
use ebbtide_policies::units::{Duration, Time};

use crate::distribution::{Distribution, Sampler, whole};
use crate::files::Files;
use crate::streams::{KeyedRng, MessageKey, Stream, Streams};

use super::fault::{Fault, InForce, Timetable};
use super::remote_limit::Gate;
use super::{Agent, Noise, Slowdown};

use steps::Steps;

/// The least time of a call during an outage: without it, a broker without backoff would
/// spin at one instant.
const LEAST_OUTAGE_CALL: Duration = Duration::from_millis(1);
/// The same for calls that fail by themselves: time must pass.
const LEAST_FAILED_CALL: Duration = Duration::from_nanos(1_000);

/// One message of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallItem {
    /// Its name.
    pub key: MessageKey,
    /// Calls for it before this one: a trial's luck is its own, whether or not the last one
    /// spent an attempt.
    pub attempt: u32,
    /// What it weighs for a rate limit on units.
    pub units: u32,
    /// How long a call for it takes (what it adds to a batch), as far as that is known.
    pub service: Service,
}

/// How long a call for a message takes (what it adds to a batch), as far as that is known before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// It is drawn as the call starts.
    Unknown,
    /// A trace says so, whichever call it is.
    Stated(Duration),
    /// Its first call [drew](AgentModel::draw) so many nanoseconds.
    Drawn(f64),
}

/// A call that the remote side works on.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPlan {
    /// When it ends; `None`: never.
    pub ends: Option<Time>,
    /// What it says then.
    pub result: CallResult,
}

impl CallPlan {
    /// All goes well, until then.
    pub(crate) const fn delivered(ends: Time) -> Self {
        Self {
            ends: Some(ends),
            result: CallResult::All(Verdict::Delivered),
        }
    }

    /// Whether the remote side never began to work on it.
    fn was_refused(&self) -> bool {
        matches!(self.result, CallResult::All(Verdict::RateLimited(_)))
    }
}

/// What a call says at its end.
#[derive(Clone, Debug, PartialEq)]
pub enum CallResult {
    /// The same of each message.
    All(Verdict),
    /// Of each message, in the call's order.
    Each(Box<[Verdict]>),
}

/// What became of a call that the broker started.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// The remote side works on it.
    Runs(CallPlan),
    /// It waits for one of the remote side's servers; [`AgentModel::end`] or
    /// [`AgentModel::cancel`] will tell.
    Waits,
}

/// What becomes of a call that the broker gave up.
#[derive(Clone, Debug, PartialEq)]
pub enum Cancelled {
    /// The remote side goes on; its end is still to be reported.
    WorksOn,
    /// The remote side has stopped: no end will come. A waiting call may start in its place.
    Stopped(Option<(u32, CallPlan)>),
}

/// A remote agent at run time.
#[derive(Clone, Debug)]
pub struct AgentModel {
    work: Work,
    noise: Option<Sampler>,
    round_trip: Option<Sampler>,
    drift: Steps,
    slowdown: Option<Slowdown>,
    servers: u32,
    gate: Option<Gate>,
    fail: f64,
    fail_time: Option<Sampler>,
    hang: f64,
    stops_on_cancel: bool,
    faults: Timetable,
    /// Nothing but its work and the round trip: no noise, drift, crowding, limit or trouble.
    is_plain: bool,
    draws: Draws,
    /// Calls that the remote side works on.
    working: u32,
    waiting: VecDeque<Waiting>,
    /// When the last call started, and how many have started then.
    last_start: (Time, u32),
}

#[derive(Clone, Debug)]
enum Work {
    /// Time of a call of one message.
    Single(Sampler),
    /// Nanoseconds of every call, and time that each message adds.
    Batch(f64, Option<Sampler>),
}

#[derive(Clone, Copy, Debug)]
struct Draws {
    work: Stream,
    round_trip: Stream,
    refusal: Stream,
    failure: Stream,
    failure_time: Stream,
    hang: Stream,
    noise: Stream,
}

/// A call that waits for a server.
#[derive(Clone, Debug)]
struct Waiting {
    tag: u32,
    items: Items,
}

/// The messages of a call; most calls have one.
#[derive(Clone, Debug)]
enum Items {
    One(CallItem),
    Many(Box<[CallItem]>),
}

impl AgentModel {
    /// The agent in one replication.
    #[must_use]
    pub fn new(agent: &Agent, faults: &[Fault], files: &Files, streams: Streams) -> Self {
        let sampler =
            |distribution: &Option<Distribution>| distribution.as_ref().map(Distribution::sampler);
        // Named, not numbered, so that an agent added to the scenario changes no other's luck.
        let stream = |what: &str| streams.stream(&format!("{what} of {}", agent.name), 0);
        let failures = agent.failures.as_ref();
        let faults = Timetable::of(&agent.name, faults);
        let is_steady = agent.noise.is_none() && agent.drift.is_none() && agent.slowdown.is_none();
        let is_sound = failures.is_none() && agent.hangs == 0.0 && faults.is_empty();
        Self {
            work: match sampler(&agent.call) {
                Some(call) => Work::Single(call),
                None => {
                    let per_call = agent.per_call.unwrap_or(Duration::ZERO);
                    Work::Batch(per_call.as_nanos() as f64, sampler(&agent.per_item))
                }
            },
            noise: agent.noise.map(Noise::sampler),
            round_trip: sampler(&agent.round_trip),
            drift: Steps::new(agent.drift.as_ref(), files),
            slowdown: agent.slowdown,
            servers: agent.servers.unwrap_or(u32::MAX),
            gate: agent.rate_limit.as_ref().map(Gate::new),
            fail: failures.map_or(0.0, |failures| failures.share),
            fail_time: failures.and_then(|failures| sampler(&failures.time)),
            hang: agent.hangs,
            stops_on_cancel: agent.stops_on_cancel,
            faults,
            is_plain: is_steady && is_sound && agent.rate_limit.is_none(),
            draws: Draws {
                work: stream("calls"),
                round_trip: stream("round trips"),
                refusal: stream("refusals"),
                failure: stream("failures"),
                failure_time: stream("failure times"),
                hang: stream("hangs"),
                noise: stream("noise"),
            },
            working: 0,
            waiting: VecDeque::new(),
            last_start: (Time::ZERO, 0),
        }
    }

    /// A call of one message to a plain agent with a free server: it is delivered then. `None`:
    /// more is to be asked, see [`start`](Self::start).
    #[inline(always)]
    pub fn start_plain(&mut self, now: Time, item: &CallItem) -> Option<Time> {
        match &self.work {
            Work::Single(call) if self.is_plain && self.working < self.servers => {
                let length = self.length(self.demand(call, item), item);
                self.working += 1;
                Some(now + length)
            }
            _ => None,
        }
    }

    /// The broker starts a call, which goes by `tag` until its end; at least one message.
    #[inline(never)]
    pub fn start(&mut self, now: Time, tag: u32, items: &[CallItem]) -> Started {
        if let Some(refused) = self.refuse(now, items) {
            return Started::Runs(refused);
        }
        if self.working < self.servers {
            return Started::Runs(self.run(now, items));
        }
        let items = match items {
            [one] => Items::One(*one),
            many => Items::Many(many.into()),
        };
        self.waiting.push_back(Waiting { tag, items });
        Started::Waits
    }

    /// The end of a call has come. Returns the waiting call that starts now, if any.
    #[inline(always)]
    pub fn end(&mut self, now: Time, plan: &CallPlan) -> Option<(u32, CallPlan)> {
        if plan.was_refused() {
            return None;
        }
        self.working -= 1;
        if self.waiting.is_empty() {
            return None;
        }
        self.start_waiting(now)
    }

    #[inline(never)]
    fn start_waiting(&mut self, now: Time) -> Option<(u32, CallPlan)> {
        if self.working >= self.servers {
            return None;
        }
        let Waiting { tag, items } = self.waiting.pop_front()?;
        let items = match &items {
            Items::One(one) => std::slice::from_ref(one),
            Items::Many(many) => many,
        };
        Some((tag, self.run(now, items)))
    }

    /// The broker gave a call up before its end; `plan` is `None` while it waits for a server.
    pub fn cancel(&mut self, now: Time, tag: u32, plan: Option<&CallPlan>) -> Cancelled {
        match plan {
            None => {
                self.waiting.retain(|waiting| waiting.tag != tag);
                Cancelled::Stopped(None)
            }
            Some(plan) if self.stops_on_cancel || plan.ends.is_none() => {
                Cancelled::Stopped(self.end(now, plan))
            }
            Some(_) => Cancelled::WorksOn,
        }
    }

    /// Answers 429 if a rate limit says so. What one of several refuses costs the others nothing.
    fn refuse(&mut self, now: Time, items: &[CallItem]) -> Option<CallPlan> {
        if self.gate.is_none() && self.faults.is_empty() {
            return None;
        }
        let units = items.iter().map(|item| f64::from(item.units)).sum();
        let first = &items[0];
        let mut luck = self.draws.refusal.draw(first.key.mixed(), first.attempt);
        let gates = self.gate.iter_mut().chain(self.faults.gates(now));
        let Some(wait) = (gates.filter_map(|it| it.wait(now, units, luck.unit()))).max() else {
            let gates = self.gate.iter_mut().chain(self.faults.gates(now));
            gates.for_each(|gate| gate.enter(units));
            return None;
        };
        Some(CallPlan {
            ends: Some(now + self.round_trip(first)),
            result: CallResult::All(Verdict::RateLimited(Some(wait))),
        })
    }

    /// The remote side begins to work on a call.
    fn run(&mut self, now: Time, items: &[CallItem]) -> CallPlan {
        self.working += 1;
        if !self.is_plain {
            return self.run_eventful(now, items);
        }
        CallPlan::delivered(now + self.length(self.work(items), &items[0]))
    }

    /// The same with all that may befall a call; apart so that plain calls stay short.
    #[inline(never)]
    fn run_eventful(&mut self, now: Time, items: &[CallItem]) -> CallPlan {
        let index = self.index_at(now);
        let faults = if self.faults.is_empty() {
            InForce::NOTHING
        } else {
            self.faults.in_force(now)
        };
        if faults.outage {
            return CallPlan {
                ends: Some(now + self.round_trip(&items[0]).max(LEAST_OUTAGE_CALL)),
                result: CallResult::All(Verdict::Failed),
            };
        }
        if self.hangs(now, index, faults.hang, &items[0]) {
            return CallPlan {
                ends: None,
                result: CallResult::All(Verdict::Failed),
            };
        }
        let result = self.result(faults.fail, items);
        let work = match &self.fail_time {
            Some(time) if result == CallResult::All(Verdict::Failed) => {
                let item = &items[0];
                time.value(&mut self.draws.failure_time.draw(item.key.mixed(), item.attempt))
            }
            _ => self.work(items),
        };
        let work = work * self.factor(now, index) * faults.slow;
        let mut length = self.length(work, &items[0]);
        if result == CallResult::All(Verdict::Failed) {
            length = length.max(LEAST_FAILED_CALL);
        }
        CallPlan {
            ends: Some(now + length),
            result,
        }
    }

    /// What a message's first call draws. Handed in with the message it makes the same call without
    /// a draw.
    #[inline(always)]
    #[must_use]
    pub fn draw(&self, key: MessageKey) -> Service {
        let (Work::Single(sampler) | Work::Batch(_, Some(sampler))) = &self.work else {
            return Service::Unknown;
        };
        Service::Drawn(sampler.value(&mut self.draws.work.draw(key.mixed(), 0)))
    }

    /// Nanoseconds of work, and the round trip.
    #[inline(always)]
    fn length(&self, work: f64, first: &CallItem) -> Duration {
        Duration::from_nanos(whole(work)) + self.round_trip(first)
    }

    /// Calls that have started at this instant before.
    #[inline]
    fn index_at(&mut self, now: Time) -> u32 {
        let before = self.last_start.1 * u32::from(self.last_start.0 == now);
        self.last_start = (now, before + 1);
        before
    }

    /// Nanoseconds of work.
    fn work(&self, items: &[CallItem]) -> f64 {
        match &self.work {
            Work::Single(call) => self.demand(call, &items[0]),
            Work::Batch(per_call, Some(per_item)) => {
                let demands = items.iter().map(|item| self.demand(per_item, item));
                per_call + demands.sum::<f64>()
            }
            Work::Batch(per_call, None) => {
                let stated = items.iter().map(|item| match item.service {
                    Service::Stated(service) => service.as_nanos() as f64,
                    Service::Unknown | Service::Drawn(_) => 0.0,
                });
                per_call + stated.sum::<f64>()
            }
        }
    }

    /// Nanoseconds of one message's work.
    #[inline(always)]
    fn demand(&self, sampler: &Sampler, item: &CallItem) -> f64 {
        match item.service {
            Service::Drawn(nanos) if item.attempt == 0 => nanos,
            Service::Stated(service) => service.as_nanos() as f64,
            Service::Unknown | Service::Drawn(_) => {
                let mut rng = self.draws.work.draw(item.key.mixed(), item.attempt);
                drawn(sampler, &mut rng)
            }
        }
    }

    /// Noise, drift and crowding.
    #[inline]
    fn factor(&mut self, now: Time, index: u32) -> f64 {
        let mut factor = 1.0;
        if let Some(noise) = &self.noise {
            factor *= noise.value(&mut self.draws.noise.draw(now.as_nanos(), index));
        }
        if !self.drift.is_flat() {
            factor *= self.drift.at(now);
        }
        if let Some(slowdown) = self.slowdown {
            factor *= slowdown.factor(self.working);
        }
        factor
    }

    #[inline(always)]
    fn round_trip(&self, item: &CallItem) -> Duration {
        let round_trip = self.round_trip.as_ref();
        round_trip.map_or(Duration::ZERO, |round_trip| {
            let mut rng = self.draws.round_trip.draw(item.key.mixed(), item.attempt);
            drawn_length(round_trip, &mut rng)
        })
    }

    /// Whether a call never ends: the luck of its message, or of the call if it is a batch,
    /// whose cut must not change the share.
    #[inline]
    fn hangs(&self, now: Time, index: u32, also: f64, item: &CallItem) -> bool {
        let chance = 1.0 - (1.0 - self.hang) * (1.0 - also);
        chance > 0.0
            && match self.work {
                Work::Single(_) => self.draws.hang.draw(item.key.mixed(), item.attempt),
                Work::Batch(..) => self.draws.hang.draw(now.as_nanos(), index),
            }
            .happens(chance)
    }

    /// Which messages fail.
    #[inline]
    fn result(&self, also: f64, items: &[CallItem]) -> CallResult {
        let chance = 1.0 - (1.0 - self.fail) * (1.0 - also);
        if chance <= 0.0 {
            return CallResult::All(Verdict::Delivered);
        }
        let verdict = |item: &CallItem| {
            let mut rng = self.draws.failure.draw(item.key.mixed(), item.attempt);
            if rng.happens(chance) {
                Verdict::Failed
            } else {
                Verdict::Delivered
            }
        };
        let first = verdict(&items[0]);
        if items[1..].iter().all(|item| verdict(item) == first) {
            return CallResult::All(first);
        }
        CallResult::Each(items.iter().map(verdict).collect())
    }
}

#[cold]
fn drawn(sampler: &Sampler, rng: &mut KeyedRng) -> f64 {
    sampler.value(rng)
}

#[inline(never)]
fn drawn_length(sampler: &Sampler, rng: &mut KeyedRng) -> Duration {
    sampler.duration(rng)
}

impl Noise {
    pub(super) fn sampler(self) -> Sampler {
        match self {
            Self::LogNormal { sigma } => Sampler::log_normal(1.0, sigma),
            Self::Exponential => Sampler::exponential(1.0),
            Self::Gamma { cv2 } => Sampler::gamma(1.0, cv2),
        }
    }
}

#[cfg(test)]
mod tests;
