//! How time passes in the reference, and what each step does to it.

use ebbtide_core::Outcome;
use ebbtide_policies::observation::BreakerState;

use super::reference::{
    At, MS, NEVER, Phase, Place, Reference, Shutdown, Stage, WorkerState, submission,
};
use super::setup::TOPIC;
use super::step::{Act, Step, Word};

impl Reference {
    /// What follows from a step.
    pub(crate) fn step(&mut self, step: &Step) {
        self.log.clear();
        self.steps.push(step.clone());
        let now = self.now + step.after * MS;
        self.enter(now);
        self.subject = self.subject_of(&step.act);
        match &step.act {
            Act::Submit(_, letter) => {
                self.before_arrivals();
                let agent = self.subject.expect("there is an agent");
                let submission = submission(now, agent as u32, self.letters, letter);
                self.letters += 1;
                self.submit(&submission, &[agent]);
            }
            Act::Broadcast(letter) => {
                self.before_arrivals();
                let subscribed = |agent: &usize| {
                    let agent = &self.agents[*agent];
                    !agent.removed && agent.config.topics.iter().any(|topic| topic == TOPIC)
                };
                let agents: Vec<usize> = (0..self.agents.len()).filter(subscribed).collect();
                let submission = submission(now, 0, self.letters, letter);
                self.letters += 1;
                self.submit(&submission, &agents);
            }
            Act::TakeAll => {
                self.at_one_instant();
                self.take_all();
            }
            Act::Advance => self.at_one_instant(),
            Act::PauseLane(lane, ms) => {
                let until = ms.map_or(NEVER, |ms| now + ms * MS);
                if until > self.lanes_paused_until[lane.index()] && until > now {
                    self.lanes_paused_until[lane.index()] = until;
                    self.say(format!("paused {lane:?} until {until}"));
                }
            }
            Act::ResumeLane(lane) => self.resume_lane(lane.index()),
            Act::Pin(workers) => self.pin(*workers),
            Act::DryRun(dry_run) => self.control.dry_run = *dry_run,
            Act::Run(ms) => self.run(now + ms * MS),
            act => {
                if let Some(subject) = self.subject {
                    self.report(act, subject);
                }
            }
        }
    }

    /// Which one is picked.
    fn subject_of(&self, act: &Act) -> Option<usize> {
        let open = self.open_calls();
        let among = |pick: &usize, of: usize| (of > 0).then(|| pick % of);
        match act {
            Act::Settle(pick, _) | Act::Panic(pick) | Act::Extend(pick) => {
                among(pick, open.len()).map(|at| open[at])
            }
            Act::SettleAny(pick) | Act::ExtendAny(pick) => among(pick, self.calls.len()),
            Act::Cancel(pick) => among(pick, self.messages.len()),
            Act::Take(pick, _) | Act::WorkerReady(pick) | Act::WorkerLost(pick) => {
                among(pick, self.workers.len())
            }
            Act::Submit(pick, _)
            | Act::Pause(pick, _)
            | Act::Resume(pick)
            | Act::RemoveAgent(pick) => among(pick, self.agents.len()),
            Act::AddAgent(pick) => among(pick, self.setup.agents.len()),
            Act::Shutdown(_) => Some(0),
            Act::Broadcast(_)
            | Act::TakeAll
            | Act::Advance
            | Act::Run(_)
            | Act::PauseLane(..)
            | Act::ResumeLane(_)
            | Act::Pin(_)
            | Act::DryRun(_) => None,
        }
    }

