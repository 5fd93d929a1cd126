//! What is made of a scenario's costs: verdicts, regret, the worst run.
//!
//! Verdicts are over all replications, corrected (Holm) over all that is claimed about one scenario at one price:
//! each policy against the default, and each against the cheapest. Quotients are of costs less what is unavoidable:
//! the least late work of any run of that replication, the oracles' included.

use ebbtide_measure::compare::{Contest, judge};
use ebbtide_measure::interval::LEVEL;
use ebbtide_measure::metric::Preference;
use ebbtide_measure::ranking::{
    AtPrice, BestSetting, PolicyFigures, RankedPolicy, RankedScenario, Standing, Yardstick as Told,
};
use ebbtide_measure::{Comparison, Estimate, Prices, Sample, Verdict};
use ebbtide_policies::counted::Counted;

use super::entrants::Entrant;
use super::runs::{Candidate, Role, Runs, Score, of_best};
use super::yardstick::Yardstick;
use super::{Arena, MAIN_PRICE, MOST_UNAVOIDABLE, PRICES, best_settings, suite};
use crate::arrivals::Arrivals;
use crate::plan::Plan;
use crate::scenario::Scenario;

/// An entrant at one price: its cheapest candidate.
struct Entry<'r> {
    candidate: &'r Candidate,
    scores: &'r [Score],
    costs: Vec<f64>,
}

/// All entrants at one price, in their order.
struct Table<'r> {
    price: usize,
    entries: Vec<Entry<'r>>,
    yardstick: Yardstick,
    /// The place of the cheapest.
    first: usize,
}

/// The ranking of one scenario; `best` are runs of rivals at the settings that did best here, which nothing but
/// [`AtPrice::best_setting`] heeds.
pub(super) fn scenario(
    arena: &Arena,
    entrants: &[Entrant],
    runs: &Runs,
    best: &Runs,
) -> RankedScenario {
    let tables: Vec<Table<'_>> = (0..PRICES.len())
        .map(|price| Table::new(arena, entrants.len(), runs, price))
        .collect();
    let judged: Vec<Vec<AtPrice>> = tables
        .iter()
        .map(|table| table.judged(arena, entrants, best))
        .collect();
    let mut policies: Vec<RankedPolicy> = entrants
        .iter()
        .enumerate()
        .map(|(place, entrant)| RankedPolicy {
            name: entrant.name.clone(),
            standing: entrant.standing,
            at_main_price: judged[MAIN_PRICE][place].clone(),
            figures: figures(arena, &tables[MAIN_PRICE].entries[place]),
            prices: judged
                .iter()
                .map(|of_price| of_price[place].clone())
                .collect(),
        })
        .collect();
    let cost = |policy: &RankedPolicy| policy.at_main_price.cost.mean.unwrap_or(f64::INFINITY);
    policies.sort_by(|one, other| cost(one).total_cmp(&cost(other)));
    let note = Scenario::from_ron(&arena.text).map_or_else(|_| String::new(), |it| it.note);
    RankedScenario {
        name: arena.name.clone(),
        half: suite::half_of(&arena.name).map(|half| half.to_string()),
        note,
        perfect: comment(&arena.text),
        load_changes: load_changes(&arena.plan),
        objective: arena.plan.contenders[0]
            .config
            .objective
            .map(|it| it.to_string()),
        replications: tables[0].entries[0].costs.len() as u32,
        yardsticks: tables
            .iter()
            .map(|table| table.told(arena, entrants))
            .collect(),
        policies,
    }
}

