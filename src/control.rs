//! The broker's controls at run time: policy, pins, dry runs, pauses.

use ebbtide_core::config::{Checked, ConfigError};
use ebbtide_core::error::{PinError, ReconfigureAgentError, ReconfigureError};
use ebbtide_core::message::AgentId;
use ebbtide_core::{AgentConfig, BrokerConfig, Lane};
use ebbtide_policies::Policy;
use ebbtide_policies::registry::{self, UnknownPolicy};
use ebbtide_policies::units::{Duration, Time};

use crate::broker::Broker;
use crate::contained::outlive;
use crate::error::AgentError;
use crate::floor::Floor;
use crate::guard::own;

/// Why a configuration was not replaced; nothing is changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// It has faults.
    #[error("the configuration has faults: {0}")]
    Config(#[from] ConfigError),
    /// It changes what a running broker cannot.
    #[error(transparent)]
    Fixed(#[from] ReconfigureError),
    /// It changes what a registered agent cannot.
    #[error(transparent)]
    FixedAgent(#[from] ReconfigureAgentError),
    /// There is no such agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Why another policy was not put in place; the one before decides on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwitchError {
    /// There is no such policy.
    #[error(transparent)]
    Policy(#[from] UnknownPolicy),
    /// It names more workers than any configuration may have.
    #[error("the configuration has no room for the policy: {0}")]
    Config(#[from] ConfigError),
}

/// Until when something is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Until it is resumed.
    UntilResumed,
    /// For this long.
    For(Duration),
}

impl Pause {
    fn until(self, now: Time) -> Time {
        match self {
            Self::UntilResumed => Time::MAX,
            Self::For(length) => now + length,
        }
    }
}

impl Broker {
    /// Another policy decides from the next tick on: one of the shipped ones, by name. As at the
    /// start, the bounds have room for the workers that it names.
    ///
    /// # Errors
    /// [`SwitchError::Policy`], with the names that there are; [`SwitchError::Config`], with the
    /// bound.
    pub fn switch_policy(&self, name: &str) -> Result<(), SwitchError> {
        self.switch(registry::build(name)?)
    }

    /// A policy of your own decides from the next tick on. As at the start, the bounds have room
    /// for the workers that it names.
    ///
    /// # Errors
    /// [`SwitchError::Config`], with the bound.
    pub fn switch_to(&self, policy: impl Policy + 'static) -> Result<(), SwitchError> {
        self.switch(own(Box::new(policy)))
    }

    fn switch(&self, policy: Box<dyn Policy>) -> Result<(), SwitchError> {
        let switched = self.on_controls(|floor| {
            // Core would keep to the configuration's own bounds, and say nothing.
            let config = floor.driver.config().clone();
            match Checked::new(config.under(&*policy)) {
                Ok(_) => Ok(floor.driver.switch_policy(policy)),
                Err(fault) => Err((fault, policy)),
            }
        });
        // Either may be the user's, and is not dropped under the lock.
        let (result, unused) = match switched {
            Ok(before) => (Ok(()), before),
            Err((fault, refused)) => (Err(fault.into()), refused),
        };
        outlive(|| drop(unused));
        result
    }

    /// Keeps the pool at this many workers, whatever the policy decides; `None` lets it decide
    /// again.
    ///
    /// # Errors
    /// [`PinError`] if that is out of the configuration's bounds.
    pub fn pin_workers(&self, workers: Option<u32>) -> Result<(), PinError> {
        self.on_controls(|floor| floor.driver.pin_workers(workers))
    }

    /// In a dry run the policy decides, and each decision is logged with what would have been
    /// applied and counted ([`Books::dry_changes`](crate::Books)), but nothing is applied.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.on_controls(|floor| floor.driver.set_dry_run(dry_run));
    }

    /// Replaces the configuration, with effect from now on; calls under way keep the timeout they
    /// started with. A worker under way is ready `worker_start_ms`, as it is now, after it was ordered:
    /// at once if that has passed.
    ///
    /// ```
    /// use ebbtide::{Broker, BrokerConfig};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = Broker::builder().start().await?;
    /// let config = BrokerConfig { max_workers: 20, ..BrokerConfig::default() };
    /// broker.reconfigure(config)?;
    /// broker.pin_workers(Some(20))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ChangeError`] if it has faults, or changes what cannot be changed in a running broker:
    /// `delivery_parallelism`, and the policy ([`switch_policy`](Self::switch_policy) does that).
    pub fn reconfigure(&self, config: BrokerConfig) -> Result<(), ChangeError> {
        let config = Checked::new(config)?;
        Ok(self.on_controls(|floor| floor.reconfigure(config))?)
    }

    /// Replaces the configuration of the agent that it names, with effect from now on. Whether
    /// it takes batches stays its handler's to say.
    ///
    /// # Errors
    /// [`ChangeError`] if it has faults, or there is no such agent.
    pub fn reconfigure_agent(&self, mut config: AgentConfig) -> Result<(), ChangeError> {
        self.on_controls(|floor| {
            let id = floor.agent_named(&config.name)?;
            config.batch = floor.runner(id).is_some_and(|runner| runner.is_batch());
            let config = Checked::new(config)?;
            Ok(floor.driver.reconfigure_agent(id, config)?)
        })
    }

    /// Pauses an agent: its messages wait. A longer pause stands.
    ///
    /// # Errors
    /// [`AgentError::Unknown`] if there is no such agent.
    pub fn pause_agent(&self, name: &str, pause: Pause) -> Result<(), AgentError> {
        self.on_agent(name, |floor, agent| {
            let until = pause.until(floor.driver.now());
            floor.driver.pause_agent(agent, until);
        })
    }

    /// Ends an agent's pause, whoever asked for it.
    ///
    /// # Errors
    /// [`AgentError::Unknown`] if there is no such agent.
    pub fn resume_agent(&self, name: &str) -> Result<(), AgentError> {
        self.on_agent(name, |floor, agent| floor.driver.resume_agent(agent))
    }

    /// Pauses a lane: its messages wait, whoever their agent is. A longer pause stands.
    pub fn pause_lane(&self, lane: Lane, pause: Pause) {
        self.on_controls(|floor| {
            let until = pause.until(floor.driver.now());
            floor.driver.pause_lane(lane, until);
        });
    }

    /// Ends a lane's pause.
    pub fn resume_lane(&self, lane: Lane) {
        self.on_controls(|floor| floor.driver.resume_lane(lane));
    }

    fn on_controls<T>(&self, work: impl FnOnce(&mut Floor) -> T) -> T {
        self.shared().on_floor(work)
    }

    pub(crate) fn on_agent(
        &self,
        name: &str,
        work: impl FnOnce(&mut Floor, AgentId),
    ) -> Result<(), AgentError> {
        self.shared().on_floor(|floor| {
            let agent = floor.agent_named(name)?;
            work(floor, agent);
            Ok(())
        })
    }
}
