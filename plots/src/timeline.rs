//! Figures over time, of one policy's first replication: rates, sojourn, backlog, pool.
//!
//! Bins are joined to at most [`POINTS`] stretches before rates are taken, since a rate over
//! a few messages shows luck, not load; peaks of levels are kept. Deliberately absent: means
//! over replications, which would smooth away what happened.

use ebbtide_measure::objective::Measure;
use ebbtide_measure::run::{PoolState, SettingChange};
use ebbtide_measure::series::{Bin, SojournBin};
use ebbtide_measure::units::Time;
use ebbtide_measure::{Objective, RunDetail, Setting};

use crate::draw::axis::Axis;
use crate::draw::curves::{Band, Curve, Curves, Note, Panel, Shape};
use crate::draw::thin::{self, Points};
use crate::figure::{Chart, Figure, Table, file_name};
use crate::format::{clock, counted, per_second, percent, quantity, seconds};
use crate::input::{Course, ReportInput};
use crate::theme::{BLUE, GREEN, GREY, Look, ORANGE, PURPLE, SKY, VERMILLION};

/// Most points of a rate over time.
const POINTS: usize = 256;

/// The figures over time of one course.
pub(crate) fn figures(input: &ReportInput<'_>, course: &Course<'_>) -> Vec<Figure> {
    let detail = course.detail;
    let stretches = stretches(detail);
    [
        rates(detail, &stretches),
        sojourn(detail),
        backlog(detail),
        pool(detail, &stretches),
    ]
    .into_iter()
    .map(|mut figure| {
        figure.name = file_name(&figure.name, course.policy, input.results);
        figure.policy = Some(course.policy.to_owned());
        if input.compares() {
            figure.title = format!("{}: {}", figure.title, course.policy);
        }
        figure
    })
    .collect()
}

/// Some bins joined.
struct Stretch {
    from_s: f64,
    length_s: f64,
    offered: u64,
    delivered: u64,
    lost: u64,
    busy_workers: f64,
}

fn stretches(detail: &RunDetail) -> Vec<Stretch> {
    let bins = detail.series.bins();
    let joined = bins.len().div_ceil(POINTS).max(1);
    let width_s = detail.series.width().as_secs_f64();
    let groups = bins.chunks(joined).enumerate();
    groups
        .map(|(index, group)| {
            let from_s = width_s * (index * joined) as f64;
            // The last bin ends with the run, not with its width.
            let whole_s = width_s * group.len() as f64;
            let left_s = detail.end.as_secs_f64() - from_s;
            let length_s = if left_s > 0.0 {
                whole_s.min(left_s)
            } else {
                whole_s
            };
            let sum = |of: fn(&Bin) -> u64| group.iter().map(of).sum();
            let busy_s = |bin: &Bin| bin.busy_worker_time.as_secs_f64();
            Stretch {
                from_s,
                length_s,
                offered: sum(|bin| bin.offered),
                delivered: sum(|bin| bin.outcomes.delivered),
                lost: sum(Bin::lost),
                busy_workers: group.iter().map(busy_s).sum::<f64>() / length_s,
            }
        })
        .collect()
}

impl Stretch {
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.length_s
    }

    fn middle_s(&self) -> f64 {
        self.from_s + self.length_s / 2.0
    }
}

fn x_axis(detail: &RunDetail) -> Axis {
    Axis::time(detail.end.as_secs_f64())
}

fn bands(detail: &RunDetail) -> Vec<Band> {
    let band = |fault: &ebbtide_measure::run::FaultBand| Band {
        from: fault.from.as_secs_f64(),
        to: fault.to.as_secs_f64(),
        label: fault.label.clone(),
    };
    detail.faults.iter().map(band).collect()
}

fn curve(label: &str, look: Look, shape: Shape, points: Points) -> Curve {
    Curve {
        label: Some(label.to_owned()),
        look,
        shape,
        points,
    }
}

/// The place and size of the largest value; `None` if there is none.
fn peak(points: &[(f64, Option<f64>)]) -> Option<(f64, f64)> {
    let known = points.iter().filter_map(|&(at, value)| Some((at, value?)));
    known.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.total_cmp(&a.0)))
}

fn highest(curves: &[Curve]) -> f64 {
    let peaks = curves.iter().filter_map(|curve| peak(&curve.points));
    peaks.map(|(_, value)| value).fold(0.0, f64::max)
}

