//! Workers and agents come and go: what the shell reports and the user asks for.

use ebbtide_policies::units::Time;

use crate::agents::Agent;
use crate::config::{AgentConfig, Checked};
use crate::error::AddAgentError;
use crate::event::{Listener, What, Whereabouts, WorkerChange};
use crate::message::{AgentId, DeadReason, Outcome, WorkerId};
use crate::state::BrokerState;
use crate::workers::{Worker, WorkerState};

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// A worker that was ordered is able to take. One that was let go meanwhile is ignored.
    pub fn worker_ready(&mut self, now: Time, worker: WorkerId) {
        self.disturb(now);
        let starting = |worker: &&Worker| worker.state == WorkerState::Starting;
        let known = self
            .workers
            .iter()
            .filter(starting)
            .any(|other| other.id == worker);
        if known {
            self.workers.set_state(worker, WorkerState::Ready);
            self.emit_worker(worker, WorkerChange::Ready);
        }
    }

    /// A worker is lost: its task ended or its thread blocks. Its calls' messages go back at
    /// once, and it is replaced if `worker_restart_on_failure` says so; if not, the setting has
    /// one worker fewer (never fewer than the bound) until a decision wants more. `false` if
    /// it was gone already.
    pub fn worker_lost(&mut self, now: Time, worker: WorkerId) -> bool {
        self.disturb(now);
        let Some(known) = self
            .workers
            .iter()
            .find(|other| other.id == worker)
            .copied()
        else {
            return false;
        };
        let of_worker = self
            .leases
            .open_slots()
            .filter(|(_, lease)| lease.worker == worker);
        let slots: Vec<u32> = of_worker.map(|(slot, _)| slot).collect();
        if known.state == WorkerState::Draining && !slots.is_empty() {
            // Its last call's end dismisses it.
            slots
                .into_iter()
                .for_each(|slot| self.lose_worker_call(slot));
            return true;
        }
        slots
            .into_iter()
            .for_each(|slot| self.lose_worker_call(slot));
        self.dismiss(worker);
        if known.state == WorkerState::Draining {
            return true;
        }
        if self.config.worker_restart_on_failure {
            self.order_worker();
        } else {
            self.control.want_one_fewer();
        }
        true
    }

    /// Registers an agent.
    ///
    /// # Errors
    ///
    /// [`AddAgentError`] if another agent has the name, or if `config` has faults.
    pub fn add_agent(&mut self, now: Time, config: AgentConfig) -> Result<AgentId, AddAgentError> {
        self.disturb(now);
        if self.agents.has_name(&config.name) {
            return Err(AddAgentError::NameTaken(config.name));
        }
        let name = config.name.clone();
        let config =
            Checked::new(config).map_err(|faults| AddAgentError::Invalid { name, faults })?;
        let topics = config.topics.clone();
        let agent = Agent::new(config, &self.config, self.now);
        let id = self.agents.enter(agent);
        for topic in topics {
            self.topics.entry(topic).or_default().push(id);
        }
        self.registered += 1;
        Ok(id)
    }

    /// Removes an agent: nothing new enters, what waits is dead-lettered, calls under way may
    /// still settle; at the first tick without one nothing is left of it. `false` if there is no such agent.
    pub fn remove_agent(&mut self, now: Time, id: AgentId) -> bool {
        self.disturb(now);
        if self.agents.get(id).is_none_or(|agent| agent.removed) {
            return false;
        }
        self.agents.remove(id);
        self.registered -= 1;
        self.topics.retain(|_, subscribers| {
            subscribers.retain(|&subscriber| subscriber != id);
            !subscribers.is_empty()
        });
        let queued = |place| place != Whereabouts::Leased;
        self.finish_all(id, queued, Outcome::DeadLettered(DeadReason::AgentRemoved));
        self.note_queue_level();
        self.agents.let_go();
        true
    }

    /// The pool is to have this many workers: growth takes back draining workers first, then
    /// starts new ones; shrinkage cancels the latest ordered first, then drains those with
    /// the fewest calls, the highest name among equals.
    pub(crate) fn resize(&mut self, wanted: u32) {
        let draining = |state| state == WorkerState::Draining;
        let mut kept = self
            .workers
            .iter()
            .filter(|worker| !draining(worker.state))
            .count() as u32;
        while kept < wanted {
            let back = self.workers.iter().find(|worker| draining(worker.state));
            if let Some(worker) = back.map(|worker| worker.id) {
                self.workers.set_state(worker, WorkerState::Ready);
                self.emit_worker(worker, WorkerChange::Ready);
            } else {
                self.order_worker();
            }
            kept += 1;
        }
        while kept > wanted {
            self.let_one_go();
            kept -= 1;
        }
    }

    fn let_one_go(&mut self) {
        let Some(worker) = self.workers.next_to_go() else {
            return;
        };
        if worker.calls == 0 {
            return self.dismiss(worker.id);
        }
        self.workers.set_state(worker.id, WorkerState::Draining);
        self.emit_worker(worker.id, WorkerChange::Draining);
    }

    pub(crate) fn order_worker(&mut self) -> WorkerId {
        let worker = self.workers.order();
        self.emit_worker(worker, WorkerChange::Starting);
        worker
    }

    /// A worker is gone for good.
    #[cold]
    pub(crate) fn dismiss(&mut self, worker: WorkerId) {
        if self.workers.remove(worker).is_some() {
            self.emit_worker(worker, WorkerChange::Gone);
        }
    }

    fn emit_worker(&mut self, worker: WorkerId, state: WorkerChange) {
        self.emit(What::Worker { worker, state });
    }
}
