//! Rows of dots over one logarithmic axis from 1 on: the name left, then the number, which a narrow
//! screen still shows, then the dots.

use maud::{Markup, html};

const WIDTH: f64 = 840.0;
const NAME: f64 = 152.0;
const VALUE: f64 = 164.0;
const RIGHT: f64 = 820.0;
/// A bold letter's mean width, as the default's number has them.
const LETTER: f64 = 8.0;
const ROW: f64 = 24.0;
const TOP: f64 = 34.0;
/// What is this many times the median is drawn at the edge.
const FAR: f64 = 4.0;

/// How a dot looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dot {
    Full,
    Hollow,
}

/// A policy.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) is_default: bool,
    pub(super) dots: Vec<(f64, Dot)>,
    pub(super) value: String,
}

/// The rows as SVG.
pub(super) fn svg(label: &str, axis: &str, rows: &[Row]) -> Markup {
    let most = most(rows);
    let letters = rows.iter().map(|row| row.value.chars().count()).max();
    let start = VALUE + LETTER * letters.unwrap_or(0) as f64 + 18.0;
    let column = |value: f64| {
        let share = value.max(1.0).min(most).ln() / most.ln();
        start + share * (RIGHT - start)
    };
    let height = TOP + ROW * rows.len() as f64 + 8.0;
    let ticks = [
        1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0,
    ];
    let ticks = thinned(&ticks, column, most);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(label) {
            text.axis x=(start) y="12" { (axis) }
            @for tick in ticks {
                @let x = column(tick);
                line.grid x1=(x) x2=(x) y1=(TOP - 6.0) y2=(height - 6.0) {}
                text.tick x=(x) y=(TOP - 10.0) text-anchor="middle" { (tick) }
            }
            @for (at, row) in rows.iter().enumerate() {
                @let y = TOP + ROW * (at as f64 + 0.5);
                g.default[row.is_default] {
                    text.name x=(NAME) y=(y + 4.5) text-anchor="end" { (row.label) }
                    @if let Some((from, to)) = ends(row) {
                        line.span x1=(column(from)) x2=(column(to)) y1=(y) y2=(y) {}
                    }
                    @for (value, dot) in &row.dots {
                        circle.(class(*dot)) cx=(column(*value)) cy=(y) r="5.5" {}
                    }
                    text.value x=(VALUE) y=(y + 4.5) { (row.value) }
                }
            }
        }
    }
}

/// Where the axis ends: what is far beyond the others would press them together.
fn most(rows: &[Row]) -> f64 {
    let mut values: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.dots.iter().map(|dot| dot.0))
        .collect();
    values.sort_by(f64::total_cmp);
    let Some(median) = values.get(values.len() / 2) else {
        return 2.0;
    };
    let near = values.iter().rev().find(|value| **value <= median * FAR);
    near.map_or(2.0, |near| near * 1.1).max(2.0)
}

fn class(dot: Dot) -> &'static str {
    match dot {
        Dot::Full => "full",
        Dot::Hollow => "hollow",
    }
}

fn ends(row: &Row) -> Option<(f64, f64)> {
    let values = || row.dots.iter().map(|dot| dot.0);
    Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
}

/// The ticks that have room beside each other.
fn thinned(ticks: &[f64], column: impl Fn(f64) -> f64, most: f64) -> Vec<f64> {
    let mut kept: Vec<f64> = Vec::new();
    for &tick in ticks.iter().filter(|tick| **tick <= most) {
        if kept
            .last()
            .is_none_or(|last| column(tick) - column(*last) > 34.0)
        {
            kept.push(tick);
        }
    }
    kept
}

/// A quotient as people read it.
pub(super) fn quotient(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if !value.is_finite() => "–".to_owned(),
        Some(value) if value >= 1e6 => format!("{value:.1e}"),
        Some(value) if value < 9.995 => format!("{value:.2}"),
        Some(value) if value < 99.95 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}
