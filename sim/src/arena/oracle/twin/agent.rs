//! An agent of the twin: what waits for it, and what protects it.

use std::collections::VecDeque;

use ebbtide_core::config::BrokerConfig;
use ebbtide_core::message::Lane;
use ebbtide_core::parts::{Breaker, Health, Rank, RetryRule, Row, TokenBucket};
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{self, AgentModel};

/// A message that waits; ordered as messages are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Queued {
    pub(super) due: Time,
    /// How many became due before it.
    pub(super) turn: u32,
    pub(super) id: u32,
}

impl Queued {
    pub(super) fn rank(&self) -> Rank {
        (self.due, u64::from(self.turn))
    }
}

/// An agent in the middle of a run.
#[derive(Clone)]
pub(super) struct Agent {
    pub(super) model: AgentModel,
    pub(super) is_batch: bool,
    pub(super) max_batch: u32,
    pub(super) max_batch_timeout: Duration,
    queues: [VecDeque<Queued>; 5],
    /// Messages in all lanes.
    pub(super) takeable: u64,
    pub(super) in_flight: u32,
    pub(super) limit: u32,
    pub(super) calls: Option<TokenBucket>,
    pub(super) units: Option<TokenBucket>,
    pub(super) breaker: Option<Breaker>,
    pub(super) row: Row,
    pub(super) paused_until: Time,
    pub(super) bulkhead: Option<f64>,
    pub(super) call_timeout: Duration,
    pub(super) retry: RetryRule,
}

impl Agent {
    pub(super) fn new(agent: &agents::Agent, model: AgentModel, broker: &BrokerConfig) -> Self {
        let protect = &agent.protect;
        let replicas = protect.replicas.unwrap_or(1);
        let bucket = |rate| TokenBucket::new(rate, Time::ZERO);
        let limit = protect.in_flight_limit;
        Self {
            model,
            is_batch: agent.is_batch() && broker.enable_batching,
            max_batch: protect.max_batch.unwrap_or(u32::MAX),
            max_batch_timeout: protect.max_batch_timeout.unwrap_or(Duration::MAX),
            queues: Default::default(),
            takeable: 0,
            in_flight: 0,
            limit: limit.map_or(u32::MAX, |each| each.saturating_mul(replicas)),
            calls: protect.call_rate.map(bucket),
            units: protect.unit_rate.map(bucket),
            breaker: broker.breaker.map(Breaker::new),
            row: Row::default(),
            paused_until: Time::ZERO,
            bulkhead: protect.bulkhead.or(broker.bulkhead),
            call_timeout: protect.call_timeout.unwrap_or(broker.call_timeout()),
            retry: RetryRule::of(&agent.config(), broker),
        }
    }

    /// The messages of a lane, the first one first.
    pub(super) fn queue(&self, lane: Lane) -> &VecDeque<Queued> {
        &self.queues[lane.index()]
    }

    /// The first message of a lane.
    pub(super) fn front(&self, lane: Lane) -> Option<Queued> {
        self.queues[lane.index()].front().copied()
    }

    /// The first message of all lanes.
    pub(super) fn oldest(&self) -> Option<Queued> {
        self.queues
            .iter()
            .filter_map(|queue| queue.front())
            .min()
            .copied()
    }

    /// Lanes with messages, highest first.
    pub(super) fn lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        let filled = |lane: &Lane| !self.queues[lane.index()].is_empty();
        Lane::ALL.into_iter().filter(filled)
    }

    /// Puts a message where its rank belongs. Whether its lane was empty.
    pub(super) fn insert(&mut self, lane: Lane, message: Queued) -> bool {
        let queue = &mut self.queues[lane.index()];
        let was_empty = queue.is_empty();
        if queue.back().is_none_or(|last| *last <= message) {
            queue.push_back(message);
        } else {
            let at = queue.partition_point(|other| *other < message);
            queue.insert(at, message);
        }
        self.takeable += 1;
        was_empty
    }

    /// Takes a lane's first message. Whether that leaves none.
    pub(super) fn pop(&mut self, lane: Lane) -> bool {
        let queue = &mut self.queues[lane.index()];
        queue.pop_front();
        self.takeable -= 1;
        queue.is_empty()
    }

    /// Takes message `id` out, which has been sent at `sent`. `None` if it does not wait here; else
    /// whether that leaves none.
    pub(super) fn remove(&mut self, lane: Lane, id: u32) -> Option<bool> {
        let queue = &mut self.queues[lane.index()];
        let at = queue.iter().position(|other| other.id == id)?;
        queue.remove(at);
        self.takeable -= 1;
        Some(queue.is_empty())
    }

    /// The names of all messages that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u32> + '_ {
        self.queues.iter().flatten().map(|message| message.id)
    }

    /// Whether its next call is a probe.
    pub(super) fn is_probing(&self) -> bool {
        self.breaker.as_ref().is_some_and(Breaker::is_probing)
    }

    /// Most calls in flight that its limit and its breaker allow.
    pub(super) fn most_in_flight(&self) -> u32 {
        let breaker = self.breaker.as_ref().map_or(u32::MAX, Breaker::limit);
        self.limit.min(breaker)
    }

    /// As core's.
    pub(super) fn call_ended(&mut self, now: Time, row: u32, health: Health) -> u32 {
        (self.row).call_ended(now, row, health, self.breaker.as_ref())
    }

    /// An open breaker whose time is over probes.
    pub(super) fn reopen(&mut self, now: Time) {
        if let Some(breaker) = &mut self.breaker
            && breaker.open_until().is_some_and(|until| until <= now)
        {
            breaker.half_open();
        }
    }

    /// When a pause or the breaker's open state is over, if there is one.
    pub(super) fn opens_at(&self, now: Time) -> Option<Time> {
        if self.paused_until > now {
            return Some(self.paused_until);
        }
        self.breaker.as_ref().and_then(Breaker::open_until)
    }
}