    /// What handlers, workers, senders and users report.
    fn report(&mut self, act: &Act, subject: usize) {
        match act {
            Act::Settle(_, words) => self.settle(subject, |at| words[at % words.len()]),
            Act::Panic(_) => self.settle(subject, |_| Word::Failed),
            Act::SettleAny(_) => self.settle(subject, |_| Word::Delivered),
            Act::Extend(_) | Act::ExtendAny(_) => self.extend(subject),
            Act::Cancel(_) => {
                self.before_arrivals();
                if self.is_live(subject) {
                    self.finish(subject, Outcome::Cancelled);
                }
            }
            Act::Take(_, most) => {
                self.at_one_instant();
                for _ in 0..self.free_slots(subject).min(u64::from(*most)) {
                    if !self.take_one(subject) {
                        break;
                    }
                }
            }
            Act::WorkerReady(_) => {
                if self.workers[subject].state == WorkerState::Starting {
                    self.set_worker(subject, WorkerState::Ready);
                }
            }
            Act::WorkerLost(_) => self.lose_worker(subject),
            Act::Pause(_, ms) => self.pause(subject, ms.map_or(NEVER, |ms| self.now + ms * MS)),
            Act::Resume(_) => self.resume(subject),
            Act::AddAgent(_) => {
                let mut config = self.setup.agents[subject].clone();
                config.name = format!("a{}", self.agents.len());
                self.add_agent(config);
            }
            Act::RemoveAgent(_) => self.remove_agent(subject),
            Act::Shutdown(ms) => self.shut_down(self.now + ms * MS),
            other => unreachable!("{other:?} concerns nobody"),
        }
    }

    fn shut_down(&mut self, limit: At) {
        self.shutdown = match self.shutdown {
            Shutdown::Off => Shutdown::On(limit),
            Shutdown::On(earlier) => Shutdown::On(earlier.min(limit)),
            Shutdown::Over => Shutdown::Over,
        };
    }

    fn remove_agent(&mut self, agent: usize) {
        let it = &mut self.agents[agent];
        it.removed = true;
        it.paused_until = 0;
        it.breaker.phase = Phase::Closed;
        for message in 0..self.messages.len() {
            let it = &self.messages[message];
            if it.agent == agent && Self::is_queued(it.place) {
                let removed = ebbtide_core::message::DeadReason::AgentRemoved;
                self.finish(message, Outcome::DeadLettered(removed));
            }
        }
    }

    fn pin(&mut self, workers: Option<u32>) {
        let broker = &self.setup.broker;
        let allowed = broker.min_workers..=broker.max_workers;
        match workers {
            Some(workers) if allowed.contains(&workers) => {
                self.control.pinned = Some(workers);
                self.control.workers = workers;
                self.resize(workers);
            }
            Some(_) => {}
            None => self.control.pinned = None,
        }
    }

    fn resume_lane(&mut self, lane: usize) {
        if self.lanes_paused_until[lane] > 0 {
            self.lanes_paused_until[lane] = 0;
            self.say(format!("resumed {:?}", ebbtide_core::Lane::ALL[lane]));
        }
    }

    // Time.

    /// The clock moves to `now`, after everything that was due before.
    fn enter(&mut self, now: At) {
        while let Some(at) = self.next_instant(now).filter(|&at| at < now) {
            self.now = self.now.max(at);
            self.at_one_instant();
        }
        self.now = now;
    }

    /// The shell comes back at each instant at which something happens, and all slots take.
    fn run(&mut self, until: At) {
        loop {
            self.at_one_instant();
            self.take_all();
            let timer = self.next_instant(self.now);
            let Some(at) = timer
                .into_iter()
                .chain(self.takeable_at())
                .min()
                .filter(|&at| at <= until)
            else {
                break;
            };
            self.enter(at.max(self.now));
        }
        self.enter(until);
        self.at_one_instant();
        self.take_all();
    }

