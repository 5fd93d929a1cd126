//! For information: what the others would be worth if each had, in every scenario, its best setting.

use ebbtide_measure::ranking::{Overall, Ranking, Summary};
use maud::{Markup, html};

use super::chart::quotient;

type OfHalf = fn(&Overall) -> Option<&Summary>;

const HALVES: [(&str, OfHalf); 3] = [
    ("over all scenarios", |it| Some(&it.whole)),
    ("over the scenarios seen while tuning", |it| {
        it.tuned.as_ref()
    }),
    ("over the scenarios not seen while tuning", |it| {
        it.untuned.as_ref()
    }),
];

/// The best of the others at its best settings, beside the default as it is; nothing if none are known.
pub(super) fn note(ranking: &Ranking) -> Markup {
    let known = HALVES
        .iter()
        .find_map(|(half, of)| Some((half, best(ranking, *of)?)));
    html! {
        @if let Some((half, (rival, regret, own))) = known {
            p {
                "Nobody knows beforehand which setting a load will want. With hindsight, the best of all settings tried in each single "
                "scenario, the best of the others (" (rival) ") comes to " b { (quotient(Some(regret))) } " " (half)
                "; " (ranking.default) " is at " b { (quotient(Some(own))) } " there, with nothing set."
            }
        }
    }
}

/// Who is best at its best settings, its regret, and the default's over the same scenarios.
fn best(ranking: &Ranking, of: OfHalf) -> Option<(&str, f64, f64)> {
    let own = ranking.overall_of(&ranking.default, ranking.main_price)?;
    let own = of(own)?.geomean_regret?;
    let at_main = |it: &&Overall| it.price.total_cmp(&ranking.main_price).is_eq();
    let others = ranking.overall.iter().filter(at_main).filter_map(|it| {
        let regret = of(it)?.geomean_regret_at_best_settings?;
        Some((it.policy.as_str(), regret, own))
    });
    others.min_by(|one, other| one.1.total_cmp(&other.1))
}
