//! Latency by percentile, runs overlaid: the form that HdrHistogram made known, with
//! 1/(1−q) on a logarithmic axis, so that each further nine takes the same room.

use ebbtide_measure::objective::Measure;
use ebbtide_measure::run::{CURVE_MARKS, CurvePoint};

use crate::draw::axis::Axis;
use crate::draw::curves::Curves;
use crate::draw::panel::{Curve, Panel, Shape};
use crate::draw::thin::Points;
use crate::figure::{Chart, Figure, Table};
use crate::format::seconds;
use crate::input::{Course, ReportInput};
use crate::theme::{Look, series_look};

/// Points with fewer samples beyond them are luck, and drawn thin.
const CERTAIN: u64 = 100;
/// Names of the table's percentiles: those that every curve has, and the longest time.
const ROWS: [&str; CURVE_MARKS.len() + 1] = [
    "10 %",
    "50 %",
    "75 %",
    "90 %",
    "95 %",
    "99 %",
    "99.9 %",
    "99.99 %",
    "100 % (longest)",
];

/// Sojourn by percentile, one curve a policy.
pub(crate) fn figure(input: &ReportInput<'_>) -> Figure {
    let filled = input.courses.iter().enumerate();
    let filled: Vec<_> = filled
        .filter(|(_, course)| !course.detail.curves.sojourn.is_empty())
        .collect();
    Figure {
        name: "percentiles".to_owned(),
        policy: None,
        title: "Sojourn by percentile".to_owned(),
        summary: summary(input.courses),
        table: table(input.courses),
        chart: (!filled.is_empty()).then(|| Chart::Curves(chart(&filled))),
    }
}

fn chart(courses: &[(usize, &Course<'_>)]) -> Curves {
    let all = || {
        courses
            .iter()
            .flat_map(|(_, course)| &course.detail.curves.sojourn)
    };
    let finite = || all().filter(|point| point.quantile < 1.0);
    let most_q = finite().map(|point| point.quantile).fold(0.5, f64::max);
    let last = 1.0 / (1.0 - most_q) * 2.0;
    let objective = courses
        .iter()
        .find_map(|(_, course)| course.detail.objective);
    let objective = objective.filter(|o| o.measure == Measure::Sojourn);
    let limit_s = objective.map(|o| o.limit.as_secs_f64());
    let values = || {
        all()
            .map(|point| point.value.as_secs_f64())
            .filter(|v| *v > 0.0)
    };
    let low = values().chain(limit_s).fold(f64::INFINITY, f64::min);
    let high = values().chain(limit_s).fold(0.0, f64::max);
    let curves = courses.iter().flat_map(|(index, course)| {
        let look = series_look(*index);
        halves(&course.detail.curves.sojourn, course.policy, look, last)
    });
    Curves {
        x: Axis::tail(
            "share of messages that took at most this long",
            1.0 - 1.0 / last,
        ),
        panels: vec![Panel {
            y: Axis::latency("sojourn", low, high),
            height: 620,
            curves: curves.collect(),
            level: objective.map(|o| (o.limit.as_secs_f64(), format!("objective {o}"))),
        }],
        bands: Vec::new(),
        notes: Vec::new(),
        remark: None,
    }
}

/// The certain part of a curve, and its uncertain tail as a thin line that goes on from there.
fn halves(points: &[CurvePoint], policy: &str, look: Look, last: f64) -> [Curve; 2] {
    let place = |point: &CurvePoint| {
        let x = if point.quantile < 1.0 {
            1.0 / (1.0 - point.quantile)
        } else {
            last
        };
        (x, Some(point.value.as_secs_f64()))
    };
    let certain = points.partition_point(|point| point.beyond >= CERTAIN);
    let tail: Points = points[certain.saturating_sub(1)..]
        .iter()
        .map(place)
        .collect();
    let curve = |label, shape, points| Curve {
        label,
        look,
        shape,
        points,
    };
    let body: Points = points[..certain].iter().map(place).collect();
    [
        curve(Some(policy.to_owned()), Shape::Line, body),
        curve(None, Shape::Faint, tail),
    ]
}

/// The time within which a share `q` of the messages was done; `q` is a mark or 1. Where a mark
/// has no sample beyond it, that is the longest time.
fn at(points: &[CurvePoint], q: f64) -> Option<&CurvePoint> {
    points
        .iter()
        .find(|point| point.quantile >= q)
        .or(points.last())
}

fn shown(point: &CurvePoint) -> String {
    let least = if point.at_least { "≥ " } else { "" };
    let luck = if point.beyond < CERTAIN { "*" } else { "" };
    format!("{least}{}{luck}", seconds(point.value.as_secs_f64()))
}

fn summary(courses: &[Course<'_>]) -> String {
    let part = |course: &Course<'_>| {
        let point = at(&course.detail.curves.sojourn, 0.95)?;
        let least = if point.at_least { "≥ " } else { "" };
        let time = seconds(point.value.as_secs_f64());
        Some(format!("{least}{time} under {}", course.policy))
    };
    let parts: Vec<_> = courses.iter().filter_map(part).collect();
    if parts.is_empty() {
        return "No message was sent within the window.".to_owned();
    }
    let parts = parts.join(", ");
    format!(
        "In the first replication 95 % of the messages took at most {parts}; where fewer than \
         {CERTAIN} messages lie beyond, a line is thin."
    )
}

fn table(courses: &[Course<'_>]) -> Table {
    let mut header = vec!["messages done"];
    header.extend(courses.iter().map(|course| course.policy));
    let row = |(q, label): (f64, &str)| {
        let cell = |course: &Course<'_>| {
            at(&course.detail.curves.sojourn, q).map_or("–".to_owned(), shown)
        };
        let cells = courses.iter().map(cell);
        [label.to_owned()].into_iter().chain(cells).collect()
    };
    if courses
        .iter()
        .all(|course| course.detail.curves.sojourn.is_empty())
    {
        return Table::default();
    }
    let rows = CURVE_MARKS.into_iter().chain([1.0]).zip(ROWS);
    Table::new(&header, rows.map(row).collect())
}
