//! Thinning: long series become as many points as can be seen, and peaks stay.
//!
//! A run keeps up to 4,096 bins; drawn as one line they become a thick smear. Of levels the
//! highest of each stretch is drawn, of steps the first, lowest, highest and last value of
//! each column. Tables are thinned to rows that people read.

use std::cmp::Ordering;

/// Columns of steps, four drawing units each at the width of a figure.
const STEP_COLUMNS: f64 = 400.0;
/// Rows of a table.
pub(crate) const ROWS: usize = 60;

/// A value over time; `None` where there was nothing to measure.
pub(crate) type Points = Vec<(f64, Option<f64>)>;

/// A point that is known.
type Point = (f64, f64);

/// Runs of neighbouring points without a gap.
pub(crate) fn runs(points: &[(f64, Option<f64>)]) -> Vec<Vec<Point>> {
    let runs = points.split(|(_, value)| value.is_none());
    let known = |run: &[(f64, Option<f64>)]| -> Vec<Point> {
        let known = run.iter().filter_map(|&(at, value)| Some((at, value?)));
        known.collect()
    };
    runs.filter(|run| !run.is_empty()).map(known).collect()
}

/// `run` as steps for an axis that puts x at `place` (0 to 1): the first, lowest, highest and
/// last of each column, in order, each once.
pub(crate) fn steps(run: &[Point], place: impl Fn(f64) -> f64) -> Vec<Point> {
    let column = |at: f64| (place(at) * STEP_COLUMNS) as i64;
    run.chunk_by(|a, b| column(a.0) == column(b.0))
        .flat_map(corners)
        .collect()
}

fn corners(points: &[Point]) -> Vec<Point> {
    let by_value = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
    let indices = || 0..points.len();
    let ends = [indices().next(), indices().next_back()];
    let extremes = [indices().min_by(by_value), indices().max_by(by_value)];
    let mut shown: Vec<usize> = ends.into_iter().chain(extremes).flatten().collect();
    shown.sort_unstable();
    shown.dedup();
    shown.into_iter().map(|i| points[i]).collect()
}

/// The highest of each stretch, at its time; at most `most` points.
pub(crate) fn peaks(points: &[(f64, Option<f64>)], most: usize) -> Points {
    let joined = points.len().div_ceil(most).max(1);
    let highest = |group: &[(f64, Option<f64>)]| {
        let known = group.iter().filter(|(_, value)| value.is_some());
        known
            .copied()
            .max_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal))
    };
    let groups = points.chunks(joined);
    groups
        .map(|group| highest(group).unwrap_or(group[0]))
        .collect()
}

/// Indices of at most [`ROWS`] rows out of `len`, evenly spread, first and last included.
pub(crate) fn rows(len: usize) -> Vec<usize> {
    evenly(len, ROWS)
}

/// Indices of at most `most` (2 or more) out of `len`, evenly spread, first and last included.
pub(crate) fn evenly(len: usize, most: usize) -> Vec<usize> {
    if len <= most {
        return (0..len).collect();
    }
    (0..most).map(|i| i * (len - 1) / (most - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spiked() -> Points {
        let mut points: Points = (0..4096).map(|i| (f64::from(i), Some(1.0))).collect();
        points[1234].1 = Some(99.0);
        points
    }

    #[test]
    fn peaks_keep_the_spike_at_its_place() {
        let peaks = peaks(&spiked(), 256);
        assert_eq!(peaks.len(), 256);
        assert!(peaks.contains(&(1234.0, Some(99.0))));
    }

    #[test]
    fn thinned_steps_keep_the_spike_at_its_place() {
        let steps = steps(&runs(&spiked())[0], |at| at / 4096.0);
        assert!(steps.contains(&(1234.0, 99.0)));
        assert!(steps.len() < 1300, "{}", steps.len());
    }

    #[test]
    fn a_gap_parts_the_line() {
        let points = [
            (0.0, Some(1.0)),
            (1.0, None),
            (2.0, Some(3.0)),
            (3.0, Some(4.0)),
        ];
        assert_eq!(
            runs(&points),
            [vec![(0.0, 1.0)], vec![(2.0, 3.0), (3.0, 4.0)]]
        );
    }

    #[test]
    fn tables_keep_their_ends() {
        let rows = rows(4096);
        assert_eq!((rows.len(), rows[0], rows[59]), (60, 0, 4095));
    }
}
