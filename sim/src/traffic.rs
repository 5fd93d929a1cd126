//! Who sends what: sources with their classes, and all their messages in order of time.
//!
//! When a message is sent is the business of its source's arrival process (`arrivals.rs`);
//! what it is (class, agent, size, …) is drawn here, keyed by the message. Deliberately
//! absent: what becomes of it, which a closed loop is told from outside.

mod ahead;
mod class;
mod closed;

use serde::{Deserialize, Serialize};

use ebbtide_core::message::{AgentId, ClassId};
use ebbtide_policies::units::{Duration, Time};

use crate::arrivals::{Arrivals, Generator, Replay};
use crate::plan::Plan;
use crate::streams::{Keys, MessageKey, Streams};
use crate::trace::Row;

pub use class::{Address, Class, ClassPlan, Share, To};

use ahead::Ahead;
use class::ClassDraws;
pub(crate) use class::Count;
pub(crate) use closed::Callers;

/// A source of messages, as a scenario describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// When it sends.
    pub arrivals: Arrivals,
    /// What happens when the queue is full.
    #[serde(default)]
    pub when_full: WhenFull,
    /// What it sends; at least one.
    pub classes: Vec<Class>,
}

/// What a sender does whose message finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenFull {
    /// Takes the refusal; the message is lost.
    #[default]
    Refuse,
    /// Waits until there is room, and its later messages behind it. The waiting counts from
    /// when each was meant to be sent. At its deadline, or when its sender loses patience, it
    /// is refused.
    Block,
}

/// A message that is sent now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// When.
    pub at: Time,
    /// Its name, with which everything about it is drawn.
    pub key: MessageKey,
    /// Its class.
    pub class: ClassId,
    /// Whom it is for; `None`: the subscribers of its class's topic.
    pub agent: Option<AgentId>,
    /// Its bytes.
    pub size: u32,
    /// What it weighs for a rate limit on units.
    pub units: u32,
    /// When its sender gives up, after `at`.
    pub patience: Option<Duration>,
    /// Its ordering key.
    pub ordering_key: Option<u64>,
    /// How long a call for it takes, where a trace says so.
    pub service: Option<Duration>,
}

/// All messages of one replication, in order of time; of the sources at one instant the first
/// goes first.
pub struct Traffic<'p> {
    plan: &'p Plan,
    draws: ClassDraws,
    sources: Vec<Running>,
    end: Time,
    /// Nothing more is sent at this instant.
    closed: Time,
    /// The source that sends next, and when; [`Time::MAX`]: none does.
    first: usize,
    next: Time,
    /// The last message of a file.
    told: Option<Arrival>,
}

/// A source under way.
struct Running {
    process: Process,
    /// Names what it draws.
    keys: Keys,
    /// Messages sent.
    sent: u64,
    /// When it sends next; [`Time::MAX`]: never again.
    next: Time,
}

enum Process {
    /// Times, and everything else is drawn.
    Drawn(Ahead),
    /// Times with rows that say more.
    Told(Box<dyn Generator>),
    /// Callers that wait for outcomes.
    Closed(Callers),
}

impl<'p> Traffic<'p> {
    /// The traffic of one replication.
    #[must_use]
    pub fn new(plan: &'p Plan, streams: Streams) -> Self {
        let end = plan.end();
        let mut sources: Vec<Running> = match &plan.replay {
            Some(replayed) => {
                let replay = Replay::new(replayed.trace.clone(), 1.0, 1.0, streams);
                vec![Running::new(0, Process::open(Box::new(replay)))]
            }
            None => (plan.sources.iter().zip(0..))
                .map(|(source, index)| {
                    let process = match &source.arrivals {
                        Arrivals::Closed { callers, think } => {
                            Process::Closed(Callers::new(*callers, think, index, streams))
                        }
                        open => {
                            let started = open.start(&plan.files, streams, index, end);
                            Process::open(started.expect("only closed loops have no process"))
                        }
                    };
                    Running::new(index, process)
                })
                .collect(),
        };
        for source in &mut sources {
            source.advance(end);
        }
        let mut traffic = Self {
            plan,
            draws: ClassDraws::new(streams),
            sources,
            end,
            closed: Time::ZERO,
            first: 0,
            next: Time::MAX,
            told: None,
        };
        traffic.find_next();
        traffic
    }

