//! A shell of a few lines for cases by hand: times in milliseconds, messages named by number.

use ebbtide_core::message::{AgentId, LeaseId, MessageId};
use ebbtide_core::units::{Duration, Time};
use ebbtide_core::*;
use ebbtide_policies::{Decision, Policy, registry};

/// Milliseconds since the start.
pub(crate) fn ms(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

/// One worker of two slots, and nothing that protects agents or limits retries.
pub(crate) fn plain() -> BrokerConfig {
    BrokerConfig {
        num_workers: 1,
        min_workers: 1,
        max_workers: 1,
        delivery_parallelism: 2,
        retry_backoff_ms: 0,
        retry_jitter: 0.0,
        retry_budget: None,
        bulkhead: None,
        breaker: None,
        lane_max_wait_ms: [None; 5],
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

/// One worker of one slot, of one to three, ticks every 100 ms, nothing that paces.
pub(crate) fn elastic() -> BrokerConfig {
    BrokerConfig {
        max_workers: 3,
        delivery_parallelism: 1,
        control_interval_ms: 100,
        shrink_window_ms: 0,
        ..plain()
    }
}

/// What the policy saw.
pub(crate) fn seen(record: &event::DecisionRecord) -> &ebbtide_policies::Observation {
    record.observation.as_ref().expect("observations are kept")
}

/// A broker and what it said.
pub(crate) struct Rig {
    pub(crate) state: BrokerState<u32>,
    events: Vec<Event<u32>>,
}

impl Rig {
    pub(crate) fn new(config: BrokerConfig) -> Self {
        Self::with(config, registry::build("fixed").expect("fixed exists"))
    }

    pub(crate) fn with(config: BrokerConfig, policy: Box<dyn Policy>) -> Self {
        let config = Checked::new(config).expect("sound");
        let mut state = BrokerState::new(config, policy);
        state.keep_observations(true);
        let events = Vec::new();
        Self { state, events }
    }

    /// An ordinary agent.
    pub(crate) fn agent(&mut self, name: &str) -> AgentId {
        self.add(AgentConfig::new(name))
    }

    /// An agent that takes batches.
    pub(crate) fn batch_agent(&mut self, name: &str) -> AgentId {
        self.add(AgentConfig {
            batch: true,
            ..AgentConfig::new(name)
        })
    }

    pub(crate) fn add(&mut self, config: AgentConfig) -> AgentId {
        self.state
            .add_agent(Time::ZERO, config)
            .expect("sound, and of a new name")
    }

    pub(crate) fn send(&mut self, at: u64, agent: AgentId, name: u32) -> MessageId {
        self.send_with(at, agent, name, |_| {})
    }

    pub(crate) fn send_each(&mut self, at: u64, agent: AgentId, names: std::ops::Range<u32>) {
        for name in names {
            self.send(at, agent, name);
        }
    }

    pub(crate) fn send_with(
        &mut self,
        at: u64,
        agent: AgentId,
        name: u32,
        change: impl FnOnce(&mut Submission<u32>),
    ) -> MessageId {
        self.try_send(at, agent, name, change)
            .expect("there is room")
    }

    pub(crate) fn try_send(
        &mut self,
        at: u64,
        agent: AgentId,
        name: u32,
        change: impl FnOnce(&mut Submission<u32>),
    ) -> Result<MessageId, Refusal> {
        let mut submission = Submission::new(agent, ms(at), name);
        change(&mut submission);
        let result = self.state.submit(ms(at), submission);
        self.state.check();
        result.map_err(|refused| refused.reason)
    }

    /// Takes wherever there is room; the calls that start.
    pub(crate) fn take(&mut self, at: u64) -> Vec<Call> {
        let mut calls = Vec::new();
        self.state.advance(ms(at));
        while let Some(worker) = self.state.least_busy_worker() {
            let before = calls.len();
            self.state.take(ms(at), worker, 1, &mut calls);
            if calls.len() == before {
                break;
            }
        }
        self.state.check();
        calls
    }

    /// Takes, and the names of what the calls carry.
    pub(crate) fn taken(&mut self, at: u64) -> Vec<Vec<u32>> {
        let calls = self.take(at);
        calls.iter().map(|call| self.names(call.lease)).collect()
    }

    pub(crate) fn names(&self, lease: LeaseId) -> Vec<u32> {
        let payloads = self
            .state
            .messages_of(lease)
            .iter()
            .filter_map(|&it| self.state.payload(it));
        payloads.copied().collect()
    }

    pub(crate) fn settle(&mut self, at: u64, call: &Call, verdict: Verdict) {
        let settled = self
            .state
            .settle(ms(at), call.lease, Settlement::All(verdict));
        settled.expect("in time");
        self.state.check();
    }

    pub(crate) fn fail(&mut self, at: u64, call: &Call) {
        self.settle(at, call, Verdict::Failed);
    }

    pub(crate) fn deliver(&mut self, at: u64, call: &Call) {
        self.settle(at, call, Verdict::Delivered);
    }

    pub(crate) fn advance(&mut self, at: u64) {
        self.state.advance(ms(at));
        self.state.check();
    }

    /// All events so far.
    pub(crate) fn events(&mut self) -> &[Event<u32>] {
        self.events
            .extend(std::iter::from_fn(|| self.state.poll_event()));
        &self.events
    }

    /// Outcomes so far: message, outcome, milliseconds.
    pub(crate) fn outcomes(&mut self) -> Vec<(u32, Outcome, u64)> {
        let outcome = |event: &Event<u32>| match &event.what {
            What::Finished {
                payload, outcome, ..
            } => Some((*payload, *outcome, event.at.as_nanos() / 1_000_000)),
            _ => None,
        };
        self.events().iter().filter_map(outcome).collect()
    }

    /// What the ticks so far observed and decided.
    pub(crate) fn decisions(&mut self) -> Vec<event::DecisionRecord> {
        let decided = |event: &Event<u32>| match &event.what {
            What::Decided(record) => Some((**record).clone()),
            _ => None,
        };
        self.events().iter().filter_map(decided).collect()
    }

    /// Changes of workers so far: which, and to what.
    pub(crate) fn workers(&mut self) -> Vec<(u32, event::WorkerChange)> {
        let change = |event: &Event<u32>| match event.what {
            What::Worker { worker, state } => Some((worker.0, state)),
            _ => None,
        };
        self.events().iter().filter_map(change).collect()
    }
}

/// A policy that asks for so many workers, tick after tick, and always for an early one when
/// more than `early_arrivals` came.
pub(crate) struct Asks {
    pub(crate) workers: Vec<u32>,
    pub(crate) early_arrivals: Option<u64>,
}

/// Asks for these, and for no early tick.
pub(crate) fn asks(workers: &[u32]) -> Box<Asks> {
    Box::new(Asks {
        workers: workers.to_vec(),
        early_arrivals: None,
    })
}

impl Policy for Asks {
    fn name(&self) -> &str {
        "asks"
    }

    fn decide(&mut self, seen: &ebbtide_policies::Observation) -> Decision {
        let workers = if self.workers.is_empty() {
            seen.setting.workers
        } else {
            self.workers.remove(0)
        };
        Decision {
            workers: f64::from(workers),
            batch_size: f64::NAN,
            batch_timeout: None,
            reason: ebbtide_policies::decision::Reason {
                code: "test".into(),
                text: "a test".into(),
            },
            prediction: None,
            rejected: Vec::new(),
            early_tick: self
                .early_arrivals
                .map(|arrivals| ebbtide_policies::decision::EarlyTick {
                    oldest_wait: None,
                    arrivals: Some(arrivals),
                }),
        }
    }
}
