//! Every run of a scenario: each candidate of each entrant at each price, in every replication.

use ebbtide_core::BrokerConfig;
use ebbtide_core::config::Checked;
use ebbtide_measure::{Cost, Detail, Run};
use ebbtide_policies::units::Duration;
use rayon::prelude::*;

use super::entrants::Entrant;
use super::yardstick::batch_rules;
use super::{Arena, PRICES};
use crate::experiment::{Sinks, replicate};
use crate::monitor::Monitor;
use crate::plan::{Contender, Plan, PolicySource};
use crate::scenario::set;

/// What the ranking keeps of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    pub(super) cost: Cost,
    pub(super) p50_s: Option<f64>,
    pub(super) p95_s: Option<f64>,
    pub(super) p99_s: Option<f64>,
    pub(super) messages: u64,
    pub(super) late_messages: u64,
    pub(super) dead_letters: u64,
    pub(super) throughput_per_s: f64,
    pub(super) scale_actions: f64,
}

/// What runs are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// To rank the entrant at this place.
    Ranked(usize),
    /// To show the rival at this place at a setting that hindsight knows; nothing else heeds them.
    Best(usize),
    /// Pools that are always ready, the largest one above all, which nobody ranks.
    Ready,
}

/// A policy as it runs.
pub(super) struct Candidate {
    pub(super) role: Role,
    pub(super) text: String,
    /// The place of the only price that its runs are for; `None`: any.
    pub(super) price: Option<usize>,
}

/// Everybody who runs in a scenario.
pub(super) struct Field<'a> {
    arena: &'a Arena,
    plan: Plan,
    candidates: Vec<Candidate>,
}

/// What they did: for each candidate, its replications.
pub(super) type Runs = Vec<(Candidate, Vec<Score>)>;

/// Replications at the settings that did best, which nothing is judged by: as many as have an oracle, if that is more.
const OF_BEST: usize = 5;

/// All runs of so many replications.
pub(super) fn count(arena: &Arena, entrants: &[Entrant], replications: u32) -> u64 {
    let candidates = candidates(arena, entrants);
    let runs = candidates.iter().map(|it| it.runs(arena, replications));
    runs.map(u64::from).sum()
}

/// Replications at settings that did best.
pub(super) fn of_best(arena: &Arena, replications: u32) -> u32 {
    replications.min(OF_BEST.max(arena.known.len()) as u32)
}

impl Candidate {
    /// Its replications, of so many.
    fn runs(&self, arena: &Arena, replications: u32) -> u32 {
        match self.role {
            Role::Best(_) => of_best(arena, replications),
            Role::Ranked(_) | Role::Ready => replications,
        }
    }
}

fn candidates(arena: &Arena, entrants: &[Entrant]) -> Vec<Candidate> {
    let has_batches = arena.plan.agents.iter().any(|agent| agent.is_batch());
    let hindsight = batch_rules(&arena.known);
    let mut all = Vec::new();
    for (place, entrant) in entrants.iter().enumerate() {
        let prices = if entrant.sees_price() {
            (0..PRICES.len()).map(Some).collect()
        } else {
            vec![None]
        };
        for text in entrant.candidates(has_batches, &hindsight) {
            all.extend(prices.iter().map(|&price| Candidate {
                role: Role::Ranked(place),
                text: text.clone(),
                price,
            }));
        }
        for text in best_settings(arena, entrants, place) {
            let own = Entrant::rival(text).candidates(has_batches, &hindsight);
            all.extend(own.into_iter().map(|text| Candidate {
                role: Role::Best(place),
                text,
                price: None,
            }));
        }
    }
    let config = &arena.plan.contenders[0].config;
    let most = config.max_workers;
    // Where no oracle is known, the pools that a person might keep stand in for the best of them.
    let least = if arena.known.is_empty() {
        config.min_workers.max(1)
    } else {
        most
    };
    all.extend((least..=most).map(|workers| Candidate {
        role: Role::Ready,
        text: format!("fixed({workers})"),
        price: None,
    }));
    all
}

