//! One replication as foresight sees it: every message with its time and its demand, drawn
//! before the first run, so that a twin runs through it without drawing again.

use ebbtide_core::config::{BrokerConfig, Checked};
use ebbtide_core::message::{ClassId, Lane};
use ebbtide_measure::cost::LOST;
use ebbtide_policies::objective::{Measure, Objective};
use ebbtide_policies::units::{Duration, Time};

use crate::agents::{AgentModel, CallItem, Service};
use crate::plan::Plan;
use crate::streams::{MessageKey, Streams};
use crate::traffic::{Address, Arrival, Callers, ClassPlan, Traffic};

/// One replication of one broker, foreseen.
pub(crate) struct Path<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) config: &'p Checked<BrokerConfig>,
    pub(crate) streams: Streams,
    /// The messages of the open sources, in order of time.
    pub(crate) messages: Vec<Message>,
    /// Callers that wait for outcomes, before their first message, and where their messages'
    /// names begin.
    pub(crate) callers: Vec<(u32, Callers)>,
    /// Those messages of each class that have a deadline, in order of time.
    pub(crate) expiring: Vec<Vec<u32>>,
    /// The agents before their first call.
    pub(crate) models: Vec<AgentModel>,
    /// A message's own work at each agent, in worker-seconds: its share of a call of the best
    /// size, by the slots of a worker.
    pub(crate) work: Vec<f64>,
    /// Draws what callers send.
    traffic: Traffic<'p>,
}

/// A message, with all that the twin needs of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) sent: Time,
    pub(crate) key: MessageKey,
    pub(crate) class: ClassId,
    pub(crate) agent: u32,
    pub(crate) units: u32,
    /// How long a call for it takes.
    pub(crate) service: Service,
}

impl Message {
    /// The message in a call, after so many others.
    pub(crate) fn item(&self, calls: u32) -> CallItem {
        CallItem {
            key: self.key,
            attempt: calls,
            units: self.units,
            service: self.service,
        }
    }
}

impl<'p> Path<'p> {
    /// Replication `number` of `plan`, for a broker of this configuration.
    pub(crate) fn new(plan: &'p Plan, config: &'p Checked<BrokerConfig>, number: u32) -> Self {
        let streams = Streams::new(plan.run.seed, number);
        let mut traffic = Traffic::new(plan, streams);
        let callers = traffic.take_callers();
        let arrivals: Vec<Arrival> = traffic.by_ref().collect();
        let mut path = Self {
            messages: Vec::with_capacity(arrivals.len()),
            callers: Vec::new(),
            expiring: vec![Vec::new(); plan.classes.len()],
            models: plan.agent_models(streams),
            work: plan
                .agents
                .iter()
                .map(|agent| agent.own_work(config))
                .collect(),
            traffic,
            plan,
            config,
            streams,
        };
        for arrival in &arrivals {
            for agent in path.agents_of(arrival) {
                let id = path.messages.len() as u32;
                if path.class(arrival.class).deadline.is_some() {
                    path.expiring[usize::from(arrival.class.0)].push(id);
                }
                let message = path.message(arrival, agent);
                path.messages.push(message);
            }
        }
        let mut first = path.messages.len() as u32;
        for callers in callers {
            let count = callers.count();
            path.callers.push((first, callers));
            first += count;
        }
        path
    }

    /// What a caller sends under `key`; `None` if it is a broadcast, which callers of the twin
    /// do not send.
    pub(crate) fn asked(&self, at: Time, key: MessageKey) -> Option<Message> {
        let arrival = self.traffic.asked(at, key);
        Some(self.message(&arrival, arrival.agent?.0))
    }

    pub(crate) fn class(&self, id: ClassId) -> &'p ClassPlan {
        &self.plan.classes[usize::from(id.0)]
    }

    pub(crate) fn lane(&self, message: &Message) -> Lane {
        self.class(message.class).lane
    }

    /// Whether anything is worth nothing after a while.
    pub(crate) fn has_deadlines(&self) -> bool {
        self.plan
            .classes
            .iter()
            .any(|class| class.deadline.is_some())
    }

    /// What is beyond the objective of this measure, in seconds.
    #[inline]
    pub(crate) fn beyond(&self, measure: Measure, took: Duration) -> f64 {
        match &self.config.objective {
            Some(Objective {
                measure: own,
                limit,
                ..
            }) if *own == measure => took.saturating_sub(*limit).as_secs_f64(),
            _ => 0.0,
        }
    }

    /// What is beyond the objective, whichever measure it limits, in seconds.
    pub(crate) fn beyond_either(&self, took: Duration) -> f64 {
        let objective = self.config.objective.as_ref();
        objective.map_or(0.0, |it| took.saturating_sub(it.limit).as_secs_f64())
    }

    /// How late a message is that was lost after so long, in seconds.
    pub(crate) fn beyond_when_lost(&self, message: &Message, took: Duration) -> f64 {
        if self.config.objective.is_none() {
            return 0.0;
        }
        let least = self.class(message.class).deadline.unwrap_or(LOST);
        self.beyond_either(took).max(least.as_secs_f64())
    }

    fn agents_of(&self, arrival: &Arrival) -> Vec<u32> {
        match &self.class(arrival.class).to {
            Address::Agents(_) => arrival.agent.iter().map(|agent| agent.0).collect(),
            Address::Topic(topic) => {
                let subscribes = |(_, agent): &(u32, &crate::agents::Agent)| {
                    agent.protect.topics.contains(topic)
                };
                let agents = (0..).zip(&self.plan.agents).filter(subscribes);
                agents.map(|(index, _)| index).collect()
            }
        }
    }

    fn message(&self, arrival: &Arrival, agent: u32) -> Message {
        let drawn = || self.models[agent as usize].draw(arrival.key);
        Message {
            sent: arrival.at,
            key: arrival.key,
            class: arrival.class,
            agent,
            units: arrival.units,
            service: arrival.service.map_or_else(drawn, Service::Stated),
        }
    }
}
