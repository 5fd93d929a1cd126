//! Circuit breakers of the reference: what an ended call says about its agent, and what follows.

use ebbtide_core::Outcome;
use ebbtide_core::event::CallEnd;
use ebbtide_core::message::DeadReason;
use ebbtide_policies::observation::BreakerState;

use super::reference::{At, Call, MS, Message, NEVER, Phase, Place, Reference, Stage};

/// Probes that close a breaker.
const PROBES: u32 = 3;

/// What an ended call says about its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    Bad,
    Neutral,
    /// A deadline that the call began late for.
    Late,
}

impl Reference {
    pub(crate) fn end(&mut self, call: usize, how: CallEnd, health: Health) {
        self.say(format!("end call {call} {how:?}"));
        let agent = self.calls[call].agent;
        if self.setup.broker.breaker.is_none() || self.agents[agent].removed {
            return;
        }
        match health {
            Health::Good => self.remember(call),
            Health::Bad | Health::Neutral | Health::Late => self.outwait(agent),
        }
        match health {
            Health::Good => self.agents[agent].failed.clear(),
            Health::Bad => self.agents[agent].failed.push(call),
            Health::Neutral | Health::Late => self.count_started(agent, -1),
        }
        match health {
            Health::Good | Health::Bad => self.tell_breaker(call, health == Health::Bad),
            Health::Late => self.count_late(agent),
            Health::Neutral => {}
        }
    }

    pub(crate) fn count_started(&mut self, agent: usize, calls: i64) {
        let now = self.now;
        let breaker = &mut self.agents[agent].breaker;
        if matches!(breaker.phase, Phase::Closed | Phase::Recovering { .. }) {
            breaker.started.push((now, calls));
        }
    }

    fn remember(&mut self, call: usize) {
        let took = self.now - self.calls[call].started;
        let it = &mut self.agents[self.calls[call].agent];
        let forgotten = if it.successes < 64 { 0 } else { it.times / 64 };
        it.times = it.times + took - forgotten;
        it.successes += 1;
    }

    /// Calls that have been under way for a window, or for as long as successes take, are no more waited for.
    fn outwait(&mut self, agent: usize) {
        let window = self.setup.broker.breaker.map(|it| it.window_ms * MS);
        let it = &self.agents[agent];
        let usual = (it.successes >= 64).then_some(it.times / 64);
        let most = window.into_iter().chain(usual).min().unwrap_or(NEVER);
        let now = self.now;
        for call in self.calls.iter_mut().filter(|call| call.agent == agent) {
            call.outwaited |= now - call.started >= most;
        }
    }

    /// Failures of the row that a call's failure stands in: since the last success, and no call between them,
    /// as they started, that may still be one.
    fn row(&self, failed: usize) -> usize {
        let agent = self.calls[failed].agent;
        let parts = |call: usize| {
            let call = &self.calls[call];
            call.agent == agent && call.stage == Stage::Open && !call.outwaited
        };
        let beside = |&&other: &&usize| {
            let between = failed.min(other) + 1..failed.max(other);
            !between.into_iter().any(parts)
        };
        self.agents[agent].failed.iter().filter(beside).count()
    }

    fn count_late(&mut self, agent: usize) {
        let (now, most) = (self.now, self.late_run());
        let breaker = &mut self.agents[agent].breaker;
        let flows = matches!(breaker.phase, Phase::Closed | Phase::Recovering { .. });
        if flows && most.is_some_and(|most| breaker.late < most) {
            breaker.late += 1;
            breaker.unordered = now;
        }
    }

    /// Failures in a row that open a breaker, by their number or as a share.
    fn late_run(&self) -> Option<u32> {
        let config = self.setup.broker.breaker;
        config.map(|config| config.failures_in_a_row.min(config.min_calls))
    }

    /// What a call's late end says: after as many as would open the breaker had ended before it began, those of
    /// an agent with messages behind their ordering keys count as failed.
    pub(crate) fn late_says(&self, call: usize) -> Health {
        let call = &self.calls[call];
        let breaker = &self.agents[call.agent].breaker;
        let run = self.late_run().is_some_and(|most| breaker.late >= most);
        let behind =
            |message: usize| self.messages[message].agent == call.agent && self.is_behind(message);
        let held = (0..self.messages.len()).any(behind);
        match run && call.started >= breaker.unordered && held {
            true => Health::Bad,
            false => Health::Late,
        }
    }

    /// Whether the agent's messages are called for in their order: its breaker is closed, and not so many
    /// late calls in a row as would open it were followed by no good one.
    pub(crate) fn keeps_order(&self, agent: usize) -> bool {
        let breaker = &self.agents[agent].breaker;
        let most = self.late_run();
        breaker.phase == Phase::Closed && most.is_none_or(|most| breaker.late < most)
    }

