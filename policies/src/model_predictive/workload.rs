//! The load that a prediction is made for: what each agent is expected to get, and what its
//! calls cost. A plain snapshot of the beliefs; nothing here remembers or decides.

use crate::estimate::call_cost::CallLine;
use crate::estimate::crowding::SlowDown;
use crate::objective::Objective;

/// Points that stand for a call time: conditional means of a standard normal in the strips cut
/// at 30, 70, 90, 98 and 99.8 %, the logarithm of a call time being taken as normal. The last
/// strip matters at p99 and beyond.
const STRIP_CENTRES: [f64; 6] = [-1.16, 0.0, 0.86, 1.62, 2.36, 3.17];

/// Share of the calls in each strip.
pub(super) const STRIP_SHARES: [f64; 6] = [0.3, 0.4, 0.2, 0.08, 0.018, 0.002];

/// What a prediction reckons with.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    /// The agents that get messages or have some waiting.
    pub(super) agents: Vec<AgentLoad>,
    /// Slots of a worker, at least 1.
    pub(super) parallelism: f64,
    /// What is aimed at.
    pub(super) objective: Objective,
    /// From a worker's order until it is ready, in seconds.
    pub(super) lead_s: f64,
    /// From when more workers are needed until they are ready, in seconds.
    pub(super) reaction_s: f64,
    /// The largest batch that the bounds allow.
    pub(super) largest_batch: f64,
    /// What a message's second beyond the limit costs, in its own work.
    pub(super) price_late: f64,
    /// What a call costs, in worker-seconds.
    pub(super) price_call: f64,
}

/// One agent's part.
#[derive(Clone, Debug)]
pub(super) struct AgentLoad {
    /// Messages per second.
    pub(super) rate: f64,
    /// After how many seconds the load comes back, where that makes the rate another than its trend does.
    pub(super) season_s: Option<f64>,
    /// Standard error of that, call times included.
    pub(super) error: f64,
    /// Calls that it takes to have one succeed, at least 1.
    pub(super) attempts: f64,
    /// What a call costs.
    pub(super) line: CallLine,
    /// Call times of the strips, relative to the mean.
    pub(super) spread: [f64; 6],
    /// How much longer its calls take when more of them are under way.
    pub(super) slow_down: SlowDown,
    /// Largest batch it takes, whatever the setting: 1 for an ordinary agent.
    pub(super) max_batch: f64,
    /// Most calls in flight; infinite without a limit.
    pub(super) limit: f64,
    /// Most calls per second; infinite without a rate limit.
    pub(super) calls_per_s: f64,
    /// Most messages per second, by its unit rate or as found by its refusals.
    pub(super) messages_per_s: f64,
    /// Messages that wait for a slot and for nothing else; of one that refuses what is too much as
    /// many as it takes until workers ordered now could help.
    pub(super) waiting: f64,
    /// How long its messages wait for slots beside those of all: less than 1 where they go first.
    pub(super) waits: f64,
    /// Index of dispersion of its arrivals.
    pub(super) dispersion: f64,
}

impl Workload {
    /// Messages per second, over all agents.
    pub(super) fn rate(&self) -> f64 {
        self.agents.iter().map(|agent| agent.rate).sum()
    }

    /// How old a message may be, in seconds: above 0.
    pub(super) fn limit_s(&self) -> f64 {
        self.objective.limit.as_secs_f64().max(1e-3)
    }

    /// How much older what waits is, on the mean, than if all waited alike: who goes first leaves a backlog of the
    /// others' messages, which came more slowly than all.
    pub(super) fn aging(&self) -> f64 {
        let parts = self.agents.iter().map(|agent| (agent.rate, agent.waits));
        let (rate, alike, aged) =
            parts.fold((0.0, 0.0, 0.0), |(rate, alike, aged), (part, waits)| {
                (
                    rate + part,
                    alike + part * waits,
                    aged + part * waits * waits,
                )
            });
        if alike > 0.0 {
            (aged * rate / (alike * alike)).max(1.0)
        } else {
            1.0
        }
    }

    /// Mean of how long messages wait beside each other, by the work that they bring: however turns are taken, it is
    /// the same (Kleinrock's conservation law).
    pub(super) fn evenly(&self, batch: f64) -> f64 {
        let parts = self.agents.iter().map(|agent| {
            let carried = agent.max_batch.min(batch);
            (
                agent.served_rate(carried) * agent.slot_s(carried),
                agent.waits,
            )
        });
        let (work, waits) = parts.fold((0.0, 0.0), |sum, (work, waits)| {
            (sum.0 + work, sum.1 + work * waits)
        });
        if waits > 0.0 { waits / work } else { 1.0 }
    }

    /// Whether the batch size and timeout matter to anyone.
    pub(super) fn has_batches(&self) -> bool {
        self.agents.iter().any(|agent| agent.max_batch > 1.0)
    }

    /// Standard error of the load, as a share of it.
    pub(super) fn relative_error(&self) -> f64 {
        let squares = self.agents.iter().map(|agent| agent.error * agent.error);
        (squares.sum::<f64>().sqrt() / self.rate().max(1e-9)).min(1.0)
    }

