//! The queue: lanes by priority, in each lane a queue by agent.
//!
//! A lane's queue of one agent is a list threaded through the message table: messages that
//! become due go to its tail for nothing. What goes back between others (a lost worker's
//! messages, the next of an ordering key) is kept sorted beside it, so that no insertion
//! scans. Which lane goes next is decided here too; whether an agent may be called at all is
//! `agents.rs`'s business, and putting the two together is `pick.rs`'s.
//! A fair key for tenants will sit between lane and agent.

use std::collections::BTreeMap;

use ebbtide_policies::units::{Duration, Time};
use serde::{Deserialize, Serialize};

use crate::config::{BrokerConfig, Discipline};
use crate::message::Lane;
use crate::messages::{Message, Place, Standing};
use crate::table::Table;

/// No message.
const NONE: u32 = u32::MAX;
/// A lane's pass grows by this over its weight: whole for every weight up to 16.
const STRIDE: u64 = 720_720 * 16;

/// The order in which messages are taken: first due first, then in the order in which they
/// became due.
pub type Rank = (Time, u64);

/// One agent's waiting messages in one lane that may be taken, in [`Rank`] order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LaneQueue {
    head: u32,
    tail: u32,
    sorted: BTreeMap<Rank, u32>,
}

impl Default for LaneQueue {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
            sorted: BTreeMap::new(),
        }
    }
}

impl LaneQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE && self.sorted.is_empty()
    }

    /// The first message and its rank.
    #[inline]
    pub(crate) fn front<M>(&self, messages: &Table<Message<M>>) -> Option<(Rank, u32)> {
        let listed = (self.head != NONE).then(|| (messages[self.head].rank(), self.head));
        if self.sorted.is_empty() {
            return listed;
        }
        let sorted = self
            .sorted
            .first_key_value()
            .map(|(&rank, &index)| (rank, index));
        listed.into_iter().chain(sorted).min()
    }

    /// Puts a message where its rank belongs.
    #[inline(always)]
    pub(crate) fn insert<M>(&mut self, messages: &mut Table<Message<M>>, index: u32, rank: Rank) {
        if self.tail == NONE {
            self.head = index;
        } else {
            let last = &mut messages[self.tail];
            if last.rank() > rank {
                messages[index].place = Place::Sorted;
                return self.sort_in(rank, index);
            }
            last.next = index;
        }
        let tail = std::mem::replace(&mut self.tail, index);
        let message = &mut messages[index];
        message.place = Place::Listed;
        message.previous = tail;
        message.next = NONE;
    }

    #[cold]
    fn sort_out(&mut self, rank: Rank) {
        self.sorted.remove(&rank);
    }

    #[cold]
    fn sort_in(&mut self, rank: Rank, index: u32) {
        self.sorted.insert(rank, index);
    }

    /// Takes a message out, wherever it stood.
    #[inline(always)]
    pub(crate) fn remove<M>(
        &mut self,
        messages: &mut Table<Message<M>>,
        index: u32,
        stood: Standing,
    ) {
        let Standing { previous, next, .. } = stood;
        if stood.place == Place::Sorted {
            self.sort_out(stood.rank);
        } else if self.head == index {
            self.head = next;
            if next == NONE {
                self.tail = NONE;
            } else {
                // It is first from here on, and near when it is taken.
                messages[next].previous = NONE;
            }
        } else {
            messages[previous].next = next;
            if next == NONE {
                self.tail = previous;
            } else {
                messages[next].previous = previous;
            }
        }
    }

    /// All messages, last first.
    pub(crate) fn backwards<'a, M>(
        &'a self,
        messages: &'a Table<Message<M>>,
    ) -> impl Iterator<Item = u32> + 'a {
        let head = self.head;
        let before = move |&index: &u32| (index != head).then(|| messages[index].previous);
        let listed = std::iter::successors((self.tail != NONE).then_some(self.tail), before);
        let mut listed = listed
            .map(|index| (messages[index].rank(), index))
            .peekable();
        let sorted = self.sorted.iter().rev();
        let mut sorted = sorted.map(|(&rank, &index)| (rank, index)).peekable();
        let last = move || match listed.peek() >= sorted.peek() {
            true => listed.next(),
            false => sorted.next(),
        };
        std::iter::from_fn(last).map(|(_, index)| index)
    }

    /// All messages, in no particular order.
    pub(crate) fn iter<'a, M>(
        &'a self,
        messages: &'a Table<Message<M>>,
    ) -> impl Iterator<Item = u32> + 'a {
        let next = move |&index: &u32| Some(messages[index].next).filter(|&next| next != NONE);
        let listed = std::iter::successors((self.head != NONE).then_some(self.head), next);
        listed.chain(self.sorted.values().copied())
    }
}

