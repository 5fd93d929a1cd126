//! Where a stationary run has left its start behind: MSER-5 (White 1997, "An effective
//! truncation heuristic for bias reduction in simulation output", Simulation 69(6)).
//!
//! For stationary load only: under ramps, steps or faults there is no state to settle into,
//! and who calls this must know. Deliberately absent: the run that is measured.

use ebbtide_core::units::Time;

use crate::series::Series;

/// Observations in a batch.
const BATCH: usize = 5;

/// How many of the first `observations`, equally spaced in time, to leave out: the truncation
/// that makes the standard error of the mean of the rest smallest, in batches of five.
///
/// `None` if that is more than half of them (the run is too short to tell) or there are fewer
/// than ten batches.
#[must_use]
pub fn mser5(observations: &[f64]) -> Option<usize> {
    let batches: Vec<f64> = observations
        .chunks_exact(BATCH)
        .map(|batch| batch.iter().sum::<f64>() / BATCH as f64)
        .collect();
    if batches.len() < 10 {
        return None;
    }
    let (mut mean, mut squares) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    // From the end, adding a batch at a time (Welford 1962). The last few alone agree by luck.
    for (cut, value) in batches.iter().enumerate().rev() {
        let kept = (batches.len() - cut) as f64;
        let from_mean = value - mean;
        mean += from_mean / kept;
        squares += from_mean * (value - mean);
        let score = squares / (kept * kept);
        if kept >= BATCH as f64 && score <= best.0 {
            best = (score, cut);
        }
    }
    let (_, cut) = best;
    (cut <= batches.len() / 2).then_some(cut * BATCH)
}

/// When a stationary run with arrivals until `length` had left its start behind, by the number
/// of waiting messages and busy slots over time. `None` as for [`mser5`].
#[must_use]
pub fn settled(series: &Series, length: Time) -> Option<Time> {
    let until = (0..series.bins().len()).take_while(|index| series.start_of(index + 1) <= length);
    let levels = until.map(|index| {
        let bin = &series.bins()[index];
        let in_system = bin.waiting_time + bin.busy_slot_time;
        in_system.as_secs_f64() / series.width().as_secs_f64()
    });
    mser5(&levels.collect::<Vec<_>>()).map(|cut| series.start_of(cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Bin;
    use ebbtide_core::units::Duration;

    /// A pattern whose batches of five are all alike.
    fn steady(index: usize) -> f64 {
        [10.0, 10.5, 11.0, 10.5, 10.0][index % BATCH]
    }

    #[test]
    fn a_biased_start_is_cut_where_it_ends() {
        let biased = |index| {
            if index < 60 {
                100.0 - index as f64
            } else {
                steady(index)
            }
        };
        let observations: Vec<f64> = (0..500).map(biased).collect();
        assert_eq!(mser5(&observations), Some(60));
    }

    #[test]
    fn a_steady_run_loses_nothing_worth_having() {
        let observations: Vec<f64> = (0..500).map(steady).collect();
        assert_eq!(mser5(&observations), Some(0));
        assert_eq!(mser5(&[1.0; 100]), Some(0));
    }

    #[test]
    fn a_run_that_never_settles_is_refused() {
        let rising: Vec<f64> = (0..500).map(|index| index as f64).collect();
        assert_eq!(mser5(&rising), None);
        assert_eq!(mser5(&[1.0; 49]), None);
        assert_eq!(mser5(&[]), None);
    }

    // White's rule on ten batches, computed by hand: scores 810/100 with all, 0 without the
    // first.
    #[test]
    fn one_outlying_batch_at_the_start_is_cut() {
        let mut observations = vec![1.0; 50];
        observations[..5].fill(31.0);
        assert_eq!(mser5(&observations), Some(5));
    }

    #[test]
    fn the_bins_of_the_tail_do_not_count() {
        let width = Duration::from_secs(1);
        let bin = |level: u64| Bin {
            busy_slot_time: width * level,
            ..Bin::default()
        };
        let mut bins = vec![bin(0); 10];
        bins.extend([bin(5); 90]);
        bins.extend([bin(0); 60]);
        let series = Series::from_bins(width, bins);
        let settled = settled(&series, Time::ZERO + Duration::from_secs(100));
        assert_eq!(settled, Some(Time::ZERO + Duration::from_secs(10)));
    }
}
