//! `adaptive`, the default: predicts what each setting would cost and takes the cheapest.
//!
//! Each tick it updates its beliefs (rates and their trend, call times, dispersion), reckons
//! the wait by Erlang C and Allen–Cunneen on the slots of ready workers, adds the time that
//! the present backlog takes to drain with workers that need a while to start, prices
//! lateness beyond the objective in workers, and searches workers, batch size and timeout.
//! It grows at once, shrinks one worker at a time, and gives up beliefs that do not prove
//! true. The parts:
//!
//! | file | question |
//! |---|---|
//! | `belief` | what does each agent get, and what do its calls take? |
//! | `jumps` | is the load given to sudden jumps? |
//! | `workload` | the answer, as plain numbers to reckon with |
//! | `standing` | how does a setting carry that load, if it lasts? |
//! | `drain` | how late does the present backlog make messages? |
//! | `weigh` | so what does a setting cost? |
//! | `choose` | which setting is cheapest? |
//! | `pace` | may it be asked for now? |
//! | `ceiling`, `distrust` | do more workers still help, do predictions come true? |
//! | `explain` | how to say it? |
//!
//! Deliberately absent: seasons, forecasts beyond a start-up, and any belief about how an
//! agent slows down with its calls in flight (see `ceiling`).

mod belief;
mod ceiling;
mod choose;
mod distrust;
mod drain;
mod explain;
#[cfg(test)]
mod fixtures;
mod jumps;
mod pace;
mod standing;
mod weigh;
mod workload;

use crate::decision::{Decision, EarlyTick};
use crate::objective::{Measure, Objective};
use crate::observation::{Observation, Setting};
use crate::policy::Policy;
use crate::units::Duration;

use belief::{Beliefs, Caution};
use ceiling::Ceiling;
use distrust::{Distrust, Outcome};
use explain::{Obstacle, Story};
use jumps::Jumps;
use pace::{Pace, Pacing, Wanted};
use weigh::{Candidate, Situation};
use workload::Workload;

/// Settings are chosen for a rate of one standard error above the mean: a little too much
/// capacity costs less than a little too little.
const CHOICE_ERRORS: f64 = 1.0;
/// Shrinking must be right even for this many standard errors …
const SHRINK_ERRORS: f64 = 2.5;
/// … and this share of load more, so that noise does not undo it.
const SHRINK_MARGIN: f64 = 0.03;
/// What one worker less must save, in workers: half of its cost.
const SHRINK_GAIN: f64 = 0.5;
/// Growth is of no use when an agent's limits leave this share of the slot-time free while
/// messages wait.
const LIMITED_SHARE: f64 = 0.1;
/// Without an objective 95 % of messages shall wait no longer than a mean call takes, so that
/// waiting never dominates …
const DEFAULT_QUANTILE: f64 = 0.95;
/// … nor less than this: below, nobody notices.
const SHORTEST_DEFAULT_LIMIT_S: f64 = 0.1;
/// Arrivals call for an early tick when they exceed what is expected by so many standard
/// deviations: a false alarm in a million ticks, a five-fold jump in a third of one.
const EARLY_DEVIATIONS: f64 = 5.0;
/// A wait of this part of the limit calls for an early tick.
const EARLY_WAIT_SHARE: f64 = 0.5;

/// The model-predictive policy.
#[derive(Clone, Debug, Default)]
pub struct Adaptive {
    beliefs: Beliefs,
    jumps: Jumps,
    pace: Pace,
    ceiling: Ceiling,
    distrust: Distrust,
    /// Late share that was predicted at the last tick, unless a backlog was to be drained.
    predicted: Option<f64>,
    /// Longest interval that no early tick cut: the control interval.
    regular: Duration,
}

impl Policy for Adaptive {
    fn name(&self) -> &str {
        "adaptive"
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        if seen.interval.is_zero() {
            return keep(seen);
        }
        if !seen.early {
            self.regular = self.regular.max(seen.interval);
        }
        self.learn(seen);
        let load = self.workload(seen, CHOICE_ERRORS, self.distrust.extra());
        let obstacle = self.obstacle(seen);
        let situation = self.situation(seen, &load, obstacle);
        let (best, mut tried) = choose::choose(&situation);
        let (workers, pacing) = self.pace(seen, &situation, &best);
        let wished = Setting {
            workers,
            ..best.setting
        };
        let best_workers = best.setting.workers;
        let chosen = if best_workers == workers {
            best
        } else {
            let paced = situation.weigh(wished);
            tried.push(best);
            paced
        };
        self.predicted =
            (chosen.drain_share <= 0.0 && chosen.standing.is_stable()).then_some(chosen.late_share);
        let present = situation.weigh(seen.setting);
        let story = Story {
            load: &load,
            arrivals_per_s: self.beliefs.rate(),
            present: &present,
            chosen: &chosen,
            pacing,
            obstacle,
            best_workers,
            waiting: seen.queue.waiting,
        };
        Decision {
            workers: f64::from(workers),
            batch_size: f64::from(wished.batch_size),
            batch_timeout: load.has_batches().then_some(wished.batch_timeout),
            reason: story.reason(),
            prediction: Some(story.prediction(&chosen)),
            rejected: story.rejected(tried),
            early_tick: Some(self.early_tick(seen, &load)),
        }
    }
}

