//! Tunes the rivals: settings are tried on the tuning half, and the cheapest is kept.
//!
//! Every rival has the same budget: [`TRIED`] settings in [`SEARCHED`] replications, half of them drawn from its
//! [`Space`], half drawn near the best so far; then [`FINALISTS`] of them in [`REPLICATIONS`]. The score
//! is the geometric mean, over scenarios and prices, of the cost over that of the best fixed setting in hindsight, both
//! less what is unavoidable. Where there are batches, every batch rule is tried with every setting and the cheapest
//! counts, as in the arena. Deliberately absent: files, and the untuned half.

mod ground;
pub mod space;

use std::collections::BTreeMap;

use ebbtide_policies::registry;

use crate::streams::{KeyedRng, Streams};
pub use ground::Ground;
use space::{Choice, Space};

/// Settings that are tried of each rival, the documented one among them.
pub const TRIED: usize = 100;
/// Replications in which they are. One is too few: settings that are lucky in it crowd round the best.
pub const SEARCHED: u32 = 2;
/// Settings that are tried again at the end, besides the documented one.
pub const FINALISTS: usize = 10;
/// Replications in which those are.
pub const REPLICATIONS: u32 = 4;
/// Settings drawn at random, the suggested ones among them, before the search begins.
const DRAWN: usize = TRIED / 2;
/// Settings drawn near the best before the best is looked for again.
const ROUND: usize = 10;
/// Draws without a new setting after which there is none.
const PATIENCE: u32 = 1_000;

/// For each scenario and price, cost over that of the best fixed setting, both less what is unavoidable; `None` where
/// the scenario does not count.
pub type Ratios = Vec<Vec<Option<f64>>>;

/// Gives the ratios of each setting, in so many replications; `None`: it was told to stop.
pub type Evaluate<'e> = dyn FnMut(&[String], u32) -> Result<Option<Vec<Ratios>>, String> + 'e;

/// What tuning made of a rival.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The best setting, as the registry takes it.
    pub text: String,
    /// Score of the documented setting.
    pub before: f64,
    /// Score of the best.
    pub after: f64,
    /// Score if each scenario had, at each price, the best of all settings that were tried, in [`SEARCHED`].
    pub per_scenario: f64,
    /// Settings tried.
    pub tried: usize,
}

/// The geometric mean of all that count.
#[must_use]
pub fn score(ratios: &Ratios) -> f64 {
    let logs: Vec<f64> = ratios
        .iter()
        .flatten()
        .flatten()
        .map(|it| it.ln())
        .collect();
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

/// Tunes one rival; `None` if `evaluate` was told to stop.
///
/// # Errors
///
/// What `evaluate` says.
pub fn tune(space: &Space, evaluate: &mut Evaluate<'_>) -> Result<Option<Tuned>, String> {
    let mut search = Search::new(space);
    let mut round = search.first_round();
    while !round.is_empty() {
        let texts: Vec<String> = round.iter().map(|choice| space.text(choice)).collect();
        let Some(ratios) = evaluate(&texts, SEARCHED)? else {
            return Ok(None);
        };
        for (choice, ratios) in round.into_iter().zip(ratios) {
            search.tried.insert(choice, ratios);
        }
        round = search.near_the_best();
    }
    let mut finalists = search.best_first();
    finalists.truncate(FINALISTS);
    let documented = space.documented();
    if !finalists.contains(&documented) {
        finalists.push(documented.clone());
    }
    let texts: Vec<String> = finalists.iter().map(|choice| space.text(choice)).collect();
    let Some(ratios) = evaluate(&texts, REPLICATIONS)? else {
        return Ok(None);
    };
    let scores: Vec<f64> = ratios.iter().map(score).collect();
    let of_documented = finalists.iter().position(|it| *it == documented);
    let best = (0..scores.len()).min_by(|&one, &other| scores[one].total_cmp(&scores[other]));
    let (Some(before), Some(best)) = (of_documented, best) else {
        return Err(format!("nothing of {} was tried", space.rival));
    };
    Ok(Some(Tuned {
        text: texts[best].clone(),
        before: scores[before],
        after: scores[best],
        per_scenario: score(&search.best_of_each()),
        tried: search.tried.len(),
    }))
}

/// A search under way.
struct Search<'s> {
    space: &'s Space,
    tried: BTreeMap<Choice, Ratios>,
    luck: KeyedRng,
}

impl<'s> Search<'s> {
    fn new(space: &'s Space) -> Self {
        let luck = Streams::new(1, 0).stream("tune", 0);
        let name = space.rival.bytes().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        Self {
            space,
            tried: BTreeMap::new(),
            luck: luck.draw(name, 0),
        }
    }

    /// What is documented, what was suggested, and settings drawn at random.
    fn first_round(&mut self) -> Vec<Choice> {
        let mut round = vec![self.space.documented()];
        round.extend(self.space.suggested());
        self.fill(&mut round, DRAWN, Self::anywhere);
        round
    }

