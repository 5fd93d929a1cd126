//! Where the default loses: scenarios in which another policy is known to be cheaper.

use ebbtide_measure::ranking::{RankedPolicy, RankedScenario, Ranking, Standing};
use maud::{Markup, html};

use super::chart::quotient;

/// Scenarios that are shown at once; the others can be opened.
const SHOWN: usize = 6;

/// A scenario, the default in it, and the cheapest other.
type Loss<'r> = (&'r RankedScenario, &'r RankedPolicy, &'r RankedPolicy);

/// The table, the largest loss first.
pub(super) fn section(ranking: &Ranking) -> Markup {
    let losses = losses(ranking);
    html! {
        section aria-labelledby="losses" {
            h2 #losses { "Where " (ranking.default) " loses" }
            @if losses.is_empty() && ranking.tells_little() {
                p { "So few replications cannot tell: in no scenario is another policy known to be cheaper." }
            } @else if losses.is_empty() {
                p { "Nowhere: in no scenario is another policy known to be cheaper." }
            } @else {
                p {
                    "In " (losses.len()) " of " (ranking.scenarios.len()) " scenarios another policy is known to be "
                    "cheaper. If your load is like one of these, look at that policy too."
                }
                div.scroll { (table(ranking, &losses[..losses.len().min(SHOWN)])) }
                @if losses.len() > SHOWN {
                    details {
                        summary { "The other " (losses.len() - SHOWN) }
                        div.scroll { (table(ranking, &losses[SHOWN..])) }
                    }
                }
            }
        }
    }
}

fn losses(ranking: &Ranking) -> Vec<Loss<'_>> {
    let loss = |scenario: &'_ RankedScenario| -> Option<(usize, usize)> {
        let is_default = |it: &RankedPolicy| it.standing == Standing::Default;
        let own = scenario.policies.iter().position(is_default)?;
        let other = scenario.policies.iter().position(|it| !is_default(it))?;
        (!scenario.policies[own].at_main_price.first_or_tied).then_some((own, other))
    };
    let scenarios = ranking.scenarios.iter();
    let mut losses: Vec<Loss<'_>> = scenarios
        .filter_map(|scenario| {
            let (own, other) = loss(scenario)?;
            Some((scenario, &scenario.policies[own], &scenario.policies[other]))
        })
        .collect();
    losses.sort_by(|one, other| factor(other).total_cmp(&factor(one)));
    losses
}

/// What the default costs, as a multiple of the best other.
fn factor(loss: &Loss<'_>) -> f64 {
    loss.1.at_main_price.over_best_other
}

/// By how much, in whole per cent.
fn dearer(factor: f64) -> String {
    let percent = (factor - 1.0) * 100.0;
    if percent < 0.5 {
        return "< 1 %".to_owned();
    }
    format!("{percent:.0} %")
}

fn table(ranking: &Ranking, losses: &[Loss<'_>]) -> Markup {
    html! {
        table.numbers {
            thead { tr {
                th { "scenario" } th { "dearer by" } th { (ranking.default) } th { "best other" } th { "" }
                th { "what it is" }
            } }
            tbody {
                @for loss in losses {
                    @let (scenario, own, other) = loss;
                    tr {
                        th scope="row" { (scenario.name) }
                        td.lost { (dearer(factor(loss))) }
                        td { (quotient(Some(own.at_main_price.regret))) }
                        td { (quotient(Some(other.at_main_price.regret))) }
                        td.left { (other.name) }
                        td.left.wide { (scenario.note) }
                    }
                }
            }
        }
    }
}
