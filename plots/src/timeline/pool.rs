//! Workers, and of batches what changes, as steps, and why each decision changed them.

use ebbtide_measure::run::{PoolState, SettingChange};
use ebbtide_measure::units::Time;
use ebbtide_measure::{RunDetail, Setting};

use super::{POINTS, curve, highest, over_time, spans};
use crate::draw::axis::Axis;
use crate::draw::curves::{Curves, Note};
use crate::draw::panel::{Curve, Panel, Shape};
use crate::draw::thin::{self, Points};
use crate::figure::{Chart, Figure, Table};
use crate::format::{clock, counted, seconds};
use crate::theme::{BLUE, GREEN, ORANGE, SKY};

/// Changes that are told at the figure.
const NOTES: usize = 14;

pub(super) fn figure(detail: &RunDetail) -> Figure {
    let workers = workers(detail);
    let mut panels = vec![Panel {
        y: Axis::whole("workers", highest(&workers)),
        height: 360,
        curves: workers,
        level: None,
    }];
    panels.extend(batch_size(detail));
    panels.extend(batch_timeout(detail));
    let changes = detail.decisions.points();
    let known = !detail.pool.points().is_empty();
    let title = match panels.len() {
        1 => "Workers",
        _ => "Workers and batches",
    };
    Figure {
        name: "pool".to_owned(),
        policy: None,
        title: title.to_owned(),
        summary: summary(detail),
        table: table(changes),
        chart: known.then(|| {
            let (notes, remark) = notes(changes);
            let curves = over_time(detail, panels, notes);
            Chart::Curves(Curves { remark, ..curves })
        }),
    }
}

/// Changes that are told at the figure, numbered as in the table: all, or those of the workers where there are too many,
/// or some of these, evenly spread; and a word on the others.
fn notes(changes: &[(Time, SettingChange)]) -> (Vec<Note>, Option<String>) {
    let moves = |&place: &usize| {
        let change = &changes[place].1;
        change.before.workers != change.after.workers
    };
    let all: Vec<usize> = (0..changes.len()).collect();
    let chosen: Vec<usize> = if all.len() <= NOTES {
        all
    } else {
        all.into_iter().filter(moves).collect()
    };
    let told = thin::evenly(chosen.len(), NOTES);
    let others = changes.len() - told.len();
    let which = if told.len() == chosen.len() {
        "of the batch alone"
    } else {
        "besides"
    };
    let remark =
        (others > 0).then(|| format!("Without a number: {} {which}.", counted(others, "change")));
    let note = |place: usize| {
        let (at, change) = &changes[chosen[place]];
        let (at, changed) = (at.as_secs_f64(), changed(change.before, change.after));
        Note {
            number: chosen[place] + 1,
            at,
            text: format!("at {}: {changed}: {}", clock(at), change.reason.text),
        }
    };
    (told.into_iter().map(note).collect(), remark)
}

fn workers(detail: &RunDetail) -> Vec<Curve> {
    let spans = spans(detail, POINTS);
    let busy = spans.iter().map(|s| (s.from_s, s.busy_workers));
    let end = spans
        .last()
        .map(|s| (detail.end.as_secs_f64(), s.busy_workers));
    let busy = busy.chain(end).map(|(at, busy)| (at, Some(busy)));
    let wanted = steps(detail, |state| f64::from(state.setting.workers));
    let ready = steps(detail, |state| f64::from(state.ready));
    vec![
        curve("busy slots, in workers", SKY, Shape::Area, busy.collect()),
        curve("wanted", ORANGE, Shape::BroadSteps, wanted),
        curve("ready", BLUE, Shape::Steps, ready),
    ]
}

/// What a batch may carry over time; nothing if that never changed.
fn batch_size(detail: &RunDetail) -> Option<Panel> {
    let carries = steps(detail, |state| f64::from(state.setting.batch_size));
    changes(&carries).then(|| {
        let curves = vec![curve("batch size", GREEN, Shape::Steps, carries)];
        Panel {
            y: Axis::whole("messages a batch may carry", highest(&curves)),
            height: 220,
            curves,
            level: None,
        }
    })
}

/// How long a batch waits to fill over time; nothing if that never changed.
fn batch_timeout(detail: &RunDetail) -> Option<Panel> {
    let waits = steps(detail, |state| state.setting.batch_timeout.as_secs_f64());
    changes(&waits).then(|| {
        let curves = vec![curve("batch timeout", GREEN, Shape::Steps, waits)];
        Panel {
            y: Axis::age("a batch waits to fill", highest(&curves)),
            height: 220,
            curves,
            level: None,
        }
    })
}

fn changes(points: &Points) -> bool {
    points.windows(2).any(|pair| pair[0].1 != pair[1].1)
}

/// A figure of the pool over time, up to the end of the run.
fn steps(detail: &RunDetail, of: fn(&PoolState) -> f64) -> Points {
    let states = detail.pool.points();
    let last = states.last().map(|(_, state)| (detail.end, *state));
    let all = states.iter().copied().chain(last);
    all.map(|(at, state)| (at.as_secs_f64(), Some(of(&state))))
        .collect()
}

fn summary(detail: &RunDetail) -> String {
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

/// What differs between two settings: `workers 4 → 5, batch 20 → 8`.
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

fn table(changes: &[(Time, SettingChange)]) -> Table {
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
    Table::new(&["no.", "at", "change", "reason"], rows).out_of(changes.len())
}

#[cfg(test)]
mod tests {
    use ebbtide_measure::Reason;
    use ebbtide_measure::units::Duration;

    use super::*;

    /// Changes, one a second, of the workers where `moves` says so, else of the batch.
    fn changes(count: u64, moves: impl Fn(u64) -> bool) -> Vec<(Time, SettingChange)> {
        let before = Setting {
            workers: 1,
            batch_size: 20,
            batch_timeout: Duration::ZERO,
        };
        let change = |second: u64| {
            let mut after = before;
            if moves(second) {
                after.workers = 2;
            } else {
                after.batch_size = 21;
            }
            let reason = Reason::new("steady", "so it was");
            let change = SettingChange {
                before,
                after,
                reason,
            };
            (Time::ZERO + Duration::from_secs(second), change)
        };
        (1..=count).map(change).collect()
    }

    /// It numbered 25 and told ten.
    #[test]
    fn every_number_at_the_figure_has_its_text() {
        let told = |changes: &[(Time, SettingChange)]| {
            let (notes, remark) = notes(changes);
            let numbers: Vec<usize> = notes.iter().map(|note| note.number).collect();
            (numbers, remark.unwrap_or_default())
        };
        let few = told(&changes(3, |second| second == 2));
        assert_eq!(few, (vec![1, 2, 3], String::new()));
        let many = told(&changes(30, |second| second % 10 == 5));
        let remark = "Without a number: 27 changes of the batch alone.".to_owned();
        assert_eq!(many, (vec![5, 15, 25], remark));
        let (numbers, remark) = told(&changes(100, |_| true));
        assert_eq!(
            (numbers.len(), numbers[0], numbers[NOTES - 1]),
            (NOTES, 1, 100)
        );
        assert_eq!(remark, "Without a number: 86 changes besides.");
    }
}
