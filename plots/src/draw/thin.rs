//! Thinning: long series become as many points as can be seen, and peaks stay.
//!
//! A run keeps up to 4,096 bins; drawn as one line they become a thick smear. A dense line is
//! drawn as its median by column, with the spread from lowest to highest shaded behind. Steps
//! keep of each column the first, lowest, highest and last value. Tables are thinned to rows
//! that people read.

/// Points from which on a line is dense.
pub(crate) const DENSE: usize = 600;
/// Columns of a dense line.
const COLUMNS: f64 = 200.0;
/// Columns of steps, four drawing units each at the width of a figure.
const STEP_COLUMNS: f64 = 400.0;
/// Rows of a table.
pub(crate) const ROWS: usize = 60;

/// A value over time; `None` where there was nothing to measure.
pub(crate) type Points = Vec<(f64, Option<f64>)>;

/// A point that is known.
type Point = (f64, f64);

/// Neighbouring points without a gap, thinned.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) line: Vec<Point>,
    /// The outline of what lies between the lowest and the highest; empty unless dense.
    pub(crate) spread: Vec<Point>,
}

/// `points` as lines for an axis that puts x at `place` (0 to 1).
pub(crate) fn lines(points: &[(f64, Option<f64>)], place: impl Fn(f64) -> f64) -> Vec<Stretch> {
    let stretch = |run: Vec<Point>| {
        if run.len() < DENSE {
            Stretch {
                line: run,
                spread: Vec::new(),
            }
        } else {
            dense(&run, &place)
        }
    };
    runs(points).map(stretch).collect()
}

/// `points` as steps for an axis that puts x at `place` (0 to 1).
pub(crate) fn steps(points: &[(f64, Option<f64>)], place: impl Fn(f64) -> f64) -> Vec<Stretch> {
    let column = |at: f64| (place(at) * STEP_COLUMNS) as i64;
    let stretch = |run: Vec<Point>| Stretch {
        line: run
            .chunk_by(|a, b| column(a.0) == column(b.0))
            .flat_map(corners)
            .collect(),
        spread: Vec::new(),
    };
    runs(points).map(stretch).collect()
}

fn runs(points: &[(f64, Option<f64>)]) -> impl Iterator<Item = Vec<Point>> {
    let runs = points.split(|(_, value)| value.is_none());
    let known = |run: &[(f64, Option<f64>)]| -> Vec<Point> {
        let known = run.iter().filter_map(|&(at, value)| Some((at, value?)));
        known.collect()
    };
    runs.filter(|run| !run.is_empty()).map(known)
}

/// The median of each column, and the outline of lowest and highest.
fn dense(run: &[Point], place: impl Fn(f64) -> f64) -> Stretch {
    let column = |at: f64| (place(at) * COLUMNS) as i64;
    let (mut line, mut high, mut low) = (Vec::new(), Vec::new(), Vec::new());
    for points in run.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let middle = points[last / 2].0;
        line.push((middle, values[last / 2]));
        high.push((middle, values[last]));
        low.push((middle, values[0]));
    }
    high.extend(low.into_iter().rev());
    Stretch { line, spread: high }
}

/// First, lowest, highest and last of some points, in order, each once.
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

/// Indices of at most [`ROWS`] rows out of `len`, evenly spread, first and last included.
pub(crate) fn rows(len: usize) -> Vec<usize> {
    if len <= ROWS {
        return (0..len).collect();
    }
    (0..ROWS).map(|i| i * (len - 1) / (ROWS - 1)).collect()
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
    fn a_dense_line_is_its_median_and_its_spread_keeps_the_spike() {
        let stretches = lines(&spiked(), |at| at / 4096.0);
        let line: Vec<f64> = stretches[0].line.iter().map(|point| point.1).collect();
        assert_eq!(line, vec![1.0; 200]);
        assert!(stretches[0].spread.iter().any(|point| point.1 == 99.0));
    }

    #[test]
    fn thinned_steps_keep_the_spike_at_its_place() {
        let stretches = steps(&spiked(), |at| at / 4096.0);
        assert!(stretches[0].line.contains(&(1234.0, 99.0)));
        assert!(stretches[0].line.len() < 1300);
    }

    #[test]
    fn a_gap_parts_the_line() {
        let points = [
            (0.0, Some(1.0)),
            (1.0, None),
            (2.0, Some(3.0)),
            (3.0, Some(4.0)),
        ];
        let found: Vec<_> = lines(&points, |at| at / 3.0)
            .into_iter()
            .map(|stretch| stretch.line)
            .collect();
        assert_eq!(found, [vec![(0.0, 1.0)], vec![(2.0, 3.0), (3.0, 4.0)]]);
    }

    #[test]
    fn tables_keep_their_ends() {
        let rows = rows(4096);
        assert_eq!((rows.len(), rows[0], rows[59]), (60, 0, 4095));
    }
}
