//! The broker as an embedder holds it.

use std::fmt;
use std::io;
use std::sync::Arc;

use ebbtide_core::message::AgentId;
use ebbtide_core::{AddAgentError, AgentConfig, Books};
use ebbtide_policies::closest::closest;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::{Duration, Time};

use crate::address::AgentRef;
use crate::builder::Builder;
use crate::error::AgentError;
use crate::floor::{Floor, Phase};
use crate::handler::{AnyAgent, IntoAgent};
use crate::notice::Events;
use crate::runner::Types;
use crate::shared::Shared;
use crate::shutdown::{Closed, ShutdownReport};
use crate::written::Written;

/// How long beyond its limit a shutdown waits for a disk.
const DISK_CATCHES_UP: std::time::Duration = std::time::Duration::from_millis(500);

/// Agents whose names an unknown one is compared with, under the lock: whoever has more may well ask
/// for those that are not there yet.
const COMPARED_MOST: usize = 100;

/// A running broker. Cheap to clone; all clones are the same broker.
///
/// When the last clone and the last [`AgentRef`] are dropped it shuts down at once, and what it
/// holds is returned to its senders; [`shutdown`](Self::shutdown) does it in good order. A handler
/// that holds an [`AgentRef`] of its own broker keeps it open: then it ends by a shutdown only.
#[derive(Clone)]
pub struct Broker {
    pub(crate) open: Arc<Open>,
}

/// Keeps the broker open while anybody may still send to it.
pub(crate) struct Open {
    pub(crate) shared: Arc<Shared>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.begin_shutdown(Duration::ZERO);
    }
}

impl Broker {
    /// A broker to be set up and started.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Registers an agent. Its messages' and replies' types are those of its handler.
    ///
    /// [`IntoAgent`] lists what a handler can be. A closure with a client of its own says
    /// [`with`](crate::with()), since an async closure cannot capture it:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ebbtide::{Broker, with};
    /// # struct Client;
    /// # impl Client {
    /// #     async fn ask(&self, prompt: &str) -> Result<String, std::io::Error> { Ok(prompt.to_uppercase()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = Broker::builder().start().await?;
    /// # let client = Arc::new(Client);
    /// let model = broker.add_agent(
    ///     "model",
    ///     with(client, async |client: &Arc<Client>, prompt: &String| Ok(client.ask(prompt).await?)),
    /// )?;
    /// assert_eq!(model.request("hello".to_owned()).await?, "HELLO");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AddAgentError`] if another agent has the name, or its configuration has faults.
    pub fn add_agent<K, A: IntoAgent<K>>(
        &self,
        config: impl Into<AgentConfig>,
        handler: A,
    ) -> Result<AgentRef<A::Message, A::Reply>, AddAgentError> {
        let (config, agent) = (config.into(), handler.into_agent());
        let name = config.name.clone();
        let added = self
            .shared()
            .on_floor(|floor| floor.add_agent(config, agent));
        Ok(AgentRef::new(self.open.clone(), added?, name.into()))
    }

    /// A handle to a registered agent, with the types that its handler has.
    ///
    /// # Errors
    /// [`AgentError`] if there is no such agent, or it has other types.
    pub fn agent<M, R>(&self, name: &str) -> Result<AgentRef<M, R>, AgentError>
    where
        M: Send + Sync + 'static,
        R: Send + 'static,
    {
        let found = self.shared().on_floor(|floor| {
            let id = floor.agent_named(name)?;
            let runner = floor.runner(id).ok_or_else(|| floor.unknown(name))?;
            Ok::<_, AgentError>((id, runner))
        });
        let (id, runner) = found?;
        let (has, asked) = (runner.types(), Types::of::<M, R>());
        if (has.message, has.reply) == (asked.message, asked.reply) {
            return Ok(AgentRef::new(self.open.clone(), id, name.into()));
        }
        Err(AgentError::Types {
            name: name.to_owned(),
            takes: has.names.0,
            gives: has.names.1,
            asked: format!("{} and {}", asked.names.0, asked.names.1),
        })
    }

    /// Removes an agent: nothing new is accepted for it, what waits is dead-lettered, calls
    /// under way end as they do.
    ///
    /// # Errors
    /// [`AgentError::Unknown`] if there is no such agent.
    pub fn remove_agent(&self, name: &str) -> Result<(), AgentError> {
        // Its handler is dropped when the lock is free again.
        let removed = self.shared().on_floor(|floor| {
            let id = floor.agent_named(name)?;
            floor.driver.remove_agent(id);
            self.shared().porch.remove(id);
            floor.names.remove(name);
            floor.leaving.push(id);
            Ok(floor.runners[id.0 as usize].take())
        });
        removed.map(drop)
    }

    /// The name of an agent that is, or was, registered with this broker. Notices and dead letters have it.
    #[must_use]
    pub fn agent_name(&self, agent: AgentId) -> Option<Arc<str>> {
        self.shared().on_floor(|floor| floor.name(agent).cloned())
    }

    /// The broker's books: where every message is that it ever accepted.
    #[must_use]
    pub fn books(&self) -> Books {
        self.shared().on_floor(|floor| *floor.driver.books())
    }

    /// What happens from now on: warnings, steering, lost workers, dead letters.
    #[must_use]
    pub fn events(&self) -> Events {
        self.shared()
            .on_floor(|floor| floor.driver.ear().notices.subscribe())
    }

    /// The setting in force: workers wanted, batch size and batch timeout.
    #[must_use]
    pub fn setting(&self) -> Setting {
        self.shared().on_floor(|floor| floor.driver.setting())
    }