impl<'r> Table<'r> {
    fn new(arena: &Arena, entrants: usize, runs: &'r Runs, price: usize) -> Self {
        let prices = prices(arena, price);
        let all: Vec<Entry<'_>> = runs
            .iter()
            .filter(|(candidate, _)| candidate.price.is_none_or(|own| own == price))
            .map(|(candidate, scores)| Entry {
                candidate,
                scores,
                costs: scores
                    .iter()
                    .map(|score| score.cost.total(prices))
                    .collect(),
            })
            .collect();
        let yardstick = yardstick(arena, runs, &all, price);
        let mut all: Vec<Option<Entry<'_>>> = all.into_iter().map(Some).collect();
        let entries: Vec<Entry<'_>> = (0..entrants)
            .map(|place| {
                let own = (0..all.len()).filter(|&at| {
                    let entry = all[at].as_ref();
                    entry.is_some_and(|entry| entry.candidate.role == Role::Ranked(place))
                });
                let mean = |at: usize| all[at].as_ref().map_or(f64::INFINITY, |it| mean(&it.costs));
                let best = own.min_by(|&one, &other| mean(one).total_cmp(&mean(other)));
                let best = best.expect("each entrant runs at each price");
                all[best].take().expect("it is there once")
            })
            .collect();
        let first = least(entries.iter().map(|entry| mean(&entry.costs)));
        Self {
            price,
            entries,
            yardstick,
            first,
        }
    }

    /// Every entrant's figures, in their order.
    fn judged(&self, arena: &Arena, entrants: &[Entrant], best: &Runs) -> Vec<AtPrice> {
        let minutes = arena.plan.run.length.as_secs_f64() / 60.0;
        let verdicts = self.verdicts(entrants);
        let entries = self.entries.iter().enumerate();
        let at_price = |(place, entry): (usize, &Entry<'_>)| {
            let against_default = verdicts.iter().find(|it| it.is(entrants, place, 0));
            let against_first = verdicts
                .iter()
                .find(|it| it.is(entrants, place, self.first));
            let yardstick = &self.yardstick;
            AtPrice {
                price: PRICES[self.price],
                setting: entry.candidate.text.clone(),
                cost: Estimate::of_values(&entry.costs, LEVEL),
                difference: against_default.map(|it| it.0.difference),
                regret: yardstick.regret(&entry.costs),
                over_best_fixed: yardstick.over_fixed(&entry.costs),
                over_best_other: self.over_best_other(place),
                worst_run_ratio: self.worst_run(place),
                verdict_vs_default: against_default.map(|it| it.0.verdict),
                first_or_tied: against_first.is_none_or(|it| it.0.verdict != Verdict::Worse),
                actions_per_min: mean_of(entry.scores, &|it| it.scale_actions) / minutes,
                best_setting: self.best_setting(arena, entrants, best, place),
            }
        };
        entries.map(at_price).collect()
    }

    /// The cheapest of a rival's settings: documented, tuned, and those that did best here when it was tuned.
    fn best_setting(
        &self,
        arena: &Arena,
        entrants: &[Entrant],
        best: &Runs,
        place: usize,
    ) -> Option<BestSetting> {
        arena.best_settings_of(&entrants[place]).next()?;
        let prices = prices(arena, self.price);
        // On the same replications, however many others there are.
        let runs = of_best(arena, self.entries[place].costs.len() as u32) as usize;
        let costs = |scores: &[Score]| -> Vec<f64> {
            let costs = scores.iter().map(|score| score.cost.total(prices));
            costs.collect()
        };
        let in_hindsight = best
            .iter()
            .filter(|(it, _)| it.role == Role::Best(place))
            .map(|(it, scores)| (it.text.as_str(), costs(scores)));
        let is_own = |other: &usize| {
            let tuned = &entrants[*other];
            *other == place
                || tuned.standing == Standing::TunedRival
                    && best_settings::rival(&tuned.text) == entrants[place].text
        };
        let ranked = (0..entrants.len()).filter(is_own).map(|it| {
            let entry = &self.entries[it];
            (entry.candidate.text.as_str(), entry.costs[..runs].to_vec())
        });
        let all = ranked.chain(in_hindsight);
        let (setting, costs) = all.min_by(|one, other| mean(&one.1).total_cmp(&mean(&other.1)))?;
        Some(BestSetting {
            setting: setting.to_owned(),
            replications: runs as u32,
            cost: Estimate::of_values(&costs, LEVEL),
            regret: self.yardstick.regret(&costs),
        })
    }

