//! Hot configuration: what a configuration may change while the broker runs.
//!
//! Most settings are read where they are used and need nothing more than to be there; what
//! was worked out from them beforehand is worked out again here.

use ebbtide_policies::units::Time;

use crate::config::{AgentConfig, BrokerConfig, Checked};
use crate::control::{Control, pace};
use crate::error::{ReconfigureAgentError, ReconfigureError};
use crate::event::{Listener, What};
use crate::message::AgentId;
use crate::shutdown::Shutdown;
use crate::state::{BrokerState, Wake};

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Replaces the configuration, with effect from now on: calls under way keep the timeout
    /// they started with, retries their time, open breakers theirs. The start values of
    /// workers, batch size and batch timeout take effect where they were changed, and the
    /// policy goes on from there; narrowed bounds move what is in force. What the queue holds
    /// beyond a lowered bound stays.
    ///
    /// # Errors
    ///
    /// [`ReconfigureError`] if `config` changes `delivery_parallelism`, or the policy to one
    /// that [`switch_policy`](Self::switch_policy) has not put in place. Nothing is changed.
    pub fn reconfigure(
        &mut self,
        now: Time,
        config: Checked<BrokerConfig>,
    ) -> Result<(), ReconfigureError> {
        self.disturb(now);
        self.refuse_what_stays(&config)?;
        let before = std::mem::replace(&mut self.config, config);
        self.lanes.reconfigure(&self.config);
        self.retries.reconfigure(&self.config);
        self.warnings.reconfigure(&self.config);
        self.control.reconfigure(self.now, &before, &self.config);
        self.bounds_changed();
        for at in 0..self.agents.present().len() {
            let id = AgentId(self.agents.present()[at]);
            let agent = &mut self.agents[id.0 as usize];
            let was = agent.breaker_state();
            agent.reconfigure(&self.config);
            let state = agent.breaker_state();
            if state != was {
                let agent = id;
                self.emit(What::Breaker { agent, state });
            }
        }
        if self.shutdown != Shutdown::Over {
            let tick = self.control.next_tick();
            self.timers.sooner(tick, Wake::Tick);
        }
        self.note_queue_level();
        Ok(())
    }

    /// Replaces an agent's configuration, with effect from now on: calls under way keep their
    /// timeout and end where they are, what waits is called as the new one says.
    ///
    /// # Errors
    ///
    /// [`ReconfigureAgentError`] if there is no such agent, or if it would have another name.
    /// Nothing is changed.
    pub fn reconfigure_agent(
        &mut self,
        now: Time,
        id: AgentId,
        config: Checked<AgentConfig>,
    ) -> Result<(), ReconfigureAgentError> {
        self.disturb(now);
        let known = self.agents.get_mut(id);
        let Some(agent) = known.filter(|agent| !agent.removed) else {
            return Err(ReconfigureAgentError::UnknownAgent(id));
        };
        if config.name != agent.config.name {
            return Err(ReconfigureAgentError::Name {
                found: config.name.clone(),
                allowed: agent.config.name.clone(),
            });
        }
        self.topics.retain(|_, subscribers| {
            subscribers.retain(|&subscriber| subscriber != id);
            !subscribers.is_empty()
        });
        for topic in &config.topics {
            let subscribers = self.topics.entry(topic.clone()).or_default();
            let place = subscribers.partition_point(|&subscriber| subscriber < id);
            subscribers.insert(place, id);
        }
        agent.replace_config(config, &self.config, self.now);
        self.bound_changed(id);
        Ok(())
    }

    fn refuse_what_stays(&self, config: &BrokerConfig) -> Result<(), ReconfigureError> {
        let (found, present) = (
            config.delivery_parallelism,
            self.config.delivery_parallelism,
        );
        if found != present {
            return Err(ReconfigureError {
                field: "delivery_parallelism",
                found: found.to_string(),
                allowed: present.to_string(),
                remedy: "workers keep the slots they started with; start another broker",
            });
        }
        let in_place = [self.config.policy.as_str(), self.control.policy.name()];
        if in_place.contains(&config.policy.as_str()) {
            return Ok(());
        }
        Err(ReconfigureError {
            field: "policy",
            found: config.policy.clone(),
            allowed: self.control.policy.name().to_owned(),
            remedy: "switch the policy first",
        })
    }
}

impl Control {
    fn reconfigure(&mut self, now: Time, before: &BrokerConfig, config: &BrokerConfig) {
        self.governor.reconfigure(pace(config));
        let named = self.policy.start_workers().is_some();
        if before.num_workers != config.num_workers && !named {
            self.setting.workers = config.num_workers;
        }
        if before.batch_size != config.batch_size {
            self.setting.batch_size = config.batch_size;
        }
        if before.batch_timeout_ms != config.batch_timeout_ms {
            self.setting.batch_timeout = config.batch_timeout();
        }
        if before.control_interval_ms != config.control_interval_ms {
            self.set_interval(now, config.control_interval());
        }
        self.observation.objective = config.objective;
        self.observation.prices = config.prices();
        self.observation.worker_start = config.worker_start();
    }
}