    /// Settings that differ from the best so far in one or two places; none when the budget is spent.
    fn near_the_best(&mut self) -> Vec<Choice> {
        let best = self.best_first();
        let mut round = Vec::new();
        let upto = ROUND.min(TRIED.saturating_sub(self.tried.len()));
        let mut turn = 0;
        self.fill(&mut round, upto, |search| {
            turn += 1;
            // Two of three near the best, the third near the second best.
            let from = usize::from(turn % 3 == 0).min(best.len() - 1);
            search.near(&best[from])
        });
        round
    }

    /// Draws until there are `upto` that are new, or nothing new is found.
    fn fill(
        &mut self,
        round: &mut Vec<Choice>,
        upto: usize,
        mut draw: impl FnMut(&mut Self) -> Choice,
    ) {
        let mut misses = 0;
        while round.len() < upto && misses < PATIENCE {
            let choice = draw(self);
            let is_new = !self.tried.contains_key(&choice) && !round.contains(&choice);
            if is_new && registry::build(&self.space.text(&choice)).is_ok() {
                round.push(choice);
            } else {
                misses += 1;
            }
        }
    }

    /// Each setting as documented, or one of its values.
    fn anywhere(&mut self) -> Choice {
        let knobs = self.space.knobs.iter();
        knobs
            .map(|knob| below(&mut self.luck, knob.values.len() + 1))
            .collect()
    }

    fn near(&mut self, choice: &Choice) -> Choice {
        let mut near = choice.clone();
        for _ in 0..=below(&mut self.luck, 2) {
            let place = below(&mut self.luck, near.len());
            near[place] = below(&mut self.luck, self.space.knobs[place].values.len() + 1);
        }
        near
    }

    fn best_first(&self) -> Vec<Choice> {
        let mut all: Vec<(f64, &Choice)> = self
            .tried
            .iter()
            .map(|(it, ratios)| (score(ratios), it))
            .collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        all.into_iter().map(|(_, choice)| choice.clone()).collect()
    }

    /// The ratios if every scenario had, at each price, the best of all that was tried.
    fn best_of_each(&self) -> Ratios {
        let mut all = self.tried.values().cloned();
        let first = all.next().unwrap_or_default();
        all.fold(first, |mut best, other| {
            for (mine, its) in best.iter_mut().flatten().zip(other.iter().flatten()) {
                *mine = mine.zip(*its).map(|(mine, its)| mine.min(its));
            }
            best
        })
    }
}

/// Uniform on the whole numbers below `limit`.
fn below(luck: &mut KeyedRng, limit: usize) -> usize {
    ((luck.unit() * limit as f64) as usize).min(limit - 1)
}

#[cfg(test)]
mod tests {
    use super::space::{Knob, SPACES};
    use super::*;

    #[test]
    fn finds_the_best_of_a_bowl_within_the_budget_and_never_does_worse_than_documented() {
        let knobs = &[
            Knob {
                name: "load",
                values: &["0.5", "0.6", "0.7", "0.8", "0.9"],
            },
            Knob {
                name: "drain",
                values: &["\"1s\"", "\"3s\"", "\"4s\"", "\"5s\""],
            },
        ];
        let space = Space {
            rival: "simple",
            knobs,
            suggested: &[],
        };
        let mut asked = 0;
        let mut evaluate = |texts: &[String], replications: u32| {
            asked += if replications == SEARCHED {
                texts.len()
            } else {
                0
            };
            let ratio = |text: &String| {
                let load = if text.contains("0.6") { 1.0 } else { 1.5 };
                let drain = if text.contains("4s") { 1.0 } else { 1.5 };
                vec![vec![Some(load * drain), None]]
            };
            Ok(Some(texts.iter().map(ratio).collect()))
        };
        let tuned = tune(&space, &mut evaluate)
            .expect("it evaluates")
            .expect("it is not stopped");
        assert_eq!(tuned.text, "simple(load: 0.6, drain: \"4s\")");
        assert!((tuned.before - 2.25).abs() < 1e-9 && (tuned.after - 1.0).abs() < 1e-9);
        assert!((tuned.per_scenario - 1.0).abs() < 1e-9);
        // All 6 × 5 there are.
        assert_eq!((asked, tuned.tried), (30, 30));
    }

    #[test]
    fn every_rival_has_a_space_of_which_every_value_can_be_had() {
        for entry in registry::POLICIES
            .iter()
            .filter(|it| it.name != super::super::entrants::DEFAULT)
        {
            let space = SPACES.iter().find(|it| it.rival == entry.name);
            let space = space.unwrap_or_else(|| panic!("{} has no space", entry.name));
            let mut search = Search::new(space);
            let mut choices = search.first_round();
            search.fill(&mut choices, TRIED, Search::anywhere);
            for choice in &choices {
                let text = space.text(choice);
                assert!(registry::build(&text).is_ok(), "{text}");
            }
            for (place, knob) in space.knobs.iter().enumerate() {
                let mut is_had = |value: usize| {
                    (0..TRIED).any(|_| {
                        let mut choice = search.anywhere();
                        choice[place] = value;
                        registry::build(&space.text(&choice)).is_ok()
                    })
                };
                let lost: Vec<_> = (1..=knob.values.len())
                    .filter(|&value| !is_had(value))
                    .collect();
                assert!(lost.is_empty(), "{} {}: {lost:?}", space.rival, knob.name);
            }
        }
    }
}
