//! `wva`: llm-d's Workload Variant Autoscaler by its queueing model, replicas and batch.
//!
//! After llm-d/llm-d-workload-variant-autoscaler (commit b08b1c7), `pkg/analyzer/{queueanalyzer,
//! mm1modelstatedependent,mm1kmodel,utils}.go`, `pkg/core/allocation.go`, `pkg/config/defaults.go`,
//! read in the source. A replica is a finite birth–death chain whose rate grows with what it
//! holds (`replica`); the largest arrival rate at which the mean time meets the target is found
//! by bisection, and replicas are the rate over it, rounded up. The original takes the batch as
//! given; the search over batches is our extension (`joint`): fewest replicas, then the
//! shortest time.
//!
//! Mapping: a replica is a worker, which holds up to batch × slots messages; tokens become
//! messages, so a call of b takes a + c·b, fitted to the calls seen. The target is the
//! objective's limit, as a mean of sojourn (or of wait), over `margin`; without an objective it
//! is three call times. Rates are arrivals of the last minute: the original's collector counts
//! completions, which hide an overload, so this is kinder. Batches never wait to fill, since the
//! original lets requests join at once. Several agents share the workers: their parts are
//! summed. Left out: the autoscaler that carries the wish out and would hold it for 240 s.
//! Known traps, kept: blind to a backlog; a minute between decisions; means instead of
//! quantiles; no wish at all if not even an idle replica meets the target.

mod choice;
mod replica;

use std::collections::{BTreeMap, VecDeque};

use choice::{Choice, Load, choose};
use serde::Deserialize;

use super::pool::wish;
use crate::decision::Decision;
use crate::estimate::call_cost::CallCost;
use crate::observation::{AgentObservation, Observation};
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::{Duration, Time};

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Time between two decisions.
    pub interval: Duration,
    /// Arrivals are averaged over this long.
    pub rate_window: Duration,
    /// The target is the objective's limit over this (the original defines 3, unused).
    pub margin: f64,
    /// Whether the batch is chosen too.
    pub joint: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            rate_window: Duration::from_secs(60),
            margin: 1.0,
            joint: true,
        }
    }
}

impl crate::settings::Settings for Settings {
    fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        within("interval", self.interval, Duration::ZERO..=day)?;
        within(
            "rate_window",
            self.rate_window,
            Duration::from_millis(1)..=day,
        )?;
        within("margin", self.margin, 0.01..=1e3)
    }
}

/// What is known of an agent.
#[derive(Clone, Debug, Default)]
struct Known {
    cost: CallCost,
    /// Intervals of the rate's window: when they ended, their seconds, arrivals.
    arrivals: VecDeque<(Time, f64, f64)>,
}

/// Replicas and batch by a queueing model.
#[derive(Clone, Debug)]
pub struct Wva {
    settings: Settings,
    agents: BTreeMap<String, Known>,
    /// When it last looked for a choice, whether or not there was one.
    last_look: Time,
    choice: Option<Choice>,
}

impl Configured for Wva {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            agents: BTreeMap::new(),
            last_look: Time::ZERO,
            choice: None,
        }
    }
}

impl Wva {
    fn note(&mut self, seen: &Observation) {
        let (length_s, window) = (seen.interval.as_secs_f64(), self.settings.rate_window);
        for agent in &seen.agents {
            if !self.agents.contains_key(&agent.name) {
                self.agents.insert(agent.name.clone(), Known::default());
            }
            let Some(known) = self.agents.get_mut(&agent.name) else {
                continue;
            };
            known.cost.observe(length_s, agent);
            let arrivals = (seen.at, length_s, agent.arrivals as f64);
            known.arrivals.push_back(arrivals);
            let is_old = |it: &(Time, f64, f64)| seen.at.since(it.0) >= window;
            while known.arrivals.front().is_some_and(is_old) {
                known.arrivals.pop_front();
            }
        }
    }

    fn load(&self, agent: &AgentObservation) -> Option<Load> {
        let known = self.agents.get(&agent.name)?;
        let seconds: f64 = known.arrivals.iter().map(|it| it.1).sum();
        let arrivals: f64 = known.arrivals.iter().map(|it| it.2).sum();
        Some(Load {
            rate: arrivals / seconds.max(1e-9),
            line: known.cost.line()?,
            most: if agent.is_batch {
                agent.max_batch.unwrap_or(u32::MAX).max(1)
            } else {
                1
            },
        })
    }
}

impl Policy for Wva {
    fn name(&self) -> &str {
        "wva"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.note(observation);
        let now = observation.at;
        if now.since(self.last_look) >= self.settings.interval {
            self.last_look = now;
            let loads = observation.agents.iter().filter_map(|it| self.load(it));
            let loads: Vec<_> = loads.collect();
            // Without a choice the last one stays.
            self.choice = choose(&self.settings, observation, &loads).or(self.choice);
        }
        let Some(choice) = self.choice else {
            let present = f64::from(observation.setting.workers);
            return wish(
                present,
                observation,
                "no rate meets the target, or none is known yet",
            );
        };
        let why = format!(
            "{} replicas of batches of {}",
            choice.replicas, choice.batch
        );
        let decision = wish(choice.replicas, observation, why);
        if !self.settings.joint {
            return decision;
        }
        Decision {
            batch_size: f64::from(choice.batch),
            batch_timeout: Some(Duration::ZERO),
            ..decision
        }
    }
}

#[cfg(test)]
mod tests;
