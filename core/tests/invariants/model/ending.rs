//! How messages come in, how calls end, and how messages do.

use ebbtide_core::event::{CallEnd, Requeue, Whereabouts};
use ebbtide_core::message::DeadReason;
use ebbtide_core::{Outcome, Submission};

use super::breaker::Health;
use super::reference::{
    At, MS, Message, NEVER, Phase, Place, Reference, Shutdown, Stage, WorkerState,
};
use super::step::Word;

/// A message that was in the calls of so many lost workers is given no other.
const WORKERS_LOST_MOST: u32 = 5;

impl Reference {
    // Coming in.

    /// One message to each of `agents`, all or none.
    pub(crate) fn submit(&mut self, submission: &Submission<u32>, agents: &[usize]) {
        let refused = agents.is_empty() || self.refuses(submission, agents);
        for &agent in agents {
            if refused {
                self.refused += 1;
                self.say(format!("refused {}@{agent}", submission.payload));
            } else {
                self.accept(submission, agent);
            }
        }
    }

    fn refuses(&self, submission: &Submission<u32>, agents: &[usize]) -> bool {
        let closed = match self.shutdown {
            Shutdown::Off => false,
            Shutdown::On(_) => !submission.nested,
            Shutdown::Over => true,
        };
        let known = |&agent: &usize| self.agents.get(agent).is_some_and(|agent| !agent.removed);
        closed || !agents.iter().all(known) || !self.has_room(submission, agents)
    }

    /// Whether waiting + delayed, less what free slots could start now, stays within bounds.
    fn has_room(&self, submission: &Submission<u32>, agents: &[usize]) -> bool {
        let broker = &self.setup.broker;
        let reserve = if submission.lane.index() == 0 {
            broker.reserve
        } else {
            0
        };
        let (more, size) = (agents.len() as u64, u64::from(submission.size));
        let fits = |calls: u64, bytes: u64| {
            self.queued() + more <= broker.max_queue_size + reserve + calls
                && self.queued_bytes() + more * size <= broker.max_queue_bytes.0 + bytes
        };
        if fits(0, 0) {
            return true;
        }
        let mut tried = self.clone();
        for &agent in agents {
            tried.accept(submission, agent);
        }
        let (mut calls, mut bytes) = (0, 0);
        let mut called = vec![false; self.agents.len()];
        while let Some(worker) = tried.least_busy() {
            if !tried.take_one(worker) {
                break;
            }
            let call = tried.calls.last().expect("one was taken");
            let first = !std::mem::replace(&mut called[call.agent], true);
            // Of batches only full ones count, or the one that has closed.
            if first || tried.is_full(call) {
                calls += 1;
                let sizes = call.members.iter().map(|&it| tried.messages[it].size);
                bytes += sizes.sum::<u64>();
            } else {
                tried.calls.last_mut().expect("one was taken").stage = Stage::Gone;
            }
        }
        fits(calls, bytes)
    }

    fn accept(&mut self, submission: &Submission<u32>, agent: usize) {
        let due = submission
            .due
            .map_or(self.now, |due| due.as_nanos().max(self.now));
        let name = format!("{}@{agent}", submission.payload);
        self.say(format!("accepted {name} due {due}"));
        let turn = self.next_turn();
        self.messages.push(Message {
            name,
            agent,
            lane: submission.lane.index(),
            sent: submission.sent.as_nanos(),
            accepted: self.now,
            came_back: false,
            due,
            turn,
            first_due: None,
            deadline: submission
                .deadline
                .map_or(NEVER, |deadline| deadline.as_nanos()),
            key: submission.ordering_key,
            size: u64::from(submission.size),
            units: u64::from(submission.units),
            attempts: 0,
            workers_lost: 0,
            place: Place::Delayed,
        });
        self.control.arrivals += 1;
        let broker = &self.setup.broker;
        let most = u64::from(broker.retry_budget_reserve).max(1) * 1_000_000;
        let share = broker
            .retry_budget
            .map_or(0, |share| (share * 1e6).round() as u64);
        self.budget = self.budget.map(|left| (left + share).min(most));
        if due <= self.now {
            self.become_due(self.messages.len() - 1);
        }
    }

    pub(crate) fn become_due(&mut self, message: usize) {
        let turn = self.next_turn();
        let it = &mut self.messages[message];
        it.turn = turn;
        it.place = Place::Waiting;
        let agent = it.agent;
        if it.first_due.is_none() {
            it.first_due = Some((it.due, turn));
            self.agents[agent].came_behind += u64::from(self.is_behind(message));
        }
        self.fail_fast(message);
    }

