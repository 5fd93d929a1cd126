//! How time passes: what is due happens in its order, and the next wake-up is told.
//!
//! At one instant: agents and graces, messages that become due, expiries and lost leases, the
//! control tick. Settles come before all of it and takes after, which is the shell's part.

use ebbtide_policies::units::Time;

use crate::event::What;
use crate::leases::LeaseState;
use crate::message::{AgentId, Outcome};
use crate::messages::Place;
use crate::state::{BrokerState, Timers, Wake};

impl Timers {
    /// A timer was set for `at`.
    pub(crate) fn sooner(&mut self, at: Time) {
        self.first = self.first.min(at);
    }
}

impl<M> BrokerState<M> {
    /// Lets everything happen that is due by `now`: messages become due, deadlines pass,
    /// leases are lost, the control tick runs.
    pub fn advance(&mut self, now: Time) {
        self.enter(now);
        if self.timers.first <= self.now {
            self.run_timers();
            self.note_queue_level();
            self.timers.first = self.first_timer().map_or(Time::MAX, |(at, _)| at);
        }
    }

    /// When to come back, and why; `None` when nothing is left to happen by itself.
    pub fn next_wake(&mut self) -> Option<(Time, Wake)> {
        let timer = self.first_timer();
        let take = self.takeable_at().map(|at| (at, Wake::Take));
        timer.into_iter().chain(take).min()
    }

    /// Moves the clock to `now`, after everything that was due before it: a call with a later
    /// time finds the broker as it would be had the shell come back for each timer.
    pub(crate) fn enter(&mut self, now: Time) {
        if now <= self.now {
            return;
        }
        while self.timers.first < now {
            let Some((first, _)) = self.first_timer().filter(|&(first, _)| first < now) else {
                self.timers.first = now;
                break;
            };
            self.skip_missed_ticks(now);
            self.pass(first.max(self.now));
            self.run_timers();
            self.note_queue_level();
            self.timers.first = self.first_timer().map_or(Time::MAX, |(at, _)| at);
        }
        self.pass(now);
    }

    /// Time goes by and nothing happens: slot-time is booked as it was spent.
    fn pass(&mut self, now: Time) {
        if now > self.now {
            self.book_slot_time(now.since(self.now));
            self.now = now;
        }
    }

    fn run_timers(&mut self) {
        let now = self.now;
        while let Some((_, agent)) = self.timers.agents.pop_due(now) {
            self.reopen(agent);
        }
        while let Some((_, lease)) = self.timers.graces.pop_due(now) {
            if self.leases.get(lease).is_some() {
                self.release(lease.slot);
            }
        }
        self.promote_due(now);
        while let Some((_, message)) = self.timers.deadlines.pop_due(now) {
            if self.is_live(message) {
                self.finish(message.index, Outcome::Expired);
            }
        }
        while let Some((at, lease)) = self.timers.leases.pop_due(now) {
            if self.leases.is_active(lease) && self.leases[lease.slot].expires == at {
                self.time_out(lease.slot);
            }
        }
        if self.shutdown.limit().is_some_and(|limit| limit <= now) {
            self.return_all();
        }
        self.run_tick();
    }

    /// An agent's pause or its breaker's open state may be over.
    fn reopen(&mut self, id: AgentId) {
        let now = self.now;
        let agent = &mut self.agents[id.0 as usize];
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

    /// The first thing that happens by itself, takes apart.
    fn first_timer(&mut self) -> Option<(Time, Wake)> {
        let Self {
            timers,
            messages,
            leases,
            agents,
            ..
        } = self;
        let is_live = |id: crate::message::MessageId| messages.is_live(id.index, id.generation);
        let delayed = timers.delayed.next(|at, id| {
            is_live(id)
                && messages[id.index].place == Place::Delayed
                && messages[id.index].due == at
        });
        let deadline = timers.deadlines.next(|_, id| is_live(id));
        let lease = timers.leases.next(|at, id| {
            let lease = leases.get(id);
            lease.is_some_and(|lease| lease.state == LeaseState::Active && lease.expires == at)
        });
        let grace = timers.graces.next(|_, id| leases.get(id).is_some());
        let agent = timers.agents.next(|at, id| {
            let agent = &agents[id.0 as usize];
            let breaker = agent
                .breaker
                .as_ref()
                .and_then(crate::breaker::Breaker::open_until);
            agent.paused_until == at || breaker == Some(at)
        });
        let candidates = [
            (agent, Wake::Agent),
            (grace, Wake::Agent),
            (delayed, Wake::Due),
            (deadline, Wake::Deadline),
            (lease, Wake::Lease),
            (self.shutdown.limit(), Wake::Shutdown),
            (self.next_tick(), Wake::Tick),
        ];
        candidates
            .into_iter()
            .filter_map(|(at, why)| Some((at?, why)))
            .min()
    }
}
