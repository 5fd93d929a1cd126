//! The results of one scenario as tables.
//!
//! Each table answers one question: how was it, who was it, did it hold, which policy was
//! better. What a table leaves out the JSON has.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table};
use comfy_table::{LineStyle, TableStyle};
use ebbtide_measure::metric::Unit;
use ebbtide_measure::{Comparison, Estimate, Group, Metric, PolicyResults, Report, Selector, Stat};
use ebbtide_measure::{ThresholdResult, ThresholdVerdict, Verdict};

use crate::output::figure::{self, NOTHING};
use crate::output::number;

const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Whether cells may be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// A terminal that wants it.
    On,
    /// A pipe, or `NO_COLOR`.
    Off,
}

impl Colour {
    /// What standard output wants.
    pub(crate) fn wanted() -> Self {
        if super::Stdout::wants_colour() {
            Self::On
        } else {
            Self::Off
        }
    }
}

/// The figures that people compare, in their order.
const FIGURES: [(&str, Metric); 21] = [
    ("offered", Metric::OfferedPerS),
    ("throughput", Metric::ThroughputPerS),
    ("success", Metric::SuccessRate),
    ("wait mean", Metric::Wait(Stat::Mean)),
    ("wait p95", Metric::Wait(Stat::P95)),
    ("service mean", Metric::Service(Stat::Mean)),
    ("service p95", Metric::Service(Stat::P95)),
    ("sojourn mean", Metric::Sojourn(Stat::Mean)),
    ("sojourn p50", Metric::Sojourn(Stat::P50)),
    ("sojourn p95", Metric::Sojourn(Stat::P95)),
    ("sojourn p99", Metric::Sojourn(Stat::P99)),
    ("sojourn max", Metric::Sojourn(Stat::Max)),
    ("utilisation", Metric::Utilisation),
    ("workers mean", Metric::WorkersMean),
    ("workers max", Metric::WorkersMax),
    ("worker time", Metric::WorkerSeconds),
    ("lateness", Metric::LatenessS),
    ("calls", Metric::Calls),
    ("batch mean", Metric::BatchMean),
    ("queue mean", Metric::QueueMean),
    ("scale actions", Metric::ScaleActions),
];

/// The figures of a part of the run.
const PART_FIGURES: [(&str, Metric); 7] = [
    ("throughput", Metric::ThroughputPerS),
    ("success", Metric::SuccessRate),
    ("service p50", Metric::Service(Stat::P50)),
    ("batch mean", Metric::BatchMean),
    ("wait p95", Metric::Wait(Stat::P95)),
    ("sojourn p50", Metric::Sojourn(Stat::P50)),
    ("sojourn p95", Metric::Sojourn(Stat::P95)),
];

/// Every table of `report`, each with its title, in the order of reading.
pub(crate) fn render(report: &Report, colour: Colour) -> String {
    let mut text = String::new();
    let mut add = |title: &str, table: Option<Table>| {
        if let Some(table) = table {
            let table = table.trim_fmt();
            writeln!(text, "{title}\n{table}\n").expect("a string takes any text");
        }
    };
    add(&title(report), Some(figures(report)));
    add(&title_of_counts(report), counts(report));
    let results = &report.first.results;
    let policy = &report.first.policy;
    add(
        &format!("agents under {policy}"),
        parts("agent", &results.by_agent),
    );
    add(
        &format!("lanes under {policy}"),
        parts("lane", &results.by_lane),
    );
    // A class for each agent says nothing that the agents do not say.
    if !results.by_class.keys().eq(results.by_agent.keys()) {
        add(
            &format!("classes under {policy}"),
            parts("class", &results.by_class),
        );
    }
    add("policies on the same messages", comparisons(report, colour));
    add("thresholds", thresholds(&report.thresholds, colour));
    for policy in &report.policies {
        let PolicyResults {
            policy,
            result_hash,
            ..
        } = policy;
        writeln!(text, "result hash of {policy}: {result_hash}").expect("a string takes any text");
    }
    text
}

fn title(report: &Report) -> String {
    let (scenario, seed) = (&report.scenario, report.seed);
    match report.first.replications {
        1 => format!("{scenario}: 1 replication, seed {seed}"),
        count => {
            format!(
                "{scenario}: means of {count} replications with 95 % intervals, maxima of all, seed {seed}"
            )
        }
    }
}

fn title_of_counts(report: &Report) -> String {
    match report.first.replications {
        1 => "messages".to_owned(),
        count => format!("messages, the sums of all {count} replications"),
    }
}

/// An empty table of a column for each policy, and what the policies found.
fn side_by_side(report: &Report) -> (Table, Vec<&Group<Estimate>>) {
    let names = report.policies.iter().map(|it| &*it.policy);
    let groups = report.policies.iter().map(|it| &it.results.total);
    (new(std::iter::once("").chain(names)), groups.collect())
}

/// Policies side by side; what none of them has is left out.
fn figures(report: &Report) -> Table {
    let (mut table, groups) = side_by_side(report);
    for (label, metric) in FIGURES {
        row_of(&mut table, label, &groups, |group| {
            figure::of_group(metric, group)
        });
    }
    align(&mut table);
    table
}

