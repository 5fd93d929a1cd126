//! Agents at run time: their queues, their calls in flight, and what protects them.
//!
//! The in-flight limit, rate limits, breaker and pause of an agent are its own and live here.
//! The bulkhead also depends on the pool, the open batch on the setting in force; `protect.rs`
//! puts all of them together.

use ebbtide_policies::observation::BreakerState;
use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

pub use crate::config::{AgentConfig, RateLimit};

use crate::account::AgentTally;
use crate::breaker::{Breaker, Health};
use crate::config::{BrokerConfig, Checked};
use crate::lanes::LaneQueue;
use crate::message::Lane;
use crate::ordering::OrderingKeys;
use crate::rate_limit::TokenBucket;
use crate::retry::RetryRule;
use crate::row::Row;

/// A registered agent, or what is left of a removed one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Agent {
    #[serde(with = "crate::journal::as_json")]
    pub(crate) config: Checked<AgentConfig>,
    /// Nothing new enters; what is in a call may still settle.
    pub(crate) removed: bool,
    /// Takeable messages, by lane.
    pub(crate) queues: [LaneQueue; 5],
    /// Messages that wait for their paused lane, by lane.
    pub(crate) held: [LaneQueue; 5],
    /// Takeable messages in all lanes.
    pub(crate) takeable: u64,
    /// Waiting messages: the takeable ones, those behind an ordering key, and those held.
    pub(crate) waiting: u64,
    pub(crate) in_flight: u32,
    in_flight_by_replica: Vec<u32>,
    /// Calls in flight that its own limit allows; [`u32::MAX`]: no limit.
    pub(crate) limit: u32,
    /// Calls in flight that there may be: the limit, or what there was when it was lowered.
    pub(crate) most_in_flight: u32,
    pub(crate) calls: Option<TokenBucket>,
    pub(crate) units: Option<TokenBucket>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) row: Row,
    /// Not called before; zero: not paused.
    pub(crate) paused_until: Time,
    pub(crate) keys: OrderingKeys,
    pub(crate) call_timeout: Duration,
    pub(crate) retry: RetryRule,
    /// Share of the ready workers' slots; `None`: all.
    pub(crate) bulkhead: Option<f64>,
    pub(crate) tally: AgentTally,
}

impl Agent {
    pub(crate) fn new(config: Checked<AgentConfig>, broker: &BrokerConfig, now: Time) -> Self {
        let limit = limit_of(&config);
        Self {
            removed: false,
            queues: Default::default(),
            held: Default::default(),
            takeable: 0,
            waiting: 0,
            in_flight: 0,
            in_flight_by_replica: vec![0; config.replicas as usize],
            limit,
            most_in_flight: limit,
            calls: config.call_rate.map(|rate| TokenBucket::new(rate, now)),
            units: config.unit_rate.map(|rate| TokenBucket::new(rate, now)),
            breaker: broker.breaker.map(Breaker::new),
            row: Row::default(),
            paused_until: Time::ZERO,
            keys: OrderingKeys::default(),
            call_timeout: config.call_timeout.unwrap_or(broker.call_timeout()),
            retry: RetryRule::of(&config, broker),
            bulkhead: config.bulkhead.or(broker.bulkhead),
            tally: AgentTally::default(),
            config,
        }
    }

    /// Another configuration of its own from now on. Calls at replicas that are no more end
    /// where they are; tokens that are there, and debts, stay.
    pub(crate) fn replace_config(
        &mut self,
        config: Checked<AgentConfig>,
        broker: &BrokerConfig,
        now: Time,
    ) {
        let bucket = |old: &Option<TokenBucket>, limit: Option<RateLimit>| {
            let anew = |limit| TokenBucket::new(limit, now);
            let other = |limit| old.as_ref().map(|old| old.with_limit(limit, now));
            limit.map(|limit| other(limit).unwrap_or_else(|| anew(limit)))
        };
        self.calls = bucket(&self.calls, config.call_rate);
        self.units = bucket(&self.units, config.unit_rate);
        let replicas = self
            .in_flight_by_replica
            .len()
            .max(config.replicas as usize);
        self.in_flight_by_replica.resize(replicas, 0);
        self.limit = limit_of(&config);
        self.most_in_flight = self.limit.max(self.in_flight);
        self.config = config;
        self.reconfigure(broker);
    }

    /// What it takes from the broker's configuration, taken again.
    pub(crate) fn reconfigure(&mut self, broker: &BrokerConfig) {
        self.retry = RetryRule::of(&self.config, broker);
        self.call_timeout = self.config.call_timeout.unwrap_or(broker.call_timeout());
        self.bulkhead = self.config.bulkhead.or(broker.bulkhead);
        if self.removed {
            return;
        }
        match (&mut self.breaker, broker.breaker) {
            (Some(breaker), Some(config)) => breaker.reconfigure(config),
            (breaker, config) => *breaker = config.map(Breaker::new),
        }
    }

    /// The state of its breaker; without one calls flow.
    pub(crate) fn breaker_state(&self) -> BreakerState {
        let breaker = self.breaker.as_ref();
        breaker.map_or(BreakerState::Closed, Breaker::state)
    }

    /// A call starts; the replica that takes it: fewest calls, lowest index among equals.
    pub(crate) fn call_started(&mut self) -> u32 {
        self.in_flight += 1;
        if let [only] = self.in_flight_by_replica.as_mut_slice() {
            *only += 1;
            return 0;
        }
        let fewest = (0..)
            .zip(&self.in_flight_by_replica)
            .take(self.config.replicas as usize)
            .min_by_key(|&(_, calls)| *calls);
        let (replica, _) = fewest.expect("an agent has at least one replica");
        self.in_flight_by_replica[replica as usize] += 1;
        replica
    }

    /// Whether nothing of its waits or is in a call.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.in_flight == 0
    }

    /// A call's place is free again.
    pub(crate) fn call_gone(&mut self, replica: u32) {
        self.in_flight -= 1;
        self.in_flight_by_replica[replica as usize] -= 1;
    }

    /// Whether its next call is a half-open breaker's probe.
    pub(crate) fn is_probing(&self) -> bool {
        self.breaker.as_ref().is_some_and(Breaker::is_probing)
    }

    /// Whether its messages are called for in their order, as far as its breaker is concerned.
    #[inline(always)]
    pub(crate) fn keeps_order(&self) -> bool {
        self.breaker.as_ref().is_none_or(Breaker::keeps_order)
    }

    /// Whether what waits for it fails at once: its breaker is open, and is set so.
    pub(crate) fn fails_fast(&self) -> bool {
        self.breaker.as_ref().is_some_and(Breaker::fails_fast)
    }

    /// A call ends. How many failures in a row it is one of.
    #[inline(always)]
    pub(crate) fn call_ended(&mut self, now: Time, row: u32, health: Health) -> u32 {
        (self.row).call_ended(now, row, health, self.breaker.as_ref())
    }

    /// Most calls in flight that its breaker allows.
    pub(crate) fn breaker_limit(&self) -> u32 {
        let open = self.breaker.as_ref().filter(|breaker| !breaker.is_closed());
        open.map_or(u32::MAX, Breaker::limit)
    }

    /// Lanes in which it has takeable messages, highest first.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        let filled = |lane: &Lane| !self.queues[lane.index()].is_empty();
        Lane::ALL.into_iter().filter(filled)
    }
}

/// Calls in flight that all its replicas allow.
fn limit_of(config: &AgentConfig) -> u32 {
    let each = config.in_flight_limit;
    each.map_or(u32::MAX, |each| each.saturating_mul(config.replicas))
}
