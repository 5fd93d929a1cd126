//! A ranking as text: what to use and why first, then everybody, then every scenario.

use comfy_table::{CellAlignment, Color, Table};
use ebbtide_measure::Verdict;
use ebbtide_measure::ranking::{Overall, RankedScenario, Ranking, Standing, Summary};

use super::table::{self, Colour, coloured};

/// Rivals shown in a scenario's row, from the cheapest on.
const SHOWN: usize = 3;

/// All of it, the sentence first.
pub(crate) fn render(ranking: &Ranking, colour: Colour) -> String {
    let mut parts = vec![ranking.conclusion()];
    for (title, of) in HALVES {
        if let Some(table) = everybody(ranking, of) {
            parts.push(format!("{title}\n{}", table.trim_fmt()));
        }
    }
    parts.push(format!(
        "scenarios, at a price of {}\n{}",
        ranking.main_price,
        scenarios(ranking, colour).trim_fmt()
    ));
    parts.push(notes(ranking));
    parts.join("\n\n") + "\n"
}

type OfHalf = fn(&Overall) -> Option<&Summary>;

const HALVES: [(&str, OfHalf); 2] = [
    ("all scenarios", |entry| Some(&entry.whole)),
    ("the untuned half", |entry| entry.untuned.as_ref()),
];

/// What the columns mean.
fn notes(ranking: &Ranking) -> String {
    let against = if ranking.knows_oracles() {
        "the oracle's"
    } else {
        "the oracle's, or, where none is known, over that of the cheapest policy, which has 1.00 against itself"
    };
    format!("regret: cost over {against};\n  {NOTES}")
}

const NOTES: &str = "\
lateness that nobody avoids is taken from both, means are geometric
first: share of the scenarios in which no policy is known to be better; – of too few replications to tell
worst: the largest cost over that of the best other policy, of a scenario's mean and of a single run";

