//! How time passes: what is due happens in its order, and the next wake-up is told.
//!
//! At one instant: agents and graces, messages that become due, expiries and lost leases, the
//! control tick. Settles come before all of it and takes after, which is the shell's part.
//!
//! A broker in which nothing happens and nothing is there, whose policy goes by what happens, rests: nobody need
//! come back for its ticks. They are run when something happens, as they would have been.

use std::collections::BTreeSet;

use ebbtide_policies::units::Time;

use crate::event::{Listener, What};
use crate::message::{AgentId, Outcome, WorkerId};
use crate::messages::Place;
use crate::state::{BrokerState, Timers, Wake};

/// Ticks that are made up for one by one after a rest; what is beyond them is one observation. A minute of
/// them takes less than a millisecond.
const MADE_UP: u32 = 60;

impl Timers {
    /// A lease ends at `expires`, if its call does not end before.
    #[inline]
    pub(crate) fn lease_until(&mut self, expires: Time) {
        if expires < self.leases {
            self.leases = expires;
            self.sooner(expires, Wake::Lease);
        }
    }

    /// A timer was set for `at`.
    #[inline]
    pub(crate) fn sooner(&mut self, at: Time, why: Wake) {
        if at <= self.first.0 {
            self.first = self.first.min((at, why));
        }
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// Lets everything happen that is due by `now`: messages become due, deadlines pass,
    /// leases are lost, the control tick runs.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        self.enter(now);
        if self.timers.first.0 <= self.now {
            self.run_timers();
        }
        self.control.advanced = self.now;
    }

    /// When to come back, and why; `None` when nothing is left to happen by itself. It may be
    /// too early, since what a timer was set for may have gone meanwhile, and never too late.
    #[must_use]
    pub fn next_wake(&self) -> Option<(Time, Wake)> {
        let timer = match self.rests() {
            true => (Time::MAX, Wake::Tick),
            false => self.timers.first,
        };
        let first = match self.takeable_at() {
            Some(at) => timer.min((at, Wake::Take)),
            None => timer,
        };
        (first.0 != Time::MAX).then_some(first)
    }

    /// When something happens by itself, takes apart: [`next_wake`](Self::next_wake) for shells
    /// whose workers see to takes. [`Time::MAX`]: never.
    #[must_use]
    pub fn next_timer(&self) -> Time {
        match self.rests() {
            true => Time::MAX,
            false => self.timers.first.0,
        }
    }

    /// No later than when the first open lease runs out; [`Time::MAX`]: there is none.
    #[must_use]
    pub fn first_expiry(&self) -> Time {
        match self.rests() {
            true => Time::MAX,
            false => self.timers.leases,
        }
    }

    /// The workers with calls whose leases run out by `then`. A shell that finds one of them stuck says so
    /// before ([`worker_lost`](Self::worker_lost)): its calls, which nobody could see to, then
    /// spend no attempt.
    #[must_use]
    pub fn expire_by(&self, then: Time) -> BTreeSet<WorkerId> {
        let expire = self.leases.expire_by(then);
        expire.map(|(_, lease)| lease.worker).collect()
    }

