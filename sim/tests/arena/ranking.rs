//! A small arena, whole: who is ranked, that the order is that of the costs, and that everything is the same again.

use ebbtide_measure::ranking::{RankedPolicy, RankedScenario, Ranking, Standing};
use ebbtide_policies::decision::{Decision, Reason};
use ebbtide_policies::{Observation, Policy};
use ebbtide_sim::arena::entrants::{self, Entrant};
use ebbtide_sim::arena::{Arena, overall};
use ebbtide_sim::files::Files;
use ebbtide_sim::{Monitor, Plan};

/// A minute that changes: five workers are too many, then too few.
const TEXT: &str = r#"// A perfect controller follows.
(
    note: "a step",
    run: (length: "1min", warm_up: "0s"),
    traffic: [(
        arrivals: Phases([("4/s", "30s"), ("30/s", "30s")]),
        classes: [(name: "m", to: Agent("a"))],
    )],
    agents: [(name: "a", call: Constant("200ms"))],
    broker: (delivery_parallelism: 1, worker_start_ms: 1000, objective: "p95(sojourn) < 1s"),
)"#;

fn arena(text: &str) -> Arena {
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    Arena::new("small", text, plan)
}

fn ranked(text: &str, entrants: &[Entrant]) -> RankedScenario {
    let ranked = arena(text).rank(entrants, 4, &Monitor::default());
    ranked.expect("all can be had").expect("nobody stops it")
}

fn policy<'r>(scenario: &'r RankedScenario, name: &str) -> &'r RankedPolicy {
    let found = scenario.policies.iter().find(|it| it.name == name);
    found.unwrap_or_else(|| panic!("{name} is not ranked"))
}

#[test]
fn the_order_is_that_of_the_costs_and_what_is_kept_is_a_yardstick() {
    let entrants = entrants::chosen("fixed(1),fixed(8),simple").expect("names");
    let scenario = ranked(TEXT, &entrants);
    // The tuned variant came along.
    assert_eq!(scenario.policies.len(), 5);
    assert_eq!(scenario.perfect, "A perfect controller follows.");
    assert!(scenario.load_changes);
    let costs = scenario
        .policies
        .iter()
        .map(|it| it.at_main_price.cost.mean);
    assert!(costs.is_sorted(), "{:?}", scenario.policies);
    // Nobody moves a fixed pool, and its workers are all that is paid while nothing is late.
    let eight = policy(&scenario, "fixed(8)");
    assert!((eight.figures.worker_seconds - 480.0).abs() < 1e-6);
    assert!(eight.at_main_price.actions_per_min.abs() < 1e-9);
    assert!(eight.figures.within_objective > 0.99);
    let one = policy(&scenario, "fixed(1)");
    assert!(one.at_main_price.regret > 2.0 && one.at_main_price.worst_run_ratio > 2.0);
    assert!(!one.at_main_price.first_or_tied);
    // The best of the pools that were kept is no better than what is best known.
    for (yardstick, at) in scenario.yardsticks.iter().zip(&eight.prices) {
        assert_eq!(yardstick.oracle, "best known");
        assert!(yardstick.cost <= yardstick.best_fixed.expect("pools were kept") + 1e-9);
        assert!(at.regret >= 1.0 - 1e-9, "{at:?}");
    }
    // What is dearer at ten times the price is dearer still at a hundred.
    let cost = |at: usize| one.prices[at].cost.mean.expect("it ran");
    assert!(cost(0) < cost(1) && cost(1) < cost(2));
}

#[test]
fn a_ranking_comes_out_the_same_again_and_reads_back() {
    let entrants = entrants::chosen("fixed(3)").expect("names");
    let once = ranked(TEXT, &entrants);
    assert_eq!(ranked(TEXT, &entrants), once);
    let ranking = overall::ranking(&entrants, vec![once], Vec::new(), false);
    assert_eq!(ranking.overall.len(), 2 * 3);
    assert_eq!(ranking.default, "adaptive");
    let json = serde_json::to_string(&ranking).expect("plain maps");
    let read: Ranking = serde_json::from_str(&json).expect("its own text");
    assert_eq!(read, ranking);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let own = &value["scenarios"][0]["policies"][0];
    for field in [
        "name",
        "cost",
        "regret",
        "worst_run_ratio",
        "verdict_vs_default",
        "actions_per_min",
    ] {
        assert!(own.get(field).is_some(), "{field}");
    }
    for field in [
        "policy",
        "price",
        "geomean_regret",
        "first_or_tied_share",
        "worst_vs_best_rival",
    ] {
        assert!(value["overall"][0].get(field).is_some(), "{field}");
    }
}

