//! `adaptive`, the default: expects what each setting would cost from now on and takes the
//! cheapest.
//!
//! Cost is workers, plus lateness and calls at their prices (`Observation::prices`). Each tick the
//! policy updates its beliefs (rates, call times, dispersion, how given the load is to jumps),
//! picks the batching with which the load as it is costs least, rolls the queue through every
//! number of workers until those ordered now would be ready, and adds what the state that this
//! leads to is worth by value iteration over backlog and workers. It grows at once, shrinks to the
//! largest wish of the last moments, and gives up beliefs that do not prove true. The parts:
//!
//! | file | question |
//! |---|---|
//! | `sense` | can what was observed be true? |
//! | `belief` | what does each agent get, and what do its calls take? |
//! | `turns` | whose messages wait for whose? |
//! | `jumps` | is the load given to sudden jumps? |
//! | `workload`, `stream` | the answer, as plain numbers to reckon with: by agent, as one stream |
//! | `standing` | how does a setting carry that load, if it lasts? |
//! | `batches` | so which batch size and timeout? |
//! | `orders` | when are the workers ready that are on their way? |
//! | `history`, `rollout` | what becomes of the messages that wait, until new workers are ready? |
//! | `value` | and what is that state worth? |
//! | `weigh` | so what does a number of workers cost? |
//! | `pace` | may it be asked for now? |
//! | `signs`, `trial` | an agent seems crowded, or a growth got less done: is it so? |
//! | `explain` | how to say it? |
//! | `settings` | every constant that is a judgement, and why |
//!
//! Deliberately absent: forecasts beyond a start-up and an interval.

mod batches;
mod belief;
mod explain;
#[cfg(test)]
mod fixtures;
mod history;
mod jumps;
mod orders;
mod pace;
mod rollout;
mod sense;
mod settings;
mod signs;
mod standing;
mod stream;
#[cfg(test)]
mod tests;
mod trial;
mod turns;
mod value;
mod weigh;
mod workload;

use crate::decision::{Decision, EarlyTick};
use crate::estimate::crowding::SlowDown;
use crate::objective::{Measure, Objective};
use crate::observation::{Observation, Setting};
use crate::policy::Policy;
use crate::settings::Configured;
use crate::units::{Duration, Time};

pub use settings::Settings;

use batches::{Batching, Choice};
use belief::{Ahead, Beliefs};
use explain::{Obstacle, Story};
use history::History;
use jumps::Jumps;
use orders::Orders;
use pace::{Pace, Pacing, Wanted};
use rollout::Start;
use sense::Nonsense;
use stream::Stream;
use trial::{Allowed, Trials};
use weigh::{Candidate, Foreseen, Outlook, Situation};
use workload::{AgentLoad, Workload};

/// Growth is of no use when an agent's limits leave this share of the slot-time free while
/// messages wait.
const LIMITED_SHARE: f64 = 0.1;
/// Calls that are slower by this factor with all slots busy are worth words.
const CROWDED: f64 = 1.2;
/// Without an objective 95 % of messages shall wait no longer than a mean call takes, so that
/// waiting never dominates …
const DEFAULT_QUANTILE: f64 = 0.95;
/// … nor less than this: below, nobody notices.
const SHORTEST_DEFAULT_LIMIT_S: f64 = 0.1;
/// No jump that has not been seen is expected to need more than this share of what all workers
/// can carry: a reserve against the worst that could be imagined would stand idle.
const JUMP_SHARE: f64 = 0.95;
/// A backlog of so many seconds is as good as endless.
const LONGEST_S: f64 = 1e4;
/// Batches of this many backlogs or more call for the batching that carries most.
const BATCHES_BEHIND: f64 = 2.0;
/// Foresight reaches so far beyond a start-up.
const FORESIGHT: Duration = Duration::from_secs(2);
/// No start-up is reckoned longer, in seconds.
const LONGEST_LEAD_S: f64 = 600.0;

/// Arrivals of an agent, by its index, from one time until another: what nobody can know of the
/// future, and an experiment can tell (see [`Adaptive::with_foresight`]).
pub type Foresight = Box<dyn Fn(usize, Time, Time) -> f64 + Send>;

