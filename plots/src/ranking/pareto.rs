//! What is paid against how long it takes: a dot for each policy, and the line of those that nobody beats in both.

use ebbtide_measure::Objective;
use ebbtide_measure::objective::Measure;
use ebbtide_measure::ranking::{RankedScenario, Ranking};
use maud::{Markup, html};

use super::best_of_each;
use super::labels::labels;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 900.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 420.0;
/// What is this many times larger or smaller than the median is drawn at the edge.
const FAR: f64 = 2.5;

/// A policy.
pub(super) struct Point {
    name: String,
    is_default: bool,
    /// What is paid for workers and calls, as a multiple of the default's.
    pub(super) paid: f64,
    /// P95 as a multiple of the objective's limit.
    pub(super) p95: f64,
}

/// The chart; nothing if there is nothing to compare.
pub(super) fn section(ranking: &Ranking) -> Markup {
    let mut points: Vec<Point> = best_of_each(ranking)
        .into_iter()
        .filter_map(|entry| point(ranking, &entry.policy))
        .collect();
    // Its name has the first choice of places.
    points.sort_by_key(|point| !point.is_default);
    if points.len() < 2 {
        return html! {};
    }
    html! {
        section aria-labelledby="pareto" {
            h2 #pareto { "What is paid, and how fast it is" }
            figure {
                figcaption {
                    h3 { "Worker time and calls, against P95 of the sojourn" }
                    p {
                        "Geometric means over the scenarios whose objective limits the sojourn. Left is cheaper, lower is "
                        "faster; below the dashed line P95 is within the objective. "
                        @match frontier(&points).as_slice() {
                            [best] => { (best.name) " beats everybody in both; " }
                            _ => "Policies on the blue line are beaten by nobody in both; ",
                        }
                        "what is far off is drawn at the edge."
                    }
                }
                div.chart { (svg(&points)) }
            }
        }
    }
}

/// A policy over the scenarios whose objective limits the sojourn; `None` if there is none.
pub(super) fn point(ranking: &Ranking, policy: &str) -> Option<Point> {
    let (mut paid, mut p95) = (Vec::new(), Vec::new());
    for scenario in &ranking.scenarios {
        let Some(limit) = limit(scenario) else {
            continue;
        };
        let of = |name: &str| scenario.policies.iter().find(|it| it.name == name);
        let (Some(own), Some(default)) = (of(policy), of(&ranking.default)) else {
            continue;
        };
        let everywhere = scenario
            .policies
            .iter()
            .all(|it| it.figures.p95_s.is_some());
        let paid_by = |it: &ebbtide_measure::ranking::RankedPolicy| {
            it.at_main_price.cost.mean.unwrap_or(f64::NAN) - it.figures.lateness_cost
        };
        if let Some(own_p95) = own.figures.p95_s.filter(|_| everywhere) {
            paid.push(paid_by(own) / paid_by(default));
            p95.push(own_p95 / limit);
        }
    }
    let mean = |values: &[f64]| {
        let logs = values.iter().map(|it| it.ln()).sum::<f64>();
        (!values.is_empty()).then(|| (logs / values.len() as f64).exp())
    };
    Some(Point {
        name: policy.to_owned(),
        is_default: policy == ranking.default,
        paid: mean(&paid)?,
        p95: mean(&p95)?,
    })
}

/// The limit on the sojourn, in seconds.
fn limit(scenario: &RankedScenario) -> Option<f64> {
    let objective: Objective = scenario.objective.as_ref()?.parse().ok()?;
    (objective.measure == Measure::Sojourn).then(|| objective.limit.as_secs_f64())
}

