//! How a setting would carry a workload that lasts: load of the slots, size of the batches,
//! and the tail of wait and sojourn.
//!
//! The slots of ready workers are the servers of one G/G/c queue that all agents share; an
//! agent's own limit, or its share of the pool, makes a smaller queue in front of it. Batches
//! grow while their messages wait, which lowers the load, which shortens the wait: a fixed
//! point. Deliberately absent: the backlog of the moment, see `drain`.

use crate::objective::{Measure, Objective};
use crate::queueing::{Wait, Work, service_dispersion};

use super::workload::{AgentLoad, STRIP_SHARES, Workload};

/// Share of the slots that one of several agents may fill: core's default bulkhead. A broker
/// with another one is predicted a little worse, not steered wrongly.
pub(super) const BULKHEAD: f64 = 0.9;
/// Waits shorter than this make no batches, in seconds.
const IMPERCEPTIBLE_S: f64 = 1e-4;
/// Halvings of the interval that holds the wait at the fixed point: to a thousandth of it.
const HALVINGS: u32 = 10;

/// A setting under a lasting workload.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    served: Vec<Served>,
    /// Share of the slots' time with a call; above 1: the backlog grows without end.
    pub(super) utilisation: f64,
}

/// One agent's messages.
#[derive(Clone, Debug)]
struct Served {
    /// Its share of all messages that a pool can help.
    share: f64,
    /// What its lateness costs: workers for a second late of each message.
    worth: f64,
    /// Its calls per second.
    calls_per_s: f64,
    /// What a message waits for its batch to close, in seconds.
    forming_s: f64,
    /// What it then waits for a slot.
    wait: Wait,
    /// Expected call time, in seconds, and how it spreads.
    call_s: f64,
    spread: [f64; 6],
}

impl Standing {
    /// What `slots` slots do to `load` with batches of up to `batch` that wait `timeout_s`.
    /// Randomness has `relaxation_s` seconds to make the queue long.
    pub(super) fn of(
        load: &Workload,
        slots: f64,
        batch: f64,
        timeout_s: f64,
        relaxation_s: f64,
    ) -> Self {
        let pool = Pool {
            load,
            slots,
            batch,
            timeout_s,
            relaxation_s,
        };
        let wait_s = pool.wait_with_batches();
        let (busy, work) = pool.busy(wait_s);
        let wait = pool.wait(slots, busy, work);
        let even = load.evenly(batch);
        let helped = |agent: &&AgentLoad| !agent.is_beyond_help(pool.carried_at_most(agent));
        let total: f64 = (load.agents.iter().filter(helped)).map(|a| a.rate).sum();
        let served = (load.agents.iter().filter(helped)).map(|agent| {
            let share = if total > 0.0 { agent.rate / total } else { 0.0 };
            let own_wait = Wait {
                mean_if_delayed_s: wait.mean_if_delayed_s * agent.waits / even,
                ..wait
            };
            pool.served(agent, share, wait_s, own_wait)
        });
        Self {
            served: served.collect(),
            utilisation: busy / slots,
        }
    }

    /// Whether the backlog stays bounded.
    pub(super) fn is_stable(&self) -> bool {
        self.utilisation < 1.0
    }

    /// Whether no pool can help: there is no load, or it is more than the agents' own limits
    /// let through.
    pub(super) fn is_hopeless(&self) -> bool {
        self.served.is_empty()
    }

    /// Share of messages whose `measure` is beyond `limit_s`, and by how much it is beyond, on
    /// the mean over all messages, in seconds.
    pub(super) fn beyond(&self, measure: Measure, limit_s: f64) -> (f64, f64) {
        let (mut share, mut excess_s) = (0.0, 0.0);
        let mut add = |part: f64, (beyond, by_s): (f64, f64)| {
            share += part * beyond;
            excess_s += part * by_s;
        };
        for it in &self.served {
            let rest_s = limit_s - it.forming_s;
            match measure {
                Measure::Wait => add(it.share, it.wait.beyond(rest_s)),
                Measure::Sojourn => {
                    for (part, relative) in STRIP_SHARES.iter().zip(it.spread) {
                        let rest_s = rest_s - it.call_s * relative;
                        add(it.share * part, it.wait.beyond(rest_s));
                    }
                }
            }
        }
        (share, excess_s)
    }