/// The model-predictive policy.
pub struct Adaptive {
    settings: Settings,
    beliefs: Beliefs,
    jumps: Jumps,
    history: History,
    foreseen: Foreseen,
    pace: Pace,
    trials: Trials,
    orders: Orders,
    /// Longest interval that no early tick cut: the control interval.
    regular: Duration,
    foresight: Option<Foresight>,
    /// Until when something was told.
    told_until: Time,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Configured for Adaptive {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            beliefs: Beliefs::default(),
            jumps: Jumps::default(),
            history: History::default(),
            foreseen: Foreseen::default(),
            pace: Pace::new(Duration::from_secs_f64(settings.hold_s)),
            trials: Trials::default(),
            orders: Orders::default(),
            regular: Duration::ZERO,
            foresight: None,
            told_until: Time::ZERO,
        }
    }
}

impl Policy for Adaptive {
    fn name(&self) -> &str {
        "adaptive"
    }

    fn rests(&self, seen: &Observation) -> bool {
        // Whoever is told what comes, or knows it, acts by the time.
        let knows = self.beliefs.know_a_season(self.settings.season_errors);
        self.foresight.is_none() && !knows && seen.has_fewest_workers()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        if let Err(nonsense) = sense::check(seen, self.orders.seen_at()) {
            return keep(seen, &nonsense);
        }
        // A rest is one long quiet interval, and none of the control loop's.
        if !seen.early && (self.regular.is_zero() || !seen.is_quiet()) {
            self.regular = self.regular.max(seen.interval);
        }
        self.learn(seen);
        let mut load = self.workload(seen);
        let allowed = self.try_out(seen, &mut load);
        let obstacle = self.obstacle(seen, &load);
        let settings = self.settings;
        let choice = Choice {
            load: &load,
            bounds: seen.bounds,
            present: seen.setting,
            settings: &settings,
        };
        let mut foreseen = std::mem::take(&mut self.foreseen);
        let situation = self.situation(seen, &choice, obstacle, allowed);
        let outlook = foreseen.outlook(&situation);
        let Planned {
            best,
            present,
            mut tried,
        } = self.plan(seen, &outlook);
        let best_workers = best.setting.workers;
        let (workers, pacing) = self.pace(seen, &situation, allowed.least_workers, best_workers);
        let chosen = if workers == best_workers {
            best
        } else {
            let paced = (tried.iter().chain([&present])).find(|it| it.setting.workers == workers);
            let paced = paced.unwrap_or(&best).clone();
            tried.push(best);
            paced
        };
        let wished = Setting {
            workers,
            ..chosen.setting
        };
        let story = Story {
            load: &load,
            arrivals_per_s: self.beliefs.rate(),
            present: &present,
            chosen: &chosen,
            pacing,
            obstacle,
            best_workers,
            waiting: seen.queue.waiting.saturating_sub(seen.behind()),
            max_workers: seen.bounds.max_workers,
            is_trial: allowed.is_trial
                && (obstacle != Obstacle::AgentLimited || allowed.least_workers > 0),
            hazard: situation.hazard.filter(|_| self.jumps.are_known()),
            tried,
        };
        let decision = Decision {
            workers: f64::from(workers),
            batch_size: f64::from(wished.batch_size),
            batch_timeout: load.has_batches().then_some(wished.batch_timeout),
            reason: story.reason(),
            prediction: Some(story.prediction(&chosen)),
            rejected: story.rejected(),
            early_tick: Some(self.early_tick(seen, &load)),
        };
        drop(outlook);
        self.foreseen = foreseen;
        decision
    }
}

/// What was weighed.
struct Planned {
    best: Candidate,
    present: Candidate,
    tried: Vec<Candidate>,
}

impl Adaptive {
    /// The policy that is told what arrives within the next start-up and two seconds: for
    /// experiments that ask how much a forecast could gain.
    #[must_use]
    pub fn with_foresight(mut self, foresight: Foresight) -> Self {
        self.foresight = Some(foresight);
        self
    }

    fn learn(&mut self, seen: &Observation) {
        let length_s = seen.interval.as_secs_f64();
        let told = self.foresee(seen);
        let held_back = (self.beliefs).observe(seen, told.as_ref(), self.ahead(seen));
        let come = (seen.flow.arrivals as f64 - held_back).max(0.0);
        self.history.observe(length_s, come);
        self.jumps.observe(seen.at, length_s, self.beliefs.rate());
        self.orders.observe(seen);
    }

