//! Running statistics of the limiters: an average that starts as a plain mean, a median that is
//! averaged, and a correlation over a window.

use std::collections::VecDeque;

/// Samples over which an average is a plain mean, and pairs below which a correlation is none:
/// ten in Netflix's limits and in failsafe-go.
const WARM_UP: usize = 10;
/// A series that varies by less than 1 % correlates with nothing (failsafe-go).
const LEAST_VARIATION: f64 = 0.01;

/// An exponential average with the weight 2 / (age + 1), a plain mean of its first ten values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Average {
    count: usize,
    /// The average; 0 before the first value.
    pub(crate) value: f64,
}

impl Average {
    /// An average past its start.
    #[cfg(test)]
    pub(crate) fn warm(value: f64) -> Self {
        Self {
            count: WARM_UP,
            value,
        }
    }

    /// Takes a value in and returns the average.
    pub(crate) fn add(&mut self, value: f64, age: f64) -> f64 {
        let weight = if self.count < WARM_UP {
            self.count += 1;
            1.0 / self.count as f64
        } else {
            2.0 / (age + 1.0)
        };
        self.value += (value - self.value) * weight;
        self.value
    }
}

/// Values of which the median is taken, and the age of the average of the medians (failsafe-go).
const SMOOTHED: usize = 5;

/// The median of the last five values, averaged; a value as it is before there are five.
#[derive(Clone, Debug, Default)]
pub(crate) struct Smoothed {
    last: VecDeque<f64>,
    average: Average,
}

impl Smoothed {
    /// Takes a value in and returns what is left of it.
    pub(crate) fn add(&mut self, value: f64) -> f64 {
        self.last.push_back(value);
        if self.last.len() > SMOOTHED {
            self.last.pop_front();
        }
        let mut sorted = Vec::from_iter(self.last.iter().copied());
        sorted.sort_unstable_by(f64::total_cmp);
        let is_full = sorted.len() == SMOOTHED;
        let median = sorted.get(SMOOTHED / 2).filter(|_| is_full);
        self.average
            .add(median.copied().unwrap_or(value), SMOOTHED as f64)
    }
}

/// Pearson's correlation of the latest pairs of two series.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    most: usize,
    pairs: VecDeque<(f64, f64)>,
}

impl Correlation {
    /// Over the `most` latest pairs.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            pairs: VecDeque::new(),
        }
    }

    /// Adds a pair; returns the correlation and the second series' coefficient of variation,
    /// both 0 before there are ten pairs.
    pub(crate) fn add(&mut self, x: f64, y: f64) -> (f64, f64) {
        if self.pairs.len() >= self.most {
            self.pairs.pop_front();
        }
        self.pairs.push_back((x, y));
        if self.pairs.len() < WARM_UP {
            return (0.0, 0.0);
        }
        let n = self.pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.pairs.iter().map(of).sum::<f64>() / n;
        let (mean_x, mean_y) = (mean(|it| it.0), mean(|it| it.1));
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (x, y) in &self.pairs {
            xx += (x - mean_x).powi(2) / n;
            yy += (y - mean_y).powi(2) / n;
            xy += (x - mean_x) * (y - mean_y) / n;
        }
        let (cv_x, cv_y) = (xx.sqrt() / mean_x, yy.sqrt() / mean_y);
        if !cv_x.is_finite() || !cv_y.is_finite() {
            return (0.0, 0.0);
        }
        if cv_x < LEAST_VARIATION || cv_y < LEAST_VARIATION {
            return (0.0, cv_y);
        }
        (xy / (xx.sqrt() * yy.sqrt()), cv_y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_a_mean_at_first() {
        let mut it = Average::default();
        for k in 1..=10 {
            it.add(f64::from(k), 9.0);
        }
        assert!((it.value - 5.5).abs() < 1e-12);
        assert!((it.add(10.5, 9.0) - 6.5).abs() < 1e-12);
    }

    /// After `should smooth and filter RTTs` of failsafe-go.
    #[test]
    fn values_are_filtered_once_there_are_five() {
        let mut it = Smoothed::default();
        let last = [0.1, 0.3, 0.2, 0.2, 0.25].map(|value| it.add(value))[4];
        assert!((last - 0.2).abs() < 1e-12);
    }

    #[test]
    fn lines_correlate_and_constants_do_not() {
        let [mut up, mut down, mut flat] = [(); 3].map(|()| Correlation::new(50));
        for k in 1..10 {
            assert_eq!(up.add(f64::from(k), f64::from(2 * k)), (0.0, 0.0));
            down.add(f64::from(k), f64::from(100 - k));
            flat.add(f64::from(k), 7.0);
        }
        assert!((up.add(10.0, 20.0).0 - 1.0).abs() < 1e-9);
        assert!((down.add(10.0, 90.0).0 + 1.0).abs() < 1e-9);
        assert_eq!(flat.add(10.0, 7.0), (0.0, 0.0));
    }

    #[test]
    fn old_pairs_leave_the_window() {
        let mut it = Correlation::new(10);
        for k in 0..10 {
            it.add(f64::from(k), f64::from(k));
        }
        for k in 0..9 {
            it.add(f64::from(k), f64::from(100 - k));
        }
        assert!((it.add(9.0, 91.0).0 + 1.0).abs() < 1e-9);
    }
}