    /// A waiting message fails at once while its agent's breaker is open, if the user said so.
    fn fail_fast(&mut self, message: usize) {
        let open = matches!(
            self.agents[self.messages[message].agent].breaker.phase,
            Phase::Open { .. }
        );
        if open
            && self
                .setup
                .broker
                .breaker
                .is_some_and(|breaker| breaker.fail_fast)
        {
            self.finish(message, Outcome::DeadLettered(DeadReason::BreakerOpen));
        }
    }

    // Going back.

    /// With the due time it had.
    fn put_back(&mut self, message: usize, why: Requeue) {
        if self.has_no_agent(message) {
            return;
        }
        self.say_requeued(message, self.messages[message].due.max(self.now), why);
        self.messages[message].place = Place::Waiting;
        self.fail_fast(message);
    }

    fn try_again_at(&mut self, message: usize, due: At, why: Requeue) {
        if self.has_no_agent(message) {
            return;
        }
        let due = due.max(self.now);
        self.say_requeued(message, due, why);
        let turn = self.next_turn();
        let it = &mut self.messages[message];
        it.due = due;
        it.turn = turn;
        it.place = Place::Delayed;
        if due == self.now {
            self.become_due(message);
        }
    }

    fn say_requeued(&mut self, message: usize, due: At, why: Requeue) {
        self.messages[message].came_back = true;
        let it = &self.messages[message];
        let line = format!(
            "back {} due {due} {why:?} attempts {}",
            it.name, it.attempts
        );
        self.say(line);
    }

    // Outcomes.

    pub(crate) fn finish(&mut self, message: usize, outcome: Outcome) {
        let agent = self.messages[message].agent;
        self.agents[agent].ended_behind += u64::from(self.is_behind(message));
        let it = &mut self.messages[message];
        let was = match it.place {
            Place::Waiting => Whereabouts::Waiting,
            Place::Delayed => Whereabouts::Delayed,
            Place::Leased(_) => Whereabouts::Leased,
            Place::Done(outcome) => panic!("{} is {outcome:?} already", it.name),
        };
        let place = std::mem::replace(&mut it.place, Place::Done(outcome));
        let line = format!(
            "done {} {outcome:?} was {was:?} attempts {}",
            it.name, it.attempts
        );
        self.say(line);
        if let Place::Leased(call) = place
            && self.calls[call].stage == Stage::Open
            && self.live_members(call).is_empty()
        {
            let (end, health) = match outcome {
                Outcome::Expired if self.is_late(message, self.calls[call].started) => {
                    (CallEnd::Expired, self.late_says(call))
                }
                Outcome::Expired => (CallEnd::Expired, Health::Bad),
                _ => (CallEnd::Abandoned, Health::Neutral),
            };
            self.end(call, end, health);
            self.tell_handler(call);
        }
    }

    fn tell_handler(&mut self, call: usize) {
        self.say(format!("told call {call}"));
        match self.setup.broker.cancel_grace_ms {
            0 => self.release(call),
            grace => self.calls[call].stage = Stage::Grace(self.now + grace * MS),
        }
    }

    /// Slot and place at the agent are free.
    pub(crate) fn release(&mut self, call: usize) {
        self.calls[call].stage = Stage::Gone;
        let (worker, agent) = (self.calls[call].worker, self.calls[call].agent);
        self.say(format!("free worker {worker} agent {agent}"));
        let drained =
            self.workers[worker].state == WorkerState::Draining && self.calls_of(worker) == 0;
        if drained {
            self.set_worker(worker, WorkerState::Gone);
        }
    }

    // Calls.

    pub(crate) fn settle(&mut self, call: usize, verdict: impl Fn(usize) -> Word) {
        if self.calls[call].stage != Stage::Open {
            return self.late(call);
        }
        let members = self.calls[call].members.clone();
        let lives: Vec<(usize, Word)> = (0..members.len())
            .filter(|&at| self.messages[members[at]].place == Place::Leased(call))
            .map(|at| (members[at], verdict(at)))
            .collect();
        let any = |wanted: fn(&Word) -> bool| lives.iter().any(|(_, word)| wanted(word));
        let (end, health) = if any(|word| matches!(word, Word::Delivered)) {
            (CallEnd::Succeeded, Health::Good)
        } else if any(|word| matches!(word, Word::Failed)) {
            (CallEnd::Failed, Health::Bad)
        } else {
            (CallEnd::Declined, Health::Neutral)
        };
        self.calls[call].stage = Stage::Grace(NEVER);
        self.end(call, end, health);
        for (message, word) in lives {
            self.judge(call, message, word);
        }
        self.release(call);
    }

    /// A late result is counted; it also tells that a cancelled handler has ended.
    fn late(&mut self, call: usize) {
        self.late += 1;
        self.say(format!("late call {call}"));
        if self.calls[call].stage != Stage::Gone {
            self.release(call);
        }
    }

