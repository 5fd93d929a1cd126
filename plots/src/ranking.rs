//! The ranking page: one HTML file that says which policy to use, and why.
//!
//! The sentence comes first, then why, who stands where, where the default loses, what is paid for how fast, how
//! bad it can get, and every scenario; how to read it stands beside each figure. What is only looked up is folded.
//! Like the report it has no scripts and loads nothing.

mod chart;
mod hindsight;
mod labels;
mod losses;
mod pareto;
mod rows;
mod scenarios;

use maud::{Markup, html};

use ebbtide_measure::ranking::{Overall, Ranking, Summary};

use crate::page::page;

const STYLE: &str = include_str!("ranking.css");
/// The page of `ranking`.
#[must_use]
pub fn ranking_html(ranking: &Ranking) -> String {
    let main = html! {
        header {
            h1 { "Which scaling policy?" }
            div.headline.pass { p { (ranking.conclusion()) } }
            (why(ranking))
            (reading(ranking))
        }
        (standing(ranking))
        (losses::section(ranking))
        (pareto::section(ranking))
        (safety(ranking))
        (everybody(ranking))
        (scenarios::section(ranking))
        footer { p { "Made by ebbtide " (ranking.engine_version) ". Exact numbers are in ranking.json." } }
    };
    page("Which scaling policy? – ebbtide arena", STYLE, &main)
}

/// What the default pays and how fast it is, beside the best of the others.
fn why(ranking: &Ranking) -> Markup {
    let rival = ranking.best_rival(ranking.main_price);
    let points = rival.and_then(|(rival, _)| {
        let own = pareto::point(ranking, &ranking.default)?;
        Some((rival, own, pareto::point(ranking, &rival.policy)?))
    });
    html! {
        @if let Some((rival, own, other)) = points {
            p {
                @if !ranking.default_does.is_empty() {
                    b { (ranking.default) } ", which a broker uses unless it is told otherwise, " (ranking.default_does) ". "
                }
                "For workers and calls the best of the others (" (rival.policy) ") pays " b { (format!("{:.2} times", other.paid)) }
                " as much, and its P95 is at " (format!("{:.2}", other.p95)) " of the objective's limit, that of "
                (ranking.default) " at " b { (format!("{:.2}", own.p95)) } " (geometric means)."
            }
        }
    }
}

fn reading(ranking: &Ranking) -> Markup {
    let skipped: Vec<&str> = ranking.skipped.iter().map(|it| it.name.as_str()).collect();
    html! {
        p {
            "A policy decides how many workers a broker has and how messages are batched. Each was run on the same "
            "messages, in " (ranking.scenarios.len()) " scenarios; nothing else paced or corrected it. What a run "
            b { "costs" } " is the time of its workers (and calls, where calls have a price), plus lateness beyond "
            "the objective, which its owner sets (such as p95(sojourn) < 1s): a second late costs " (ranking.main_price)
            " times the message's own work. "
            @if ranking.knows_oracles() {
                b { "Regret" } " is that cost over what an oracle pays that knows every message beforehand; 1 cannot be "
                "had without foresight, 2 is twice as much."
            } @else {
                b { "Regret" } " is that cost over what an oracle pays that knows every message beforehand, or, where "
                "a scenario has no oracle, over that of the cheapest policy, which has 1 against itself; 2 is twice as much."
            }
        }
        @if !skipped.is_empty() {
            aside.warnings { p { "Left out, since their traces are not on this machine: " (skipped.join(", ")) "." } }
        }
        @if ranking.interrupted {
            aside.warnings { p { "Stopped before its end: some scenarios are missing." } }
        }
    }
}

/// The better of each policy's settings, documented and tuned, the least regret at the main price first.
fn best_of_each(ranking: &Ranking) -> Vec<&Overall> {
    let mut order: Vec<&Overall> = ranking
        .overall
        .iter()
        .filter(|it| it.price.total_cmp(&ranking.main_price).is_eq())
        .collect();
    order.sort_by(|one, other| regret(one).total_cmp(&regret(other)));
    let base = |entry: &Overall| entry.policy.trim_end_matches(", tuned").to_owned();
    let mut seen = std::collections::BTreeSet::new();
    order.retain(|entry| seen.insert(base(entry)));
    order
}

fn regret(entry: &Overall) -> f64 {
    entry.whole.geomean_regret.unwrap_or(f64::INFINITY)
}

