//! What waits, what is delayed, and how old the oldest waiting message is.

use ebbtide_measure::RunDetail;
use ebbtide_measure::series::Bin;
use ebbtide_measure::units::Duration;

use super::{POINTS, curve, over_time, peak};
use crate::draw::axis::Axis;
use crate::draw::panel::{Panel, Shape};
use crate::draw::thin::{self, Points, ROWS};
use crate::figure::{Chart, Figure, Table};
use crate::format::{clock, quantity, seconds};
use crate::theme::{BLUE, PURPLE, VERMILLION};

pub(super) fn figure(detail: &RunDetail) -> Figure {
    let waiting = levels(detail, |bin| bin.waiting_max);
    let delayed = levels(detail, |bin| bin.delayed);
    let ages = ages(detail);
    let most_waiting = peak(&waiting).unwrap_or_default();
    let most_delayed = peak(&delayed).unwrap_or_default();
    let oldest = peak(&ages).filter(|(_, oldest_s)| *oldest_s > 0.0);
    let most = most_waiting.1.max(most_delayed.1);
    let line =
        |label, look, points: &Points| curve(label, look, Shape::Line, thin::peaks(points, POINTS));
    let mut queues = vec![line("waiting, most at once", BLUE, &waiting)];
    if most_delayed.1 > 0.0 {
        queues.push(line("delayed for a retry or a schedule", PURPLE, &delayed));
    }
    let mut panels = vec![Panel {
        y: Axis::whole("messages", most),
        height: 340,
        curves: queues,
        level: None,
    }];
    panels.extend(oldest.map(|(_, oldest_s)| Panel {
        y: Axis::age("age, seen at control ticks", oldest_s),
        height: 300,
        curves: vec![line("oldest waiting message", VERMILLION, &ages)],
        level: None,
    }));
    let chart = (most > 0.0).then(|| Chart::Curves(over_time(detail, panels, Vec::new())));
    Figure {
        name: "backlog".to_owned(),
        policy: None,
        title: "Backlog and oldest message".to_owned(),
        summary: summary(most_waiting, most_delayed.1, oldest),
        table: table(detail),
        chart,
    }
}

fn levels(detail: &RunDetail, of: fn(&Bin) -> u64) -> Points {
    let at = |i| detail.series.start_of(i).as_secs_f64();
    let bins = detail.series.bins().iter().enumerate();
    bins.map(|(i, bin)| (at(i), Some(of(bin) as f64))).collect()
}

/// Ages of the oldest waiting message. Where a bin had no control tick they are unknown, and
/// the line goes on to the next; where nothing waited they are zero.
fn ages(detail: &RunDetail) -> Points {
    let point = |(i, bin): (usize, &Bin)| {
        let at = detail.series.start_of(i).as_secs_f64();
        match bin.oldest_wait {
            Some(age) => Some((at, Some(age.as_secs_f64()))),
            None if bin.waiting_max == 0 => Some((at, Some(0.0))),
            None => None,
        }
    };
    let bins = detail.series.bins().iter().enumerate();
    bins.filter_map(point).collect()
}

fn summary(waiting: (f64, f64), delayed: f64, oldest: Option<(f64, f64)>) -> String {
    if waiting.1 == 0.0 && delayed == 0.0 {
        return "Nothing had to wait.".to_owned();
    }
    let verb = if waiting.1 == 1.0 {
        "message waits"
    } else {
        "messages wait"
    };
    let (most, at) = (quantity(waiting.1), clock(waiting.0));
    let mut text = format!("At most {most} {verb} at once, at {at}");
    if delayed > 0.0 {
        text += &format!(", and at most {} are delayed", quantity(delayed));
    }
    if let Some((at, oldest_s)) = oldest {
        let (oldest, at) = (seconds(oldest_s), clock(at));
        text += &format!("; the oldest had been waiting for {oldest} at {at}");
    }
    text + "."
}

/// Peaks of some bins a row, so that none is missed.
fn table(detail: &RunDetail) -> Table {
    let bins = detail.series.bins();
    let joined = bins.len().div_ceil(ROWS).max(1);
    let row = |(i, group): (usize, &[Bin])| {
        let most = |of: fn(&Bin) -> u64| {
            let most = group.iter().map(of).max();
            quantity(most.unwrap_or(0) as f64)
        };
        let oldest = group.iter().filter_map(|bin| bin.oldest_wait).max();
        let from = detail.series.start_of(i * joined).as_secs_f64();
        let age = |age: Duration| seconds(age.as_secs_f64());
        vec![
            clock(from),
            most(|bin| bin.waiting_max),
            most(|bin| bin.delayed),
            oldest.map_or("–".to_owned(), age),
        ]
    };
    let rows = bins.chunks(joined).enumerate().map(row).collect();
    Table::new(
        &["from", "waiting, at most", "delayed, at most", "oldest"],
        rows,
    )
}