    pub(crate) fn extend(&mut self, call: usize) {
        if self.calls[call].stage == Stage::Open {
            self.calls[call].expires = self.now + self.call_timeout(self.calls[call].agent);
        } else {
            self.late += 1;
            self.say(format!("late call {call}"));
        }
    }

    pub(crate) fn time_out(&mut self, call: usize) {
        let lives = self.live_members(call);
        self.calls[call].stage = Stage::Grace(NEVER);
        self.end(call, CallEnd::TimedOut, Health::Bad);
        for message in lives {
            self.judge(call, message, Word::Failed);
        }
        self.tell_handler(call);
    }

    pub(crate) fn lose_worker(&mut self, worker: usize) {
        let state = self.workers[worker].state;
        if state == WorkerState::Gone {
            return;
        }
        let calls = (0..self.calls.len()).filter(|&call| {
            self.calls[call].worker == worker && self.calls[call].stage != Stage::Gone
        });
        for call in calls.collect::<Vec<_>>() {
            if self.calls[call].stage == Stage::Open {
                let lives = self.live_members(call);
                self.calls[call].stage = Stage::Grace(NEVER);
                self.end(call, CallEnd::WorkerLost, Health::Bad);
                for message in lives {
                    self.lose_worker_under(message);
                }
            }
            self.release(call);
        }
        if self.workers[worker].state != WorkerState::Gone {
            self.set_worker(worker, WorkerState::Gone);
        }
        if state == WorkerState::Draining {
        } else if self.setup.broker.worker_restart_on_failure {
            self.order_worker();
        } else {
            let fewer = self.control.workers - 1;
            self.control.workers = fewer.max(self.setup.broker.min_workers);
        }
    }

    fn lose_worker_under(&mut self, message: usize) {
        self.messages[message].workers_lost += 1;
        if self.messages[message].workers_lost >= WORKERS_LOST_MOST {
            self.finish(message, Outcome::DeadLettered(DeadReason::WorkersLost));
        } else {
            self.put_back(message, Requeue::WorkerLost);
        }
    }

    /// What would go back to an agent that was removed is dead.
    fn has_no_agent(&mut self, message: usize) -> bool {
        let removed = self.agents[self.messages[message].agent].removed;
        if removed {
            self.finish(message, Outcome::DeadLettered(DeadReason::AgentRemoved));
        }
        removed
    }

    fn judge(&mut self, call: usize, message: usize, word: Word) {
        match word {
            Word::Delivered => self.finish(message, Outcome::Delivered),
            Word::Rejected => self.finish(message, Outcome::Rejected),
            Word::Discarded => self.finish(message, Outcome::Discarded),
            Word::Failed if self.calls[call].probe => {
                self.try_again_at(message, self.now, Requeue::Probe)
            }
            Word::Failed => self.fail(message),
            Word::Snoozed(wait) => {
                self.try_again_at(message, self.now + wait.max(1) * MS, Requeue::Snooze)
            }
            Word::RateLimited(wait) => {
                let agent = self.messages[message].agent;
                let (_, backoff, longest) = self.retry(agent);
                let wait = wait.unwrap_or(backoff.min(longest)).max(1);
                self.pause(agent, self.now + wait * MS);
                self.put_back(message, Requeue::RateLimited);
            }
        }
    }

    fn fail(&mut self, message: usize) {
        self.messages[message].attempts += 1;
        let attempts = self.messages[message].attempts;
        let (most, backoff, longest) = self.retry(self.messages[message].agent);
        if most.is_some_and(|most| attempts >= most) {
            return self.finish(message, Outcome::DeadLettered(DeadReason::AttemptsSpent));
        }
        if let Some(left) = self.budget {
            if left < 1_000_000 {
                return self.finish(message, Outcome::DeadLettered(DeadReason::RetryBudgetSpent));
            }
            self.budget = Some(left - 1_000_000);
        }
        let doubled = backoff << (attempts - 1).min(20);
        let mut due = self.now + doubled.min(longest) * MS;
        if most.is_none()
            && let Place::Leased(call) = self.messages[message].place
        {
            due = due.max(self.calls[call].started + MS);
        }
        self.try_again_at(message, due, Requeue::Retry);
    }

    // What an agent is told by its calls.

    pub(crate) fn pause(&mut self, agent: usize, until: At) {
        let it = &self.agents[agent];
        if !it.removed && until > it.paused_until && until > self.now {
            self.agents[agent].paused_until = until;
            self.say(format!("paused {agent} until {until}"));
        }
    }

    pub(crate) fn resume(&mut self, agent: usize) {
        if self.agents[agent].paused_until > self.now {
            self.agents[agent].paused_until = 0;
            self.say(format!("resumed {agent}"));
        }
    }
}
