//! The report: one HTML file that needs nothing besides itself.
//!
//! Verdicts come first, then what was run, then figures, each with its title, a sentence and
//! its numbers. There are no scripts, and the content-security policy lets no request leave.

use ebbtide_measure::metric::Unit;
use ebbtide_measure::{Estimate, Metric, PolicyResults, Stat, ThresholdResult, ThresholdVerdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::figure::{Figure, Table, Titled};
use crate::format::{change, counted, per_second, percent, quantity, seconds};
use crate::input::ReportInput;

const STYLE: &str = include_str!("report.css");
/// Nothing may be loaded, from anywhere; styles and pictures within the file are let through.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// Columns whose cells are sentences, and may be broken.
const SENTENCES: [&str; 2] = ["reason", "change"];

/// The columns of the table of policies.
const COLUMNS: [(&str, Metric); 11] = [
    ("P50", Metric::Sojourn(Stat::P50)),
    ("P95", Metric::Sojourn(Stat::P95)),
    ("P99", Metric::Sojourn(Stat::P99)),
    ("served", Metric::ThroughputPerS),
    ("delivered", Metric::SuccessRate),
    ("lateness", Metric::LatenessS),
    ("workers", Metric::WorkersMean),
    ("worker-time", Metric::WorkerSeconds),
    ("utilisation", Metric::Utilisation),
    ("batch", Metric::BatchMean),
    ("scalings", Metric::ScaleActions),
];

/// The report of `input` with its `figures` (those of [`figures`](crate::figures)).
#[must_use]
pub fn report_html(input: &ReportInput<'_>, figures: &[Figure]) -> String {
    let results = input.results;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                // An empty icon, or the browser would ask for one.
                link rel="icon" href="data:,";
                title { (results.scenario) " – ebbtide report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(input))
                    (thresholds(&results.thresholds))
                    (policies(input))
                    (sections(input, figures))
                    footer {
                        p {
                            "Made by ebbtide " (results.engine_version) ". Times are simulated or "
                            "measured as the command says; intervals are 95 %, over replications. "
                            "Exact numbers are in summary.json."
                        }
                    }
                }
            }
        }
    };
    // Names may hold what no page may: control characters.
    let control = |c: char| c.is_control() && c != '\n';
    page.into_string().replace(control, "\u{fffd}")
}

/// The verdict of a whole run: that of its worst threshold; `None` without thresholds.
fn overall(thresholds: &[ThresholdResult]) -> Option<ThresholdVerdict> {
    let worst = |verdict: &ThresholdVerdict| match verdict {
        ThresholdVerdict::Fail => 2,
        ThresholdVerdict::Inconclusive => 1,
        ThresholdVerdict::Pass => 0,
    };
    thresholds
        .iter()
        .map(|threshold| threshold.verdict)
        .max_by_key(worst)
}

/// `✗ 1 of 3 thresholds fails, 1 is inconclusive`; `None` without thresholds.
fn verdicts(thresholds: &[ThresholdResult]) -> Option<String> {
    let count = |verdict| thresholds.iter().filter(|t| t.verdict == verdict).count();
    let all = counted(thresholds.len(), "threshold");
    let be = |count: usize| if count == 1 { "is" } else { "are" };
    let open = count(ThresholdVerdict::Inconclusive);
    let failed = count(ThresholdVerdict::Fail);
    Some(match (overall(thresholds)?, failed, open) {
        (ThresholdVerdict::Pass, ..) => format!("✓ {all} met"),
        (ThresholdVerdict::Inconclusive, _, open) => {
            format!("? {open} of {all} {} inconclusive", be(open))
        }
        (ThresholdVerdict::Fail, failed, 0) => format!("✗ {failed} of {all} missed"),
        (ThresholdVerdict::Fail, failed, open) => {
            format!("✗ {failed} of {all} missed, {open} inconclusive")
        }
    })
}

const fn class(verdict: Option<ThresholdVerdict>) -> &'static str {
    match verdict {
        Some(ThresholdVerdict::Pass) => "pass",
        Some(ThresholdVerdict::Fail) => "fail",
        Some(ThresholdVerdict::Inconclusive) => "inconclusive",
        None => "",
    }
}