    fn tell_breaker(&mut self, call: usize, failed: bool) {
        let &Call {
            agent,
            probe,
            in_flight,
            ..
        } = &self.calls[call];
        let bound = self.unbroken_limit(agent);
        match self.agents[agent].breaker.phase {
            Phase::Open { .. } => {}
            Phase::HalfOpen { .. } if !probe => {}
            Phase::HalfOpen { .. } if failed => self.open_breaker(agent),
            Phase::HalfOpen { successes } if successes + 1 < PROBES => {
                self.agents[agent].breaker.phase = Phase::HalfOpen {
                    successes: successes + 1,
                };
            }
            Phase::HalfOpen { .. } => {
                let recovering = Phase::Recovering {
                    limit: 1,
                    successes: 0,
                    since: self.now,
                };
                let (phase, state) = match bound > 1 {
                    true => (recovering, BreakerState::Recovering),
                    false => (Phase::Closed, BreakerState::Closed),
                };
                self.agents[agent].breaker.phase = phase;
                self.say_breaker(agent, state);
            }
            Phase::Closed | Phase::Recovering { .. } => {
                let now = self.now;
                let breaker = &mut self.agents[agent].breaker;
                breaker.seen.push((now, failed, in_flight));
                breaker.late = if failed { breaker.late } else { 0 };
                if failed && self.should_open(call) {
                    self.open_breaker(agent);
                } else if !failed {
                    self.recover(agent, bound);
                }
            }
        }
    }

    /// The window slides in tenths of its length.
    fn is_in_window(&self, at: At) -> bool {
        let config = self.setup.broker.breaker.expect("told with one only");
        let tenth = |at: At| at / (config.window_ms * MS / 10);
        tenth(at) + 10 > tenth(self.now)
    }

    /// Calls of the window.
    fn window(&self, agent: usize) -> Vec<(bool, u64)> {
        let seen = self.agents[agent].breaker.seen.iter();
        seen.filter(|(at, ..)| self.is_in_window(*at))
            .map(|&(_, failed, in_flight)| (failed, in_flight))
            .collect()
    }

    fn should_open(&self, call: usize) -> bool {
        let config = self.setup.broker.breaker.expect("told with one only");
        let agent = self.calls[call].agent;
        let window = self.window(agent);
        let failed = window.iter().filter(|(failed, _)| *failed).count();
        let enough = window.len() >= config.min_calls as usize;
        let started = self.agents[agent].breaker.started.iter();
        let started = started.filter(|(at, _)| self.is_in_window(*at));
        let started: i64 = started.map(|(_, calls)| calls).sum();
        let of = started.max(window.len() as i64) as f64;
        self.row(call) >= config.failures_in_a_row as usize
            || (enough && failed as f64 >= config.failure_share * of)
    }

    fn open_breaker(&mut self, agent: usize) {
        let config = self.setup.broker.breaker.expect("told with one only");
        let until = self.now + config.open_ms * MS;
        let window = self.window(agent);
        let good: Vec<u64> = (window.iter())
            .filter(|(failed, _)| !failed)
            .map(|&(_, in_flight)| in_flight)
            .collect();
        let mean = good
            .iter()
            .sum::<u64>()
            .div_ceil((good.len() as u64).max(1));
        let breaker = &mut self.agents[agent].breaker;
        *breaker = super::reference::Breaker {
            phase: Phase::Open { until },
            late: 0,
            unordered: 0,
            seen: Vec::new(),
            started: Vec::new(),
            carried: if good.is_empty() {
                breaker.carried
            } else {
                mean
            },
        };
        self.say_breaker(agent, BreakerState::Open);
        if config.fail_fast {
            let waiting =
                |message: &Message| message.agent == agent && message.place == Place::Waiting;
            let waiting: Vec<usize> = (0..self.messages.len())
                .filter(|&at| waiting(&self.messages[at]))
                .collect();
            for message in waiting {
                self.finish(message, Outcome::DeadLettered(DeadReason::BreakerOpen));
            }
        }
    }

    /// A recovering breaker's limit doubles whenever as many calls have succeeded; beyond what
    /// the agent carried when it was well, half an open time must have passed besides.
    fn recover(&mut self, agent: usize, bound: u64) {
        let config = self.setup.broker.breaker.expect("told with one only");
        let breaker = &self.agents[agent].breaker;
        let Phase::Recovering {
            limit,
            successes,
            since,
        } = breaker.phase
        else {
            return;
        };
        let step = self.now - since >= config.open_ms * MS / 2;
        let phase = if successes + 1 >= limit && (limit < breaker.carried || step) {
            Phase::Recovering {
                limit: 2 * limit,
                successes: 0,
                since: self.now,
            }
        } else {
            Phase::Recovering {
                limit,
                successes: successes + 1,
                since,
            }
        };
        self.agents[agent].breaker.phase = phase;
        if matches!(phase, Phase::Recovering { limit, .. } if limit >= bound) {
            self.agents[agent].breaker.phase = Phase::Closed;
            self.say_breaker(agent, BreakerState::Closed);
        }
    }

    pub(crate) fn say_breaker(&mut self, agent: usize, state: BreakerState) {
        self.say(format!("breaker {agent} {state:?}"));
    }
}
