//! What is paid against how long it takes: a dot for each policy, and the line of those that nobody beats in both.

use ebbtide_measure::Objective;
use ebbtide_measure::objective::Measure;
use ebbtide_measure::ranking::{RankedScenario, Ranking};
use maud::{Markup, html};

use super::best_of_each;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 900.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 420.0;
/// Points further away than this multiple are drawn at the edge.
const MOST: f64 = 20.0;

struct Point {
    name: String,
    is_default: bool,
    /// What is paid for workers and calls, as a multiple of the default's.
    paid: f64,
    /// P95 as a multiple of the objective's limit.
    p95: f64,
}

/// The chart; nothing if there is nothing to compare.
pub(super) fn section(ranking: &Ranking) -> Markup {
    let points: Vec<Point> = best_of_each(ranking)
        .into_iter()
        .filter_map(|entry| point(ranking, &entry.policy))
        .collect();
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
                        "faster; below the dashed line P95 is within the objective. Policies on the blue line are beaten "
                        "by nobody in both; what is far off is drawn at the edge."
                    }
                }
                div.chart { (svg(&points)) }
            }
        }
    }
}

fn point(ranking: &Ranking, policy: &str) -> Option<Point> {
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
    let ticks = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0];
    let within = |from: f64, to: f64| {
        ticks
            .iter()
            .copied()
            .filter(move |it| (from..=to).contains(it))
    };
    let path: Vec<String> = frontier(points)
        .into_iter()
        .map(|point| format!("{:.1},{:.1}", column(point.paid), line(point.p95)))
        .collect();
    let labels = labels(points, column, line);
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
            text.axis x=(LEFT) y=(TOP - 6.0) { "P95 over the objective's limit" }
            polyline.frontier points=(path.join(" ")) {}
            @for (point, y) in points.iter().zip(labels) {
                g.default[point.is_default] {
                    circle.full cx=(column(point.paid)) cy=(line(point.p95)) r="5.5" {}
                    text.name x=(column(point.paid) + 9.0) y=(y) { (point.name) }
                }
            }
        }
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    (low.max(0.05) / 1.15, high.min(MOST) * 1.25)
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

/// Where each name stands, so that none hides another.
fn labels(points: &[Point], column: impl Fn(f64) -> f64, line: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&one, &other| points[other].p95.total_cmp(&points[one].p95));
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let mut places = vec![0.0; points.len()];
    for at in order {
        let (x, mut y) = (column(points[at].paid), line(points[at].p95) + 4.5);
        while taken
            .iter()
            .any(|(other, height)| (x - other).abs() < 120.0 && (y - height).abs() < 13.0)
        {
            y += 3.0;
        }
        taken.push((x, y));
        places[at] = y;
    }
    places
}