    /// When the next thing happens by itself, if the clock is to move to `target`: ticks missed
    /// before it merge into the last of them.
    fn next_instant(&mut self, target: At) -> Option<At> {
        self.merge_missed_ticks(target);
        let live = self
            .messages
            .iter()
            .filter(|message| !matches!(message.place, Place::Done(_)));
        let due = live
            .clone()
            .filter(|it| it.place == Place::Delayed)
            .map(|it| it.due);
        let deadlines = live.map(|it| it.deadline);
        let calls = self.calls.iter().filter_map(|call| match call.stage {
            Stage::Open => Some(call.expires),
            Stage::Grace(until) => Some(until),
            Stage::Gone => None,
        });
        let pauses = self
            .agents
            .iter()
            .map(|agent| agent.paused_until)
            .filter(|&until| until > 0);
        let pauses = pauses.chain(
            self.lanes_paused_until
                .into_iter()
                .filter(|&until| until > 0),
        );
        let breakers = self
            .agents
            .iter()
            .filter_map(|agent| match agent.breaker.phase {
                Phase::Open { until } => Some(until),
                _ => None,
            });
        let shutdown = match self.shutdown {
            Shutdown::On(limit) => Some(limit),
            Shutdown::Off | Shutdown::Over => None,
        };
        let ticks = (self.shutdown != Shutdown::Over)
            .then(|| self.control.next.min(self.control.next_early));
        let all = due
            .chain(deadlines)
            .chain(calls)
            .chain(pauses)
            .chain(breakers);
        all.chain(shutdown)
            .chain(ticks)
            .filter(|&at| at != NEVER)
            .min()
    }

    /// Everything that is due now, in its order; settles came before, takes come after.
    fn at_one_instant(&mut self) {
        self.before_arrivals();
        let now = self.now;
        let mut expired: Vec<usize> = (0..self.messages.len())
            .filter(|&message| self.is_live(message) && self.messages[message].deadline <= now)
            .collect();
        expired.sort_by_key(|&message| self.messages[message].deadline);
        for message in expired {
            // One that expired in its call may have opened a breaker that fails fast.
            if self.is_live(message) {
                self.finish(message, Outcome::Expired);
            }
        }
        let mut lost: Vec<usize> = self.open_calls();
        lost.retain(|&call| self.calls[call].expires <= now);
        lost.sort_by_key(|&call| (self.calls[call].expires, call));
        for call in lost {
            self.time_out(call);
        }
        if matches!(self.shutdown, Shutdown::On(limit) if limit <= now) {
            self.shutdown = Shutdown::Over;
            for message in 0..self.messages.len() {
                if self.is_live(message) {
                    self.finish(message, Outcome::Returned);
                }
            }
        }
        self.tick();
    }

    /// What comes before arrivals at one instant: agents, handlers' graces, due messages.
    fn before_arrivals(&mut self) {
        let now = self.now;
        for lane in 0..5 {
            if self.lanes_paused_until[lane] <= now {
                self.resume_lane(lane);
            }
        }
        for agent in 0..self.agents.len() {
            let it = &mut self.agents[agent];
            if it.paused_until > 0 && it.paused_until <= now {
                it.paused_until = 0;
                self.say(format!("resumed {agent}"));
            }
            if matches!(self.agents[agent].breaker.phase, Phase::Open { until } if until <= now) {
                self.agents[agent].breaker.phase = Phase::HalfOpen { successes: 0 };
                self.say_breaker(agent, BreakerState::HalfOpen);
            }
        }
        for call in 0..self.calls.len() {
            if matches!(self.calls[call].stage, Stage::Grace(until) if until <= now) {
                self.release(call);
            }
        }
        let is_due = |it: &super::reference::Message| it.place == Place::Delayed && it.due <= now;
        let mut due: Vec<usize> = (0..self.messages.len())
            .filter(|&message| is_due(&self.messages[message]))
            .collect();
        due.sort_by_key(|&message| (self.messages[message].due, self.messages[message].turn));
        for message in due {
            let line = format!("due {}", self.messages[message].name);
            self.say(line);
            self.become_due(message);
        }
    }

    // The control tick.

    fn merge_missed_ticks(&mut self, target: At) {
        let last = |step: At| target.saturating_sub(1) / step * step;
        let interval = self.setup.broker.control_interval_ms * MS;
        self.control.next = self.control.next.max(last(interval));
        if self.control.early.is_some() {
            self.control.next_early = self.control.next_early.max(last(interval / 10));
        }
    }

