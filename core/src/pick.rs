//! Which message goes first: what is overdue before all else, then lane by lane in the
//! discipline's order, in each the message that was due first. What waits, and whether an agent
//! may be called, is asked of the [`Waiting`].

use ebbtide_policies::units::Time;

use crate::lanes::{Lanes, Rank};
use crate::message::Lane;

/// The message that goes first, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Pick {
    /// The agent, by its index.
    pub agent: u32,
    /// The lane that the message waits in.
    pub lane: Lane,
    /// The message.
    pub index: u32,
    /// The lane whose turn it is; `None` if the message goes first because it is overdue.
    pub turn: Option<Lane>,
}

/// Those who wait, as [`Lanes::pick`] asks for them.
pub trait Waiting {
    /// An agent's first message in a lane, and its rank.
    fn front(&self, agent: u32, lane: Lane) -> Option<(Rank, u32)>;

    /// What an agent puts forward when the lane's turn comes: its first message, or its batch,
    /// which ranks in its highest lane alone, by its oldest message.
    fn offer(&self, agent: u32, lane: Lane) -> Option<(Rank, u32)>;

    /// Whether the agent may be called now for what it has in this lane.
    fn may_start(&self, agent: u32, lane: Lane) -> bool;
}

impl Lanes {
    /// The message that goes first at `now`; `None` if none may.
    #[inline(always)]
    pub fn pick(&self, now: Time, waiting: &impl Waiting) -> Option<Pick> {
        if let Some((lane, agent)) = self.only_candidate() {
            let (rank, index) = waiting.front(agent, lane)?;
            let turn = (!self.is_overdue(lane, rank.0, now)).then_some(lane);
            let pick = Pick {
                agent,
                lane,
                index,
                turn,
            };
            return waiting.may_start(agent, lane).then_some(pick);
        }
        self.pick_overdue(now, waiting)
            .or_else(|| self.pick_in_turn(waiting))
    }

    /// The oldest message that has waited for longer than its lane's maximum (invariant 6).
    fn pick_overdue(&self, now: Time, waiting: &impl Waiting) -> Option<Pick> {
        let overdue = |agent, lane| {
            let front = waiting.front(agent, lane);
            front.filter(|&((due, _), _)| self.is_overdue(lane, due, now))
        };
        let firsts = (self.filled()).filter_map(|lane| self.first_in(lane, &overdue, waiting));
        let (_, first) = firsts.min_by_key(|&(rank, _)| rank)?;
        Some(Pick {
            turn: None,
            ..first
        })
    }

    fn pick_in_turn(&self, waiting: &impl Waiting) -> Option<Pick> {
        let offer = |agent, lane| waiting.offer(agent, lane);
        let mut firsts = (self.in_turn()).filter_map(|lane| self.first_in(lane, &offer, waiting));
        firsts.next().map(|(_, first)| first)
    }

    /// The first in a lane of what its agents put forward and may be called for.
    fn first_in(
        &self,
        lane: Lane,
        forward: &impl Fn(u32, Lane) -> Option<(Rank, u32)>,
        waiting: &impl Waiting,
    ) -> Option<(Rank, Pick)> {
        let mut best: Option<(Rank, Pick)> = None;
        for &agent in self.agents(lane) {
            let Some((rank, index)) = forward(agent, lane) else {
                continue;
            };
            let beaten = best.is_some_and(|(least, _)| least <= rank);
            if !beaten && waiting.may_start(agent, lane) {
                let pick = Pick {
                    agent,
                    lane,
                    index,
                    turn: Some(lane),
                };
                best = Some((rank, pick));
            }
        }
        best
    }
}