/// Everybody at each price, the least regret at the main price first.
fn everybody(ranking: &Ranking, of: OfHalf) -> Option<Table> {
    let at_main = |entry: &&Overall| entry.price.total_cmp(&ranking.main_price).is_eq();
    let mut order: Vec<&Overall> = ranking.overall.iter().filter(at_main).collect();
    let regret = |entry: &Overall| {
        of(entry)
            .and_then(|it| it.geomean_regret)
            .unwrap_or(f64::INFINITY)
    };
    order.sort_by(|one, other| regret(one).total_cmp(&regret(other)));
    let prices = &ranking.prices;
    let mut header = vec!["policy".to_owned()];
    for column in ["regret", "first"] {
        header.extend(prices.iter().map(|price| format!("{column} {price}×")));
    }
    let main = ranking.main_price;
    header.extend(["worst", "worst run", "over fixed"].map(|column| format!("{column} {main}×")));
    let mut table = table::new(header);
    for entry in order {
        let summaries = prices
            .iter()
            .map(|price| of(ranking.overall_of(&entry.policy, *price)?));
        let summaries: Vec<&Summary> = summaries.collect::<Option<_>>()?;
        let own = of(entry)?;
        let mut row = vec![entry.policy.clone()];
        row.extend(summaries.iter().map(|it| quotient(it.geomean_regret)));
        row.extend(summaries.iter().map(|it| first(it, ranking.tells_little())));
        row.extend([
            quotient(Some(own.worst_vs_best_rival)),
            quotient(Some(own.worst_run_vs_best_rival)),
            quotient(own.over_best_fixed_where_load_changes),
        ]);
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Some(table)
}

/// A row for each scenario: the default beside the cheapest others.
fn scenarios(ranking: &Ranking, colour: Colour) -> Table {
    let header = [
        "scenario",
        "half",
        "unavoidable",
        "best fixed",
        "default",
        "verdict",
        "cheapest others",
    ];
    let mut table = table::new(header);
    for scenario in &ranking.scenarios {
        table.add_row(row(ranking, scenario, colour));
    }
    for column in table.column_iter_mut().skip(2).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row(ranking: &Ranking, scenario: &RankedScenario, colour: Colour) -> Vec<comfy_table::Cell> {
    let main = scenario
        .yardsticks
        .iter()
        .find(|it| it.price.total_cmp(&ranking.main_price).is_eq());
    let unavoidable = main.map_or(0.0, |it| it.unavoidable_share);
    let (defaults, others): (Vec<_>, Vec<_>) = scenario
        .policies
        .iter()
        .partition(|it| it.standing == Standing::Default);
    let fixed = defaults.first().and_then(|it| {
        let at = &it.at_main_price;
        Some(at.regret / at.over_best_fixed?)
    });
    let (verdict, hue) = verdict_of_default(scenario);
    let shown = others.iter().take(SHOWN).map(|it| {
        let regret = quotient(Some(it.at_main_price.regret));
        format!("{} {regret}", it.name)
    });
    vec![
        scenario.name.as_str().into(),
        scenario.half.as_deref().unwrap_or("–").into(),
        format!("{:.0} %", unavoidable * 100.0).into(),
        quotient(fixed).into(),
        quotient(defaults.first().map(|it| it.at_main_price.regret)).into(),
        coloured(verdict, hue, colour),
        shown.collect::<Vec<_>>().join(", ").into(),
    ]
}

/// How the default compares with the best other policy.
fn verdict_of_default(scenario: &RankedScenario) -> (&'static str, Option<Color>) {
    let best = scenario
        .policies
        .iter()
        .find(|it| it.standing != Standing::Default);
    match best.and_then(|it| it.at_main_price.verdict_vs_default) {
        Some(Verdict::Worse) => ("first", Some(Color::Green)),
        Some(Verdict::Better) => ("behind", Some(Color::Red)),
        Some(Verdict::Tie) => ("tied", None),
        Some(Verdict::Unsure) => ("unsure", None),
        None => ("–", None),
    }
}

/// In how many scenarios a policy comes first; of few replications nobody is known to be worse.
fn first(summary: &Summary, tells_little: bool) -> String {
    if tells_little && summary.first_or_tied_share > 0.0 {
        return "–".to_owned();
    }
    format!("{:.0} %", summary.first_or_tied_share * 100.0)
}

fn quotient(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if !value.is_finite() => "–".to_owned(),
        Some(value) if value >= 1e6 => format!("{value:.1e}"),
        Some(value) if value < 99.95 => format!("{value:.2}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two scenarios, one with a step and one without, two pools that nobody moves.
    const SAMPLE: &str = include_str!("ranking/sample.json");

    #[test]
    fn a_ranking_of_two_scenarios_as_a_table() {
        let ranking: Ranking = serde_json::from_str(SAMPLE).expect("a ranking, as it was written");
        insta::assert_snapshot!(render(&ranking, Colour::Off));
    }

    /// No scenario counts in means, or nothing but the default was asked for.
    #[test]
    fn a_ranking_without_means_or_rivals_says_so() {
        let sample: Ranking = serde_json::from_str(SAMPLE).expect("a ranking, as it was written");
        let mut empty = sample.clone();
        for entry in &mut empty.overall {
            entry.whole.geomean_regret = None;
        }
        let told = empty.conclusion();
        assert!(
            told.starts_with("Nearly all that 2 scenarios cost"),
            "{told}"
        );
        assert!(!told.contains('–') && !told.contains("Use "), "{told}");
        // Nobody but themselves is known to be cheaper.
        let mut cheapest = sample.clone();
        for entry in &mut cheapest.overall {
            let default = entry.standing == Standing::Default;
            entry.whole.geomean_regret = Some(if default { 1.0 } else { 2.0 });
        }
        let told = cheapest.conclusion();
        let expected = "Use adaptive. Over 2 scenarios adaptive is itself the cheapest known (not every scenario has \
                        an oracle), the best of the others (fixed(3)) costs 2.00 times as much.";
        assert!(told.starts_with(expected), "{told}");
        for entry in &mut cheapest.overall {
            let default = entry.standing == Standing::Default;
            entry.whole.geomean_regret = Some(if default { 1.5 } else { 1.0 });
        }
        let told = cheapest.conclusion();
        let expected = "the best of the others (fixed(3)) is itself the cheapest.";
        assert!(told.contains(expected), "{told}");
        // Both read as 1.00; only the lower is the cheapest.
        for entry in &mut cheapest.overall {
            let default = entry.standing == Standing::Default;
            entry.whole.geomean_regret = Some(if default { 1.004 } else { 1.001 });
        }
        let told = cheapest.conclusion();
        let expected = "Use fixed(3). Over 2 scenarios adaptive costs 1.00 times the best cost known (not every \
                        scenario has an oracle), the best of the others (fixed(3)) is itself the cheapest.";
        assert!(told.starts_with(expected), "{told}");
        for entry in &mut cheapest.overall {
            entry.whole.geomean_regret = Some(1.001);
        }
        let told = cheapest.conclusion();
        assert!(
            told.contains("adaptive is itself the cheapest known"),
            "{told}"
        );
        assert!(
            told.contains("(fixed(3)) costs 1.00 times as much."),
            "{told}"
        );
        let mut alone = sample;
        alone.overall.retain(|it| it.standing == Standing::Default);
        let told = alone.conclusion();
        assert!(told.starts_with("adaptive costs 1.04 times"), "{told}");
    }
}
