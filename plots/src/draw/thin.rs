//! Thinning: long series become as many points as can be seen, and peaks stay.
//!
//! A run keeps up to 4,096 bins, a page shows some 400 columns: of each column the first, the
//! lowest, the highest and the last value are drawn, so that no spike is lost and files stay
//! small. Tables are thinned to rows that people read.

/// Columns of a curve, four drawing units each at the width of a figure.
const COLUMNS: f64 = 400.0;
/// Rows of a table.
const ROWS: usize = 60;

/// A value over time; `None` where there was nothing to measure.
pub(crate) type Points = Vec<(f64, Option<f64>)>;

/// Runs of neighbouring points without gaps, each thinned to what can be seen of it on an
/// axis that puts a point at `place` (0 to 1).
pub(crate) fn visible(
    points: &[(f64, Option<f64>)],
    place: impl Fn(f64) -> f64,
) -> Vec<Vec<(f64, f64)>> {
    let runs = points.split(|(_, value)| value.is_none());
    let known = |run: &[(f64, Option<f64>)]| -> Vec<(f64, f64)> {
        run.iter()
            .filter_map(|&(at, value)| Some((at, value?)))
            .collect()
    };
    runs.filter(|run| !run.is_empty())
        .map(|run| thinned(&known(run), &place))
        .collect()
}

/// First, lowest, highest and last point of each column, in order, each at most once.
fn thinned(run: &[(f64, f64)], place: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let column = |at: f64| (place(at) * COLUMNS) as i64;
    let mut kept = Vec::new();
    for points in run.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by_value = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
        let indices = || 0..points.len();
        let lowest = indices().min_by(by_value);
        let highest = indices().max_by(by_value);
        let mut shown: Vec<usize> = [Some(0), lowest, highest, points.len().checked_sub(1)]
            .into_iter()
            .flatten()
            .collect();
        shown.sort_unstable();
        shown.dedup();
        kept.extend(shown.into_iter().map(|i| points[i]));
    }
    kept
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

    #[test]
    fn a_spike_among_thousands_stays() {
        let mut points: Points = (0..4096).map(|i| (f64::from(i), Some(1.0))).collect();
        points[1234].1 = Some(99.0);
        let runs = visible(&points, |at| at / 4096.0);
        let [run] = runs.as_slice() else {
            panic!("no gap, {} runs", runs.len())
        };
        assert!(run.contains(&(1234.0, 99.0)));
        assert!(run.len() < 1300, "{} points", run.len());
    }

    #[test]
    fn a_gap_parts_the_line() {
        let points = [
            (0.0, Some(1.0)),
            (1.0, None),
            (2.0, Some(3.0)),
            (3.0, Some(4.0)),
        ];
        let wanted = vec![vec![(0.0, 1.0)], vec![(2.0, 3.0), (3.0, 4.0)]];
        assert_eq!(visible(&points, |at| at / 3.0), wanted);
    }

    #[test]
    fn tables_keep_their_ends() {
        let rows = rows(4096);
        assert_eq!((rows.len(), rows[0], rows[59]), (60, 0, 4095));
    }
}