    /// Each against the default, and against the cheapest.
    fn verdicts(&self, entrants: &[Entrant]) -> Vec<Judged> {
        let pairs = (0..self.entries.len()).flat_map(|place| {
            let mut against = vec![0, self.first];
            against.dedup();
            against.retain(|&other| other != place);
            against.into_iter().map(move |other| (place, other))
        });
        let samples = |place: usize| {
            let costs = self.entries[place].costs.iter();
            costs.map(|cost| Sample::exact(*cost)).collect()
        };
        let contest = |(place, other): (usize, usize)| Contest {
            policy: &entrants[place].name,
            against: &entrants[other].name,
            metric: "cost".to_owned(),
            preference: Preference::Lower,
            samples: samples(place),
            against_samples: samples(other),
        };
        judge(pairs.map(contest).collect())
            .into_iter()
            .map(Judged)
            .collect()
    }

    /// Cost over that of the cheapest other, both less what is unavoidable.
    fn over_best_other(&self, place: usize) -> f64 {
        let own = &self.entries[place].costs;
        let others = self.others(place);
        let over = others.map(|other| self.yardstick.over(own, &other.costs));
        over.reduce(f64::max).unwrap_or(1.0)
    }

    /// The largest such quotient in one run, against whoever was best in it.
    fn worst_run(&self, place: usize) -> f64 {
        let own = self.entries[place].costs.iter().enumerate();
        let ratio = |(number, cost): (usize, &f64)| {
            let others = self.others(place);
            let net = others.map(|other| self.yardstick.net_of(other.costs[number], number));
            let best = net.reduce(f64::min)?;
            Some(self.yardstick.net_of(*cost, number) / best)
        };
        own.filter_map(ratio).reduce(f64::max).unwrap_or(1.0)
    }

    fn others(&self, place: usize) -> impl Iterator<Item = &Entry<'r>> {
        let all = self.entries.iter().enumerate();
        all.filter(move |(other, _)| *other != place)
            .map(|(_, entry)| entry)
    }

    fn told(&self, arena: &Arena, entrants: &[Entrant]) -> Told {
        let rivals = (0..entrants.len()).filter(|&it| entrants[it].standing != Standing::Default);
        let cheapest = rivals.min_by(|&one, &other| {
            mean(&self.entries[one].costs).total_cmp(&mean(&self.entries[other].costs))
        });
        let yardstick = &self.yardstick;
        let known: Vec<_> = arena
            .known
            .iter()
            .map(|it| &it.prices[self.price])
            .collect();
        let known: Vec<_> = known.into_iter().take(yardstick.oracle.len()).collect();
        let prices = prices(arena, self.price);
        let mean_known = |of: &dyn Fn(&super::oracle::AtPrice) -> f64| {
            let values: Vec<f64> = known.iter().map(|it| of(it)).collect();
            (!values.is_empty()).then(|| mean(&values))
        };
        let share = yardstick.unavoidable_share();
        Told {
            price: PRICES[self.price],
            oracle: yardstick.label.to_owned(),
            replications: yardstick.oracle.len() as u32,
            cost: mean(&yardstick.oracle),
            free: mean_known(&|it| it.free.cost.total(prices)),
            best_fixed: (!yardstick.fixed.is_empty()).then(|| mean(&yardstick.fixed)),
            best_fixed_setting: known.first().map(|it| {
                let setting = it.fixed.schedule.start();
                format!(
                    "{}, batches of {} or {}",
                    Counted(setting.workers.into(), "worker"),
                    setting.batch_size,
                    setting.batch_timeout
                )
            }),
            fluid: mean_known(&|it| it.fluid),
            unavoidable_share: share,
            in_means: share <= MOST_UNAVOIDABLE,
            best_rival: cheapest.map(|place| entrants[place].name.clone()),
        }
    }
}

/// A verdict on two entrants.
struct Judged(Comparison);

impl Judged {
    fn is(&self, entrants: &[Entrant], policy: usize, against: usize) -> bool {
        self.0.policy == entrants[policy].name && self.0.against == entrants[against].name
    }
}