const fn verdict_word(verdict: ThresholdVerdict) -> &'static str {
    match verdict {
        ThresholdVerdict::Pass => "✓ pass",
        ThresholdVerdict::Fail => "✗ fail",
        ThresholdVerdict::Inconclusive => "? inconclusive",
    }
}

fn head(input: &ReportInput<'_>) -> Markup {
    let results = input.results;
    let headline = class(overall(&results.thresholds));
    let verdict = verdicts(&results.thresholds);
    html! {
        header {
            h1 { (results.scenario) }
            @if !input.note.is_empty() { p.note { (input.note) } }
            div.headline.(headline) {
                @if let Some(verdict) = &verdict { p.verdict { (verdict) } }
                @if !input.headline.is_empty() { p { (input.headline) } }
            }
            @if !input.warnings.is_empty() {
                aside.warnings aria-label="Warnings" {
                    ul { @for warning in input.warnings { li { (warning) } } }
                }
            }
            dl {
                dt { "Seed" } dd { (results.seed) }
                dt { "Replications" } dd { (results.first.replications) }
                dt { "Result hash" }
                dd {
                    @for entry in &results.policies {
                        div {
                            code { (entry.result_hash) }
                            @if input.compares() { " " (entry.policy) }
                        }
                    }
                }
                @if !input.command.is_empty() {
                    dt { "Command" } dd { code { (input.command) } }
                }
            }
        }
    }
}

fn thresholds(thresholds: &[ThresholdResult]) -> Markup {
    html! {
        section aria-labelledby="thresholds" {
            h2 #thresholds { "Thresholds" }
            @if thresholds.is_empty() {
                p { "Nothing was expected of this run." }
            } @else {
                div.scroll { table {
                    thead { tr {
                        @for title in ["verdict", "expected", "limit", "value", "95 % interval", "margin"] {
                            th scope="col" { (title) }
                        }
                    } }
                    tbody { @for threshold in thresholds { (threshold_row(threshold)) } }
                } }
            }
        }
    }
}

fn threshold_row(threshold: &ThresholdResult) -> Markup {
    let unit = unit_of(&threshold.expect);
    html! {
        tr class=(class(Some(threshold.verdict))) {
            td.verdict { (verdict_word(threshold.verdict)) }
            th.name scope="row" { (threshold.expect) }
            td { (in_unit(unit, threshold.limit)) }
            td { (mean(unit, &threshold.value)) }
            td { (interval(unit, &threshold.value)) }
            td { (threshold.margin.map_or("–".to_owned(), change)) }
        }
    }
}

/// The unit of the figure that a threshold's text speaks of.
fn unit_of(expect: &str) -> Unit {
    let figure = expect.split(['<', '>']).next().unwrap_or_default();
    let figure: String = figure.chars().filter(|c| !c.is_whitespace()).collect();
    // `p99(sojourn,class=chat)` and `throughput(agent=write)` are read without their scopes.
    let word = match figure.split_once([',', '=']) {
        Some((word, _)) if word.contains('(') && figure.contains(',') => format!("{word})"),
        Some((word, _)) => word.split('(').next().unwrap_or_default().to_owned(),
        None => figure.clone(),
    };
    let by_path = Metric::all().find(|metric| figure.ends_with(metric.path()));
    let metric = Metric::from_word(&word).or(by_path);
    metric.map_or(Unit::Count, Metric::unit)
}

fn in_unit(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => seconds(value),
        Unit::PerSecond => per_second(value),
        Unit::Share => percent(value),
        Unit::Count => quantity(value),
    }
}

fn mean(unit: Unit, estimate: &Estimate) -> String {
    let least = if estimate.at_least { "≥ " } else { "" };
    let text = |mean| format!("{least}{}", in_unit(unit, mean));
    estimate.mean.map_or("–".to_owned(), text)
}

fn interval(unit: Unit, estimate: &Estimate) -> String {
    match (estimate.ci_low, estimate.ci_high) {
        (Some(low), Some(high)) => format!("{} to {}", in_unit(unit, low), in_unit(unit, high)),
        _ => "–".to_owned(),
    }
}

