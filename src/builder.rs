//! Setting a broker up.

use std::fmt;
use std::io::{self, Write};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::Arc;

use ebbtide_core::config::Checked;
use ebbtide_core::fault::Fault;
use ebbtide_core::{AddAgentError, AgentConfig, BrokerConfig, BrokerState};
use ebbtide_policies::fixed::Fixed;
use ebbtide_policies::units::{Duration, Time};
use ebbtide_policies::{Policy, registry};
use tokio::runtime::Handle;

use crate::alarm;
use crate::broker::{Broker, Open};
use crate::clock::{Clock, TimeSource};
use crate::decision_log::{DecisionLog, DecisionLogConfig};
use crate::driver::Driver;
use crate::ear::Ear;
use crate::error::StartError;
use crate::floor::Floor;
use crate::guard::own;
use crate::handler::{AnyAgent, IntoAgent};
use crate::health::RestartLimit;
use crate::journal::{self, Target};
use crate::keys::RecentKeys;
use crate::observer::{Heard, Hears, Observer};
use crate::shared::Shared;

/// How long a request waits for its reply unless it, or the builder, says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// Dead letters kept unless the builder says otherwise.
const DEAD_LETTERS: usize = 10_000;

/// Idempotency keys remembered unless the builder says otherwise.
const IDEMPOTENCY_KEYS: usize = 100_000;

/// A broker to be started.
///
/// ```
/// use ebbtide::{AgentConfig, Broker, BrokerConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = BrokerConfig { max_workers: 20, ..BrokerConfig::default() };
/// let model = AgentConfig { in_flight_limit: Some(2), ..AgentConfig::new("model") };
/// let broker = Broker::builder()
///     .config(config)
///     .agent(model, async |prompt: &String| Ok(prompt.to_uppercase()))
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a broker is started by `start`"]
pub struct Builder {
    config: BrokerConfig,
    policy: Option<Box<dyn Policy>>,
    agents: Vec<(AgentConfig, AnyAgent)>,
    time: TimeSource,
    patience: Option<Duration>,
    dead_letters: usize,
    idempotency_keys: usize,
    restart_limit: RestartLimit,
    decision_log: Option<DecisionLogConfig>,
    journal: Option<Target>,
    observer: Option<Box<dyn Hears>>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: BrokerConfig::default(),
            policy: None,
            agents: Vec::new(),
            time: TimeSource::Auto,
            patience: Some(PATIENCE),
            dead_letters: DEAD_LETTERS,
            idempotency_keys: IDEMPOTENCY_KEYS,
            restart_limit: RestartLimit::default(),
            decision_log: None,
            journal: None,
            observer: None,
        }
    }
}