fn standing(ranking: &Ranking) -> Markup {
    let of = |summary: &Option<Summary>| summary.as_ref().and_then(|it| it.geomean_regret);
    let rows = best_of_each(ranking).into_iter().map(|entry| {
        let (tuned, untuned) = (of(&entry.tuned), of(&entry.untuned));
        let halves = if tuned.is_none() && untuned.is_none() {
            vec![(entry.whole.geomean_regret, chart::Dot::Full)]
        } else {
            vec![(tuned, chart::Dot::Hollow), (untuned, chart::Dot::Full)]
        };
        chart::Row {
            label: entry.policy.clone(),
            is_default: entry.policy == ranking.default,
            dots: halves
                .into_iter()
                .filter_map(|(at, dot)| Some((at?, dot)))
                .collect(),
            value: chart::quotient(entry.whole.geomean_regret),
        }
    });
    let axis = if ranking.knows_oracles() {
        "regret, 1 = full foresight"
    } else {
        "regret, 1 = the best cost known"
    };
    html! {
        section aria-labelledby="standing" {
            h2 #standing { "Who stands where" }
            figure {
                figcaption {
                    h3 { "Regret, geometric mean over scenarios" }
                    p {
                        "Further left is cheaper. " b { "Full" } " dots are the half of the scenarios that nobody saw "
                        "while tuning, " b { "hollow" } " ones the other half; the number is over both. Of each policy "
                        "the better of its documented and its tuned settings is shown; what is far off is drawn at the edge."
                    }
                }
                div.chart { (chart::svg("Regret of each policy", axis, &rows.collect::<Vec<_>>())) }
            }
            (hindsight::note(ranking))
            @if !ranking.described.is_empty() {
                details {
                    summary { "Who they are" }
                    dl.who { @for it in &ranking.described { dt { (it.policy) } dd { (it.does) } } }
                }
            }
        }
    }
}

fn safety(ranking: &Ranking) -> Markup {
    let mut order = best_of_each(ranking);
    let worst = |entry: &Overall| entry.whole.worst_run_vs_best_rival;
    order.sort_by(|one, other| worst(one).total_cmp(&worst(other)));
    let rows = order.into_iter().map(|entry| {
        let whole = &entry.whole;
        chart::Row {
            label: entry.policy.clone(),
            is_default: entry.policy == ranking.default,
            dots: vec![
                (whole.worst_vs_best_rival, chart::Dot::Hollow),
                (whole.worst_run_vs_best_rival, chart::Dot::Full),
            ],
            value: format!(
                "{} in {}",
                chart::quotient(Some(whole.worst_run_vs_best_rival)),
                whole.worst_run_scenario
            ),
        }
    });
    html! {
        section aria-labelledby="safety" {
            h2 #safety { "How bad it can get" }
            figure {
                figcaption {
                    h3 { "The worst, as a multiple of what the best other policy cost in the same place" }
                    p {
                        b { "Full" } ": the worst single run of all, and the scenario it happened in. " b { "Hollow" }
                        ": the worst scenario, averaged over its runs. A policy that is good on average and far right "
                        "here will page you one day. What nobody can avoid is taken from both, so little may be left to divide by."
                    }
                }
                div.chart { (chart::svg("Worst run of each policy", "times the best other policy", &rows.collect::<Vec<_>>())) }
            }
        }
    }
}

fn everybody(ranking: &Ranking) -> Markup {
    type OfHalf = fn(&Overall) -> Option<&Summary>;
    let halves: [(&str, OfHalf); 3] = [
        ("Documented and tuned settings, all scenarios", |it| {
            Some(&it.whole)
        }),
        ("Scenarios seen while tuning", |it| it.tuned.as_ref()),
        ("Scenarios not seen while tuning", |it| it.untuned.as_ref()),
    ];
    let best = best_of_each(ranking);
    let at_main = |it: &&Overall| it.price.total_cmp(&ranking.main_price).is_eq();
    let all: Vec<&Overall> = ranking.overall.iter().filter(at_main).collect();
    html! {
        section aria-labelledby="everybody" {
            h2 #everybody { "Everybody, at every price" }
            p.note {
                "Of each policy the better of its documented and its tuned settings; all of them are below. "
                "A second late costs 1, 10 or 100 times a message's own work. First: share of the scenarios in which no "
                "policy is known to be better. Over fixed: cost over that of the best pool that never changes, chosen in "
                "hindsight, where the load changes. Flaps: most changes of the pool a minute under constant load. Best "
                "settings, for information: regret if a policy had in each scenario the best setting of all that tuning tried."
            }
            @if let Some(table) = rows::table(ranking, &best, |it| Some(&it.whole)) { div.scroll { (table) } }
            @for (title, of) in halves {
                @if let Some(table) = rows::table(ranking, &all, of) {
                    details {
                        summary { (title) }
                        div.scroll { (table) }
                    }
                }
            }
        }
    }
}
