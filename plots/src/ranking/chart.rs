//! Rows of dots over one logarithmic axis from 1 on: the name left, the number right.

use maud::{Markup, html};

const WIDTH: f64 = 920.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 690.0;
const ROW: f64 = 24.0;
const TOP: f64 = 34.0;
/// What is further away is drawn at the edge.
const MOST: f64 = 1_000.0;

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
    let values = rows.iter().flat_map(|row| row.dots.iter().map(|dot| dot.0));
    let most = values.fold(2.0, f64::max).min(MOST);
    let column = |value: f64| {
        let share = value.max(1.0).min(most).ln() / most.ln();
        LEFT + share * (RIGHT - LEFT)
    };
    let height = TOP + ROW * rows.len() as f64 + 8.0;
    let ticks = [
        1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0, 1_000.0,
    ];
    let ticks = thinned(&ticks, column, most);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(label) {
            text.axis x=(LEFT) y="12" { (axis) }
            @for tick in ticks {
                @let x = column(tick);
                line.grid x1=(x) x2=(x) y1=(TOP - 6.0) y2=(height - 6.0) {}
                text.tick x=(x) y=(TOP - 10.0) text-anchor="middle" { (tick) }
            }
            @for (at, row) in rows.iter().enumerate() {
                @let y = TOP + ROW * (at as f64 + 0.5);
                g.default[row.is_default] {
                    text.name x=(LEFT - 14.0) y=(y + 4.5) text-anchor="end" { (row.label) }
                    @if let Some((from, to)) = ends(row) {
                        line.span x1=(column(from)) x2=(column(to)) y1=(y) y2=(y) {}
                    }
                    @for (value, dot) in &row.dots {
                        circle.(class(*dot)) cx=(column(*value)) cy=(y) r="5.5" {}
                    }
                    text.value x=(RIGHT + 16.0) y=(y + 4.5) { (row.value) }
                }
            }
        }
    }
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
        Some(value) if value < 9.995 => format!("{value:.2}"),
        Some(value) if value < 99.95 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}
