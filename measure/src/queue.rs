//! Messages waiting and delayed over time, in all and by agent, lane and class.

use ebbtide_core::event::Account;
use ebbtide_core::message::Lane;
use ebbtide_core::units::Time;

use crate::level::{Level, Section};

/// The queue now, and what it came to since it was last drained.
#[derive(Debug)]
pub(crate) struct Queue {
    /// All waiting messages.
    waiting: Level,
    by_agent: Vec<Level>,
    by_lane: [Level; Lane::ALL.len()],
    by_class: Vec<Level>,
    /// Messages delayed for a retry or a schedule.
    delayed: u64,
}

/// Waiting messages over a stretch of time, by part.
#[derive(Debug)]
pub(crate) struct QueueParts {
    pub(crate) by_agent: Vec<Section>,
    pub(crate) by_lane: Vec<Section>,
    pub(crate) by_class: Vec<Section>,
}

impl Queue {
    pub(crate) fn new(agents: usize, classes: usize) -> Self {
        Self {
            waiting: Level::default(),
            by_agent: vec![Level::default(); agents],
            by_lane: [Level::default(); Lane::ALL.len()],
            by_class: vec![Level::default(); classes],
            delayed: 0,
        }
    }

    /// A message came in or went back at `at`, and may be taken from `due` on.
    pub(crate) fn enter(&mut self, at: Time, account: &Account, due: Time) {
        if due > at {
            self.delayed += 1;
        } else {
            self.wait(at, account);
        }
    }

    /// A delayed message is waiting from now on.
    pub(crate) fn due(&mut self, at: Time, account: &Account) {
        self.leave_delayed();
        self.wait(at, account);
    }

    /// A delayed message has gone, or is waiting now.
    pub(crate) fn leave_delayed(&mut self) {
        debug_assert!(self.delayed > 0, "more left than came");
        self.delayed -= 1;
    }

    fn wait(&mut self, at: Time, account: &Account) {
        self.waiting.rise(at);
        self.by_agent[account.agent.0 as usize].rise(at);
        self.by_lane[account.lane.index()].rise(at);
        self.by_class[usize::from(account.class.0)].rise(at);
    }

    /// A waiting message has gone: into a call, or for good.
    pub(crate) fn leave_waiting(&mut self, at: Time, account: &Account) {
        self.waiting.fall(at);
        self.by_agent[account.agent.0 as usize].fall(at);
        self.by_lane[account.lane.index()].fall(at);
        self.by_class[usize::from(account.class.0)].fall(at);
    }

    /// Messages waiting now.
    pub(crate) const fn waiting(&self) -> u64 {
        self.waiting.now()
    }

    /// Messages delayed now.
    pub(crate) const fn delayed(&self) -> u64 {
        self.delayed
    }

    /// What all waiting messages came to until `at` since they were last drained.
    pub(crate) fn drain(&mut self, at: Time) -> Section {
        self.waiting.drain(at)
    }

    /// The same by part; drained apart from the whole, which is drained more often.
    pub(crate) fn drain_parts(&mut self, at: Time) -> QueueParts {
        let drain = |levels: &mut [Level]| levels.iter_mut().map(|level| level.drain(at)).collect();
        QueueParts {
            by_agent: drain(&mut self.by_agent),
            by_lane: drain(&mut self.by_lane),
            by_class: drain(&mut self.by_class),
        }
    }
}