fn figure(name: &str, title: &str, summary: String, table: Table, chart: Option<Curves>) -> Figure {
    Figure {
        name: name.to_owned(),
        policy: None,
        title: title.to_owned(),
        summary,
        table,
        chart: chart.map(Chart::Curves),
    }
}

fn rates(detail: &RunDetail, stretches: &[Stretch]) -> Figure {
    let points = |of: fn(&Stretch) -> u64| -> Points {
        let rate = |s: &Stretch| (s.middle_s(), Some(s.rate(of(s))));
        stretches.iter().map(rate).collect()
    };
    let curves = vec![
        curve("offered", GREY, Shape::BroadLine, points(|s| s.offered)),
        curve("served", BLUE, Shape::Line, points(|s| s.delivered)),
        curve("lost", VERMILLION, Shape::Line, points(|s| s.lost)),
    ];
    let row = |i: usize| {
        let s = &stretches[i];
        let rates = [s.offered, s.delivered, s.lost].map(|count| per_second(s.rate(count)));
        [clock(s.from_s)].into_iter().chain(rates).collect()
    };
    let rows = thin::rows(stretches.len()).into_iter().map(row).collect();
    let over = stretches.first().map_or(0.0, |s| s.length_s);
    let title = format!("messages per second, averaged over {}", seconds(over));
    let offered: u64 = stretches.iter().map(|s| s.offered).sum();
    let chart = (offered > 0).then(|| Curves {
        x: x_axis(detail),
        panels: vec![Panel {
            y: Axis::from_zero(&title, highest(&curves)),
            height: 560,
            level: None,
            curves: curves.clone(),
        }],
        bands: bands(detail),
        notes: Vec::new(),
    });
    let table = Table::new(&["from", "offered", "served", "lost"], rows);
    let summary = rates_summary(offered, stretches, &curves);
    figure("rates", "Offered, served and lost", summary, table, chart)
}

fn rates_summary(offered: u64, stretches: &[Stretch], curves: &[Curve]) -> String {
    let Some((at, most)) = peak(&curves[0].points).filter(|_| offered > 0) else {
        return "Nothing was offered.".to_owned();
    };
    let load = format!(
        "Offered load peaks at {} at {}",
        per_second(most),
        clock(at)
    );
    let lost: u64 = stretches.iter().map(|s| s.lost).sum();
    match peak(&curves[2].points).filter(|_| lost > 0) {
        Some((at, worst)) => format!(
            "{load}; {} of all messages were lost, at worst {} at {}.",
            percent(lost as f64 / offered as f64),
            per_second(worst),
            clock(at)
        ),
        None => format!("{load}; nothing was lost."),
    }
}

fn sojourn(detail: &RunDetail) -> Figure {
    let width_s = detail.sojourns.width.as_secs_f64();
    let bins = &detail.sojourns.bins;
    let points = |of: fn(&SojournBin) -> Option<ebbtide_measure::units::Duration>| -> Points {
        let point = |(i, bin): (usize, &SojournBin)| {
            let middle_s = width_s * (i as f64 + 0.5);
            (middle_s, of(bin).map(|value| value.as_secs_f64()))
        };
        let filled = bins.iter().enumerate().filter(|(_, bin)| bin.count > 0);
        filled.map(point).collect()
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
    let objective = detail.objective.filter(|o| o.measure == Measure::Sojourn);
    let limit_s = objective.map(|o| o.limit.as_secs_f64());
    let values = curves.iter().flat_map(|curve| &curve.points);
    let values = values.filter_map(|(_, value)| *value).filter(|v| *v > 0.0);
    let low = values.chain(limit_s).fold(f64::INFINITY, f64::min);
    let high = limit_s.unwrap_or(0.0).max(highest(&curves));
    let summary = sojourn_summary(detail, &curves, objective);
    let chart = bins.iter().any(|bin| bin.count > 0).then(|| Curves {
        x: x_axis(detail),
        panels: vec![Panel {
            y: Axis::latency("sojourn, by when the message was sent", low, high),
            height: 560,
            curves,
            level: objective.map(|o| (o.limit.as_secs_f64(), format!("objective {o}"))),
        }],
        bands: bands(detail),
        notes: Vec::new(),
    });
    figure(
        "sojourn",
        "Sojourn over time",
        summary,
        sojourn_table(detail),
        chart,
    )
}

fn sojourn_table(detail: &RunDetail) -> Table {
    let width_s = detail.sojourns.width.as_secs_f64();
    let cell = |value: Option<ebbtide_measure::units::Duration>| {
        value.map_or("–".to_owned(), |value| seconds(value.as_secs_f64()))
    };
    let row = |i: usize| {
        let bin = &detail.sojourns.bins[i];
        let mut row = vec![clock(width_s * i as f64), quantity(bin.count as f64)];
        row.extend([bin.p50, bin.p95, bin.p99, bin.max].map(cell));
        row.push(quantity(bin.unfinished as f64));
        row
    };
    let rows = thin::rows(detail.sojourns.bins.len());
    let header = [
        "sent from",
        "messages",
        "P50",
        "P95",
        "P99",
        "longest",
        "unfinished",
    ];
    Table::new(&header, rows.into_iter().map(row).collect())
}

fn sojourn_summary(detail: &RunDetail, curves: &[Curve], objective: Option<Objective>) -> String {
    let wanted = curves
        .iter()
        .find(|curve| curve.label.as_deref() == Some("P95"));
    let shown = wanted.unwrap_or(&curves[curves.len() - 1]);
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
        text += &format!(
            "; {} unfinished at the end count as old as they were then",
            counted(unfinished as usize, "message")
        );
    }
    text + "."
}