/// Settings of a rival that did best here, but for those that are ranked anyway.
fn best_settings<'a>(
    arena: &'a Arena,
    entrants: &'a [Entrant],
    place: usize,
) -> impl Iterator<Item = &'a str> {
    let known = arena.best_settings_of(&entrants[place]);
    known.filter(|text| !entrants.iter().any(|entrant| entrant.text == *text))
}

impl<'a> Field<'a> {
    /// The brokers of all candidates, each with its policy.
    pub(super) fn new(arena: &'a Arena, entrants: &[Entrant]) -> Result<Self, String> {
        let candidates = candidates(arena, entrants);
        let source = |it: &Candidate| match it.role {
            Role::Ranked(place) => &entrants[place].source,
            Role::Best(_) | Role::Ready => &PolicySource::Named,
        };
        let named = candidates
            .iter()
            .filter(|it| matches!(source(it), PolicySource::Named));
        let mut texts: Vec<&str> = named.map(|it| it.text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        let list = serde_json::to_string(&texts).expect("texts are JSON, and RON");
        let text = set(&arena.text, "policies", &list).map_err(|error| error.to_string())?;
        let files = arena.plan.files.clone();
        let named = Plan::new(&text, files).map_err(|error| error.to_string())?;
        let contender = |candidate: &Candidate| -> Result<Contender, String> {
            let contender = match source(candidate) {
                PolicySource::Named => {
                    let own = named.contenders.iter().find(|it| it.name == candidate.text);
                    own.expect("every text was asked for").clone()
                }
                PolicySource::Own(make) => {
                    let make = make.clone();
                    let own = arena.plan.contender(move || make());
                    own.map_err(|error| error.to_string())?
                }
            };
            contender.at(candidate.price)
        };
        let mut plan = arena.plan.clone();
        plan.contenders = candidates.iter().map(contender).collect::<Result<_, _>>()?;
        Ok(Self {
            arena,
            plan,
            candidates,
        })
    }

    /// All of them in all replications; `None` if `monitor` said stop.
    pub(super) fn run(self, replications: u32, monitor: &Monitor) -> Option<Runs> {
        let runs: Vec<u32> = self
            .candidates
            .iter()
            .map(|it| it.runs(self.arena, replications))
            .collect();
        let jobs: Vec<(usize, u32)> = runs
            .iter()
            .enumerate()
            .flat_map(|(candidate, &runs)| (0..runs).map(move |number| (candidate, number)))
            .collect();
        let scores: Option<Vec<Score>> = jobs
            .par_iter()
            .map(|&(candidate, number)| {
                let (sinks, detail) = (Sinks::default(), Detail::Summary);
                let from = Duration::ZERO;
                let run = replicate(&self.plan, candidate, number, from, detail, &sinks, monitor)?;
                Some(Score::of(&run))
            })
            .collect();
        let mut scores = scores?.into_iter();
        let each = self.candidates.into_iter().zip(runs);
        let own = |(candidate, runs)| (candidate, scores.by_ref().take(runs as usize).collect());
        Some(each.map(own).collect())
    }
}

impl Contender {
    /// The same as the arena runs it: bounds are all that the governor knows, and lateness has the price at this
    /// place.
    fn at(self, price: Option<usize>) -> Result<Self, String> {
        let own = &self.config;
        let config = BrokerConfig {
            shrink_window_ms: 0,
            cool_down_ms: 0,
            price_late: price.map_or(own.price_late, |place| PRICES[place]),
            ..BrokerConfig::clone(own)
        };
        let config = Checked::new(config).map_err(|error| error.to_string())?;
        Ok(Self { config, ..self })
    }
}

impl Score {
    fn of(run: &Run) -> Self {
        let (figures, counts) = (&run.books.total.figures, &run.books.total.counts);
        Self {
            cost: run.cost,
            late_messages: run.late_messages,
            p50_s: figures.sojourn_s.p50.value,
            p95_s: figures.sojourn_s.p95.value,
            p99_s: figures.sojourn_s.p99.value,
            messages: counts.accepted + counts.refused + counts.blocked,
            dead_letters: counts.outcomes.dead_lettered,
            throughput_per_s: figures.throughput_per_s.value.unwrap_or(0.0),
            scale_actions: figures.scale_actions.and_then(|it| it.value).unwrap_or(0.0),
        }
    }
}
