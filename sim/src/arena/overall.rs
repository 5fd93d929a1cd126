//! What is made of all scenarios: one entry for each policy and price.

use ebbtide_measure::ranking::{
    AtPrice, Described, Overall, RANKING_SCHEMA, RankedPolicy, RankedScenario, Ranking, Skipped,
    Summary,
};
use ebbtide_measure::{compare::TIE_MARGIN, results::ENGINE_VERSION};

use ebbtide_policies::registry::POLICIES;

use super::best_settings::rival;
use super::entrants::{Entrant, PROFILES};
use super::{MAIN_PRICE, PRICES};

/// The whole ranking; `entrants` are those of every scenario.
#[must_use]
pub fn ranking(
    entrants: &[Entrant],
    scenarios: Vec<RankedScenario>,
    skipped: Vec<Skipped>,
    interrupted: bool,
) -> Ranking {
    let overall = entrants.iter().flat_map(|entrant| {
        let scenarios = &scenarios;
        (0..PRICES.len()).filter_map(move |price| of(entrant, price, scenarios))
    });
    Ranking {
        schema: RANKING_SCHEMA,
        engine_version: ENGINE_VERSION.to_owned(),
        default: entrants
            .first()
            .map_or_else(String::new, |it| it.name.clone()),
        default_does: entrants
            .first()
            .and_then(|it| does(&it.text))
            .unwrap_or_default(),
        described: described(entrants),
        prices: PRICES.to_vec(),
        main_price: PRICES[MAIN_PRICE],
        tie_margin: TIE_MARGIN,
        interrupted,
        skipped,
        overall: overall.collect(),
        scenarios,
    }
}

/// What each policy does that is known, once.
fn described(entrants: &[Entrant]) -> Vec<Described> {
    let mut all: Vec<Described> = Vec::new();
    for policy in entrants.iter().map(|it| rival(&it.text)) {
        let is_new = !all.iter().any(|it| it.policy == policy);
        if let Some(does) = does(policy).filter(|_| is_new) {
            let policy = policy.to_owned();
            all.push(Described { policy, does });
        }
    }
    all
}

/// What a policy or a profile does; nothing of one that is unknown.
fn does(name: &str) -> Option<String> {
    let known = POLICIES.iter().find(|it| it.name == name);
    let policy = known.map(|it| it.description.trim_start_matches("the default: "));
    let profile = || {
        let profile = PROFILES.iter().find(|(profile, _)| *profile == name);
        profile.map(|(_, does)| *does)
    };
    policy.or_else(profile).map(str::to_owned)
}

/// A policy in a scenario at a price.
struct Place<'r> {
    scenario: &'r RankedScenario,
    policy: &'r RankedPolicy,
    price: usize,
}

impl<'r> Place<'r> {
    fn at(&self) -> &'r AtPrice {
        &self.policy.prices[self.price]
    }

    fn in_means(&self) -> bool {
        self.scenario.yardsticks[self.price].in_means
    }
}

fn of(entrant: &Entrant, price: usize, scenarios: &[RankedScenario]) -> Option<Overall> {
    let places = |half: Option<&str>| -> Vec<Place<'_>> {
        let wanted = scenarios
            .iter()
            .filter(|scenario| half.is_none() || scenario.half.as_deref() == half);
        let place = |scenario| place(scenario, entrant, price);
        wanted.filter_map(place).collect()
    };
    let all = places(None);
    let constant = all.iter().filter(|place| !place.scenario.load_changes);
    let actions = constant.map(|place| place.at().actions_per_min);
    Some(Overall {
        policy: entrant.name.clone(),
        standing: entrant.standing,
        price: PRICES[price],
        whole: summary(&all)?,
        tuned: summary(&places(Some("tuned"))),
        untuned: summary(&places(Some("untuned"))),
        constant_load_actions_per_min: actions.reduce(f64::max),
    })
}

fn place<'r>(scenario: &'r RankedScenario, entrant: &Entrant, price: usize) -> Option<Place<'r>> {
    let policy = scenario
        .policies
        .iter()
        .find(|it| it.name == entrant.name)?;
    Some(Place {
        scenario,
        policy,
        price,
    })
}

/// `None` of no scenario.
fn summary(places: &[Place<'_>]) -> Option<Summary> {
    let worst = |of: fn(&AtPrice) -> f64| {
        let by = places
            .iter()
            .map(|place| (of(place.at()), &place.scenario.name));
        by.max_by(|one, other| one.0.total_cmp(&other.0))
    };
    let (worst_mean, worst_scenario) = worst(|at| at.over_best_other)?;
    let (worst_run, worst_run_scenario) = worst(|at| at.worst_run_ratio)?;
    let first = places
        .iter()
        .filter(|place| place.at().first_or_tied)
        .count();
    let counted = || places.iter().filter(|place| place.in_means());
    let changing = counted().filter(|place| place.scenario.load_changes);
    let at_best: Option<Vec<f64>> = counted()
        .map(|place| Some(place.at().best_setting.as_ref()?.regret))
        .collect();
    Some(Summary {
        scenarios: places.len() as u32,
        geomean_regret: geomean(counted().map(|place| place.at().regret)),
        first_or_tied_share: first as f64 / places.len() as f64,
        worst_vs_best_rival: worst_mean,
        worst_scenario: worst_scenario.clone(),
        worst_run_vs_best_rival: worst_run,
        worst_run_scenario: worst_run_scenario.clone(),
        over_best_fixed_where_load_changes: geomean(
            changing.filter_map(|place| place.at().over_best_fixed),
        ),
        geomean_regret_at_best_settings: at_best.and_then(|it| geomean(it.into_iter())),
    })
}

/// The geometric mean; `None` of nothing.
fn geomean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let logs: Vec<f64> = values.map(f64::ln).collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}
