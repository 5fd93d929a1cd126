//! Offered, served and lost messages per second.

use ebbtide_measure::RunDetail;

use super::{POINTS, Span, curve, highest, over_time, peak, spans};
use crate::draw::axis::Axis;
use crate::draw::panel::{Panel, Shape};
use crate::draw::thin::{Points, ROWS};
use crate::figure::{Chart, Figure, Table};
use crate::format::{clock, per_second, percent, seconds};
use crate::theme::{BLUE, GREY, VERMILLION};

pub(super) fn figure(detail: &RunDetail) -> Figure {
    let spans = spans(detail, POINTS);
    let points = |of: fn(&Span) -> u64| -> Points {
        let middle = |s: &Span| s.from_s + s.length_s / 2.0;
        let drawn = whole(&spans).iter();
        drawn.map(|s| (middle(s), Some(s.rate(of(s))))).collect()
    };
    let offered = points(|s| s.offered);
    let lost = points(|s| s.lost);
    let sent: u64 = spans.iter().map(|s| s.offered).sum();
    let summary = summary(&spans, sent, &offered, &lost);
    let curves = vec![
        curve("offered", GREY, Shape::BroadLine, offered),
        curve("served", BLUE, Shape::Line, points(|s| s.delivered)),
        curve("lost", VERMILLION, Shape::Line, lost),
    ];
    let over = seconds(spans.first().map_or(0.0, |s| s.length_s));
    let title = format!("messages per second, averaged over {over}");
    let panel = Panel {
        y: Axis::from_zero(&title, highest(&curves)),
        height: 560,
        level: None,
        curves,
    };
    let chart = (sent > 0).then(|| Chart::Curves(over_time(detail, vec![panel], Vec::new())));
    Figure {
        name: "rates".to_owned(),
        policy: None,
        title: "Offered, served and lost".to_owned(),
        summary,
        table: table(detail),
        chart,
    }
}

impl Span {
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.length_s
    }
}

/// `spans` without a last one that is but a sliver, whose rate would be luck.
fn whole(spans: &[Span]) -> &[Span] {
    match spans {
        [first, .., last] if last.length_s < first.length_s / 2.0 => &spans[..spans.len() - 1],
        _ => spans,
    }
}

fn table(detail: &RunDetail) -> Table {
    let row = |s: Span| {
        let rates = [s.offered, s.delivered, s.lost].map(|count| per_second(s.rate(count)));
        [clock(s.from_s)].into_iter().chain(rates).collect()
    };
    let rows = spans(detail, ROWS).into_iter().map(row).collect();
    Table::new(&["from", "offered", "served", "lost"], rows)
}

fn summary(
    spans: &[Span],
    sent: u64,
    offered: &[(f64, Option<f64>)],
    lost: &[(f64, Option<f64>)],
) -> String {
    let Some((at, most)) = peak(offered).filter(|_| sent > 0) else {
        return "Nothing was offered.".to_owned();
    };
    let load = format!(
        "Offered load peaks at {} at {}",
        per_second(most),
        clock(at)
    );
    match peak(lost).filter(|(_, worst)| *worst > 0.0) {
        Some((at, worst)) => {
            let all: u64 = spans.iter().map(|s| s.lost).sum();
            let share = percent(all as f64 / sent as f64);
            let worst = per_second(worst);
            format!(
                "{load}; {share} of all messages were lost, at worst {worst} at {}.",
                clock(at)
            )
        }
        None => format!("{load}; nothing was lost."),
    }
}
