//! A ranking of policies, as the arena finds it: the JSON that users get, and what the page is drawn from.
//!
//! Costs are in worker-seconds (`cost.rs`). `docs/arena.md` describes every field. Deliberately absent: how it is
//! found, which is the arena's business.

use serde::{Deserialize, Serialize};

use crate::compare::Verdict;
use crate::interval::Estimate;

/// Version of the ranking's JSON.
pub const RANKING_SCHEMA: u32 = 1;

/// Of fewer replications next to no difference is known from luck.
const FEW: u32 = 5;

/// A regret below this reads as 1.00: where no oracle is known the policy was compared with itself.
const AGAINST_ITSELF: f64 = 1.005;

/// Everything that the arena found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Version of this form: [`RANKING_SCHEMA`].
    pub schema: u32,
    /// The engine that ran it.
    pub engine_version: String,
    /// The policy that the others are judged against.
    pub default: String,
    /// What it does, in a few words after its name; empty if nobody has said.
    #[serde(default)]
    pub default_does: String,
    /// What each of them does, their settings apart.
    #[serde(default)]
    pub described: Vec<Described>,
    /// Prices of lateness, in a message's own work per second late.
    pub prices: Vec<f64>,
    /// The one of them at which a scenario's policies are listed.
    pub main_price: f64,
    /// Differences below this share are a tie.
    pub tie_margin: f64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Scenarios that could not be run, each with the reason.
    pub skipped: Vec<Skipped>,
    /// What each scenario found.
    pub scenarios: Vec<RankedScenario>,
    /// One entry for each policy and price.
    pub overall: Vec<Overall>,
}

/// A policy in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Its name, without settings.
    pub policy: String,
    /// What it does, after its name.
    pub does: String,
}

/// A scenario that could not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedScenario {
    /// Its name.
    pub name: String,
    /// The half of the suite that it belongs to, `tuned` or `untuned`; none if it is of neither.
    pub half: Option<String>,
    /// What it shows.
    pub note: String,
    /// What a perfect controller does.
    pub perfect: String,
    /// Whether the load changes over a run.
    pub load_changes: bool,
    /// What was wanted.
    pub objective: Option<String>,
    /// Runs of each policy.
    pub replications: u32,
    /// What regret is taken against, for each price.
    pub yardsticks: Vec<Yardstick>,
    /// The policies, the cheapest at the main price first.
    pub policies: Vec<RankedPolicy>,
}

/// What a price's regret is taken against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Yardstick {
    /// The price.
    pub price: f64,
    /// The oracle that regret is against: `paced`, or `best known` where none is cached.
    pub oracle: String,
    /// Replications that have an oracle; regret is over them.
    pub replications: u32,
    /// Mean cost of the oracle.
    pub cost: f64,
    /// Mean cost of the schedule that may change at every tick.
    pub free: Option<f64>,
    /// Mean cost of the best fixed setting in hindsight.
    pub best_fixed: Option<f64>,
    /// The best fixed setting in hindsight of the first replication.
    pub best_fixed_setting: Option<String>,
    /// Mean of the lower bound that nothing attains.
    pub fluid: Option<f64>,
    /// Share of the oracle's cost that no policy can avoid, 0–1.
    pub unavoidable_share: f64,
    /// Whether this scenario counts in geometric means: at most nine tenths are unavoidable.
    pub in_means: bool,
    /// The cheapest of the policies that are not the default.
    pub best_rival: Option<String>,
}

/// What a policy is in the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// What the broker uses unless told otherwise.
    Default,
    /// Another policy as its source documents it.
    Rival,
    /// The same with what a search on the tuned half made of its settings.
    TunedRival,
}

impl Standing {
    /// Its word in the JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Rival => "rival",
            Self::TunedRival => "tuned_rival",
        }
    }
}

/// A policy in one scenario; figures at the main price, with each price's own beside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedPolicy {
    /// Its name.
    pub name: String,
    /// What it is.
    pub standing: Standing,
    /// At the main price.
    #[serde(flatten)]
    pub at_main_price: AtPrice,
    /// The parts of its cost, and what else people ask for, means over replications.
    pub figures: PolicyFigures,
    /// At each price.
    pub prices: Vec<AtPrice>,
}