fn svg(points: &[Point]) -> Markup {
    let (left, right) = range(points.iter().map(|it| it.paid));
    let (low, high) = range(points.iter().map(|it| it.p95).chain([1.0]));
    let column = |value: f64| LEFT + place(value, left, right) * (RIGHT - LEFT);
    let line = |value: f64| BOTTOM - place(value, low, high) * (BOTTOM - TOP);
    let ticks = [
        0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0,
    ];
    let within = |from: f64, to: f64| {
        ticks
            .iter()
            .copied()
            .filter(move |it| (from..=to).contains(it))
    };
    let is_near =
        |it: &&Point| within_range(it.paid, left, right) && within_range(it.p95, low, high);
    let path: Vec<String> = frontier(points)
        .into_iter()
        .filter(is_near)
        .map(|point| format!("{:.1},{:.1}", column(point.paid), line(point.p95)))
        .collect();
    let dots: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (column(point.paid), line(point.p95)))
        .collect();
    let names: Vec<&str> = points.iter().map(|it| it.name.as_str()).collect();
    let labels = labels(
        &dots,
        &names,
        (LEFT + 2.0, TOP - 8.0, RIGHT + 12.0, BOTTOM - 2.0),
    );
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Cost against P95" {
            @for tick in within(left, right) {
                line.grid x1=(column(tick)) x2=(column(tick)) y1=(TOP) y2=(BOTTOM) {}
                text.tick x=(column(tick)) y=(BOTTOM + 18.0) text-anchor="middle" { (tick) "×" }
            }
            @for tick in within(low, high) {
                line.grid x1=(LEFT) x2=(RIGHT) y1=(line(tick)) y2=(line(tick)) {}
                text.tick x=(LEFT - 8.0) y=(line(tick) + 4.0) text-anchor="end" { (tick) "×" }
            }
            line.limit x1=(LEFT) x2=(RIGHT) y1=(line(1.0)) y2=(line(1.0)) {}
            text.axis x=(RIGHT) y=(BOTTOM + 40.0) text-anchor="end" { "paid for workers and calls, the default = 1" }
            text.axis x=(LEFT) y=(TOP - 14.0) { "P95 over the objective's limit" }
            polyline.frontier points=(path.join(" ")) {}
            @for (label, (x, y)) in labels.iter().zip(&dots) {
                @if let Some((to_x, to_y)) = label.as_ref().and_then(|it| it.tie) {
                    line.tie x1=(tenth(*x)) y1=(tenth(*y)) x2=(tenth(to_x)) y2=(tenth(to_y)) {}
                }
            }
            @for ((point, (x, y)), label) in points.iter().zip(&dots).zip(&labels) {
                g.default[point.is_default] {
                    circle.full cx=(tenth(*x)) cy=(tenth(*y)) r="5.5" {
                        title { (format!("{}: paid {:.2}×, P95 {:.2}×", point.name, point.paid, point.p95)) }
                    }
                    @if let Some(label) = label {
                        text.name x=(tenth(label.x)) y=(tenth(label.y)) { (point.name) }
                    }
                }
            }
        }
    }
}

/// From the least to the most of what is not far off.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let median = values[values.len() / 2];
    values.retain(|value| within_range(*value, median / FAR, median * FAR));
    let (least, most) = (values[0], values[values.len() - 1]);
    (least / 1.08, most * 1.12)
}

fn within_range(value: f64, low: f64, high: f64) -> bool {
    (low..=high).contains(&value)
}

fn tenth(value: f64) -> String {
    format!("{value:.1}")
}

fn place(value: f64, low: f64, high: f64) -> f64 {
    ((value.clamp(low, high) / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
}

/// Those whom nobody beats in both, from the cheapest on.
fn frontier(points: &[Point]) -> Vec<&Point> {
    let beaten = |it: &&Point| {
        !points.iter().any(|other| {
            other.paid <= it.paid
                && other.p95 <= it.p95
                && (other.paid < it.paid || other.p95 < it.p95)
        })
    };
    let mut best: Vec<&Point> = points.iter().filter(beaten).collect();
    best.sort_by(|one, other| one.paid.total_cmp(&other.paid));
    best
}