fn policies(input: &ReportInput<'_>) -> Markup {
    let policies = &input.results.policies;
    let applies = |(_, metric): &&(&str, Metric)| {
        let value = |entry: &PolicyResults| {
            entry
                .results
                .total
                .figures
                .get(*metric)
                .and_then(|value| value.mean)
        };
        policies.iter().any(|entry| value(entry).is_some())
    };
    let columns: Vec<_> = COLUMNS.iter().filter(applies).collect();
    html! {
        section aria-labelledby="results" {
            h2 #results { "Results" }
            p.note { (results_note(input.results.first.replications)) }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "policy" }
                    @for (title, _) in &columns { th scope="col" { (title) } }
                } }
                tbody { @for entry in policies { tr {
                    th.name scope="row" { (entry.policy) }
                    @for (_, metric) in &columns { td { (result_cell(entry, *metric)) } }
                } } }
            } }
        }
    }
}

fn results_note(replications: u32) -> String {
    let means = match replications {
        1 => "One replication gives no interval".to_owned(),
        n => format!("Means over {n} replications, with half the 95 % interval"),
    };
    format!("P50, P95 and P99 are of the sojourn. {means}.")
}

fn result_cell(entry: &PolicyResults, metric: Metric) -> Markup {
    let Some(estimate) = entry.results.total.figures.get(metric) else {
        return html! { "–" };
    };
    let unit = metric.unit();
    html! {
        (mean(unit, estimate))
        @if let Some(half) = estimate.half_width() {
            br;
            small { "± " (in_unit(unit, half)) }
        }
    }
}

/// Figures of the whole experiment, then those of each policy under a heading of its own.
fn sections(input: &ReportInput<'_>, figures: &[Figure]) -> Markup {
    let general = figures.iter().filter(|figure| figure.policy.is_none());
    let of = |policy: &str| {
        let policy = policy.to_owned();
        figures
            .iter()
            .filter(move |figure| figure.policy.as_deref() == Some(&policy))
    };
    html! {
        section aria-labelledby="overall" {
            h2 #overall { "Overall" }
            @for figure in general { (drawn(figure)) }
        }
        @for (index, course) in input.courses.iter().enumerate() {
            @let id = format!("course-{index}");
            section aria-labelledby=(id) {
                h2 id=(id) { "Over time: " (course.policy) }
                p.note { "The first replication." }
                @for figure in of(course.policy) { (drawn(figure)) }
            }
        }
    }
}

fn drawn(figure: &Figure) -> Markup {
    html! {
        figure id=(figure.name) {
            figcaption {
                h3 { (figure.title) }
                p { (figure.summary) }
            }
            @if let Some(svg) = figure.svg_with(Titled::No) {
                div.chart { (PreEscaped(svg)) }
            }
            @if !figure.table.rows.is_empty() {
                details {
                    summary { "Numbers" }
                    @if figure.table.rows.len() < figure.table.of {
                        p.note {
                            (figure.table.rows.len()) " of " (figure.table.of)
                            " rows, evenly spread."
                        }
                    }
                    div.scroll { (numbers(&figure.table)) }
                }
            }
        }
    }
}

fn numbers(table: &Table) -> Markup {
    let wide = |column: usize| {
        let title = table.header.get(column).map_or("", String::as_str);
        SENTENCES.contains(&title).then_some("wide")
    };
    html! {
        table {
            thead { tr { @for title in &table.header { th scope="col" { (title) } } } }
            tbody { @for row in &table.rows { tr {
                @for (column, cell) in row.iter().enumerate() {
                    @if column == 0 {
                        th scope="row" { (cell) }
                    } @else {
                        td class=[wide(column)] { (cell) }
                    }
                }
            } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_printed_in_the_unit_of_its_figure() {
        for (expect, unit) in [
            ("p95(sojourn) < 500ms", Unit::Seconds),
            ("p99(sojourn, class=chat) < 2s", Unit::Seconds),
            ("throughput(agent=write) > 40/s", Unit::PerSecond),
            ("success_rate >= 0.99", Unit::Share),
            ("by_class.chat.sojourn_s.p95 < 1s", Unit::Seconds),
            ("workers_mean < 3", Unit::Count),
        ] {
            assert_eq!(unit_of(expect), unit, "{expect}");
        }
    }
}
