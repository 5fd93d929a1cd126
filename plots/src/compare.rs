//! Policies against each other: paired differences with their intervals, and the zone within
//! which they count as a tie.

use ebbtide_measure::compare::TIE_MARGIN;
use ebbtide_measure::metric::Unit;
use ebbtide_measure::{Comparison, Estimate, Selector, Verdict};

use crate::draw::axis::Axis;
use crate::draw::rows::{Group, Mark, Row, Rows};
use crate::figure::{Chart, Figure, Table};
use crate::format::{change, interval, mean, percent, three};
use crate::input::ReportInput;
use crate::theme::{BLACK, BLUE, GREEN, Look, VERMILLION};

/// Rows beyond which only the first policy's pairs are drawn; the table has all.
const MOST_ROWS: usize = 40;

/// Differences of every pair; `None` with a single policy.
pub(crate) fn figure(input: &ReportInput<'_>) -> Option<Figure> {
    let comparisons = &input.results.comparisons;
    let first = input.results.policies.first()?.policy.as_str();
    if comparisons.is_empty() {
        return None;
    }
    let of_first = |c: &&Comparison| c.policy == first || c.against == first;
    let drawn: Vec<&Comparison> = if comparisons.len() > MOST_ROWS {
        comparisons.iter().filter(of_first).collect()
    } else {
        comparisons.iter().collect()
    };
    Some(Figure {
        name: "differences".to_owned(),
        policy: None,
        title: "Paired differences between policies".to_owned(),
        summary: summary(comparisons, first),
        table: table(comparisons),
        chart: Some(Chart::Rows(chart(&drawn))),
    })
}

fn chart(comparisons: &[&Comparison]) -> Rows {
    let mut groups: Vec<Group> = Vec::new();
    for comparison in comparisons {
        let row = row(comparison);
        match groups
            .iter_mut()
            .find(|group| group.heading == comparison.metric)
        {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                heading: comparison.metric.clone(),
                rows: vec![row],
            }),
        }
    }
    let ends = || comparisons.iter().flat_map(|c| finite_ends(&relative(c)));
    let low = ends().fold(0.0, f64::min);
    let high = ends().fold(0.0, f64::max);
    let tie = format!("tie: within ± {}", percent(TIE_MARGIN));
    Rows {
        x: Axis::difference(
            "difference, as a share of the second policy's value",
            low,
            high,
            TIE_MARGIN,
        ),
        groups,
        zone: Some((-TIE_MARGIN, TIE_MARGIN, tie)),
    }
}

/// The difference as a share, its interval cut to what can be: what cannot be negative falls by all of it at most.
fn relative(comparison: &Comparison) -> Estimate {
    let relative = comparison.relative;
    Estimate {
        ci_low: relative.ci_low.map(|low| low.max(-1.0)),
        ..relative
    }
}

/// "+12.5 %", "≥ +98.6 %" where it may be larger.
fn share(relative: &Estimate, mean: f64) -> String {
    let least = if relative.at_least { "≥ " } else { "" };
    format!("{least}{}", change(mean))
}

fn finite_ends(estimate: &Estimate) -> impl Iterator<Item = f64> + use<> {
    let ends = [estimate.mean, estimate.ci_low, estimate.ci_high];
    ends.into_iter().flatten().filter(|end| end.is_finite())
}

fn row(comparison: &Comparison) -> Row {
    let relative = relative(comparison);
    let ends = relative.ci_low.zip(relative.ci_high);
    // Where the second policy's value is zero there is no share of it.
    let absolute = || mean(unit_of(&comparison.metric), &comparison.difference);
    let shown = relative
        .mean
        .map_or_else(absolute, |mean| share(&relative, mean));
    Row {
        label: format!("{} against {}", comparison.policy, comparison.against),
        look: look(comparison.verdict),
        mark: relative.mean.map(|mean| Mark::Whisker(mean, ends)),
        value: format!("{shown}, {}", word(comparison.verdict)),
    }
}

const fn look(verdict: Verdict) -> Look {
    match verdict {
        Verdict::Better => BLUE,
        Verdict::Worse => VERMILLION,
        Verdict::Tie => GREEN,
        Verdict::Unsure => BLACK,
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Tie => "tie",
        Verdict::Unsure => "unsure",
    }
}

/// How the first policy fares: `adaptive is better 3 times, worse once …`.
fn summary(comparisons: &[Comparison], first: &str) -> String {
    let count = |verdict: Verdict| {
        let mine = comparisons.iter().filter(|c| {
            let turned = match verdict {
                Verdict::Better => Verdict::Worse,
                Verdict::Worse => Verdict::Better,
                same => same,
            };
            (c.policy == first && c.verdict == verdict)
                || (c.against == first && c.verdict == turned)
        });
        mine.count()
    };
    let [better, worse, tie, unsure] = [
        Verdict::Better,
        Verdict::Worse,
        Verdict::Tie,
        Verdict::Unsure,
    ]
    .map(count);
    format!(
        "Against the others {first} is better in {better}, worse in {worse} and tied in {tie} \
         of {} figures; the replications do not tell in {unsure}.",
        better + worse + tie + unsure
    )
}

fn table(comparisons: &[Comparison]) -> Table {
    let row = |c: &Comparison| {
        let unit = unit_of(&c.metric);
        vec![
            c.metric.clone(),
            c.policy.clone(),
            c.against.clone(),
            mean(unit, &c.difference),
            interval(unit, &c.difference),
            c.relative
                .mean
                .map_or("–".to_owned(), |mean| share(&c.relative, mean)),
            c.p_value.map_or("–".to_owned(), three),
            word(c.verdict).to_owned(),
        ]
    };
    let header = [
        "figure",
        "policy",
        "against",
        "difference",
        "95 % interval",
        "as a share",
        "p",
        "verdict",
    ];
    Table::new(&header, comparisons.iter().map(row).collect())
}

fn unit_of(metric: &str) -> Unit {
    let selector: Result<Selector, _> = metric.parse();
    selector.map_or(Unit::Count, |selector| selector.metric.unit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whisker reached to −300 %.
    #[test]
    fn nothing_falls_by_more_than_all_of_it() {
        let wide = Estimate {
            mean: Some(-0.68),
            ci_low: Some(-2.4),
            ci_high: Some(1.05),
            at_least: false,
        };
        let mut comparison = Comparison {
            policy: "a".to_owned(),
            against: "b".to_owned(),
            metric: "lateness".to_owned(),
            difference: wide,
            relative: wide,
            p_value: Some(0.4),
            verdict: Verdict::Unsure,
        };
        let ends: Vec<_> = finite_ends(&relative(&comparison)).collect();
        assert_eq!(ends, [-0.68, -1.0, 1.05]);
        comparison.relative.at_least = true;
        assert_eq!(row(&comparison).value, "≥ −68 %, unsure");
    }
}
