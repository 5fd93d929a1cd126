//! Classes: kinds of message, and how each message's properties are drawn.

use serde::{Deserialize, Serialize};

use ebbtide_core::message::{AgentId, ClassId, Kind, Lane};
use ebbtide_policies::units::{Bytes, Duration};

use crate::distribution::{Distribution, Quantity, Sampler, Weight};
use crate::numbers;
use crate::streams::{Stream, Streams};

/// A kind of message, as a scenario describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Unique name; figures are kept by it.
    pub name: String,
    /// Whom its messages are for.
    pub to: To,
    /// How much of the source's traffic it is, relative to the source's other classes.
    #[serde(default = "one", deserialize_with = "numbers::positive")]
    pub share: f64,
    /// How urgent its messages are.
    #[serde(default)]
    pub lane: Lane,
    /// What the sender expects back. Broadcasts expect nothing, whatever stands here.
    #[serde(default)]
    pub kind: Kind,
    /// Bytes of a message.
    #[serde(default = "one_kibibyte")]
    pub size: Distribution<Bytes>,
    /// What a message weighs for a rate limit on units.
    #[serde(default = "one_unit")]
    pub units: Distribution<u32>,
    /// After this long a message is worth nothing; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
    /// After this long the sender gives up and cancels; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<Distribution>,
    /// Among so many ordering keys one is drawn; absent: messages have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_keys: Option<u32>,
}

impl Class {
    /// A class with everything else at its default.
    #[must_use]
    pub fn new(name: impl Into<String>, to: To) -> Self {
        Self {
            name: name.into(),
            to,
            share: one(),
            lane: Lane::default(),
            kind: Kind::default(),
            size: one_kibibyte(),
            units: one_unit(),
            deadline: None,
            patience: None,
            ordering_keys: None,
        }
    }
}

/// Whom a class's messages are for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum To {
    /// One agent.
    Agent(String),
    /// One of several agents, drawn by weight.
    Agents(Vec<(Weight, String)>),
    /// Every agent that subscribes to a topic: a broadcast.
    Topic(String),
}

const fn one() -> f64 {
    1.0
}

fn one_kibibyte() -> Distribution<Bytes> {
    Distribution::Constant(Bytes(1024))
}

fn one_unit() -> Distribution<u32> {
    Distribution::Constant(1)
}

/// A class, ready to draw from.
#[derive(Clone, Debug)]
pub struct ClassPlan {
    /// Its name.
    pub name: String,
    /// How urgent its messages are.
    pub lane: Lane,
    /// What their senders expect back.
    pub kind: Kind,
    /// Whom they are for.
    pub to: Address,
    /// How long they are worth something.
    pub deadline: Option<Duration>,
    pub(crate) patience: Option<Sampler>,
    pub(crate) size: Count,
    pub(crate) units: Count,
    pub(crate) ordering_keys: Option<u32>,
}

impl ClassPlan {
    /// Whether its senders give up after a while.
    #[must_use]
    pub fn has_patience(&self) -> bool {
        self.patience.is_some()
    }
}

/// A count of bytes or units of each message. Most classes have a constant one, for which
/// nothing is drawn.
#[derive(Clone, Debug)]
pub(crate) enum Count {
    Always(u32),
    Drawn(Box<Sampler>),
}

impl Count {
    pub(crate) fn new<Q: Quantity>(distribution: &Distribution<Q>) -> Self {
        let sampler = distribution.sampler();
        match sampler.always() {
            Some(count) => Self::Always(count as u32),
            None => Self::Drawn(Box::new(sampler)),
        }
    }

    #[inline(always)]
    fn draw(&self, stream: Stream, subject: u64) -> u32 {
        match self {
            Self::Always(count) => *count,
            Self::Drawn(sampler) => drawn(sampler, stream, subject),
        }
    }
}

#[inline(never)]
fn drawn(sampler: &Sampler, stream: Stream, subject: u64) -> u32 {
    sampler.count(&mut stream.draw(subject, 0))
}