/// The cheapest of its combinations stands for a policy that sizes only workers.
#[test]
fn batches_are_sized_by_the_best_rule() {
    let text = TEXT.replace(
        "call: Constant(\"200ms\")",
        "per_call: \"400ms\", per_item: Constant(\"5ms\")",
    );
    let entrants = entrants::chosen("simple").expect("names");
    let scenario = ranked(&text, &entrants);
    let simple = policy(&scenario, "simple");
    assert!(
        simple.at_main_price.setting.starts_with("simple"),
        "{simple:?}"
    );
    assert_eq!(simple.standing, Standing::Rival);
}

#[test]
fn the_best_setting_of_a_rival_is_shown_and_changes_nothing_else() {
    let entrants = entrants::chosen("simple").expect("names");
    let mut arena = arena(TEXT);
    let rank = |arena: &Arena| {
        let ranked = arena.rank(&entrants, 4, &Monitor::default());
        ranked.expect("all can be had").expect("nobody stops it")
    };
    let without = rank(&arena);
    let ranked_runs = arena.work(&entrants, 6).0;
    // Of another policy, ranked anyway, and two that nobody ranks.
    let settings = [
        "celery",
        "simple",
        "simple(load: 0.6)",
        "simple(load: 0.95, drain: \"8s\")",
    ];
    arena.best_settings = settings.map(str::to_owned).to_vec();
    // Two settings more, in five of the six replications.
    assert_eq!(arena.work(&entrants, 6).0, ranked_runs + 2 * 5);
    let mut with = rank(&arena);
    for (price, at) in policy(&with, "simple").prices.iter().enumerate() {
        let best = at.best_setting.as_ref().expect("it is known");
        let of = |name: &str| policy(&with, name).prices[price].cost.mean.expect("it ran");
        let cost = best.cost.mean.expect("it ran");
        assert!(
            cost <= of("simple") && cost <= of("simple, tuned"),
            "{best:?}"
        );
        assert!(best.setting.starts_with("simple"), "{best:?}");
        assert_eq!(best.replications, 4);
        assert!(
            (best.regret < at.regret) == (cost < of("simple")),
            "{best:?}"
        );
    }
    assert!(
        policy(&with, "adaptive")
            .at_main_price
            .best_setting
            .is_none()
    );
    assert!(
        policy(&with, "simple, tuned")
            .at_main_price
            .best_setting
            .is_none()
    );
    let ranking = overall::ranking(&entrants, vec![with.clone()], Vec::new(), false);
    let known: Vec<bool> = ranking
        .overall
        .iter()
        .map(|it| it.whole.geomean_regret_at_best_settings.is_some())
        .collect();
    assert_eq!(known.iter().filter(|known| **known).count(), 3);
    for policy in &mut with.policies {
        policy.at_main_price.best_setting = None;
        policy
            .prices
            .iter_mut()
            .for_each(|at| at.best_setting = None);
    }
    assert_eq!(with, without);
}

/// Keeps as many workers as half the price of lateness, so that it shows which price it was told.
struct ByPrice;

impl Policy for ByPrice {
    fn name(&self) -> &str {
        "by price"
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let reason = Reason::new("price", "the price says so");
        Decision::of_workers(seen.prices.late / 2.0, seen, reason)
    }
}

#[test]
fn a_policy_of_ones_own_is_ranked_at_each_price() {
    let entrants = [
        Entrant::default_policy(),
        Entrant::own(|| Box::new(ByPrice)),
    ];
    let scenario = ranked(TEXT, &entrants);
    let own = policy(&scenario, "by price");
    let cost = |at: usize| own.prices[at].cost.mean.expect("it ran");
    // One worker drowns; five are too few in the end; ten carry it.
    assert!(own.prices[0].regret > 1.5, "{}", own.prices[0].regret);
    assert!(cost(2) < 650.0, "{}", cost(2));
}
