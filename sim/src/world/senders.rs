//! How messages enter the simulated broker: at once, after waiting for room, or not at all.

use ebbtide_core::Submission;
use ebbtide_core::message::{AgentId, MessageId};

use crate::calendar::Entry;
use crate::traffic::{Address, Arrival, WhenFull};

use super::{Tag, World};

impl World<'_> {
    /// A message is sent: it enters, is lost, or waits with its source's later ones for room.
    pub(super) fn arrive(&mut self, arrival: &Arrival) {
        if let Some(sink) = &mut self.arrival_sink {
            sink(arrival);
        }
        let source = self.source_of(arrival);
        let waits = self
            .plan
            .sources
            .get(source)
            .is_some_and(|it| it.when_full == WhenFull::Block);
        if waits && (!self.blocked[source].is_empty() || !self.has_room(arrival)) {
            self.blocked_count += 1;
            return self.blocked[source].push_back(*arrival);
        }
        self.submit(arrival);
    }

    pub(super) fn source_of(&self, arrival: &Arrival) -> usize {
        (arrival.key.source() as usize).min(self.blocked.len() - 1)
    }

    pub(super) fn submit(&mut self, arrival: &Arrival) {
        let submission = self.submission(arrival);
        let class = &self.plan.classes[usize::from(arrival.class.0)];
        match &class.to {
            Address::Agents(_) => match self.state.submit(self.now, submission) {
                Ok(message) => self.start_patience(arrival, message),
                Err(_) => self.traffic.outcome(self.now, arrival.key, arrival.at),
            },
            Address::Topic(topic) => match self.state.broadcast(self.now, topic, submission) {
                Ok(messages) => {
                    if self.has_callers {
                        self.copies.insert(arrival.key.mixed(), messages.len());
                    }
                    for message in messages {
                        self.start_patience(arrival, message);
                    }
                }
                Err(_) => self.traffic.outcome(self.now, arrival.key, arrival.at),
            },
        }
    }

    pub(super) fn submission(&self, arrival: &Arrival) -> Submission<Tag> {
        let class = &self.plan.classes[usize::from(arrival.class.0)];
        Submission {
            agent: arrival.agent.unwrap_or(AgentId(0)),
            kind: class.kind,
            lane: class.lane,
            class: arrival.class,
            sent: arrival.at,
            due: None,
            deadline: class.deadline.map(|length| arrival.at + length),
            ordering_key: arrival.ordering_key,
            size: arrival.size,
            units: arrival.units,
            luck: arrival.key.mixed(),
            nested: false,
            payload: Tag {
                key: arrival.key,
                service: arrival.service,
                units: arrival.units,
            },
        }
    }

    pub(super) fn start_patience(&mut self, arrival: &Arrival, message: MessageId) {
        if let Some(patience) = arrival.patience {
            let at = self.grain(arrival.at + patience).max(self.now);
            self.calendar.enter(at, Entry::GivesUp(message));
        }
    }

    pub(super) fn has_room(&mut self, arrival: &Arrival) -> bool {
        let submission = self.submission(arrival);
        let class = &self.plan.classes[usize::from(arrival.class.0)];
        let refusal = match &class.to {
            Address::Agents(_) => self.state.would_refuse(self.now, &submission),
            Address::Topic(topic) => {
                self.state
                    .would_refuse_broadcast(self.now, topic, &submission)
            }
        };
        refusal.is_none_or(|refusal| !refusal.is_full())
    }

    /// Lets waiting senders in as far as there is room. Whether any entered.
    pub(super) fn admit_blocked(&mut self) -> bool {
        let mut entered = false;
        for source in 0..self.blocked.len() {
            while let Some(&first) = self.blocked[source].front()
                && self.has_room(&first)
            {
                self.blocked[source].pop_front();
                self.blocked_count -= 1;
                self.submit(&first);
                entered = true;
            }
        }
        entered
    }
}
