//! Sojourn by when messages were sent: median, 95th and 99th percentile, and the objective.

use ebbtide_measure::objective::Measure;
use ebbtide_measure::series::SojournBin;
use ebbtide_measure::units::Duration;
use ebbtide_measure::{Objective, RunDetail};

use super::{curve, highest, over_time, peak};
use crate::draw::axis::Axis;
use crate::draw::panel::{Curve, Panel, Shape};
use crate::draw::thin::{self, Points};
use crate::figure::{Chart, Figure, Table};
use crate::format::{clock, counted, quantity, seconds, three};
use crate::theme::{BLUE, GREEN, PURPLE, VERMILLION};

pub(super) fn figure(detail: &RunDetail) -> Figure {
    let curves = curves(detail);
    let objective = detail.objective.filter(|o| o.measure == Measure::Sojourn);
    let summary = summary(detail, &curves, objective);
    let sent = detail.sojourns.bins.iter().any(|bin| bin.count > 0);
    let chart = sent.then(|| over_time(detail, vec![panel(curves, objective)], Vec::new()));
    Figure {
        name: "sojourn".to_owned(),
        policy: None,
        title: "Sojourn over time".to_owned(),
        summary,
        table: table(detail),
        chart: chart.map(Chart::Curves),
    }
}

/// The three percentiles; the longest instead where messages were too few for any of them.
fn curves(detail: &RunDetail) -> Vec<Curve> {
    let width_s = detail.sojourns.width.as_secs_f64();
    let points = |of: fn(&SojournBin) -> Option<Duration>| -> Points {
        let point = |(i, bin): (usize, &SojournBin)| {
            let middle_s = width_s * (i as f64 + 0.5);
            (middle_s, of(bin).map(Duration::as_secs_f64))
        };
        detail.sojourns.bins.iter().enumerate().map(point).collect()
    };
    let mut curves = vec![
        curve("P50", GREEN, Shape::Line, points(|bin| bin.p50)),
        curve("P95", BLUE, Shape::Line, points(|bin| bin.p95)),
        curve("P99", VERMILLION, Shape::Line, points(|bin| bin.p99)),
    ];
    curves.retain(|curve| peak(&curve.points).is_some());
    if curves.is_empty() {
        curves.push(curve("longest", PURPLE, Shape::Line, points(|bin| bin.max)));
    }
    curves
}

fn panel(curves: Vec<Curve>, objective: Option<Objective>) -> Panel {
    let limit_s = objective.map(|o| o.limit.as_secs_f64());
    let values = curves.iter().flat_map(|curve| &curve.points);
    let values = values.filter_map(|(_, value)| *value).filter(|v| *v > 0.0);
    let low = values.chain(limit_s).fold(f64::INFINITY, f64::min);
    let high = limit_s.unwrap_or(0.0).max(highest(&curves));
    Panel {
        y: Axis::latency("sojourn, by when the message was sent", low, high),
        height: 560,
        curves,
        level: objective.map(|o| (o.limit.as_secs_f64(), format!("objective {o}"))),
    }
}

fn table(detail: &RunDetail) -> Table {
    let bins = &detail.sojourns.bins;
    let cell = |value: Option<Duration>| {
        value.map_or("–".to_owned(), |value| seconds(value.as_secs_f64()))
    };
    let row = |i: usize| {
        let bin = &bins[i];
        let from = clock(detail.sojourns.width.as_secs_f64() * i as f64);
        let mut row = vec![from, quantity(bin.count as f64)];
        row.extend([bin.p50, bin.p95, bin.p99, bin.max].map(cell));
        row.push(quantity(bin.unfinished as f64));
        row
    };
    let header = [
        "sent from",
        "messages",
        "P50",
        "P95",
        "P99",
        "longest",
        "unfinished",
    ];
    let rows = thin::rows(bins.len()).into_iter().map(row).collect();
    Table::new(&header, rows).out_of(bins.len())
}

fn summary(detail: &RunDetail, curves: &[Curve], objective: Option<Objective>) -> String {
    let is = |wanted: &str| curves.iter().find(|c| c.label.as_deref() == Some(wanted));
    let quantile = objective.map(|o| format!("P{}", three(o.quantile * 100.0)));
    let shown = quantile.as_deref().and_then(is).or(is("P95"));
    let shown = shown.unwrap_or(&curves[curves.len() - 1]);
    let label = shown.label.as_deref().unwrap_or_default();
    let Some((at, most)) = peak(&shown.points) else {
        return "No message was sent.".to_owned();
    };
    let mut text = match label {
        "longest" => format!("The longest sojourn is {}", seconds(most)),
        _ => format!("{label} peaks at {} at {}", seconds(most), clock(at)),
    };
    if let Some(objective) = objective {
        let limit_s = objective.limit.as_secs_f64();
        let side = if most < limit_s { "below" } else { "beyond" };
        text += &format!(", {side} the objective's {}", seconds(limit_s));
    }
    let unfinished: u64 = detail.sojourns.bins.iter().map(|bin| bin.unfinished).sum();
    if unfinished > 0 {
        let messages = counted(unfinished as usize, "message");
        text += &format!("; {messages} unfinished at the end count as old as they were then");
    }
    text + "."
}
