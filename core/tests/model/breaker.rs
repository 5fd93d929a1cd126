//! Circuit breakers of the reference: what an ended call says about its agent, and what follows.

use ebbtide_core::Outcome;
use ebbtide_core::event::CallEnd;
use ebbtide_core::message::DeadReason;
use ebbtide_policies::observation::BreakerState;

use super::reference::{At, MS, Message, Phase, Place, Reference};

/// Probes that close a breaker.
const PROBES: u32 = 3;

/// What an ended call says about its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    Bad,
    Neutral,
}

impl Reference {
    pub(crate) fn end(&mut self, call: usize, how: CallEnd, health: Health) {
        self.say(format!("end call {call} {how:?}"));
        let (agent, probe) = (self.calls[call].agent, self.calls[call].probe);
        if self.setup.broker.breaker.is_some() && health != Health::Neutral {
            self.tell_breaker(agent, health == Health::Bad, probe);
        }
    }

    fn tell_breaker(&mut self, agent: usize, failed: bool, probe: bool) {
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
                self.agents[agent].breaker.phase = Phase::Recovering {
                    limit: 1,
                    successes: 0,
                };
                self.say_breaker(agent, BreakerState::Recovering);
            }
            Phase::Closed | Phase::Recovering { .. } => {
                let now = self.now;
                let breaker = &mut self.agents[agent].breaker;
                breaker.seen.push((now, failed));
                breaker.run = if failed { breaker.run + 1 } else { 0 };
                if failed && self.should_open(agent) {
                    self.open_breaker(agent);
                } else if !failed {
                    self.recover(agent, bound);
                }
            }
        }
    }

    /// The window slides in tenths of its length.
    fn should_open(&self, agent: usize) -> bool {
        let (breaker, config) = (
            &self.agents[agent].breaker,
            self.setup.broker.breaker.expect("told with one only"),
        );
        let tenth = |at: At| at / (config.window_ms * MS / 10);
        let window: Vec<bool> = (breaker.seen.iter())
            .filter(|(at, _)| tenth(*at) + 10 > tenth(self.now))
            .map(|&(_, failed)| failed)
            .collect();
        let failed = window.iter().filter(|&&failed| failed).count();
        let enough = window.len() >= config.min_calls as usize;
        breaker.run >= config.failures_in_a_row
            || (enough && failed as f64 >= config.failure_share * window.len() as f64)
    }

    fn open_breaker(&mut self, agent: usize) {
        let config = self.setup.broker.breaker.expect("told with one only");
        let until = self.now + config.open_ms * MS;
        let breaker = &mut self.agents[agent].breaker;
        *breaker = super::reference::Breaker {
            phase: Phase::Open { until },
            run: 0,
            seen: Vec::new(),
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

    /// A recovering breaker's limit doubles whenever as many calls have succeeded.
    fn recover(&mut self, agent: usize, bound: u64) {
        let Phase::Recovering { limit, successes } = self.agents[agent].breaker.phase else {
            return;
        };
        let phase = if successes + 1 < limit {
            Phase::Recovering {
                limit,
                successes: successes + 1,
            }
        } else {
            Phase::Recovering {
                limit: 2 * limit,
                successes: 0,
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