/// What became of the messages; nothing if there were none.
fn counts(report: &Report) -> Option<Table> {
    let (mut table, groups) = side_by_side(report);
    let count = |count: u64| match count {
        0 => NOTHING.to_owned(),
        some => number::count(some as f64),
    };
    row_of(&mut table, "accepted", &groups, |group| {
        count(group.counts.accepted)
    });
    row_of(&mut table, "refused", &groups, |group| {
        count(group.counts.refused)
    });
    row_of(&mut table, "blocked to the end", &groups, |group| {
        count(group.counts.blocked)
    });
    let outcomes = groups.first().map(|group| group.counts.outcomes.named());
    for (place, (name, _)) in outcomes.into_iter().flatten().enumerate() {
        row_of(&mut table, &name.replace('_', "-"), &groups, |group| {
            count(group.counts.outcomes.named()[place].1)
        });
    }
    align(&mut table);
    (!table.is_empty()).then_some(table)
}

fn row_of(
    table: &mut Table,
    label: &str,
    groups: &[&Group<Estimate>],
    text: impl Fn(&Group<Estimate>) -> String,
) {
    let cells: Vec<_> = groups.iter().map(|group| text(group)).collect();
    if cells.iter().any(|cell| cell != NOTHING) {
        table.add_row(std::iter::once(label.to_owned()).chain(cells));
    }
}

/// The parts of a run, if there is more than one.
fn parts(kind: &str, groups: &BTreeMap<String, Group<Estimate>>) -> Option<Table> {
    if groups.len() < 2 {
        return None;
    }
    let shown: Vec<_> = PART_FIGURES
        .into_iter()
        .filter(|(_, metric)| {
            let has = |group: &Group<Estimate>| figure::of_group(*metric, group) != NOTHING;
            groups.values().any(has)
        })
        .collect();
    let mut table = new(std::iter::once(kind).chain(shown.iter().map(|(label, _)| *label)));
    for (name, group) in groups {
        let cells = shown
            .iter()
            .map(|(_, metric)| figure::of_group(*metric, group));
        table.add_row(std::iter::once(name.clone()).chain(cells));
    }
    align(&mut table);
    Some(table)
}

/// The first policy against each other one; the other pairs are in the JSON.
fn comparisons(report: &Report, colour: Colour) -> Option<Table> {
    let first = &report.first.policy;
    let shown: Vec<_> = report
        .comparisons
        .iter()
        .filter(|pair| pair.policy == *first || pair.against == *first)
        .collect();
    if shown.is_empty() {
        return None;
    }
    let mut table = new(["policy", "against", "figure", "difference", "verdict"]);
    for pair in shown {
        table.add_row([
            Cell::new(&pair.policy),
            Cell::new(&pair.against),
            Cell::new(&pair.metric),
            Cell::new(difference(pair)),
            comparison_verdict(pair.verdict, colour),
        ]);
    }
    align_column(&mut table, 3);
    Some(table)
}

/// Relative where it can be: `-54 ± 1 %`; what cannot be negative falls by all of it at most.
fn difference(pair: &Comparison) -> String {
    match (pair.relative.mean, pair.metric.parse::<Selector>()) {
        (Some(_), _) => figure::signed(Unit::Share, &pair.relative, -1.0),
        (None, Ok(selector)) => {
            figure::signed(selector.metric.unit(), &pair.difference, f64::NEG_INFINITY)
        }
        (None, Err(_)) => NOTHING.to_owned(),
    }
}

fn comparison_verdict(verdict: Verdict, colour: Colour) -> Cell {
    let (text, hue) = match verdict {
        Verdict::Better => ("better", Some(Color::Green)),
        Verdict::Worse => ("worse", Some(Color::Red)),
        Verdict::Tie => ("tie", None),
        Verdict::Unsure => ("unsure", Some(Color::Yellow)),
    };
    coloured(text, hue, colour)
}

fn thresholds(results: &[ThresholdResult], colour: Colour) -> Option<Table> {
    if results.is_empty() {
        return None;
    }
    let mut table = new(["expected", "found", "margin", "verdict"]);
    for result in results {
        let margin = result.margin.map_or(NOTHING.to_owned(), number::percent);
        table.add_row([
            Cell::new(&result.expect),
            Cell::new(figure::of_threshold(result)),
            Cell::new(margin),
            threshold_verdict(result.verdict, colour),
        ]);
    }
    align_column(&mut table, 1);
    align_column(&mut table, 2);
    Some(table)
}

fn threshold_verdict(verdict: ThresholdVerdict, colour: Colour) -> Cell {
    let (text, hue) = match verdict {
        ThresholdVerdict::Pass => ("pass", Color::Green),
        ThresholdVerdict::Fail => ("fail", Color::Red),
        ThresholdVerdict::Inconclusive => ("inconclusive", Color::Yellow),
    };
    coloured(text, Some(hue), colour)
}

/// An empty table with its header, in the house's look.
pub(crate) fn new<H: Into<Cell>>(header: impl IntoIterator<Item = H>) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.into_iter().map(Into::into).collect::<Vec<Cell>>());
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Text in `hue`, where colours are wanted.
pub(crate) fn coloured(text: &str, hue: Option<Color>, colour: Colour) -> Cell {
    let cell = Cell::new(text);
    match (hue, colour) {
        (Some(hue), Colour::On) => cell.fg(hue),
        _ => cell,
    }
}

/// Numbers to the right: every column but the first.
fn align(table: &mut Table) {
    for index in 1..table.column_count() {
        align_column(table, index);
    }
}

/// A column's numbers to the right.
pub(crate) fn align_column(table: &mut Table, index: usize) {
    if let Some(column) = table.column_mut(index) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