    /// When the next message is sent that is known of; [`Time::MAX`]: none is, unless a closed
    /// loop is told of an outcome.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Time {
        self.next
    }

    /// No message is sent at `now` any more: a caller that hears of its outcome only then sends
    /// a nanosecond later at the earliest. A trace of the run, which has no more to tell than
    /// times, so replays to the same.
    #[inline]
    pub fn close(&mut self, now: Time) {
        self.closed = now;
    }

    /// Tells a closed loop that a message of its, sent at `sent`, has its outcome, or was
    /// refused: its caller thinks, and sends again.
    #[inline]
    pub fn outcome(&mut self, now: Time, key: MessageKey, sent: Time) {
        let index = key.source() as usize;
        let Some(source) = self.sources.get_mut(index) else {
            return;
        };
        let Process::Closed(callers) = &mut source.process else {
            return;
        };
        let earliest = if self.closed == now {
            now + Duration::from_nanos(1)
        } else {
            now
        };
        callers.think(now, key, sent, earliest..self.end);
        source.advance(self.end);
        self.find_next();
    }

    /// The callers of the closed loops: from here on their messages come from whoever has them.
    pub(crate) fn take_callers(&mut self) -> Vec<Callers> {
        let mut taken = Vec::new();
        for source in &mut self.sources {
            if let Process::Closed(callers) = &source.process {
                taken.push(callers.clone());
                source.next = Time::MAX;
            }
        }
        self.find_next();
        taken
    }

    /// What a caller sends under `key`.
    pub(crate) fn asked(&self, at: Time, key: MessageKey) -> Arrival {
        let shares = &self.plan.sources[key.source() as usize].classes;
        self.drawn(at, key, self.draws.class(shares, key.mixed()))
    }

    /// A message with all its properties drawn by its key.
    #[inline(always)]
    fn drawn(&self, at: Time, key: MessageKey, class: ClassId) -> Arrival {
        let about = &self.plan.classes[usize::from(class.0)];
        let subject = key.mixed();
        Arrival {
            at,
            key,
            class,
            agent: self.draws.agent(about, subject),
            size: self.draws.size(about, subject),
            units: self.draws.units(about, subject),
            patience: self.draws.patience(about, subject),
            ordering_key: self.draws.ordering_key(about, subject),
            service: None,
        }
    }

    /// The next message of a file; apart, and left where it can be looked at, so that others stay
    /// short and need not be made in memory.
    #[inline(never)]
    fn read_told(&mut self, at: Time, index: usize) {
        let source = &mut self.sources[index];
        let row = source.process.row().expect("a file tells of its messages");
        source.sent += 1;
        source.advance(self.end);
        self.find_next();
        self.told = Some(self.told(at, index, &row));
    }

    /// A message of which a file says more.
    fn told(&self, at: Time, index: usize, row: &Row) -> Arrival {
        let key = self.key(index, row);
        let named = row.class.and_then(|class| self.plan.class_of(index, class));
        let class = named.unwrap_or_else(|| {
            let source = match self.plan.replay {
                // Drawn as the source that it came from would have, if it is known.
                Some(_) => row.origin.and_then(|origin| origin.source),
                None => Some(index as u32),
            };
            let source = source.and_then(|source| self.plan.sources.get(source as usize));
            let shares = source.map_or(&self.plan.all_classes, |source| &source.classes);
            self.draws.class(shares, key.mixed())
        });
        let drawn = self.drawn(at, key, class);
        Arrival {
            size: row.size.unwrap_or(drawn.size),
            units: row.units.unwrap_or(drawn.units),
            service: row.service,
            ..drawn
        }
    }

    /// The name of a message of which a file says more. Within a scenario a file is a source
    /// like any other; a trace that replaces all sources names them.
    fn key(&self, index: usize, row: &Row) -> MessageKey {
        let own = index as u32;
        let Some(origin) = row.origin else {
            return MessageKey::new(own, 0, self.sources[index].sent - 1);
        };
        let source = origin.source.filter(|_| self.plan.replay.is_some());
        MessageKey::new(source.unwrap_or(own), origin.caller, origin.number)
    }

    #[inline]
    fn find_next(&mut self) {
        if let [only] = self.sources.as_slice() {
            self.next = only.next;
            return;
        }
        self.next = Time::MAX;
        for (index, source) in self.sources.iter().enumerate() {
            if source.next < self.next {
                self.next = source.next;
                self.first = index;
            }
        }
    }
}

/// Messages in order of time. After the last one there may be more, once a closed loop is told
/// of an [outcome](Traffic::outcome).
impl Iterator for Traffic<'_> {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        (self.next != Time::MAX).then(|| self.send())
    }
}

impl Traffic<'_> {
    /// The next message, of which [`peek`](Self::peek) has told.
    #[inline(always)]
    pub(crate) fn send(&mut self) -> Arrival {
        let (at, index) = (self.next, self.first);
        let source = &mut self.sources[index];
        let key = match &mut source.process {
            Process::Drawn(_) => source.keys.key(source.sent),
            Process::Closed(callers) => callers.send(),
            Process::Told(_) => {
                self.read_told(at, index);
                return self.told.expect("it was just read");
            }
        };
        source.sent += 1;
        source.advance(self.end);
        self.find_next();
        let shares = &self.plan.sources[index].classes;
        self.drawn(at, key, self.draws.class(shares, key.mixed()))
    }
}

impl Process {
    fn open(generator: Box<dyn Generator>) -> Self {
        if generator.row().is_some() {
            Self::Told(generator)
        } else {
            Self::Drawn(Ahead::new(generator))
        }
    }

    fn row(&self) -> Option<Row> {
        match self {
            Self::Told(generator) => generator.row().copied(),
            Self::Drawn(_) | Self::Closed(_) => None,
        }
    }
}

impl Running {
    fn new(index: u32, process: Process) -> Self {
        Self {
            process,
            keys: Keys::of(index, 0),
            sent: 0,
            next: Time::MAX,
        }
    }

    /// Looks for the next time at which it sends, before `end`.
    #[inline]
    fn advance(&mut self, end: Time) {
        let next = match &mut self.process {
            Process::Drawn(ahead) => {
                self.next = ahead.next(end);
                return;
            }
            Process::Told(generator) => generator.next(),
            Process::Closed(callers) => callers.next(),
        };
        self.next = next.filter(|at| *at < end).unwrap_or(Time::MAX);
    }
}