impl Adaptive {
    fn learn(&mut self, seen: &Observation) {
        self.beliefs.observe(seen);
        let length_s = seen.interval.as_secs_f64();
        self.jumps.observe(seen.at, length_s, self.beliefs.rate());
        self.ceiling.observe(seen, &self.beliefs.message_s(seen));
        let Some(predicted) = self.predicted else {
            return;
        };
        let objective = self.objective(seen);
        let histogram = match objective.measure {
            Measure::Wait => &seen.wait,
            Measure::Sojourn => &seen.sojourn,
        };
        let slots = f64::from(seen.workers.ready.max(1)) * f64::from(seen.parallelism.max(1));
        self.distrust.observe(Outcome {
            length_s: seen.interval.as_secs_f64(),
            count: histogram.count(),
            predicted,
            observed: histogram.share_above(objective.limit).unwrap_or(0.0),
            allowed: 1.0 - objective.quantile,
            busy_share: seen.slots.with_call.as_secs_f64() / seen.interval.as_secs_f64() / slots,
        });
    }

    fn workload(&self, seen: &Observation, errors: f64, margin: f64) -> Workload {
        // A decision takes effect a start-up from now, and is the last word for an interval.
        let lead_s =
            seen.worker_start.as_secs_f64().min(60.0) + self.regular.as_secs_f64().min(60.0);
        Workload {
            agents: self.beliefs.loads(seen, lead_s, Caution { errors, margin }),
            parallelism: f64::from(seen.parallelism.max(1)),
            objective: self.objective(seen),
            lead_s: seen.worker_start.as_secs_f64(),
            hazard: self.jumps.hazard(self.beliefs.rate()),
        }
    }

    /// What the user wants, or the default.
    fn objective(&self, seen: &Observation) -> Objective {
        seen.objective.unwrap_or_else(|| Objective {
            measure: Measure::Wait,
            quantile: DEFAULT_QUANTILE,
            limit: Duration::from_secs_f64(self.beliefs.call_s().max(SHORTEST_DEFAULT_LIMIT_S)),
        })
    }

    fn obstacle(&self, seen: &Observation) -> Obstacle {
        let blocked = seen.slots.blocked;
        let blocked_s: f64 = [
            blocked.limit,
            blocked.breaker,
            blocked.paused,
            blocked.rate_limit,
        ]
        .iter()
        .map(|part| part.as_secs_f64())
        .sum();
        let slots = f64::from(seen.workers.ready.max(1)) * f64::from(seen.parallelism.max(1));
        if blocked_s > LIMITED_SHARE * slots * seen.interval.as_secs_f64() {
            Obstacle::AgentLimited
        } else if self.ceiling.most_workers(seen.at).is_some() {
            Obstacle::GrowthDidNotHelp
        } else {
            Obstacle::None
        }
    }

    fn situation<'a>(
        &self,
        seen: &Observation,
        load: &'a Workload,
        obstacle: Obstacle,
    ) -> Situation<'a> {
        let ceiling = self.ceiling.most_workers(seen.at).unwrap_or(u32::MAX);
        Situation {
            load,
            bounds: seen.bounds,
            present: seen.setting,
            ready: seen.workers.ready,
            starting: seen.workers.starting,
            most_workers: if obstacle == Obstacle::AgentLimited {
                ceiling.min(seen.setting.workers)
            } else {
                ceiling
            },
        }
    }

    fn pace(
        &mut self,
        seen: &Observation,
        situation: &Situation,
        best: &Candidate,
    ) -> (u32, Pacing) {
        let present = seen.setting.workers;
        if present > situation.most_workers {
            // More workers did not help: no patience with them.
            return (situation.most_workers, Pacing::Shrink);
        }
        let mut wanted = Wanted {
            now: seen.at,
            present,
            best: best.setting.workers,
            one_less_is_safe: false,
            load: self
                .workload(seen, 0.0, 0.0)
                .least_slots(f64::from(best.setting.batch_size)),
            lead: seen.worker_start,
        };
        if wanted.best < present {
            let load = self.workload(seen, SHRINK_ERRORS, SHRINK_MARGIN + self.distrust.extra());
            let cautious = Situation {
                load: &load,
                ..*situation
            };
            let cost = |workers| {
                cautious
                    .weigh(Setting {
                        workers,
                        ..best.setting
                    })
                    .cost
            };
            wanted.one_less_is_safe = cost(present - 1) + SHRINK_GAIN <= cost(present);
        }
        self.pace.pace(wanted)
    }

    fn early_tick(&self, seen: &Observation, load: &Workload) -> EarlyTick {
        let limit = load.objective.limit.mul_f64(EARLY_WAIT_SHARE);
        // While the backlog lasts only its growth is news.
        let oldest = seen.queue.oldest_wait.unwrap_or_default().mul_f64(1.5);
        let expected = self.beliefs.rate() * self.regular.as_secs_f64();
        let deviation = (self.beliefs.dispersion() * expected).sqrt();
        EarlyTick {
            oldest_wait: Some(limit.max(oldest)),
            // The cast saturates.
            arrivals: Some((expected + EARLY_DEVIATIONS * deviation + 3.0) as u64),
        }
    }
}

/// An interval without length says nothing.
fn keep(seen: &Observation) -> Decision {
    Decision {
        workers: f64::from(seen.setting.workers),
        batch_size: f64::from(seen.setting.batch_size),
        batch_timeout: None,
        reason: explain::reason("no-news", "no time has passed since the last tick".into()),
        prediction: None,
        rejected: Vec::new(),
        early_tick: None,
    }
}
