//! How messages enter the simulated broker: at once, after waiting for room, or not at all; and
//! how their senders give up.

use ebbtide_core::Submission;
use ebbtide_core::event::{Account, Event, What};
use ebbtide_core::message::{AgentId, MessageId};
use ebbtide_policies::units::Time;

use crate::agents::Service;
use crate::streams::MessageKey;
use crate::traffic::{Address, Arrival, WhenFull};

use super::patience::Sender;
use super::{Tag, World};

impl World<'_> {
    /// A message is sent: it enters, is lost, or waits with its source's later ones for room.
    #[inline(always)]
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        if self.arrival_sink.is_some() {
            self.tell_sink(arrival);
        }
        let source = self.source_of(arrival.key);
        let waits = self
            .plan
            .sources
            .get(source)
            .is_some_and(|it| it.when_full == WhenFull::Block);
        if waits && self.must_wait(source, arrival) {
            return;
        }
        self.submit(arrival);
    }

    #[cold]
    fn tell_sink(&mut self, arrival: Arrival) {
        if let Some(sink) = &mut self.arrival_sink {
            sink(&arrival);
        }
    }

    /// Whether a message waits from now on until there is room, or until its sender has no use
    /// for it any more.
    #[inline(never)]
    fn must_wait(&mut self, source: usize, arrival: Arrival) -> bool {
        if self.blocked[source].is_empty() && self.has_room(arrival) {
            return false;
        }
        let place = self.blocked[source].join(arrival);
        self.blocked_count += 1;
        if let Some(at) = self.waits_until(arrival) {
            let source = source as u32;
            self.gives_up(at, Sender::InLine { source, place });
        }
        true
    }

    /// When a sender has no use for its message any more.
    fn waits_until(&self, arrival: Arrival) -> Option<Time> {
        let deadline = self.plan.classes[usize::from(arrival.class.0)].deadline;
        let most = deadline.into_iter().chain(arrival.patience).min()?;
        Some(arrival.at + most)
    }

    /// Somebody waits until `at` at most.
    fn gives_up(&mut self, at: Time, sender: Sender) {
        let at = self.grain(at).max(self.now);
        self.patience.enter(at, sender);
        if self.patience.is_crowded() {
            let (state, lines) = (&self.state, &self.blocked);
            self.patience.clear(|sender| match sender {
                Sender::Of(message) => state.payload(message).is_some(),
                Sender::InLine { source, place } => lines[source as usize].has(place),
            });
        }
    }

    /// Those whose patience ends now give up.
    pub(super) fn give_up_due(&mut self) {
        while let Some(sender) = self.patience.pop_due(self.now) {
            self.events += 1;
            match sender {
                Sender::Of(message) => {
                    self.state.cancel(self.now, message);
                }
                Sender::InLine { source, place } => self.leave_line(source as usize, place),
            }
        }
    }

    /// A sender waits for room no longer: its message never entered, so it is refused.
    fn leave_line(&mut self, source: usize, place: u64) {
        let Some(arrival) = self.blocked[source].leave(place) else {
            return;
        };
        self.blocked_count -= 1;
        let sent = arrival.at;
        for account in self.accounts_of(&arrival) {
            let what = What::<Tag>::Refused { account, sent };
            let event = Event { at: self.now, what };
            self.state.listener_mut().recorder.record(&event);
        }
        self.traffic.outcome(self.now, arrival.key, sent);
    }

    /// Where a message counts that has not entered: a broadcast once for each subscriber.
    pub(super) fn accounts_of(&self, arrival: &Arrival) -> Vec<Account> {
        let class = &self.plan.classes[usize::from(arrival.class.0)];
        let agents = match &class.to {
            Address::Agents(_) => arrival.agent.as_slice(),
            Address::Topic(topic) => self.state.subscribers(topic),
        };
        let account = |&agent| Account {
            agent,
            lane: class.lane,
            class: arrival.class,
        };
        agents.iter().map(account).collect()
    }

    pub(super) fn source_of(&self, key: MessageKey) -> usize {
        (key.source() as usize).min(self.blocked.len() - 1)
    }

    #[inline(always)]
    pub(super) fn submit(&mut self, arrival: Arrival) {
        let class = &self.plan.classes[usize::from(arrival.class.0)];
        let accepted = match &class.to {
            Address::Agents(_) => {
                let submitted = self.state.submit(self.now, self.submission(arrival));
                submitted
                    .map(|message| self.start_patience(arrival, message))
                    .is_ok()
            }
            Address::Topic(topic) => self.broadcast(topic, arrival),
        };
        if !accepted {
            self.traffic.outcome(self.now, arrival.key, arrival.at);
        }
    }

    /// Whether it was accepted.
    fn broadcast(&mut self, topic: &str, arrival: Arrival) -> bool {
        let submission = self.submission(arrival);
        let Ok(messages) = self.state.broadcast(self.now, topic, submission) else {
            return false;
        };
        if self.has_callers {
            self.copies.insert(arrival.key.mixed(), messages.len());
        }
        for message in messages {
            self.start_patience(arrival, message);
        }
        true
    }

    #[inline(always)]
    pub(super) fn submission(&self, arrival: Arrival) -> Submission<Tag> {
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
                service: self.service_of(arrival),
            },
        }
    }

    #[inline(always)]
    fn service_of(&self, arrival: Arrival) -> Service {
        match (arrival.service, arrival.agent) {
            (Some(service), _) => Service::Stated(service),
            (None, Some(agent)) => self.agents[agent.0 as usize].draw(arrival.key),
            (None, None) => Service::Unknown,
        }
    }

    pub(super) fn start_patience(&mut self, arrival: Arrival, message: MessageId) {
        if let Some(patience) = arrival.patience {
            self.gives_up(arrival.at + patience, Sender::Of(message));
        }
    }

    pub(super) fn has_room(&mut self, arrival: Arrival) -> bool {
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

    /// Lets waiting senders in as far as there is room, and none whose wait is over. Whether any
    /// entered.
    #[inline(always)]
    pub(super) fn admit_blocked(&mut self) -> bool {
        self.blocked_count > 0 && self.admit_lines()
    }

    #[inline(never)]
    fn admit_lines(&mut self) -> bool {
        let mut entered = false;
        for source in 0..self.blocked.len() {
            while let Some(&first) = self.blocked[source].first()
                && self.waits_until(first).is_none_or(|at| at > self.now)
                && self.has_room(first)
            {
                self.blocked[source].pass();
                self.blocked_count -= 1;
                self.submit(first);
                entered = true;
            }
        }
        entered
    }
}