    /// What lateness and calls cost per second, in workers, where no wait for a slot lasts longer
    /// than `longest_s` seconds: then there are more of them.
    pub(super) fn cost(&self, load: &Workload, longest_s: f64) -> f64 {
        let limit_s = load.objective.limit.as_secs_f64();
        let parts = self.served.iter().map(|it| {
            let excess_s = it.excess_s(load.objective.measure, limit_s, longest_s);
            load.price_late * it.worth * excess_s + load.price_call * it.calls_per_s
        });
        parts.sum()
    }

    /// The quantile of the objective's measure, in seconds; `None` where it has no bound. To
    /// within a percent, by bisection over four powers of ten around the limit.
    pub(super) fn latency_s(&self, objective: &Objective) -> Option<f64> {
        let late = 1.0 - objective.quantile;
        let limit_s = objective.limit.as_secs_f64();
        let beyond = |at_s| self.beyond(objective.measure, at_s).0;
        let (mut low, mut high) = (limit_s.ln() - 4.6, limit_s.ln() + 4.6);
        if self.is_hopeless() || !self.is_stable() || beyond(high.exp()) > late {
            return None;
        }
        if beyond(low.exp()) <= late {
            return Some(low.exp());
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if beyond(middle.exp()) > late {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high.exp())
    }
}

impl Served {
    /// By how much `measure` is beyond `limit_s` on the mean over all messages, in seconds, if
    /// waits end after `longest_s`.
    fn excess_s(&self, measure: Measure, limit_s: f64, longest_s: f64) -> f64 {
        let never_s = self.wait.beyond(longest_s).1;
        let late_s = |rest_s: f64| {
            if rest_s < longest_s {
                self.wait.beyond(rest_s).1 - never_s
            } else {
                0.0
            }
        };
        let rest_s = limit_s - self.forming_s;
        match measure {
            Measure::Wait => late_s(rest_s),
            Measure::Sojourn => {
                let strips = STRIP_SHARES.iter().zip(self.spread);
                let late =
                    strips.map(|(part, relative)| part * late_s(rest_s - self.call_s * relative));
                late.sum()
            }
        }
    }
}

/// A setting and the load it meets.
struct Pool<'a> {
    load: &'a Workload,
    slots: f64,
    batch: f64,
    timeout_s: f64,
    relaxation_s: f64,
}