/// A policy in one scenario at one price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtPrice {
    /// The price.
    pub price: f64,
    /// The policy as it ran: its settings, and its batch rule, the cheapest of those that it was combined with.
    pub setting: String,
    /// Cost, with its interval over replications.
    pub cost: Estimate,
    /// Cost less the default's on the same messages, with its interval; none for the default.
    pub difference: Option<Estimate>,
    /// Cost over the oracle's, both less what is unavoidable.
    pub regret: f64,
    /// The same against the best fixed setting in hindsight.
    pub over_best_fixed: Option<f64>,
    /// The same against the best other policy.
    pub over_best_other: f64,
    /// The largest such quotient of a single run, against the best other policy of that run.
    pub worst_run_ratio: f64,
    /// How it compares with the default; none for the default.
    pub verdict_vs_default: Option<Verdict>,
    /// Whether no policy is known to be better.
    pub first_or_tied: bool,
    /// Changes of the number of workers, a minute.
    pub actions_per_min: f64,
    /// For information: a rival, listed as documented, at the setting that is best in this scenario at this price.
    #[serde(default)]
    pub best_setting: Option<BestSetting>,
}

/// The cheapest of a rival's settings in one scenario at one price, of all that tuning tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestSetting {
    /// It, with its batch rule.
    pub setting: String,
    /// Runs of it: fewer than of what is ranked.
    pub replications: u32,
    /// Its cost, with its interval over replications.
    pub cost: Estimate,
    /// Its cost over the oracle's, both less what is unavoidable.
    pub regret: f64,
}

/// Means over replications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyFigures {
    /// Worker-seconds.
    pub worker_seconds: f64,
    /// Seconds beyond the objective, summed over messages.
    pub lateness_s: f64,
    /// What lateness cost at the main price, in worker-seconds.
    pub lateness_cost: f64,
    /// Calls started.
    pub calls: f64,
    /// Half of the messages took no longer, in seconds.
    pub p50_s: Option<f64>,
    /// 95 % of them.
    pub p95_s: Option<f64>,
    /// 99 % of them.
    pub p99_s: Option<f64>,
    /// Share of the messages within the objective, 0–1.
    pub within_objective: f64,
    /// Messages given up.
    pub dead_letters: f64,
    /// Messages delivered a second.
    pub throughput_per_s: f64,
}

/// A policy over all scenarios at one price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overall {
    /// Its name.
    pub policy: String,
    /// What it is.
    pub standing: Standing,
    /// The price.
    pub price: f64,
    /// Over the whole suite.
    #[serde(flatten)]
    pub whole: Summary,
    /// Over the half that was seen while tuning.
    pub tuned: Option<Summary>,
    /// Over the half that was not.
    pub untuned: Option<Summary>,
    /// Most changes of the number of workers a minute under constant load.
    pub constant_load_actions_per_min: Option<f64>,
}

/// A policy over some scenarios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Scenarios.
    pub scenarios: u32,
    /// Geometric mean of its regret, over the scenarios that count in means; none if none does.
    pub geomean_regret: Option<f64>,
    /// Share of the scenarios in which no policy is known to be better, 0–1.
    pub first_or_tied_share: f64,
    /// Its cost over that of the best other policy, both less what is unavoidable, where that is largest.
    pub worst_vs_best_rival: f64,
    /// Where that is.
    pub worst_scenario: String,
    /// The same of a single run.
    pub worst_run_vs_best_rival: f64,
    /// Where that is.
    pub worst_run_scenario: String,
    /// Geometric mean of its cost over the best fixed setting's in hindsight, where the load changes; none if unknown.
    pub over_best_fixed_where_load_changes: Option<f64>,
    /// For information: the geometric mean of its regret if it had in each scenario, at each price, its best setting;
    /// none unless that is known of all that count.
    #[serde(default)]
    pub geomean_regret_at_best_settings: Option<f64>,
}

impl Ranking {
    /// The entry of a policy at a price.
    #[must_use]
    pub fn overall_of(&self, policy: &str, price: f64) -> Option<&Overall> {
        let same = |it: &&Overall| it.policy == policy && it.price.total_cmp(&price).is_eq();
        self.overall.iter().find(same)
    }

