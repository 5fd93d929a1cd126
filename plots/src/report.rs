//! The report: one HTML file that needs nothing besides itself.
//!
//! Verdicts come first, then what was run, then figures, each with its title, a sentence and
//! its numbers. There are no scripts, and the content-security policy lets no request leave.

mod results;
mod thresholds;

use maud::{Markup, PreEscaped, html};

use crate::figure::{Figure, Table, Titled};
use crate::input::ReportInput;
use crate::page::page;

/// Room for all figures: the file is to stay under 1.5 MiB.
const FIGURES_BYTES: usize = 1_400_000;
/// Columns whose cells are sentences, and may be broken.
const SENTENCES: [&str; 2] = ["reason", "change"];

/// The report of `input` with its `figures` (those of [`figures`](crate::figures)).
#[must_use]
pub fn report_html(input: &ReportInput<'_>, figures: &[Figure]) -> String {
    let results = input.results;
    let main = html! {
        (head(input))
        (thresholds::section(&results.thresholds))
        (results::section(input))
        (sections(input, figures))
        footer {
            p {
                "Made by ebbtide " (results.engine_version) ". Times are simulated or "
                "measured as the command says; intervals are 95 %, over replications. "
                "Exact numbers are in summary.json."
            }
        }
    };
    page(&format!("{} – ebbtide report", results.scenario), "", &main)
}

fn head(input: &ReportInput<'_>) -> Markup {
    let results = input.results;
    let headline = thresholds::class(thresholds::overall(&results.thresholds));
    let verdict = thresholds::verdict(&results.thresholds);
    html! {
        header {
            h1 { (results.scenario) }
            @if !input.note.is_empty() { p.note { (input.note) } }
            @if verdict.is_some() || !input.headline.is_empty() {
                div.headline.(headline) {
                    @if let Some(verdict) = &verdict { p.verdict { (verdict) } }
                    @if !input.headline.is_empty() { p { (input.headline) } }
                }
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

/// Figures of the whole experiment, then those of each policy under a heading of its own, as
/// long as there is room for them.
fn sections(input: &ReportInput<'_>, figures: &[Figure]) -> Markup {
    let of = |policy: Option<&str>| -> Vec<Markup> {
        let mine = figures
            .iter()
            .filter(|figure| figure.policy.as_deref() == policy);
        mine.map(drawn).collect()
    };
    let overall = of(None);
    let size = |drawn: &[Markup]| drawn.iter().map(|figure| figure.0.len()).sum::<usize>();
    let mut room = FIGURES_BYTES.saturating_sub(size(&overall));
    let mut courses = Vec::new();
    for course in input.courses {
        let drawn = of(Some(course.policy));
        let fits = size(&drawn) <= room;
        room = if fits { room - size(&drawn) } else { 0 };
        courses.push((course.policy, fits.then_some(drawn)));
    }
    html! {
        section aria-labelledby="overall" {
            h2 #overall { "Overall" }
            @for figure in overall { (figure) }
        }
        @for (index, (policy, drawn)) in courses.into_iter().enumerate() {
            @let id = format!("course-{index}");
            section aria-labelledby=(id) {
                h2 id=(id) { "Over time: " (policy) }
                @if let Some(drawn) = drawn {
                    p.note { "The first replication." }
                    @for figure in drawn { (figure) }
                } @else {
                    p { "Left out to keep this file small; the figures are files beside it." }
                }
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
