//! A message as it travels through the live broker: by its name all of its luck is drawn.

use std::sync::atomic::{AtomicU32, Ordering};

use ebbtide::{AgentId, Duration, Time};
use ebbtide_sim::agents::{CallItem, Service};
use ebbtide_sim::streams::MessageKey;
use ebbtide_sim::traffic::Arrival;

/// A message; the copies of a broadcast share it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) key: MessageKey,
    pub(crate) sent: Time,
    units: u32,
    service: Option<Duration>,
    /// Calls for it so far, by agent.
    calls: Box<[AtomicU32]>,
}

impl Job {
    pub(crate) fn new(arrival: &Arrival, agents: usize) -> Self {
        Self {
            key: arrival.key,
            sent: arrival.at,
            units: arrival.units,
            service: arrival.service,
            calls: (0..agents).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// The message in another call of `agent`.
    pub(crate) fn item(&self, agent: AgentId) -> CallItem {
        CallItem {
            key: self.key,
            attempt: self.calls[agent.0 as usize].fetch_add(1, Ordering::Relaxed),
            units: self.units,
            service: self.service.map_or(Service::Unknown, Service::Stated),
        }
    }
}
