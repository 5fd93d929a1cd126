//! Arrivals from throughput and the growth of the backlog (`ArrivalRateEstimator`), blended with
//! a line through their past.

use std::collections::VecDeque;

use super::Settings;
use crate::units::{Duration, Time};

/// Snapshots that are kept …
const MOST_SNAPSHOTS: usize = 30;
/// … and how long.
const MOST_AGE: Duration = Duration::from_secs(300);
/// An estimate in which there is less confidence gives way to throughput.
const LEAST_CONFIDENCE: f64 = 0.5;
/// Rates that a line needs.
const LEAST_RATES: usize = 5;

/// Backlogs of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    snapshots: VecDeque<(Time, f64)>,
}

/// A line through rates.
struct Line {
    projected: f64,
    r2: f64,
}

impl Arrivals {
    /// Adds a backlog, and estimates arrivals a second.
    pub(super) fn estimate(
        &mut self,
        now: Time,
        backlog: f64,
        throughput_per_s: f64,
        settings: &Settings,
    ) -> f64 {
        self.snapshots.push_back((now, backlog));
        while (self.snapshots.front()).is_some_and(|&(at, _)| now.since(at) > MOST_AGE)
            || self.snapshots.len() > MOST_SNAPSHOTS
        {
            self.snapshots.pop_front();
        }
        if self.confidence() < LEAST_CONFIDENCE {
            return throughput_per_s;
        }
        let rate = (throughput_per_s + self.growth_per_s()).max(0.0);
        let rates = self.pairs();
        let rates: Vec<_> = rates
            .map(|(at, growth)| (at.as_secs_f64(), (throughput_per_s + growth).max(0.0)))
            .collect();
        match line(&rates, settings.horizon.as_secs_f64()) {
            Some(line) if line.r2 >= settings.min_r2 => {
                let weight = settings.forecast_weight;
                (weight * line.projected + (1.0 - weight) * rate).max(0.0)
            }
            _ => rate,
        }
    }

    /// When each pair of snapshots ended, and how fast the backlog grew within it.
    fn pairs(&self) -> impl Iterator<Item = (Time, f64)> + '_ {
        let later = self.snapshots.iter().skip(1);
        let pairs = self.snapshots.iter().zip(later);
        pairs.filter_map(|(&(begin, before), &(end, after))| {
            let seconds = end.since(begin).as_secs_f64();
            (seconds >= 0.001).then(|| (end, (after - before) / seconds))
        })
    }

    /// Growth a second: each pair weighs twice the one before it.
    fn growth_per_s(&self) -> f64 {
        let weights = (1..).map(|index| f64::powi(2.0, index));
        let (sum, weight) = (self.pairs().zip(weights))
            .fold((0.0, 0.0), |(sum, all), ((_, growth), weight)| {
                (sum + weight * growth, all + weight)
            });
        if weight > 0.0 { sum / weight } else { 0.0 }
    }

    fn confidence(&self) -> f64 {
        let (Some(&(begin, first)), Some(&(end, last))) =
            (self.snapshots.front(), self.snapshots.back())
        else {
            return 0.0;
        };
        let seconds = end.since(begin).as_secs_f64();
        if self.snapshots.len() < 2 || seconds < 1.0 {
            return 0.3;
        }
        let by_length = if (5.0..=30.0).contains(&seconds) {
            0.9
        } else if (2.0..=60.0).contains(&seconds) {
            0.7
        } else {
            0.5
        };
        let pairs = (self.snapshots.len() - 1) as f64;
        let by_count = 0.8 + 0.2 * (pairs / 3.0).min(1.0);
        let change = (last - first).abs();
        let by_change = if change < 3.0 {
            0.6
        } else {
            0.7 + 0.3 * (change / 10.0).min(1.0)
        };
        by_length * by_count * by_change
    }
}

/// Least squares through (seconds, rate), looked along `horizon_s` beyond the last.
fn line(rates: &[(f64, f64)], horizon_s: f64) -> Option<Line> {
    let last = rates.last()?.0;
    if rates.len() < LEAST_RATES {
        return None;
    }
    let count = rates.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| rates.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|rate| rate.0), mean(|rate| rate.1));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for rate in rates {
        xx += (rate.0 - x).powi(2);
        xy += (rate.0 - x) * (rate.1 - y);
        yy += (rate.1 - y).powi(2);
    }
    if xx <= 0.0 || yy <= 0.0 {
        return None;
    }
    Some(Line {
        projected: (y + xy / xx * (last + horizon_s - x)).max(0.0),
        r2: xy * xy / (xx * yy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_growth_weighs_most() {
        // Computed: (backlog, second) (0, 0) (10, 5) (30, 10) (60, 15): 4.857/s, confidence 0.9.
        let mut arrivals = Arrivals::default();
        let settings = Settings::default();
        let mut rate = 0.0;
        for (backlog, second) in [(0.0, 0), (10.0, 5), (30.0, 10), (60.0, 15)] {
            let now = Time::ZERO + Duration::from_secs(second);
            rate = arrivals.estimate(now, backlog, 1.0, &settings);
        }
        assert!((arrivals.growth_per_s() - 4.857).abs() < 1e-3);
        assert!((arrivals.confidence() - 0.9).abs() < 1e-9);
        assert!((rate - 5.857).abs() < 1e-3);
    }

    #[test]
    fn in_calm_throughput_is_all_that_is_believed() {
        let mut arrivals = Arrivals::default();
        let settings = Settings::default();
        for second in 0..40 {
            let now = Time::ZERO + Duration::from_secs(5 * second);
            let rate = arrivals.estimate(now, 2.0, 7.0, &settings);
            // The window is longer than a minute by then: 0.5 · 1 · 0.6 is no confidence.
            assert!(second < 13 || rate == 7.0);
        }
    }

    #[test]
    fn a_line_is_projected() {
        // Computed: slope 0.2, R² 0.926, 17.8 a minute on.
        let rates = [
            (0.0, 2.0),
            (5.0, 3.0),
            (10.0, 3.0),
            (15.0, 5.0),
            (20.0, 6.0),
        ];
        let line = line(&rates, 60.0).expect("five are enough");
        assert!((line.projected - 17.8).abs() < 1e-9);
        assert!((line.r2 - 0.926).abs() < 1e-3);
    }
}