fn backlog(detail: &RunDetail) -> Figure {
    let points = |of: fn(&Bin) -> f64| -> Points {
        let bins = detail.series.bins().iter().enumerate();
        bins.map(|(i, bin)| (detail.series.start_of(i).as_secs_f64(), Some(of(bin))))
            .collect()
    };
    let waiting = curve(
        "waiting, most at once",
        BLUE,
        Shape::Line,
        points(|bin| bin.waiting_max as f64),
    );
    let delayed = curve(
        "delayed for a retry or a schedule",
        PURPLE,
        Shape::Line,
        points(|bin| bin.delayed as f64),
    );
    let oldest = curve(
        "oldest waiting message",
        VERMILLION,
        Shape::Line,
        ages(detail),
    );
    let most = [&waiting, &delayed].map(|curve| peak(&curve.points).unwrap_or_default());
    let age = peak(&oldest.points);
    let summary = backlog_summary(most[0], most[1].1, age);
    let mut queues = vec![waiting];
    queues.extend((most[1].1 > 0.0).then_some(delayed));
    let mut panels = vec![Panel {
        y: Axis::from_zero("messages", most[0].1.max(most[1].1)),
        height: 340,
        curves: queues,
        level: None,
    }];
    panels.extend(age.map(|(_, oldest_s)| Panel {
        y: Axis::age("age, seen at control ticks", oldest_s),
        height: 300,
        curves: vec![oldest],
        level: None,
    }));
    let chart = (!detail.series.bins().is_empty()).then(|| Curves {
        x: x_axis(detail),
        panels,
        bands: bands(detail),
        notes: Vec::new(),
    });
    let title = "Backlog and oldest message";
    figure("backlog", title, summary, backlog_table(detail), chart)
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

fn backlog_summary(waiting: (f64, f64), delayed: f64, age: Option<(f64, f64)>) -> String {
    if waiting.1 == 0.0 && delayed == 0.0 {
        return "Nothing had to wait.".to_owned();
    }
    let mut text = format!(
        "At most {} at once, at {}",
        counted_waiting(waiting.1),
        clock(waiting.0)
    );
    if delayed > 0.0 {
        text += &format!(", and at most {} delayed", quantity(delayed));
    }
    if let Some((at, oldest_s)) = age.filter(|(_, oldest_s)| *oldest_s > 0.0) {
        let (oldest, at) = (seconds(oldest_s), clock(at));
        text += &format!("; the oldest had been waiting for {oldest} at {at}");
    }
    text + "."
}

fn counted_waiting(count: f64) -> String {
    let verb = if count == 1.0 {
        "message waits"
    } else {
        "messages wait"
    };
    format!("{} {verb}", quantity(count))
}

fn backlog_table(detail: &RunDetail) -> Table {
    let row = |i: usize| {
        let bin = &detail.series.bins()[i];
        let age = bin.oldest_wait.map(|age| seconds(age.as_secs_f64()));
        vec![
            clock(detail.series.start_of(i).as_secs_f64()),
            quantity(bin.waiting_max as f64),
            quantity(bin.waiting as f64),
            quantity(bin.delayed as f64),
            age.unwrap_or("–".to_owned()),
        ]
    };
    let rows = thin::rows(detail.series.bins().len());
    let header = [
        "from",
        "waiting, most",
        "waiting, at its end",
        "delayed, at its end",
        "oldest",
    ];
    Table::new(&header, rows.into_iter().map(row).collect())
}

fn pool(detail: &RunDetail, stretches: &[Stretch]) -> Figure {
    let end_s = detail.end.as_secs_f64();
    let states = detail.pool.points();
    let steps = |of: fn(&PoolState) -> u32| -> Points {
        let step = |(at, state): &(Time, PoolState)| (at.as_secs_f64(), Some(f64::from(of(state))));
        let last = states
            .last()
            .map(|(_, state)| (end_s, Some(f64::from(of(state)))));
        states.iter().map(step).chain(last).collect()
    };
    let busy = stretches.iter().map(|s| (s.from_s, Some(s.busy_workers)));
    let last = stretches.last().map(|s| (end_s, Some(s.busy_workers)));
    let workers = vec![
        curve("busy", SKY, Shape::Area, busy.chain(last).collect()),
        curve(
            "wanted",
            ORANGE,
            Shape::BroadSteps,
            steps(|state| state.setting.workers),
        ),
        curve("ready", BLUE, Shape::Steps, steps(|state| state.ready)),
    ];
    let batch = curve(
        "batch size",
        GREEN,
        Shape::Steps,
        steps(|state| state.setting.batch_size),
    );
    let panels = vec![
        Panel {
            y: Axis::whole("workers", highest(&workers)),
            height: 360,
            curves: workers,
            level: None,
        },
        Panel {
            y: Axis::whole(
                "messages a batch may carry",
                highest(std::slice::from_ref(&batch)),
            ),
            height: 220,
            curves: vec![batch],
            level: None,
        },
    ];
    let changes = detail.decisions.points();
    let note = |(at, change): &(Time, SettingChange)| Note {
        at: at.as_secs_f64(),
        text: format!("{}: {}", clock(at.as_secs_f64()), described(change)),
    };
    let chart = (!states.is_empty()).then(|| Curves {
        x: x_axis(detail),
        panels,
        bands: bands(detail),
        notes: changes.iter().map(note).collect(),
    });
    let summary = pool_summary(detail);
    figure(
        "pool",
        "Workers and batch size",
        summary,
        decision_table(changes),
        chart,
    )
}

fn pool_summary(detail: &RunDetail) -> String {
    let states = detail.pool.points();
    let wanted = || states.iter().map(|(_, state)| state.setting.workers);
    let (Some(fewest), Some(most)) = (wanted().min(), wanted().max()) else {
        return "No worker was ordered.".to_owned();
    };
    let workers = if fewest == most {
        format!("{} wanted throughout", counted(most as usize, "worker"))
    } else {
        format!("Between {fewest} and {most} workers wanted")
    };
    match detail.decisions.points().len() {
        0 => format!("{workers}; the setting never changed."),
        1 => format!("{workers}; the setting changed once."),
        changes => format!("{workers}; the setting changed {changes} times."),
    }
}

/// What changed, and why: `4 → 5 workers (objective at stake)`.
fn described(change: &SettingChange) -> String {
    format!(
        "{}: {}",
        changed(change.before, change.after),
        change.reason.text
    )
}

fn changed(before: Setting, after: Setting) -> String {
    let mut parts = Vec::new();
    if before.workers != after.workers {
        parts.push(format!("workers {} → {}", before.workers, after.workers));
    }
    if before.batch_size != after.batch_size {
        parts.push(format!(
            "batch {} → {}",
            before.batch_size, after.batch_size
        ));
    }
    if before.batch_timeout != after.batch_timeout {
        let [old, new] = [before, after].map(|s| seconds(s.batch_timeout.as_secs_f64()));
        parts.push(format!("timeout {old} → {new}"));
    }
    parts.join(", ")
}

fn decision_table(changes: &[(Time, SettingChange)]) -> Table {
    let row = |i: usize| {
        let (at, change) = &changes[i];
        vec![
            (i + 1).to_string(),
            clock(at.as_secs_f64()),
            changed(change.before, change.after),
            change.reason.text.to_string(),
        ]
    };
    let rows = thin::rows(changes.len()).into_iter().map(row).collect();
    Table::new(&["no.", "at", "change", "reason"], rows)
}
