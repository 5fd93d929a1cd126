//! Messages waiting and delayed over time, in all and by agent, lane and class.

use ebbtide_core::event::Account;
use ebbtide_core::message::Lane;
use ebbtide_core::units::Time;

use crate::level::{Level, Parts, Section};

/// The queue now, and what it came to.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Level,
    by_agent: Parts,
    by_lane: Parts,
    by_class: Parts,
    /// Messages delayed for a retry or a schedule.
    delayed: u64,
}

/// Waiting messages over a stretch of time, and the most of them at once in the whole run.
#[derive(Debug)]
pub(crate) struct QueueSums {
    pub(crate) waiting: Section,
    pub(crate) by_agent: Vec<Section>,
    pub(crate) by_lane: Vec<Section>,
    pub(crate) by_class: Vec<Section>,
}

impl QueueSums {
    /// As many waited as in `later` too.
    pub(crate) fn reach(&mut self, later: &Self) {
        self.waiting.reach(later.waiting);
        for (own, later) in [
            (&mut self.by_agent, &later.by_agent),
            (&mut self.by_lane, &later.by_lane),
            (&mut self.by_class, &later.by_class),
        ] {
            let pairs = own.iter_mut().zip(later);
            pairs.for_each(|(own, later)| own.reach(*later));
        }
    }
}

impl Queue {
    pub(crate) fn new(agents: usize, classes: usize) -> Self {
        Self {
            waiting: Level::default(),
            by_agent: Parts::new(agents),
            by_lane: Parts::new(Lane::ALL.len()),
            by_class: Parts::new(classes),
            delayed: 0,
        }
    }

    /// A message came in or went back at `at`, and may be taken from `due` on.
    #[inline(always)]
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

    #[inline(always)]
    fn wait(&mut self, at: Time, account: &Account) {
        let whole = &self.waiting;
        self.by_agent.rise(at, account.agent.0 as usize, whole);
        self.by_lane.rise(at, account.lane.index(), whole);
        self.by_class.rise(at, usize::from(account.class.0), whole);
        self.waiting.rise(at);
    }

    /// A waiting message has gone: into a call, or for good.
    #[inline(always)]
    pub(crate) fn leave_waiting(&mut self, at: Time, account: &Account) {
        self.waiting.fall(at);
        self.by_agent.fall(at, account.agent.0 as usize);
        self.by_lane.fall(at, account.lane.index());
        self.by_class.fall(at, usize::from(account.class.0));
    }

    /// Messages waiting now.
    pub(crate) const fn waiting(&self) -> u64 {
        self.waiting.now()
    }

    /// Messages delayed now.
    pub(crate) const fn delayed(&self) -> u64 {
        self.delayed
    }

    /// What the waiting messages came to until `at` since they were last drained.
    pub(crate) fn drain(&mut self, at: Time) -> Section {
        self.waiting.drain(at)
    }

    /// Forgets what they came to until `at`, but for how many they were at most.
    pub(crate) fn restart(&mut self, at: Time) {
        self.waiting.restart(at);
        self.by_agent.restart(at);
        self.by_lane.restart(at);
        self.by_class.restart(at);
    }

    /// What they came to until `at` since they were last restarted.
    pub(crate) fn since_restart(&self, at: Time) -> QueueSums {
        QueueSums {
            waiting: self.waiting.since_restart(at),
            by_agent: self.by_agent.since_restart(at, &self.waiting),
            by_lane: self.by_lane.since_restart(at, &self.waiting),
            by_class: self.by_class.since_restart(at, &self.waiting),
        }
    }
}
