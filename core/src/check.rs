//! The invariants that can be read off the state at rest, recounted from scratch.
//!
//! Tests call it after each step; in debug builds the books are also balanced after every
//! call. What concerns sequences of calls (order, fairness, late settles) has property tests.

use crate::event::Listener;
use crate::leases::LeaseState;
use crate::messages::Place;
use crate::state::BrokerState;

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Recounts everything.
    ///
    /// # Panics
    ///
    /// If the state contradicts itself: a bug in core, never in its caller.
    pub fn check(&self) {
        let places = |wanted: fn(Place) -> bool| {
            self.messages
                .iter()
                .filter(|(_, message)| wanted(message.place))
                .count() as u64
        };
        let leased = places(|place| matches!(place, Place::Leased(_)));
        let delayed = places(|place| place == Place::Delayed);
        let waiting = places(|_| true) - leased - delayed;
        let counted = (self.books.waiting, self.books.delayed, self.books.leased);
        assert!(self.books.balance(), "invariant 1: {:?}", self.books);
        assert_eq!((waiting, delayed, leased), counted, "invariant 1: places");
        let queued = |place| !matches!(place, Place::Leased(_));
        let queued = self
            .messages
            .iter()
            .filter(|(_, message)| queued(message.place));
        let bytes: u64 = queued.map(|(_, message)| u64::from(message.size)).sum();
        assert_eq!(bytes, self.books.bytes, "invariant 5: bytes");
        let with_history = |(index, _): &(u32, _)| self.histories.contains_key(index);
        let histories = self.messages.iter().filter(with_history).count();
        assert_eq!(histories, self.histories.len(), "histories of no message");
        self.check_agents();
        self.check_calls();
        let setting = &self.control.setting;
        let bounds = &self.control.bounds;
        let wanted = bounds.min_workers..=bounds.max_workers;
        assert!(
            wanted.contains(&setting.workers),
            "invariant 4: {setting:?}"
        );
        let workers = self.workers.iter().count();
        assert!(
            workers <= self.control.most_workers as usize,
            "invariant 4: {workers} workers"
        );
    }

    fn check_agents(&self) {
        let (mut held_in_all, mut behind_in_all) = (0, 0);
        for (_, message) in self.messages.iter() {
            let agent = message.account.agent;
            let is_here = self.agents.get(agent).is_some();
            assert!(is_here, "a message of agent {}, which is gone", agent.0);
        }
        for (id, agent) in self.agents.numbered() {
            let queued = agent
                .queues
                .iter()
                .flat_map(|queue| queue.iter(&self.messages));
            assert_eq!(
                queued.count() as u64,
                agent.takeable,
                "agent {id}: takeable"
            );
            let held = agent.held.iter();
            let held = held.flat_map(|queue| queue.iter(&self.messages)).count() as u64;
            let behind = agent.keys.behind;
            assert_eq!(
                agent.keys.recounted(),
                (behind, agent.keys.contended),
                "invariant 7: agent {id}"
            );
            let waiting = agent.takeable + held + behind;
            assert_eq!(waiting, agent.waiting, "agent {id}: waiting");
            held_in_all += held;
            behind_in_all += behind;
            for lane in crate::message::Lane::ALL {
                let listed = self.lanes.agents(lane).contains(&id);
                assert_eq!(
                    listed,
                    !agent.queues[lane.index()].is_empty(),
                    "agent {id}: {lane:?}"
                );
                let held = &agent.held[lane.index()];
                assert!(
                    held.is_empty() || self.lanes.is_paused(lane),
                    "agent {id}: {lane:?} is not paused"
                );
            }
            let calls = self
                .leases
                .open_slots()
                .filter(|(_, lease)| lease.agent == id)
                .count();
            assert_eq!(calls, agent.in_flight as usize, "agent {id}: in flight");
            assert!(
                agent.in_flight <= agent.most_in_flight,
                "invariant 8: agent {id}"
            );
        }
        assert_eq!(held_in_all, self.lanes.held, "messages of paused lanes");
        assert_eq!(behind_in_all, self.lanes.behind, "invariant 7: behind");
    }

    fn check_calls(&self) {
        let calls = self.leases.open_slots().count() as u64;
        assert_eq!(calls, self.workers.taken_slots(), "slots with a call");
        for worker in self.workers.iter() {
            let of_worker = |lease: &crate::leases::Lease| lease.worker == worker.id;
            let calls = self
                .leases
                .open_slots()
                .filter(|(_, lease)| of_worker(lease))
                .count();
            assert_eq!(calls, worker.calls as usize, "{worker:?}");
            assert!(worker.calls <= self.workers.parallelism(), "{worker:?}");
        }
        for (slot, lease) in self.leases.open_slots() {
            let live = lease
                .members
                .iter()
                .filter(|&&member| self.is_live(member))
                .count();
            if lease.state == LeaseState::Active {
                assert_eq!(live, lease.live as usize, "lease {slot}: live members");
                assert!(live > 0, "lease {slot}: a call for nobody");
            }
        }
    }
}
