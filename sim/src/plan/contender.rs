//! A contender: a broker's configuration with the policy that steers it, chosen by name or
//! brought along by whoever wrote it.

use std::fmt;
use std::sync::Arc;

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::{Checked, ConfigError};
use ebbtide_policies::{Policy, registry};

use super::Plan;

/// A broker to run.
#[derive(Clone, Debug)]
pub struct Contender {
    /// The policy's or the profile's name, as it was asked for.
    pub name: String,
    /// The broker's configuration.
    pub config: Checked<BrokerConfig>,
    /// Where its policy comes from.
    pub policy: PolicySource,
}

/// Where a contender's policy comes from; each replication gets a fresh one.
#[derive(Clone)]
pub enum PolicySource {
    /// The registry, by the name in the configuration.
    Named,
    /// Whoever wrote it.
    Own(Arc<dyn Fn() -> Box<dyn Policy> + Send + Sync>),
}

impl fmt::Debug for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "Named",
            Self::Own(_) => "Own",
        })
    }
}

impl Contender {
    /// A fresh policy.
    #[must_use]
    pub fn policy(&self) -> Box<dyn Policy> {
        match &self.policy {
            PolicySource::Named => {
                registry::build(&self.config.policy).expect("a plan's policies are known")
            }
            PolicySource::Own(make) => make(),
        }
    }
}

impl Plan {
    /// A policy of your own on the broker of the plan's first contender. Push it onto
    /// [`contenders`](Self::contenders) to compare it with the others, or put it in their place.
    ///
    /// ```
    /// use ebbtide_policies::threshold::Threshold;
    /// use ebbtide_sim::files::Files;
    /// use ebbtide_sim::{Experiment, Monitor, Plan, Sinks, shipped};
    ///
    /// let scenario = shipped::find("burst").expect("it is shipped");
    /// let mut plan = Plan::new(scenario.text, Files::default())?;
    /// let mine = plan.contender(|| Box::new(Threshold::with_target(35)))?;
    /// plan.contenders.push(mine);
    /// plan.run.replications = 1;
    /// let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    /// assert_eq!(experiment.policies.last().expect("mine").policy, "threshold(35)");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the policy has no name, or starts with more workers than there may be.
    pub fn contender(
        &self,
        make: impl Fn() -> Box<dyn Policy> + Send + Sync + 'static,
    ) -> Result<Contender, ConfigError> {
        let policy = make();
        let name = policy.name().to_owned();
        let config = BrokerConfig {
            policy: name.clone(),
            ..self.contenders[0].config.clone().into_inner()
        };
        Ok(Contender {
            name,
            config: Checked::new(config.under(&*policy))?,
            policy: PolicySource::Own(Arc::new(make)),
        })
    }
}
