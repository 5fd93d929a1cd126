//! Dead letters: messages that were given up, kept until somebody looks at them.

use std::collections::VecDeque;
use std::sync::Arc;

use ebbtide_core::event::Account;
use ebbtide_core::history::History;
use ebbtide_core::message::{AgentId, DeadReason, Kind};
use ebbtide_core::{Lane, Submission};
use ebbtide_policies::units::Time;

use crate::admission::Entry;
use crate::broker::Broker;
use crate::error::NotAccepted;
use crate::floor::Floor;
use crate::keys::Key;
use crate::parcel::Parcel;

/// Names a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId(u64);

/// A message that was given up.
#[derive(Clone)]
pub struct DeadLetter {
    /// Its name.
    pub id: DeadLetterId,
    /// Whose message it was.
    pub agent: AgentId,
    /// That agent's name.
    pub agent_name: Arc<str>,
    /// Its lane.
    pub lane: Lane,
    /// What its sender expected back.
    pub kind: Kind,
    /// Why it was given up.
    pub reason: DeadReason,
    /// Attempts it spent.
    pub attempts: u32,
    /// What became of its calls.
    pub history: History,
    /// What its handlers said of them, first to last; the latest sixteen.
    pub texts: Vec<String>,
    /// When it was sent, since the broker started.
    pub sent: Time,
    /// When it was given up.
    pub at: Time,
    parcel: Parcel,
}

impl DeadLetter {
    /// The message, if it is of this type.
    #[must_use]
    pub fn message<M: Send + Sync + 'static>(&self) -> Option<&M> {
        self.parcel.message().downcast_ref()
    }

    /// A header of the message.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parcel.headers().get(name)
    }
}

/// A message at its death.
pub(crate) struct Death {
    pub(crate) at: Time,
    pub(crate) sent: Time,
    pub(crate) account: Account,
    pub(crate) kind: Kind,
    pub(crate) reason: DeadReason,
    pub(crate) attempts: u32,
    pub(crate) weight: Weight,
    pub(crate) history: History,
    /// Its idempotency key, which it takes again when it is replayed. None of a copy: the key is
    /// its broadcast's, and other copies may have been delivered.
    pub(crate) key: Option<Key>,
    pub(crate) parcel: Parcel,
}

/// What a message takes up, and of whom, whenever it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weight {
    pub(crate) size: u32,
    pub(crate) units: u32,
    pub(crate) ordering_key: Option<u64>,
}

/// The latest dead letters.
pub(crate) struct DeadLetters {
    kept: VecDeque<(DeadLetterId, Death)>,
    most: usize,
    /// Ever buried.
    buried: u64,
    /// Dropped since there were too many.
    dropped: u64,
}

impl DeadLetters {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            most,
            buried: 0,
            dropped: 0,
        }
    }

    /// Keeps a death; the oldest makes room, and its message is to be dropped without the lock.
    pub(crate) fn bury(&mut self, death: Death) -> Option<Parcel> {
        let id = DeadLetterId(self.buried);
        self.buried += 1;
        self.kept.push_back((id, death));
        if self.kept.len() <= self.most {
            return None;
        }
        self.dropped += 1;
        self.kept.pop_front().map(|(_, oldest)| oldest.parcel)
    }

    /// Kept, and dropped for want of room.
    pub(crate) fn counts(&self) -> (usize, u64) {
        (self.kept.len(), self.dropped)
    }

    fn take(&mut self, id: DeadLetterId) -> Option<Death> {
        let at = self.kept.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.kept.remove(at).map(|(_, death)| death)
    }
}

/// Why a dead letter was not replayed; it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such dead letter, or no longer.
    #[error("there is no such dead letter")]
    Unknown,
    /// It was not accepted.
    #[error(transparent)]
    NotAccepted(#[from] NotAccepted),
}

impl Broker {
    /// The dead letters, oldest first.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.shared().on_floor(|floor| {
            let name = |agent| floor.name(agent).cloned();
            let kept = floor.driver.ear().dead.kept.iter();
            let letter = |(id, death): &(DeadLetterId, Death)| DeadLetter {
                id: *id,
                agent: death.account.agent,
                agent_name: name(death.account.agent).expect("it was registered"),
                lane: death.account.lane,
                kind: death.kind,
                reason: death.reason,
                attempts: death.attempts,
                history: death.history.clone(),
                texts: death.parcel.notes().all(),
                sent: death.sent,
                at: death.at,
                parcel: death.parcel.clone(),
            };
            kept.map(letter).collect()
        })
    }

    /// Sends a dead letter again, to the same agent and in the same lane, with its size, units,
    /// ordering key and idempotency key, as an event: whoever once waited for its reply has been
    /// told. It is a dead letter no more.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use ebbtide::{Broker, Failure, with};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = Broker::builder().start().await?;
    /// static UP: AtomicBool = AtomicBool::new(false);
    /// let agent = broker.add_agent("agent", async |order: &u32| match UP.load(Ordering::Relaxed) {
    ///     true => Ok(()),
    ///     false => Err(Failure::retry("the warehouse is down")),
    /// })?;
    /// agent.request(7).await.unwrap_err();
    ///
    /// let letter = &broker.dead_letters()[0];
    /// assert_eq!((letter.message(), letter.texts.len()), (Some(&7_u32), 3));
    /// UP.store(true, Ordering::Relaxed);
    /// broker.replay(letter.id)?;
    /// assert!(broker.dead_letters().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReplayError`] if there is no such letter, or it was not accepted: a message that was
    /// sent again with its idempotency key meanwhile makes it a duplicate.
    pub fn replay(&self, id: DeadLetterId) -> Result<(), ReplayError> {
        self.shared().on_floor(|floor| {
            let death = floor.driver.ear_mut().dead.take(id);
            let death = death.ok_or(ReplayError::Unknown)?;
            floor.revive(&death).map_err(|reason| {
                floor.driver.ear_mut().dead.put_back(id, death);
                reason.into()
            })
        })
    }

    /// Drops a dead letter. `false` if there is none of that name.
    pub fn purge(&self, id: DeadLetterId) -> bool {
        let purged = self
            .shared()
            .on_floor(|floor| floor.driver.ear_mut().dead.take(id));
        purged.is_some()
    }

    /// Drops all dead letters; how many there were.
    pub fn purge_all(&self) -> usize {
        let purged = self
            .shared()
            .on_floor(|floor| std::mem::take(&mut floor.driver.ear_mut().dead.kept));
        purged.len()
    }
}

impl Floor {
    /// Sends what died again.
    fn revive(&mut self, death: &Death) -> Result<(), NotAccepted> {
        let (agent, now) = (death.account.agent, self.driver.now());
        let submission = Submission {
            kind: Kind::Event,
            lane: death.account.lane,
            class: death.account.class,
            luck: self.next_luck(),
            size: death.weight.size,
            units: death.weight.units,
            ordering_key: death.weight.ordering_key,
            ..Submission::new(agent, now, death.parcel.clone())
        };
        let entry = Entry {
            submission,
            topic: None,
            idempotency_key: death.key.as_ref().map(|(_, key)| key.clone()),
        };
        let told = self.driver.enter(entry);
        told.map(drop).map_err(|(reason, _)| reason)
    }
}

impl DeadLetters {
    fn put_back(&mut self, id: DeadLetterId, death: Death) {
        let at = self.kept.partition_point(|(other, _)| *other < id);
        self.kept.insert(at, (id, death));
    }
}

impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut it = f.debug_struct("DeadLetter");
        it.field("id", &self.id)
            .field("agent", &self.agent_name)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