impl Builder {
    /// As the broker that came before was set up: its queue's bound, and how often a message is
    /// tried. Everything else is at its default.
    ///
    /// ```
    /// use ebbtide::Builder;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = Builder::from_legacy(1000, 3).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_legacy(max_queue_size: u64, max_retry: u32) -> Self {
        Self::default().config(BrokerConfig {
            max_queue_size,
            retry_max_attempts: Some(max_retry),
            ..BrokerConfig::default()
        })
    }

    /// The configuration. Default: [`BrokerConfig::default`].
    pub fn config(mut self, config: impl Into<BrokerConfig>) -> Self {
        self.config = config.into();
        self
    }

    /// A policy of your own, whatever the configuration names.
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Registers an agent: by name alone, or with a configuration of its own. [`IntoAgent`] lists what
    /// a handler can be; with [`add_agent`](Broker::add_agent) there is an example of one with a client.
    pub fn agent<K, A: IntoAgent<K>>(mut self, config: impl Into<AgentConfig>, handler: A) -> Self {
        self.agents.push((config.into(), handler.into_agent()));
        self
    }

    /// How long a request waits for its reply unless it says otherwise; `None`: for ever.
    /// Default: a minute.
    pub fn request_deadline(mut self, within: Option<impl Into<Duration>>) -> Self {
        self.patience = within.map(Into::into);
        self
    }

    /// Keeps a journal in this file, which is replaced: everything that the controller's
    /// decisions follow from, and the decisions. `ebbtide parity FILE` runs it again and says
    /// whether they come out the same, byte for byte. It holds no message, only what is known of
    /// each: some forty bytes a message, so it is for hours, not for months.
    ///
    /// The broker never waits for the disk: what it cannot write is dropped, counted and bridged.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(Target::File(path.into()));
        self
    }

    /// As [`journal`](Self::journal), to a writer of your own, on a thread of its own.
    pub fn journal_to(mut self, writer: impl Write + Send + 'static) -> Self {
        self.journal = Some(Target::Writer(Box::new(writer)));
        self
    }

    /// Where the time is read. Default: the runtime's clock where it is paused, the
    /// processor's otherwise.
    pub fn time_source(mut self, source: TimeSource) -> Self {
        self.time = source;
        self
    }

    /// How many dead letters are kept; beyond that the oldest is dropped. Default: 10 000.
    pub fn dead_letters(mut self, most: usize) -> Self {
        self.dead_letters = most;
        self
    }

    /// How many idempotency keys are remembered; beyond that the oldest is forgotten. Default:
    /// 100 000.
    pub fn idempotency_keys(mut self, most: usize) -> Self {
        self.idempotency_keys = most;
        self
    }

    /// How many lost workers are replaced at once, and what follows when more are lost. Default:
    /// [`RestartLimit::default`].
    pub fn restart_limit(mut self, limit: RestartLimit) -> Self {
        self.restart_limit = limit;
        self
    }

    /// Logs what the controller sees and decides, a line of JSON each. Where there is nothing to do lines come late:
    /// when something happens, or somebody asks for [`stats`](Broker::stats). Default: not.
    pub fn decision_log(mut self, config: DecisionLogConfig) -> Self {
        self.decision_log = Some(config);
        self
    }

    /// Who hears every event, from the first worker on. Default: nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Box::new(Heard(observer)));
        self
    }

    /// Starts it, on the runtime that this is called on.
    ///
    /// # Errors
    /// [`StartError`] if the configuration has faults, the policy is unknown, an agent cannot
    /// be added, the decision log or the journal cannot be written, or there is no runtime. Without timers
    /// (`enable_time`) one will do, unless its clock is to be the broker's ([`TimeSource::Runtime`]): that is
    /// [`StartError::NoTimers`], and tokio's own panic message is printed besides.
    pub async fn start(self) -> Result<Broker, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        if self.time.is_runtime() && !has_timers() {
            return Err(StartError::NoTimers);
        }
        let (config, policy) = checked(self.config, self.policy)?;
        // Core would keep to the configuration's own bounds, and say nothing.
        Checked::new(BrokerConfig::clone(&config).under(&*policy))?;
        // Before an old file is replaced.
        can_be_added(&config, &self.agents)?;
        let log = opened(self.decision_log, DecisionLog::start).await;
        let log = log.map_err(StartError::DecisionLog)?;
        let journal = opened(self.journal, journal::start).await;
        let journal = journal.map_err(StartError::Journal)?;
        let keys = RecentKeys::new(self.idempotency_keys);
        let ear = Ear::new(self.dead_letters, keys, log, self.observer);
        let mut floor = Floor::new(
            Driver::new(config, policy, ear, journal),
            self.restart_limit,
        );
        for (config, agent) in self.agents {
            floor.add_agent(config, agent)?;
        }
        let clock = Clock::start(self.time);
        let shared = Arc::new(Shared::new(floor, clock, self.patience, runtime));
        // The first to take the floor hires the workers that core has ordered.
        shared.on_floor(|_| ());
        alarm::start(&shared).map_err(StartError::Alarm)?;
        let open = Arc::new(Open { shared });
        Ok(Broker { open })
    }
}

/// The configuration and who decides under it, or all that is wrong with both.
fn checked(
    config: BrokerConfig,
    own_policy: Option<Box<dyn Policy>>,
) -> Result<(Checked<BrokerConfig>, Box<dyn Policy>), StartError> {
    let policy = match own_policy {
        Some(policy) => Ok(own(policy)),
        None => registry::build(&config.policy),
    };
    match (Checked::new(config), policy) {
        (Ok(config), Ok(policy)) => Ok((config, policy)),
        (Ok(_), Err(unknown)) => Err(unknown.into()),
        (Err(error), Ok(_)) => Err(error.into()),
        (Err(mut error), Err(unknown)) => {
            // That it is empty has been said.
            if error.faults.iter().all(|fault| fault.path != "policy") {
                error.faults.push(Fault::new("policy", unknown.problem()));
            }
            Err(error.into())
        }
    }
}

/// Whether a broker of this configuration takes all these agents: core says so.
fn can_be_added(
    config: &Checked<BrokerConfig>,
    agents: &[(AgentConfig, AnyAgent)],
) -> Result<(), AddAgentError> {
    let policy = Box::new(Fixed::at_start_setting());
    let mut trial = BrokerState::<()>::new(config.clone(), policy);
    agents.iter().try_for_each(|(config, AnyAgent(runner))| {
        let mut config = config.clone();
        config.batch = runner.is_batch();
        trial.add_agent(Time::ZERO, config).map(drop)
    })
}

/// Opens what goes to a disk, on a thread that may wait for one.
async fn opened<C: Send + 'static, T: Send + 'static>(
    config: Option<C>,
    open: fn(C) -> io::Result<T>,
) -> io::Result<Option<T>> {
    let Some(config) = config else {
        return Ok(None);
    };
    tokio::task::spawn_blocking(move || open(config))
        .await?
        .map(Some)
}

/// Whether the runtime here has timers. Tokio says so by a panic only, which the process's panic
/// hook prints before it is caught here.
fn has_timers() -> bool {
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO.into()))).is_ok()
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agents = self.agents.iter().map(|(config, _)| &config.name);
        let mut it = f.debug_struct("Builder");
        it.field("config", &self.config)
            .field("agents", &agents.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