    /// What is told of arrivals since the last time that something was told, by agent, and over
    /// how long.
    fn foresee(&mut self, seen: &Observation) -> Option<(f64, Vec<f64>)> {
        let tell = self.foresight.as_ref()?;
        let until = seen.at + seen.worker_start + FORESIGHT;
        let from = std::mem::replace(&mut self.told_until, until);
        let agents = (0..seen.agents.len()).map(|agent| tell(agent, from, until));
        Some((until.since(from).as_secs_f64(), agents.collect()))
    }

    fn workload(&self, seen: &Observation) -> Workload {
        let lead_s = seen.worker_start.as_secs_f64();
        let regular_s = self.regular.as_secs_f64();
        let objective = self.objective(seen);
        let noticed_s = regular_s.min(self.settings.early_wait * objective.limit.as_secs_f64());
        Workload {
            agents: self.beliefs.loads(seen, self.ahead(seen)),
            parallelism: f64::from(seen.parallelism.max(1)),
            objective,
            lead_s: lead_s.min(LONGEST_LEAD_S),
            reaction_s: lead_s + self.settings.reaction * noticed_s,
            largest_batch: f64::from(seen.bounds.max_batch_size),
            price_late: seen.prices.late,
            price_call: seen.prices.call,
        }
    }

    /// A decision is the last word for an interval, and takes effect a start-up from now.
    fn ahead(&self, seen: &Observation) -> Ahead {
        let regular_s = self.regular.as_secs_f64().min(60.0);
        Ahead {
            from: regular_s,
            until: seen.worker_start.as_secs_f64().min(60.0) + regular_s,
            season_errors: self.settings.season_errors,
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

    fn obstacle(&self, seen: &Observation, load: &Workload) -> Obstacle {
        let blocked = seen.slots.blocked;
        let paused = if self.beliefs.are_pauses_by_chance(seen) {
            Duration::ZERO
        } else {
            blocked.paused
        };
        let parts = [blocked.limit, blocked.breaker, paused, blocked.rate_limit];
        let blocked_s: f64 = parts.iter().map(|part| part.as_secs_f64()).sum();
        let slots = f64::from(seen.workers.ready.max(1)) * f64::from(seen.parallelism.max(1));
        let slows = |agent: &AgentLoad| agent.slow_down.factor(slots) > CROWDED;
        let noticeable_s = LIMITED_SHARE * slots * seen.interval.as_secs_f64();
        if blocked_s > noticeable_s {
            Obstacle::AgentLimited
        } else if seen.queue.waiting > 0 && load.agents.iter().any(slows) {
            Obstacle::AgentCrowded
        } else if blocked.key.as_secs_f64() > noticeable_s {
            Obstacle::KeysTaken
        } else {
            Obstacle::None
        }
    }

    fn situation<'a>(
        &self,
        seen: &Observation,
        choice: &Choice<'a>,
        obstacle: Obstacle,
        allowed: Allowed,
    ) -> Situation<'a> {
        let Choice { load, settings, .. } = *choice;
        let most_workers = if obstacle == Obstacle::AgentLimited {
            (seen.setting.workers.min(allowed.most_workers)).max(allowed.least_workers)
        } else {
            allowed.most_workers
        };
        let fullest = if load.has_batches() {
            choice.fullest()
        } else {
            seen.setting.batch_size
        };
        let fuller = Stream::new(load, f64::from(fullest), settings);
        let most = fuller.capacity(f64::from(most_workers.min(seen.bounds.max_workers)));
        Situation {
            load,
            bounds: seen.bounds,
            present: seen.setting,
            most_workers,
            settings,
            batching: choice.best(),
            fullest,
            hazard: self.jumps.hazard(fuller.rate, JUMP_SHARE * most, settings),
        }
    }

