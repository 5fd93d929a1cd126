//! The tables of results: of whole runs, and of their agents, lanes and classes.

use std::collections::BTreeMap;

use ebbtide_measure::metric::Unit;
use ebbtide_measure::{Estimate, Group, Metric, Results, Stat};
use maud::{Markup, html};

use crate::format::{half_width, interval, mean};
use crate::input::ReportInput;

/// The columns; what no row has is left out.
const COLUMNS: [(&str, Metric); 12] = [
    ("P50", Metric::Sojourn(Stat::P50)),
    ("P95", Metric::Sojourn(Stat::P95)),
    ("P99", Metric::Sojourn(Stat::P99)),
    ("served", Metric::ThroughputPerS),
    ("delivered", Metric::SuccessRate),
    ("lateness", Metric::LatenessS),
    ("workers", Metric::WorkersMean),
    ("at most", Metric::WorkersMax),
    ("worker-time", Metric::WorkerSeconds),
    ("utilisation", Metric::Utilisation),
    ("batch", Metric::BatchMean),
    ("scalings", Metric::ScaleActions),
];

/// Rows from which on a table is folded away.
const LONG: usize = 15;

/// A part of the run with its label.
type Row<'a> = (String, &'a Group<Estimate>);

/// Parts of a run by name.
type Parts = BTreeMap<String, Group<Estimate>>;

/// Picks the agents, the classes or the lanes.
type Pick = fn(&Results) -> &Parts;

/// Whole runs, then their parts where there is more than one.
pub(super) fn section(input: &ReportInput<'_>) -> Markup {
    let policies = &input.results.policies;
    let whole = policies
        .iter()
        .map(|entry| (entry.policy.clone(), &entry.results.total));
    let parts: [(&str, Pick); 3] = [
        ("agent", |results| &results.by_agent),
        ("class", |results| &results.by_class),
        ("lane", |results| &results.by_lane),
    ];
    html! {
        section aria-labelledby="results" {
            h2 #results { "Results" }
            p.note { (note(input.results.first.replications)) }
            (table("policy", &whole.collect::<Vec<_>>()))
            @for (kind, of) in parts {
                @let rows = if repeats_agents(input, of) { Vec::new() } else { rows(input, of) };
                @if rows.len() > LONG {
                    details {
                        summary { "By " (kind) }
                        (table(kind, &rows))
                    }
                } @else if rows.len() > policies.len() {
                    h3 { "By " (kind) }
                    (table(kind, &rows))
                }
            }
        }
    }
}

/// Whether the classes are the agents again, as in scenarios that name no classes.
fn repeats_agents(input: &ReportInput<'_>, of: Pick) -> bool {
    input.results.policies.iter().all(|entry| {
        let (agents, parts) = (&entry.results.by_agent, of(&entry.results));
        !std::ptr::eq(agents, parts) && agents.keys().eq(parts.keys())
    })
}

/// The parts of every policy, those of one name together.
fn rows<'a>(input: &ReportInput<'a>, of: Pick) -> Vec<Row<'a>> {
    let policies = &input.results.policies;
    let first = policies.first().map(|entry| of(&entry.results));
    let names = first.into_iter().flat_map(BTreeMap::keys);
    let row = |name: &String| {
        let name = name.clone();
        policies.iter().filter_map(move |entry| {
            let group = of(&entry.results).get(&name)?;
            let label = if policies.len() == 1 {
                name.clone()
            } else {
                format!("{name}, {}", entry.policy)
            };
            Some((label, group))
        })
    };
    names.flat_map(row).collect()
}

fn note(replications: u32) -> String {
    let means = match replications {
        1 => "One replication gives no interval".to_owned(),
        n => format!(
            "Means over {n} replications, with half the 95 % interval, or what is left of it where it would reach below zero or beyond 100 %; the most workers at once are those of all of them"
        ),
    };
    format!(
        "P50, P95 and P99 are of the sojourn. {means}. \
         –: too few messages, or no such figure."
    )
}

fn table(kind: &str, rows: &[Row<'_>]) -> Markup {
    let has = |metric: Metric| {
        let known = |(_, group): &Row<'_>| {
            let estimate = group.figures.get(metric);
            estimate.is_some_and(|estimate| estimate.mean.is_some())
        };
        rows.iter().any(known)
    };
    let columns: Vec<_> = COLUMNS.iter().filter(|(_, metric)| has(*metric)).collect();
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { (kind) }
                @for (title, _) in &columns { th scope="col" { (title) } }
            } }
            tbody { @for (label, group) in rows { tr {
                th.name scope="row" { (label) }
                @for (_, metric) in &columns {
                    td { (cell(metric.unit(), group.figures.get(*metric))) }
                }
            } } }
        } }
    }
}

fn cell(unit: Unit, estimate: Option<&Estimate>) -> Markup {
    let estimate = estimate.copied().unwrap_or_default();
    html! {
        (mean(unit, &estimate))
        @if let Some(half) = estimate.half_width() {
            br;
            small {
                @if estimate.cut(unit) == estimate {
                    "±\u{a0}" (unbroken(&half_width(unit, estimate.mean.unwrap_or_default(), half)))
                } @else {
                    (unbroken(&interval(unit, &estimate.cut(unit))).replace("\u{a0}to\u{a0}", " to "))
                }
            }
        }
    }
}

/// `text` that is not broken at its spaces, as numbers and their units are not.
fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}