    /// The same with every rate `factor` times as large.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        for agent in &mut scaled.agents {
            agent.rate *= factor;
        }
        scaled
    }

    /// The same with call times as they are with `slots` slots, if any agent minds how many calls
    /// are under way: all of the slots' where they cannot carry the load, what it needs otherwise.
    pub(super) fn crowded(&self, slots: f64, batch: f64) -> Option<Self> {
        let minds = |agent: &AgentLoad| agent.slow_down != SlowDown::NONE;
        if !self.agents.iter().any(minds) {
            return None;
        }
        let needed = self.least_slots(batch).max(1e-9);
        let mut crowded = self.clone();
        for agent in &mut crowded.agents {
            let own = agent.served_rate(batch) * agent.slot_s(agent.max_batch.min(batch));
            let own_slots = slots * own / needed;
            let full = agent.slow_down.factor(own_slots);
            let factor = if own * full < own_slots {
                agent.slow_down.factor(own).min(full)
            } else {
                full
            };
            agent.line.per_call_s *= factor;
            agent.line.per_message_s *= factor;
        }
        Some(crowded)
    }

    /// Slots with which no agent's calls take longer for being many, if any agent minds.
    pub(super) fn uncrowded_slots(&self, batch: f64) -> Option<f64> {
        let minds = |agent: &AgentLoad| agent.slow_down != SlowDown::NONE;
        let slots = self.agents.iter().map(|agent| {
            if minds(agent) {
                return agent.slow_down.from;
            }
            let carried = agent.max_batch.min(batch);
            agent.served_rate(carried) * agent.slot_s(carried)
        });
        self.agents.iter().any(minds).then(|| slots.sum())
    }

    /// Slots that the load keeps busy when each batch is as large as `batch` allows: below
    /// that no pool is stable.
    pub(super) fn least_slots(&self, batch: f64) -> f64 {
        let slots = self.agents.iter().map(|agent| {
            let carried = agent.max_batch.min(batch);
            agent.served_rate(carried) * agent.slot_s(carried)
        });
        slots.sum()
    }
}

impl AgentLoad {
    /// Slot-seconds that a message costs in a batch of `batch`.
    pub(super) fn slot_s(&self, batch: f64) -> f64 {
        self.attempts * self.line.time_s(batch) / batch
    }

    /// Slot-seconds of a message in the best batch that is known to be one: its own work, by
    /// which its lateness is priced. Beyond twice the batches seen the call time is a guess.
    pub(super) fn work_s(&self, largest_batch: f64) -> f64 {
        let known = (2.0 * self.line.seen_up_to).max(1.0);
        let batch = self.max_batch.min(largest_batch).min(known);
        self.line.time_s(batch) / batch
    }

    /// What of its messages its own limits let through in batches of `batch`, per second.
    pub(super) fn served_rate(&self, batch: f64) -> f64 {
        self.rate.min(self.most_rate(batch))
    }

    /// Messages per second that its own limits allow in batches of `batch`.
    pub(super) fn most_rate(&self, batch: f64) -> f64 {
        let by_limit = self.limit / self.slot_s(batch).max(1e-9);
        let by_calls = self.calls_per_s * batch;
        by_limit.min(by_calls).min(self.messages_per_s)
    }

    /// Slot-seconds of its backlog that could be done within `horizon_s` if there were slots:
    /// what its own limits hold back is no reason for more of them.
    pub(super) fn backlog(&self, batch: f64, horizon_s: f64) -> f64 {
        let spare = (self.most_rate(batch) - self.rate).max(0.0);
        self.waiting.min(spare * horizon_s) * self.slot_s(batch)
    }

    /// Whether it gets more than its own limits let through, so that its messages are late
    /// whatever the pool.
    pub(super) fn is_beyond_help(&self, batch: f64) -> bool {
        self.served_rate(batch) < self.rate
    }
}

/// Call times of the strips, relative to the mean, for a squared coefficient of variation.
pub(super) fn spread(cv2: f64) -> [f64; 6] {
    let variance = (1.0 + cv2).ln();
    let deviation = variance.sqrt();
    STRIP_CENTRES.map(|z| (deviation * z - variance / 2.0).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_predictive::fixtures;

    #[test]
    fn what_waits_is_older_where_others_go_first() {
        let mut load = fixtures::workload(vec![
            fixtures::agent(10.0, 0.1, 0.5),
            fixtures::agent(10.0, 0.3, 0.5),
        ]);
        assert!((load.aging() - 1.0).abs() < 1e-9 && (load.evenly(1.0) - 1.0).abs() < 1e-9);
        // All that waits is the second one's, which comes half as fast as both together.
        (load.agents[0].waits, load.agents[1].waits) = (0.0, 2.0);
        assert!((load.aging() - 2.0).abs() < 1e-9);
        // Three quarters of the work are its own: its messages wait a third longer than if all waited alike.
        assert!((load.evenly(1.0) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn strips_keep_mean_and_shares() {
        let total: f64 = STRIP_SHARES.iter().sum();
        assert!((total - 1.0).abs() < 1e-9);
        for cv2 in [0.0, 0.1, 1.0] {
            let mean: f64 = (STRIP_SHARES.iter().zip(spread(cv2)))
                .map(|(p, s)| p * s)
                .sum();
            assert!((mean - 1.0).abs() < 0.05, "cv² {cv2}: mean {mean}");
        }
    }
}