/// How the lanes share the workers, and who waits in each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lanes {
    discipline: Discipline,
    strides: [u64; 5],
    passes: [u64; 5],
    /// The pass of the lane whose turn came last; no other is behind it.
    reached: u64,
    max_wait: [Option<Duration>; 5],
    /// Agents with takeable messages, by lane, in no particular order.
    agents: [Vec<u32>; 5],
    /// The lanes with any, a bit each.
    filled: u8,
    /// Not taken from before; zero: not paused.
    paused_until: [Time; 5],
    /// The paused lanes, a bit each.
    paused: u8,
    /// Messages that wait for nothing but their paused lane.
    pub(crate) held: u64,
    /// Messages that stand behind another of their ordering key, and wait in no lane yet.
    pub(crate) behind: u64,
}

/// Lanes, highest first, from a bit each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilledLanes(u8);

impl Iterator for FilledLanes {
    type Item = Lane;

    #[inline]
    fn next(&mut self) -> Option<Lane> {
        let lane = *Lane::ALL.get(self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

impl Lanes {
    /// Empty lanes, as `config` has them.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        let strict = config.discipline == Discipline::Strict;
        let max_wait = Lane::ALL.map(|lane| config.lane_max_wait(lane));
        Self {
            discipline: config.discipline,
            strides: config.lane_weights.map(|weight| STRIDE / u64::from(weight)),
            passes: [0; 5],
            reached: 0,
            max_wait: if strict { [None; 5] } else { max_wait },
            agents: Default::default(),
            filled: 0,
            paused_until: [Time::ZERO; 5],
            paused: 0,
            held: 0,
            behind: 0,
        }
    }

    /// Other weights, maximum waits, another discipline from now on. Where turns are counted
    /// differently, all lanes begin alike.
    pub(crate) fn reconfigure(&mut self, config: &BrokerConfig) {
        let new = Self::new(config);
        if (new.discipline, new.strides) != (self.discipline, self.strides) {
            self.passes = new.passes;
            self.reached = new.reached;
        }
        self.discipline = new.discipline;
        self.strides = new.strides;
        self.max_wait = new.max_wait;
    }

    /// Whether any message may be taken, its agent permitting.
    pub fn any_takeable(&self) -> bool {
        self.filled != 0
    }

    /// The agents with takeable messages in `lane`.
    #[inline]
    pub(crate) fn agents(&self, lane: Lane) -> &[u32] {
        &self.agents[lane.index()]
    }

    /// Agents with takeable messages, once for each lane in which they have any.
    #[inline(always)]
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u32> {
        let agents = self.filled().flat_map(|lane| self.agents(lane));
        agents.copied()
    }

    /// Lanes with takeable messages, highest first.
    #[inline]
    pub(crate) fn filled(&self) -> FilledLanes {
        FilledLanes(self.filled)
    }

    /// The only agent with takeable messages, if all of them are in one lane: there is nothing
    /// to choose.
    #[inline]
    pub(crate) fn only_candidate(&self) -> Option<(Lane, u32)> {
        let lane = self
            .filled()
            .next()
            .filter(|_| self.filled.is_power_of_two())?;
        match self.agents(lane) {
            &[agent] => Some((lane, agent)),
            _ => None,
        }
    }

    /// Lanes with takeable messages, the next to go first.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = Lane> + use<> {
        let (mut waiting, mut count) = ([Lane::Critical; 5], 0);
        for lane in self.filled() {
            waiting[count] = lane;
            count += 1;
        }
        if self.discipline == Discipline::Weighted && count > 1 {
            waiting[..count].sort_by_key(|lane| (self.pass(*lane), *lane));
        }
        waiting.into_iter().take(count)
    }

    /// Whether a message due at `due` has waited in `lane` for longer than its maximum.
    pub fn is_overdue(&self, lane: Lane, due: Time, now: Time) -> bool {
        self.max_wait[lane.index()].is_some_and(|most| now.since(due) > most)
    }

    /// From when on a message due at `due` is overdue in `lane`, if ever.
    pub fn overdue_from(&self, lane: Lane, due: Time) -> Option<Time> {
        let most = self.max_wait[lane.index()]?;
        Some(due + most + Duration::from_nanos(1))
    }

    /// A lane's pass and its place in the discipline's order; lower goes first.
    pub fn turn(&self, lane: Lane) -> (u64, Lane) {
        match self.discipline {
            Discipline::Weighted => (self.pass(lane), lane),
            Discipline::Strict => (0, lane),
        }
    }

    /// A lane's pass, never behind that of the lane whose turn came last: no lane saves up
    /// turns while it is empty or while none of its agents may be called.
    fn pass(&self, lane: Lane) -> u64 {
        self.passes[lane.index()].max(self.reached)
    }

    /// The turn comes to `lane`.
    pub fn turn_comes(&mut self, lane: Lane) {
        self.reached = self.pass(lane);
    }

    /// `agent` has its first takeable message in `lane`.
    pub fn fill(&mut self, lane: Lane, agent: u32) {
        let at = lane.index();
        self.filled |= 1 << at;
        self.agents[at].push(agent);
    }

    /// `agent` has no takeable message left in `lane`.
    #[inline]
    pub fn drain(&mut self, lane: Lane, agent: u32) {
        let agents = &mut self.agents[lane.index()];
        let at = agents.iter().position(|&other| other == agent);
        agents.swap_remove(at.expect("an agent drains only lanes that it filled"));
        if agents.is_empty() {
            self.filled &= !(1 << lane.index());
        }
    }

    #[inline]
    pub(crate) fn is_paused(&self, lane: Lane) -> bool {
        self.paused & (1 << lane.index()) != 0
    }

    /// Until when `lane` is paused; zero: it is not.
    pub(crate) fn paused_until(&self, lane: Lane) -> Time {
        self.paused_until[lane.index()]
    }

    pub(crate) fn pause(&mut self, lane: Lane, until: Time) {
        self.paused |= 1 << lane.index();
        self.paused_until[lane.index()] = until;
    }

    pub(crate) fn resume(&mut self, lane: Lane) {
        self.paused &= !(1 << lane.index());
        self.paused_until[lane.index()] = Time::ZERO;
    }

    /// When the first pause ends, if any does by itself.
    pub(crate) fn resumes_at(&self) -> Option<Time> {
        let paused = FilledLanes(self.paused);
        let ends = paused.map(|lane| self.paused_until(lane));
        ends.min().filter(|&end| end != Time::MAX)
    }

    /// The first lane whose pause is over by `now`.
    pub(crate) fn first_resumed_by(&self, now: Time) -> Option<Lane> {
        let mut paused = FilledLanes(self.paused);
        paused.find(|&lane| self.paused_until(lane) <= now)
    }

    /// A message of `lane` starts.
    pub fn charge(&mut self, lane: Lane) {
        self.passes[lane.index()] = self.pass(lane) + self.strides[lane.index()];
    }
}