#[inline(never)]
fn drawn_length(sampler: &Sampler, stream: Stream, subject: u64) -> Duration {
    sampler.duration(&mut stream.draw(subject, 0))
}

/// Whom a class's messages are for, resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// One of these agents.
    Agents(Share<AgentId>),
    /// The subscribers of this topic.
    Topic(String),
}

/// Some things, each with its share of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Share<T>(
    /// Each thing with the chance that it or an earlier one is meant.
    Vec<(f64, T)>,
);

impl<T: Copy> Share<T> {
    /// Things with their weights; at least one.
    pub(crate) fn new(weighed: impl IntoIterator<Item = (f64, T)>) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<(f64, T)> = (weighed.into_iter())
            .map(|(weight, thing)| {
                sum += weight;
                (sum, thing)
            })
            .collect();
        for (upto, _) in &mut cumulated {
            *upto /= sum;
        }
        Self(cumulated)
    }

    /// Each thing with its share, 0 to 1.
    pub fn shares(&self) -> impl Iterator<Item = (f64, T)> + '_ {
        let before = [0.0]
            .into_iter()
            .chain(self.0.iter().map(|(upto, _)| *upto));
        self.0
            .iter()
            .zip(before)
            .map(|((upto, thing), before)| (upto - before, *thing))
    }

    /// One of them, by `chance`, which is drawn only where there is a choice.
    #[inline]
    fn pick(&self, chance: impl FnOnce() -> f64) -> T {
        if let [(_, only)] = self.0.as_slice() {
            return *only;
        }
        let chance = chance();
        let chosen = self.0.iter().find(|(upto, _)| chance < *upto);
        // Rounding may leave the last bound a hair below 1.
        chosen.unwrap_or_else(|| &self.0[self.0.len() - 1]).1
    }
}

/// The streams of what is drawn for each message, whose [mixed](crate::streams::MessageKey::mixed)
/// key is the subject: a word, where a key would be made in memory to be handed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassDraws {
    class: Stream,
    agent: Stream,
    size: Stream,
    units: Stream,
    patience: Stream,
    ordering_key: Stream,
}

impl ClassDraws {
    pub(super) fn new(streams: Streams) -> Self {
        let stream = |name| streams.stream(name, 0);
        Self {
            class: stream("class"),
            agent: stream("agent"),
            size: stream("size"),
            units: stream("units"),
            patience: stream("patience"),
            ordering_key: stream("ordering key"),
        }
    }

    #[inline]
    pub(super) fn class(&self, shares: &Share<ClassId>, subject: u64) -> ClassId {
        shares.pick(|| self.class.draw(subject, 0).unit())
    }

    /// `None` for a broadcast.
    #[inline]
    pub(super) fn agent(&self, class: &ClassPlan, subject: u64) -> Option<AgentId> {
        match &class.to {
            Address::Agents(agents) => Some(agents.pick(|| self.agent.draw(subject, 0).unit())),
            Address::Topic(_) => None,
        }
    }

    #[inline]
    pub(super) fn size(&self, class: &ClassPlan, subject: u64) -> u32 {
        class.size.draw(self.size, subject)
    }

    #[inline]
    pub(super) fn units(&self, class: &ClassPlan, subject: u64) -> u32 {
        class.units.draw(self.units, subject)
    }

    #[inline(always)]
    pub(super) fn patience(&self, class: &ClassPlan, subject: u64) -> Option<Duration> {
        let patience = class.patience.as_ref()?;
        Some(drawn_length(patience, self.patience, subject))
    }

    #[inline]
    pub(super) fn ordering_key(&self, class: &ClassPlan, subject: u64) -> Option<u64> {
        let keys = class.ordering_keys?;
        let mut rng = self.ordering_key.draw(subject, 0);
        Some((rng.unit() * f64::from(keys)) as u64)
    }
}
