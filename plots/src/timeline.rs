//! Figures over time, of one policy's first replication; a file each in `timeline/`.
//!
//! Bins are joined to at most [`POINTS`] spans before rates are taken, since a rate over a few
//! messages shows luck, not load; peaks of levels are kept. Deliberately absent: means over
//! replications, which would smooth away what happened.

mod backlog;
mod pool;
mod rates;
mod sojourn;

use ebbtide_measure::RunDetail;
use ebbtide_measure::run::FaultBand;
use ebbtide_measure::series::Bin;

use crate::draw::axis::Axis;
use crate::draw::curves::{Band, Curves, Note};
use crate::draw::panel::{Curve, Panel, Shape};
use crate::draw::thin::Points;
use crate::figure::{Figure, file_name};
use crate::input::{Course, ReportInput};
use crate::theme::Look;

/// Most points of a rate over time.
const POINTS: usize = 256;

/// The figures over time of one course.
pub(crate) fn figures(input: &ReportInput<'_>, course: &Course<'_>) -> Vec<Figure> {
    let detail = course.detail;
    let mut figures = vec![
        rates::figure(detail),
        sojourn::figure(detail),
        backlog::figure(detail),
        pool::figure(detail),
    ];
    for figure in &mut figures {
        figure.name = file_name(&figure.name, course.policy, input.results);
        figure.policy = Some(course.policy.to_owned());
        if input.compares() {
            figure.title = format!("{}: {}", figure.title, course.policy);
        }
    }
    figures
}

/// Some bins joined.
struct Span {
    from_s: f64,
    length_s: f64,
    offered: u64,
    delivered: u64,
    lost: u64,
    /// Slots with a call, on average, in workers' worth.
    busy_workers: f64,
}

/// The series in at most `most` spans.
fn spans(detail: &RunDetail, most: usize) -> Vec<Span> {
    let bins = detail.series.bins();
    let joined = bins.len().div_ceil(most).max(1);
    let span = |(index, group): (usize, &[Bin])| {
        let from_s = detail.series.start_of(index * joined).as_secs_f64();
        let sum = |of: fn(&Bin) -> u64| group.iter().map(of).sum();
        let slots = f64::from(detail.parallelism.max(1));
        let busy_s = |bin: &Bin| bin.busy_slot_time.as_secs_f64() / slots;
        let whole_s = detail.series.width().as_secs_f64() * group.len() as f64;
        // The last bin ends with the run, not with its width.
        let length_s = match detail.end.as_secs_f64() - from_s {
            left_s if left_s > 0.0 => whole_s.min(left_s),
            _ => whole_s,
        };
        Span {
            from_s,
            length_s,
            offered: sum(|bin| bin.offered),
            delivered: sum(|bin| bin.outcomes.delivered),
            lost: sum(Bin::lost),
            busy_workers: group.iter().map(busy_s).sum::<f64>() / length_s,
        }
    };
    bins.chunks(joined).enumerate().map(span).collect()
}

/// Panels over the time of the run, with its faults.
fn over_time(detail: &RunDetail, panels: Vec<Panel>, notes: Vec<Note>) -> Curves {
    let band = |fault: &FaultBand| Band {
        from: fault.from.as_secs_f64(),
        to: fault.to.as_secs_f64(),
        label: fault.label.clone(),
    };
    Curves {
        x: Axis::time(detail.end.as_secs_f64()),
        panels,
        bands: detail.faults.iter().map(band).collect(),
        notes,
        remark: None,
    }
}

fn curve(label: &str, look: Look, shape: Shape, points: Points) -> Curve {
    Curve {
        label: Some(label.to_owned()),
        look,
        shape,
        points,
    }
}

/// The place and size of the largest value, the earliest of several; `None` if there is none.
fn peak(points: &[(f64, Option<f64>)]) -> Option<(f64, f64)> {
    let known = points.iter().filter_map(|&(at, value)| Some((at, value?)));
    known.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.total_cmp(&a.0)))
}

/// The largest value of any curve; 0 if there is none.
fn highest(curves: &[Curve]) -> f64 {
    let peaks = curves.iter().filter_map(|curve| peak(&curve.points));
    peaks.map(|(_, value)| value).fold(0.0, f64::max)
}