fn yardstick(arena: &Arena, runs: &Runs, all: &[Entry<'_>], price: usize) -> Yardstick {
    let prices = prices(arena, price);
    let replications = all.first().map_or(0, |entry| entry.costs.len());
    let known: Vec<_> = arena.known.iter().take(replications).collect();
    let unavoidable = (0..replications).map(|number| {
        let met = runs.iter().map(|(_, scores)| scores[number].cost.late_work);
        let foreseen = known.get(number).into_iter().flat_map(|it| {
            let at_prices = it.prices.iter();
            let late = at_prices.flat_map(|at| [at.paced.cost.late_work, at.free.cost.late_work]);
            late.chain([it.least_late_work])
        });
        prices.late * met.chain(foreseen).fold(f64::INFINITY, f64::min)
    });
    let unavoidable = unavoidable.collect();
    if !known.is_empty() {
        let at = |number: usize| &known[number].prices[price];
        return Yardstick {
            label: "paced",
            oracle: (0..known.len())
                .map(|it| at(it).paced.cost.total(prices))
                .collect(),
            fixed: (0..known.len())
                .map(|it| at(it).fixed.cost.total(prices))
                .collect(),
            unavoidable,
        };
    }
    let least_of = |entries: &[&Entry<'_>]| -> Vec<f64> {
        let least = |number: usize| {
            let costs = entries.iter().map(|entry| entry.costs[number]);
            costs.fold(f64::INFINITY, f64::min)
        };
        (0..replications).map(least).collect()
    };
    let kept: Vec<&Entry<'_>> = all
        .iter()
        .filter(|it| it.candidate.role == Role::Ready)
        .collect();
    Yardstick {
        label: "best known",
        oracle: least_of(&all.iter().collect::<Vec<_>>()),
        fixed: least_of(&kept),
        unavoidable,
    }
}

fn prices(arena: &Arena, price: usize) -> Prices {
    Prices {
        late: PRICES[price],
        call: arena.plan.contenders[0].config.price_call,
    }
}

/// Means over replications.
fn figures(arena: &Arena, entry: &Entry<'_>) -> PolicyFigures {
    let scores = entry.scores;
    let prices = prices(arena, MAIN_PRICE);
    let over = |of: &dyn Fn(&Score) -> f64| mean_of(scores, of);
    let known = |of: &dyn Fn(&Score) -> Option<f64>| {
        let values: Option<Vec<f64>> = scores.iter().map(of).collect();
        values.map(|values| mean(&values))
    };
    PolicyFigures {
        worker_seconds: over(&|it| it.cost.worker_seconds),
        lateness_s: over(&|it| it.cost.lateness_s),
        lateness_cost: over(&|it| it.cost.lateness(prices)),
        calls: over(&|it| it.cost.calls),
        p50_s: known(&|it| it.p50_s),
        p95_s: known(&|it| it.p95_s),
        p99_s: known(&|it| it.p99_s),
        within_objective: over(&|it| 1.0 - it.late_messages as f64 / it.messages.max(1) as f64),
        dead_letters: over(&|it| it.dead_letters as f64),
        throughput_per_s: over(&|it| it.throughput_per_s),
    }
}

fn mean_of(scores: &[Score], of: &dyn Fn(&Score) -> f64) -> f64 {
    scores.iter().map(of).sum::<f64>() / scores.len() as f64
}

/// The comment at a scenario's head, as one line.
fn comment(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//"));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Whether more or less is asked of the broker as a run goes on, troubles apart.
fn load_changes(plan: &Plan) -> bool {
    let varies =
        |arrivals: &Arrivals| !arrivals.is_stationary() || matches!(arrivals, Arrivals::Mmpp(_));
    plan.replay.is_some()
        || plan.sources.iter().any(|source| varies(&source.arrivals))
        || plan.agents.iter().any(|agent| agent.drift.is_some())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The place of the least; 0 if there is none.
fn least(values: impl Iterator<Item = f64>) -> usize {
    let least = values
        .enumerate()
        .min_by(|one, other| one.1.total_cmp(&other.1));
    least.map_or(0, |(place, _)| place)
}