    /// The best of the policies that are not the default, by regret at a price, with that; none if no scenario counts
    /// in means.
    #[must_use]
    pub fn best_rival(&self, price: f64) -> Option<(&Overall, f64)> {
        let rivals = self
            .overall
            .iter()
            .filter(|it| it.standing != Standing::Default && it.price.total_cmp(&price).is_eq());
        let with_regret = rivals.filter_map(|it| Some((it, it.whole.geomean_regret?)));
        with_regret.min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// Whether there are so few replications that next to no difference can be known from luck.
    #[must_use]
    pub fn tells_little(&self) -> bool {
        self.scenarios.iter().any(|it| it.replications < FEW)
    }

    /// Whether every scenario has an oracle: only then is a regret of 1 full foresight.
    #[must_use]
    pub fn knows_oracles(&self) -> bool {
        let mut yardsticks = self.scenarios.iter().flat_map(|it| &it.yardsticks);
        !self.scenarios.is_empty() && yardsticks.all(|it| it.oracle == "paced")
    }

    /// Where another policy is known to be cheaper than the default, in a sentence.
    fn losses(&self) -> String {
        let own = |it: &RankedScenario| {
            let mut policies = it.policies.iter();
            let own = policies.find(|it| it.standing == Standing::Default)?;
            let at = &own.at_main_price;
            (!at.first_or_tied).then(|| (at.over_best_other, it.name.clone()))
        };
        let losses: Vec<(f64, String)> = self.scenarios.iter().filter_map(own).collect();
        let most = losses.iter().max_by(|one, other| one.0.total_cmp(&other.0));
        match most {
            None if self.tells_little() => {
                " So few replications cannot tell whether another policy is cheaper in any of them."
                    .to_owned()
            }
            None => " In none is another policy known to be cheaper.".to_owned(),
            Some((times, name)) if losses.len() == 1 => format!(
                " In one ({name}) another policy is known to be cheaper: {} costs {times:.2} times as much there.",
                self.default
            ),
            Some((times, name)) => format!(
                " In {} another policy is known to be cheaper, most of all in {name}, where {} costs {times:.2} times \
                 as much.",
                losses.len(),
                self.default
            ),
        }
    }

    /// Which policy to use, and why, in a few sentences.
    #[must_use]
    pub fn conclusion(&self) -> String {
        let Some(default) = self.overall_of(&self.default, self.main_price) else {
            return "No scenario was finished.".to_owned();
        };
        // Both may read as 1.00: the cheapest is the lower alone.
        let is_cheapest = |regret: f64, is_lower: bool| {
            is_lower && !self.knows_oracles() && regret < AGAINST_ITSELF
        };
        let costs = |regret: f64, is_lower: bool| {
            if self.knows_oracles() {
                format!("costs {regret:.2} times what full foresight would have paid")
            } else if is_cheapest(regret, is_lower) {
                "is itself the cheapest known (not every scenario has an oracle)".to_owned()
            } else {
                format!(
                    "costs {regret:.2} times the best cost known (not every scenario has an oracle)"
                )
            }
        };
        let scenarios = match default.whole.scenarios {
            1 => "one scenario".to_owned(),
            count => format!("{count} scenarios"),
        };
        let mut text = match (
            default.whole.geomean_regret,
            self.best_rival(self.main_price),
        ) {
            (None, _) => format!(
                "Nearly all that {scenarios} cost is lateness that no policy avoids, so that there is no mean to say \
                 which is best: look at each."
            ),
            (Some(own), None) => format!("{} {}.", self.default, costs(own, true)),
            (Some(own), Some((rival, best))) => {
                let is_lower = own <= best;
                let winner = if is_lower {
                    &self.default
                } else {
                    &rival.policy
                };
                let best = if is_cheapest(own, is_lower) {
                    format!("costs {best:.2} times as much")
                } else if is_cheapest(best, !is_lower) {
                    "is itself the cheapest".to_owned()
                } else {
                    format!("{best:.2} times")
                };
                format!(
                    "Use {winner}. Over {scenarios} {} {}, the best of the others ({}) {best}.",
                    self.default,
                    costs(own, is_lower),
                    rival.policy,
                )
            }
        };
        text += &self.losses();
        let whole = &default.whole;
        text += &format!(
            " In its worst single run ({}) it cost {:.1} times as much as the best other policy of that run.",
            whole.worst_run_scenario, whole.worst_run_vs_best_rival
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_knows_an_oracle_of_no_scenario() {
        let nothing = Ranking {
            schema: RANKING_SCHEMA,
            engine_version: String::new(),
            default: String::new(),
            default_does: String::new(),
            described: Vec::new(),
            prices: Vec::new(),
            main_price: 1.0,
            tie_margin: 0.0,
            interrupted: true,
            skipped: Vec::new(),
            scenarios: Vec::new(),
            overall: Vec::new(),
        };
        assert!(!nothing.knows_oracles());
    }
}