    /// Whether nothing happens and nothing is there, so that ticks may be run late: a shell need not come
    /// back before it is called.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.control.rests && self.is_idle()
    }

    /// Moves the clock to `now`, after everything that was due before it: a call with a later
    /// time finds the broker as it would be had the shell come back for each timer.
    #[inline(always)]
    pub(crate) fn enter(&mut self, now: Time) {
        if now > self.now {
            if self.timers.first.0 < now {
                self.run_overdue(now);
            }
            self.pass(now);
        }
    }

    /// As [`enter`](Self::enter), for what may change what the policy decides, or when something happens by
    /// itself: a rest is over.
    pub(crate) fn disturb(&mut self, now: Time) {
        self.enter(now);
        self.control.rests = false;
    }

    /// Runs the timers that were due before `now`, each at its time; ticks of a rest are made up for.
    #[cold]
    fn run_overdue(&mut self, now: Time) {
        let rested = std::mem::take(&mut self.control.rests);
        let mut made_up = if rested { MADE_UP } else { 0 };
        while self.timers.first.0 < now {
            match made_up {
                0 => self.skip_missed_ticks(now),
                _ => made_up -= 1,
            }
            self.pass(self.timers.first.0);
            self.run_timers();
        }
    }

    /// Time goes by and nothing happens: slot-time is booked as it was spent.
    #[inline(always)]
    fn pass(&mut self, now: Time) {
        if now > self.now {
            self.book_slot_time(now.since(self.now));
            self.now = now;
        }
    }

    /// What is due now and comes before this instant's arrivals: agents, graces, messages that
    /// become due.
    #[inline]
    pub(crate) fn run_timers_before_arrivals(&mut self) {
        if self.timers.first.0 <= self.now {
            self.let_in_what_is_due();
        }
    }

    #[cold]
    fn let_in_what_is_due(&mut self) {
        let now = self.now;
        self.resume_due_lanes();
        while let Some((_, agent)) = self.timers.agents.pop_due(now) {
            self.reopen(agent);
        }
        while let Some((_, lease)) = self.timers.graces.pop_due(now) {
            if self.leases.get(lease).is_some() {
                self.release(lease.slot);
            }
        }
        self.promote_due(now);
    }

    /// Runs what is due now, and finds out what is first from here on.
    #[cold]
    fn run_timers(&mut self) {
        let now = self.now;
        self.run_timers_before_arrivals();
        while let Some((_, message)) = self.timers.deadlines.pop_due(now) {
            if self.is_live(message) {
                self.finish(message.index, Outcome::Expired);
            }
        }
        if self.timers.leases <= now {
            self.time_out_leases();
        }
        if self.shutdown.limit().is_some_and(|limit| limit <= now) {
            self.return_all();
        }
        self.run_tick();
        self.note_queue_level();
        let other = self.first_other_timer();
        self.control.rests &= other.0 == Time::MAX;
        let tick = self.next_tick().unwrap_or(Time::MAX);
        self.timers.first = other.min((tick, Wake::Tick));
    }

    /// Leases that have run out are lost; of the others the first to end is remembered.
    fn time_out_leases(&mut self) {
        let over = self.leases.expire_by(self.now);
        let over = over.map(|(slot, lease)| (lease.expires, lease.number, slot));
        let mut over: Vec<(Time, u64, u32)> = over.collect();
        over.sort_unstable();
        for (_, _, slot) in over {
            self.time_out(slot);
        }
        let left = self.leases.active_slots().map(|(_, lease)| lease.expires);
        self.timers.leases = left.min().unwrap_or(Time::MAX);
    }

    /// An agent's pause or its breaker's open state may be over.
    fn reopen(&mut self, id: AgentId) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        if agent.paused_until != Time::ZERO && agent.paused_until <= now {
            agent.paused_until = Time::ZERO;
            self.emit(What::Resumed { agent: id });
        }
        let Some(breaker) = &mut self.agents[id.0 as usize].breaker else {
            return;
        };
        if breaker.open_until().is_some_and(|until| until <= now) {
            breaker.half_open();
            let state = breaker.state();
            self.emit(What::Breaker { agent: id, state });
        }
    }

    /// The first thing that happens by itself, ticks and takes apart.
    fn first_other_timer(&mut self) -> (Time, Wake) {
        let Self {
            timers,
            messages,
            leases,
            agents,
            lanes,
            ..
        } = self;
        let is_live = |id: crate::message::MessageId| messages.is_live(id.index, id.generation);
        let delayed = timers.delayed.next(|at, id| {
            is_live(id)
                && messages[id.index].place == Place::Delayed
                && messages[id.index].due == at
        });
        let deadline = timers.deadlines.next(|_, id| is_live(id));

        let grace = timers.graces.next(|_, id| leases.get(id).is_some());
        let agent = timers.agents.next(|at, id| {
            agents.get(id).is_some_and(|agent| {
                let breaker = agent.breaker.as_ref();
                let until = breaker.and_then(crate::breaker::Breaker::open_until);
                agent.paused_until == at || until == Some(at)
            })
        });
        let candidates = [
            (lanes.resumes_at(), Wake::Agent),
            (agent, Wake::Agent),
            (grace, Wake::Agent),
            (delayed, Wake::Due),
            (deadline, Wake::Deadline),
            (Some(timers.leases), Wake::Lease),
            (self.shutdown.limit(), Wake::Shutdown),
        ];
        let named = candidates.map(|(at, why)| (at.unwrap_or(Time::MAX), why));
        named
            .into_iter()
            .fold((Time::MAX, Wake::Take), std::cmp::Ord::min)
    }
}