    /// Shuts down within this long: nothing new enters but requests of handlers, open batches
    /// close, what was accepted is seen to its end. At the limit what is left is returned to its
    /// senders; handlers still at work are told, have `cancel_grace_ms` and are then dropped. A
    /// second call may only shorten the time.
    ///
    /// It may be awaited anywhere, inside a runtime or not. It is over when all handlers have ended, but for those that block their thread: those
    /// cannot be dropped, get a tenth of a second, and are in the report's `still_working`. Nor is
    /// a disk that stands still waited for: half a second beyond the limit, then the report says
    /// that the files are not whole.
    pub async fn shutdown(&self, within: impl Into<Duration>) -> ShutdownReport {
        let shared = self.shared();
        let within = within.into();
        let (before, began) = shared.begin_shutdown(within);
        shared.until(Shared::is_closed).await;
        // Handlers are dropped by their workers; one that blocks its thread is not waited for.
        let over = |shared: &Shared| shared.working() == 0 || shared.last_chance_is_over();
        shared.until(over).await;
        let took = shared.clock.now().since(began);
        let left = Duration::from_nanos(within.as_nanos().saturating_sub(took.as_nanos()));
        let files_whole = self.files_whole(left.into()).await;
        ShutdownReport {
            still_working: shared.working(),
            files_whole,
            ..ShutdownReport::new(&before, &self.books(), took)
        }
    }

    /// Waits until the broker is closed, whoever closes it; why it is. For a supervisor: with
    /// [`Escalation::ShutDown`](crate::Escalation::ShutDown) a broker whose workers keep failing
    /// gives up, and what holds it has to decide what then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ebbtide::{Broker, Closed};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = Broker::builder().start().await?;
    /// let (_, why) = tokio::join!(broker.shutdown(Duration::from_secs(5)), broker.closed());
    /// assert_eq!(why, Closed::ShutDown);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn closed(&self) -> Closed {
        self.shared().until(Shared::is_closed).await;
        self.shared().on_floor(|floor| floor.closed_by)
    }

    /// Waits until decision log and journal are written, for the time left and a little more.
    /// Whether they are.
    async fn files_whole(&self, left: std::time::Duration) -> bool {
        let log = |floor: &mut Floor| Some(floor.driver.ear_mut().log.as_mut()?.close());
        let files = [self.shared().on_floor(log), self.journal_written()];
        let began = std::time::Instant::now();
        let mut whole = true;
        for written in files.into_iter().flatten() {
            let left = (left + DISK_CATCHES_UP).saturating_sub(began.elapsed());
            whole &= written.wait(left).await;
        }
        whole
    }

    /// Why the decision log ended before the broker did, if it did: the disk is full, say. The
    /// broker goes on without, and counts what is lost.
    #[must_use]
    pub fn decision_log_error(&self) -> Option<Arc<io::Error>> {
        let log = |floor: &mut Floor| Some(floor.driver.ear().log.as_ref()?.written.clone());
        self.shared().on_floor(log)?.error()
    }

    /// Why the journal ended before the broker did, if it did: the disk is full, say. The broker
    /// goes on without.
    #[must_use]
    pub fn journal_error(&self) -> Option<Arc<io::Error>> {
        self.journal_written()?.error()
    }

    fn journal_written(&self) -> Option<Written> {
        self.shared().on_floor(|floor| floor.driver.written.clone())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.open.shared
    }
}

impl Floor {
    pub(crate) fn add_agent(
        &mut self,
        mut config: AgentConfig,
        AnyAgent(runner): AnyAgent,
    ) -> Result<AgentId, AddAgentError> {
        config.batch = runner.is_batch();
        let name: Arc<str> = config.name.as_str().into();
        self.let_go_of_agents();
        let added = self.driver.add_agent(config, runner.types().message);
        let Ok(id) = added else {
            // It is dropped when the lock is free again.
            self.errands.gone.push(Box::new(runner));
            return added;
        };
        // Statistics and notices name it from now on.
        let ear = self.driver.ear_mut();
        ear.figures.agent(id);
        ear.notices.names.push(Arc::clone(&name));
        self.names.insert(name, id);
        self.runners.push(Some(runner));
        Ok(id)
    }

    pub(crate) fn agent_named(&self, name: &str) -> Result<AgentId, AgentError> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> AgentError {
        let few = self.names.len() <= COMPARED_MOST && name.len() <= COMPARED_MOST;
        // A closed broker has the name, and no such agent.
        let mut names: Vec<&str> = (self.names.keys().filter(|it| few && ***it != *name))
            .map(|it| &**it)
            .collect();
        names.sort_unstable();
        AgentError::Unknown {
            name: name.to_owned(),
            meant: closest(name, names).map(str::to_owned),
        }
    }

    /// Removed agents of which nothing is left are no more than part of a sum.
    pub(crate) fn let_go_of_agents(&mut self) {
        let figures = &mut self.driver.ear_mut().figures;
        self.leaving.retain(|&agent| !figures.let_go(agent));
    }
}

impl Shared {
    /// The books when it began, and when that was.
    pub(crate) fn begin_shutdown(self: &Arc<Self>, within: Duration) -> (Books, Time) {
        self.on_floor(|floor| {
            if floor.phase == Phase::Open {
                floor.phase = Phase::Closing;
            }
            let begun = (*floor.driver.books(), floor.driver.now());
            floor.driver.shutdown(within);
            // A shutdown without any time is over at once.
            floor.driver.advance();
            begun
        })
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Broker");
        it.field("books", &self.books()).finish_non_exhaustive()
    }
}