impl Pool<'_> {
    /// The wait for `slots` servers, no longer than randomness can make it before it is answered.
    fn wait(&self, slots: f64, busy: f64, work: Work) -> Wait {
        let service_cv2 = service_dispersion(work.service_s, work.service_cv2, self.relaxation_s);
        let work = Work {
            service_cv2,
            ..work
        };
        let mut wait = Wait::allen_cunneen(slots as u32, busy, work);
        let variance = busy * work.service_s * (work.arrival_cv2 + work.service_cv2);
        let longest_s = (self.relaxation_s * variance).sqrt() / slots.max(1.0);
        wait.mean_if_delayed_s = wait.mean_if_delayed_s.min(longest_s);
        wait
    }

    fn carried_at_most(&self, agent: &AgentLoad) -> f64 {
        agent.max_batch.min(self.batch)
    }

    /// How long a batch of `agent` stays open, on the mean.
    fn open_s(&self, agent: &AgentLoad) -> f64 {
        let to_fill_s = (self.carried_at_most(agent) - 1.0) / agent.rate.max(1e-9);
        self.timeout_s.min(to_fill_s)
    }

    /// Messages in a call of `agent` when closed batches wait `wait_s` for a slot: the one
    /// that opened it, and those that came meanwhile.
    fn carried(&self, agent: &AgentLoad, wait_s: f64) -> f64 {
        let most = self.carried_at_most(agent);
        if most <= 1.0 {
            return 1.0;
        }
        (1.0 + agent.rate * (self.open_s(agent) + wait_s)).min(most)
    }

    /// Slots busy when closed batches wait `wait_s`, and with what.
    fn busy(&self, wait_s: f64) -> (f64, Work) {
        let (mut busy, mut calls, mut squares) = (0.0, 0.0, 0.0);
        let mut irregularity = 0.0;
        for agent in &self.load.agents {
            let carried = self.carried(agent, wait_s);
            let call_s = agent.line.time_s(carried);
            let rate = agent.served_rate(self.carried_at_most(agent));
            let calls_per_s = rate * agent.attempts / carried;
            busy += calls_per_s * call_s;
            calls += calls_per_s;
            squares += calls_per_s * call_s * call_s * (1.0 + agent.line.cv2);
            // Batches that fill come the more regularly the larger they are.
            irregularity += calls_per_s * agent.dispersion / carried;
        }
        if calls <= 0.0 || busy <= 0.0 {
            let idle = Work {
                service_s: 0.0,
                arrival_cv2: 1.0,
                service_cv2: 1.0,
            };
            return (0.0, idle);
        }
        let service_s = busy / calls;
        let work = Work {
            service_s,
            arrival_cv2: irregularity / calls,
            service_cv2: (squares / calls / (service_s * service_s) - 1.0).max(0.0),
        };
        (busy, work)
    }

    /// The mean wait for a slot that makes batches just so large that they cause this wait. Not
    /// cut to what randomness can do before it is answered: batches last, and with the cut a load
    /// of priced calls cost up to an eighth more.
    fn wait_with_batches(&self) -> f64 {
        let caused = |wait_s: f64| {
            let (busy, work) = self.busy(wait_s);
            Wait::approximately(self.slots, busy, work).mean_s()
        };
        let fill_s = |agent: &AgentLoad| (self.carried_at_most(agent) - 1.0) / agent.rate.max(1e-9);
        // Beyond this wait every batch is full, and longer waits change nothing.
        let full_s = (self.load.agents.iter().map(fill_s)).fold(0.0, f64::max);
        // Larger batches make shorter waits: single messages make the longest.
        let longest_s = caused(0.0);
        if full_s <= 0.0 || longest_s < IMPERCEPTIBLE_S {
            return longest_s;
        }
        let (mut low, mut high) = (0.0, full_s.min(longest_s));
        let shortest_s = caused(high);
        if shortest_s >= high {
            return shortest_s;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if caused(middle) > middle {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    fn served(&self, agent: &AgentLoad, share: f64, wait_s: f64, pool_wait: Wait) -> Served {
        let carried = self.carried(agent, wait_s);
        let call_s = agent.line.time_s(carried);
        // The first message waits until the batch closes, the last not at all.
        let forming_s = if carried > 1.0 {
            self.open_s(agent) * 0.75
        } else {
            0.0
        };
        let own_slots = self.own_slots(agent);
        let mut busy = agent.rate * agent.slot_s(carried);
        if busy >= own_slots {
            // Messages that pile up before its own limit fill its batches.
            busy = agent.rate * agent.slot_s(self.carried_at_most(agent));
        }
        let own_wait = if busy / own_slots > 0.5 && own_slots < self.slots {
            let work = Work {
                service_s: call_s,
                arrival_cv2: agent.dispersion / carried,
                service_cv2: agent.line.cv2,
            };
            self.wait(own_slots, busy, work)
        } else {
            Wait::NONE
        };
        let rate = agent.served_rate(self.carried_at_most(agent));
        let work_s = agent.work_s(self.load.largest_batch) / self.load.parallelism;
        Served {
            share,
            worth: rate * work_s,
            calls_per_s: rate * agent.attempts / carried,
            forming_s,
            wait: if own_wait.mean_s() > pool_wait.mean_s() {
                own_wait
            } else {
                pool_wait
            },
            call_s,
            spread: agent.spread,
        }
    }

    /// Slots that `agent` can fill.
    fn own_slots(&self, agent: &AgentLoad) -> f64 {
        let by_bulkhead = if self.load.agents.len() > 1 {
            (BULKHEAD * self.slots).floor().max(1.0)
        } else {
            self.slots
        };
        agent.limit.min(by_bulkhead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_predictive::fixtures::{ordinary, remote_agents};

    #[test]
    fn one_agent_is_erlang_c() {
        // M/M/5 at 80 %: C = 0.554, mean wait 0.554 s for calls of 1 s (a spare server).
        let load = ordinary(4.0, 1.0, 1.0);
        let standing = Standing::of(&load, 5.0, 1.0, 0.0, 1e9);
        let (waiting, mean_s) = standing.beyond(Measure::Wait, 0.0);
        assert!((waiting - 0.554).abs() < 0.001, "{waiting}");
        assert!((mean_s - 0.554).abs() < 0.001, "{mean_s}");
        assert!((standing.utilisation - 0.8).abs() < 1e-9);
    }

    #[test]
    fn batches_sent_at_once_hardly_wait_and_timeouts_are_paid_for() {
        let load = remote_agents(250.0);
        let at_once = Standing::of(&load, 20.0, 20.0, 0.0, 1e9);
        let late = Standing::of(&load, 20.0, 20.0, 0.1, 1e9);
        assert!(at_once.is_stable() && late.is_stable());
        let latency_s = |standing: &Standing| standing.latency_s(&load.objective).expect("stable");
        assert!(latency_s(&at_once) < latency_s(&late));
        assert!(late.utilisation < at_once.utilisation);
    }

    #[test]
    fn remote_agents_need_the_known_pools() {
        for (rate, workers) in [(100.0, 1.0), (500.0, 3.0), (250.0, 2.0), (1000.0, 5.0)] {
            let load = remote_agents(rate);
            let late = |workers: f64| {
                let standing = Standing::of(&load, workers * 10.0, 20.0, 0.0, 1e9);
                if standing.is_stable() {
                    standing.beyond(Measure::Sojourn, 0.5).0
                } else {
                    1.0
                }
            };
            assert!(
                late(workers) < 0.05,
                "{rate}/s, {workers}: {}",
                late(workers)
            );
            // Four workers carry 1000/s, but barely.
            if [2.0, 3.0].contains(&workers) {
                assert!(late(workers - 1.0) > 0.05, "{rate}/s, {workers} less one");
            }
        }
    }

    #[test]
    fn the_latency_is_the_quantile_of_the_tail() {
        let load = remote_agents(500.0);
        let standing = Standing::of(&load, 30.0, 20.0, 0.0, 1e9);
        let latency_s = standing.latency_s(&load.objective).expect("a stable pool");
        let (beyond, _) = standing.beyond(Measure::Sojourn, latency_s);
        assert!((beyond - 0.05).abs() < 0.01, "{latency_s} {beyond}");
        let overloaded = Standing::of(&load, 10.0, 20.0, 0.0, 1e9);
        assert_eq!(overloaded.latency_s(&load.objective), None);
    }

    #[test]
    fn an_agent_beyond_its_own_limit_is_no_reason_to_grow() {
        let mut load = ordinary(100.0, 1.0, 1.0);
        load.agents[0].limit = 5.0;
        let standing = Standing::of(&load, 10.0, 1.0, 0.0, 1e9);
        assert!((standing.utilisation - 0.5).abs() < 1e-9);
        assert_eq!(standing.beyond(Measure::Sojourn, 0.5).0, 0.0);
    }
}
