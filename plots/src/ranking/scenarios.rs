//! Every scenario: what it shows, what would be perfect, and how the default did against the best other policy.

use ebbtide_measure::Verdict;
use ebbtide_measure::ranking::{RankedPolicy, RankedScenario, Ranking, Standing};
use maud::{Markup, html};

use super::chart::quotient;

/// Other policies listed under a scenario, from the cheapest on.
const LISTED: usize = 12;

/// All scenarios, the halves apart.
pub(super) fn section(ranking: &Ranking) -> Markup {
    let halves = [
        (Some("tuned"), "Scenarios seen while tuning"),
        (Some("untuned"), "Scenarios not seen while tuning"),
        (None, "Other scenarios"),
    ];
    html! {
        section aria-labelledby="scenarios" {
            h2 #scenarios { "Scenario by scenario" }
            p.note {
                "Regret at a price of " (ranking.main_price) ". A verdict is on paired differences of the default against "
                "the cheapest other policy, corrected for their number; a tie is within "
                (format!("{:.0} %", ranking.tie_margin * 100.0)) ". Where more than 90 % of the oracle's cost is lateness "
                "that nobody avoids, the scenario is shown in grey and left out of the means."
            }
            @for (half, title) in halves {
                @let own: Vec<&RankedScenario> =
                    ranking.scenarios.iter().filter(|it| it.half.as_deref() == half).collect();
                @if !own.is_empty() {
                    details {
                        summary { (title) " (" (own.len()) ")" }
                        div.scroll { (table(ranking, &own)) }
                    }
                }
            }
        }
    }
}

fn table(ranking: &Ranking, scenarios: &[&RankedScenario]) -> Markup {
    html! {
        table.numbers {
            thead { tr {
                th { "scenario" } th { (ranking.default) } th { "verdict" } th { "best other" } th { "" }
                th { "best fixed" } th { "unavoidable" } th { "worst run" } th { "changes a minute" }
            } }
            tbody { @for scenario in scenarios { (row(ranking, scenario)) } }
        }
    }
}

fn row(ranking: &Ranking, scenario: &RankedScenario) -> Markup {
    let main = ranking.main_price;
    let yardstick = scenario
        .yardsticks
        .iter()
        .find(|it| it.price.total_cmp(&main).is_eq());
    let (share, in_means) = yardstick.map_or((0.0, true), |it| (it.unavoidable_share, it.in_means));
    let own = scenario
        .policies
        .iter()
        .find(|it| it.standing == Standing::Default);
    let other = scenario
        .policies
        .iter()
        .find(|it| it.standing != Standing::Default);
    let at = |it: Option<&RankedPolicy>| quotient(it.map(|it| it.at_main_price.regret));
    let fixed =
        own.and_then(|it| Some(it.at_main_price.regret / it.at_main_price.over_best_fixed?));
    let (class, verdict) = verdict(other);
    html! {
        tr.out[!in_means] {
            th.name scope="row" {
                details {
                    summary { (scenario.name) }
                    p { (scenario.note) "." }
                    p.note { (scenario.perfect) }
                    (listed(scenario))
                }
            }
            td { b { (at(own)) } }
            td class=(class) { (verdict) }
            td { (at(other)) }
            td.left { (other.map_or("", |it| it.name.as_str())) }
            td { (quotient(fixed)) }
            td { (format!("{:.0} %", share * 100.0)) }
            td { (quotient(own.map(|it| it.at_main_price.worst_run_ratio))) }
            td { (quotient(own.map(|it| it.at_main_price.actions_per_min))) }
        }
    }
}

/// The policies of a scenario, cheapest first.
fn listed(scenario: &RankedScenario) -> Markup {
    html! {
        table {
            thead { tr {
                th { "policy" } th { "cost" } th { "worker-seconds" } th { "lateness" } th { "P95" } th { "within" }
                th { "as it ran" }
            } }
            tbody {
                @for policy in scenario.policies.iter().take(LISTED) {
                    @let figures = &policy.figures;
                    tr {
                        th scope="row" { (policy.name) }
                        td { (format!("{:.0}", policy.at_main_price.cost.mean.unwrap_or(0.0))) }
                        td { (format!("{:.0}", figures.worker_seconds)) }
                        td { (format!("{:.0} s", figures.lateness_s)) }
                        td { (figures.p95_s.map_or_else(|| "–".to_owned(), crate::format::seconds)) }
                        td { (format!("{:.1} %", figures.within_objective * 100.0)) }
                        td.left { (policy.at_main_price.setting) }
                    }
                }
            }
        }
    }
}

/// How the default did against the cheapest other policy.
fn verdict(other: Option<&RankedPolicy>) -> (&'static str, &'static str) {
    match other.and_then(|it| it.at_main_price.verdict_vs_default) {
        Some(Verdict::Worse) => ("won", "first"),
        Some(Verdict::Better) => ("lost", "behind"),
        Some(Verdict::Tie) => ("even", "tied"),
        Some(Verdict::Unsure) => ("even", "unsure"),
        None => ("even", "–"),
    }
}
