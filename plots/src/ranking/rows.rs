//! The table of policies at every price.

use ebbtide_measure::ranking::{Overall, Ranking, Summary};
use maud::{Markup, html};

use super::chart::quotient;

/// A heading, and what stands under it.
type Column = (&'static str, fn(&Summary) -> String);

/// These policies over the scenarios of a half; `None` if it has none.
pub(super) fn table(
    ranking: &Ranking,
    entries: &[&Overall],
    of: fn(&Overall) -> Option<&Summary>,
) -> Option<Markup> {
    let mut order: Vec<&Overall> = entries.to_vec();
    order.retain(|it| of(it).is_some());
    let regret = |it: &Overall| {
        of(it)
            .and_then(|it| it.geomean_regret)
            .unwrap_or(f64::INFINITY)
    };
    order.sort_by(|one, other| regret(one).total_cmp(&regret(other)));
    let prices = &ranking.prices;
    let at = |entry: &Overall, price: f64| -> Option<Summary> {
        of(ranking.overall_of(&entry.policy, price)?).cloned()
    };
    // Of few replications nobody is known to be worse.
    let first: fn(&Summary) -> String = if ranking.tells_little() {
        |it| match it.first_or_tied_share {
            share if share > 0.0 => "–".to_owned(),
            _ => "0 %".to_owned(),
        }
    } else {
        |it| format!("{:.0} %", it.first_or_tied_share * 100.0)
    };
    let mut columns: Vec<Column> = vec![
        ("regret", |it| quotient(it.geomean_regret)),
        ("first or tied", first),
        ("worst scenario", |it| {
            quotient(Some(it.worst_vs_best_rival))
        }),
        ("worst run", |it| quotient(Some(it.worst_run_vs_best_rival))),
        ("over fixed", |it| {
            quotient(it.over_best_fixed_where_load_changes)
        }),
    ];
    let at_best = |it: &Summary| it.geomean_regret_at_best_settings;
    if order.iter().any(|it| of(it).and_then(at_best).is_some()) {
        columns.push(("best settings", |it| {
            quotient(it.geomean_regret_at_best_settings)
        }));
    }
    (!order.is_empty()).then(|| {
        html! {
            table.numbers {
                thead {
                    tr {
                        th rowspan="2" { "policy" }
                        @for (column, _) in &columns { th colspan=(prices.len()) { (column) } }
                        th rowspan="2" { "flaps" }
                    }
                    tr { @for _ in &columns { @for price in prices { th { (price) "×" } } } }
                }
                tbody {
                    @for entry in order {
                        tr.default[entry.policy == ranking.default] {
                            th scope="row" { (entry.policy) }
                            @for (_, cell) in &columns {
                                @for price in prices {
                                    td { (at(entry, *price).map_or_else(|| "–".to_owned(), |it| cell(&it))) }
                                }
                            }
                            td { (quotient(entry.constant_load_actions_per_min)) }
                        }
                    }
                }
            }
        }
    })
}
