//! Figures and the self-contained HTML report of a run.
//!
//! Made from [`ebbtide_measure`]'s types alone, so that simulated, live and replayed runs look
//! the same. [`figures`] says what can be seen, [`Figure::svg`] and [`Figure::write_png`] draw
//! it, [`report_html`] puts it on one page.

mod compare;
mod draw;
mod figure;
mod format;
mod input;
mod outcomes;
mod page;
mod quantiles;
mod ranking;
mod report;
mod theme;
mod timeline;

pub use figure::{Figure, PictureError, Table};
pub use input::{Course, ReportInput};
pub use ranking::ranking_html;
pub use report::report_html;

/// All figures of `input`: those of the whole experiment first, then each policy's over time.
#[must_use]
pub fn figures(input: &ReportInput<'_>) -> Vec<Figure> {
    let whole = [quantiles::figure(input), outcomes::figure(input)];
    let courses = input.courses.iter();
    let courses = courses.flat_map(|course| timeline::figures(input, course));
    compare::figure(input)
        .into_iter()
        .chain(whole)
        .chain(courses)
        .collect()
}