    /// Weighs every number of workers: more than now until they would be ready, fewer until they
    /// can be thought over.
    fn plan(&self, seen: &Observation, outlook: &Outlook) -> Planned {
        let (load, stream) = (outlook.situation.load, &outlook.stream);
        let batch = f64::from(outlook.situation.batching.size);
        let work =
            (load.agents.iter()).map(|agent| agent.backlog(agent.max_batch.min(batch), LONGEST_S));
        let backlog = work.sum::<f64>() / stream.slot_s;
        let past = self.history.past(backlog, stream.limit_s);
        let starting = self.orders.starting(seen.at);
        let tell = |until_s: f64| self.told_within(seen, until_s);
        let wanted = seen.setting.workers;
        let start = Start {
            backlog,
            past: &past,
            ready: seen.workers.ready,
            starting: &starting,
            wanted,
            lead_s: load.lead_s,
            told: self.foresight.is_some().then_some(&tell),
        };
        let other = (load.has_batches() && backlog > BATCHES_BEHIND * batch)
            .then_some(outlook.situation.fullest)
            .filter(|size| *size != outlook.situation.batching.size)
            .map(|size| {
                let stream = Stream::new(load, f64::from(size), &self.settings);
                let timeout = Duration::ZERO;
                (stream, Batching { size, timeout })
            });
        let weigh = |workers: u32, length_s: f64| {
            let usual = outlook.weigh(&start, workers, length_s, None);
            let Some((stream, batching)) = &other else {
                return usual;
            };
            let fuller = outlook.weigh(&start, workers, length_s, Some((stream, *batching)));
            if fuller.cost < usual.cost {
                fuller
            } else {
                usual
            }
        };
        let mut tried = Vec::with_capacity(value::POOLS);
        let kept = weigh(wanted, outlook.growing_s());
        let mut best = kept.clone();
        for workers in outlook.counts().filter(|it| *it > wanted) {
            let candidate = weigh(workers, outlook.growing_s());
            if candidate.cost < best.cost {
                best = candidate.clone();
            }
            tried.push(candidate);
        }
        let mut present = kept;
        if best.setting.workers == wanted {
            present = weigh(wanted, outlook.keeping_s());
            best = present.clone();
            for workers in outlook.counts().filter(|it| *it < wanted) {
                let candidate = weigh(workers, outlook.keeping_s());
                if candidate.cost < best.cost {
                    best = candidate.clone();
                }
                tried.push(candidate);
            }
        }
        Planned {
            best,
            present,
            tried,
        }
    }

    /// What is told of the arrivals of the next `until_s` seconds, over all agents.
    fn told_within(&self, seen: &Observation, until_s: f64) -> f64 {
        let Some(tell) = &self.foresight else {
            return 0.0;
        };
        let until = seen.at + Duration::from_secs_f64(until_s);
        (0..seen.agents.len())
            .map(|agent| tell(agent, seen.at, until))
            .sum()
    }

    fn pace(
        &mut self,
        seen: &Observation,
        situation: &Situation,
        least: u32,
        best: u32,
    ) -> (u32, Pacing) {
        let present = seen.setting.workers;
        if present > situation.most() {
            // More workers did not help: no patience with them.
            return (situation.most(), Pacing::Shrink);
        }
        let minds = |agent: &AgentLoad| agent.slow_down != SlowDown::NONE;
        self.pace.pace(Wanted {
            now: seen.at,
            present,
            best: best.max(least.min(situation.most())),
            is_crowded: seen.queue.waiting > 0 && situation.load.agents.iter().any(minds),
            load: situation
                .load
                .least_slots(f64::from(situation.batching.size)),
        })
    }

    fn early_tick(&self, seen: &Observation, load: &Workload) -> EarlyTick {
        let limit = load.objective.limit.mul_f64(self.settings.early_wait);
        // While the backlog lasts only its growth is news.
        let oldest = seen.queue.oldest_wait.unwrap_or_default().mul_f64(1.5);
        let expected = self.beliefs.rate() * self.regular.as_secs_f64();
        let deviation = (self.beliefs.dispersion() * expected).sqrt();
        EarlyTick {
            oldest_wait: Some(limit.max(oldest)),
            // The cast saturates.
            arrivals: Some((expected + self.settings.early_errors * deviation + 3.0) as u64),
        }
    }
}

/// What cannot be true says nothing.
fn keep(seen: &Observation, nonsense: &Nonsense) -> Decision {
    let text = format!("what was observed cannot be true, the setting stays: {nonsense}");
    Decision {
        workers: f64::from(seen.setting.workers),
        batch_size: f64::from(seen.setting.batch_size),
        batch_timeout: None,
        reason: explain::reason("no-sense", text.into()),
        prediction: None,
        rejected: Vec::new(),
        early_tick: None,
    }
}