    fn tick(&mut self) {
        let (now, interval) = (self.now, self.setup.broker.control_interval_ms * MS);
        if self.shutdown == Shutdown::Over || self.control.next.min(self.control.next_early) > now {
            return;
        }
        let after = |step: At| (now / step + 1) * step;
        if self.control.next <= now {
            self.control.next = after(interval);
            self.decide();
        } else if self
            .control
            .early
            .is_some_and(|most| self.control.arrivals > most)
        {
            self.decide();
        }
        self.control.next_early = self.control.early.map_or(NEVER, |_| after(interval / 10));
    }

    fn decide(&mut self) {
        let wish = self.setup.wishes[self.control.ticks % self.setup.wishes.len()].clone();
        let broker = &self.setup.broker;
        let wished = |wish: f64, least: u32, most: u32| {
            wish.is_finite()
                .then(|| wish.clamp(f64::from(least), f64::from(most)) as u32)
        };
        let workers = wished(wish.workers.ceil(), broker.min_workers, broker.max_workers);
        let size = wished(
            wish.batch_size.round(),
            broker.min_batch_size,
            broker.max_batch_size,
        );
        let most = broker.max_batch_timeout_ms * MS;
        let timeout = wish
            .batch_timeout
            .map(|timeout| timeout.as_nanos().min(most));
        let mut workers = self.paced(workers.unwrap_or(self.control.workers));
        let control = &mut self.control;
        if control.dry_run {
            workers = control.workers;
        } else {
            control.batch_size = size.unwrap_or(control.batch_size);
            control.batch_timeout = timeout.unwrap_or(control.batch_timeout);
        }
        workers = control.pinned.unwrap_or(workers);
        control.workers = workers;
        control.early = wish.early_arrivals;
        control.arrivals = 0;
        control.ticks += 1;
        let line = format!(
            "decided {workers} {} {}",
            control.batch_size, control.batch_timeout
        );
        let line = format!("{line} behind {:?}", self.behind());
        self.say(line);
        self.resize(workers);
    }

    /// Growth is never delayed; shrinkage goes to the largest wish of the window, and waits
    /// for the cool-down.
    fn paced(&mut self, wish: u32) -> u32 {
        let (now, present) = (self.now, self.control.workers);
        let (window, cool_down) = (
            self.setup.broker.shrink_window_ms * MS,
            self.setup.broker.cool_down_ms * MS,
        );
        self.control.wishes.push((now, wish));
        let in_window = |&&(at, _): &&(At, u32)| at == now || now - at < window;
        let largest = self
            .control
            .wishes
            .iter()
            .filter(in_window)
            .map(|&(_, wish)| wish)
            .max();
        let cooling = self
            .control
            .last_change
            .is_some_and(|at| now - at < cool_down);
        let workers = if wish >= present {
            wish
        } else if cooling {
            present
        } else {
            largest.expect("there is this wish").min(present)
        };
        let is_applied = self.control.pinned.is_none() && !self.control.dry_run;
        if workers != present && is_applied {
            self.control.last_change = Some(now);
        }
        workers
    }

    fn resize(&mut self, wanted: u32) {
        let wanted = wanted as usize;
        let kept = |it: &Self| {
            it.in_state(WorkerState::Starting).len() + it.in_state(WorkerState::Ready).len()
        };
        while kept(self) < wanted {
            match self.in_state(WorkerState::Draining).first() {
                Some(&worker) => self.set_worker(worker, WorkerState::Ready),
                None => {
                    self.order_worker();
                }
            }
        }
        while kept(self) > wanted {
            let ready = self.in_state(WorkerState::Ready);
            let idlest = ready
                .into_iter()
                .min_by_key(|&it| (self.calls_of(it), std::cmp::Reverse(it)));
            let latest = self.in_state(WorkerState::Starting).pop();
            let worker = latest.or(idlest).expect("more are kept than wanted");
            let busy = self.calls_of(worker) > 0;
            self.set_worker(
                worker,
                if busy {
                    WorkerState::Draining
                } else {
                    WorkerState::Gone
                },
            );
        }
    }
}
