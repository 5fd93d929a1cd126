//! Arrival rate, its uncertainty and its trend, from counts.
//!
//! A window of counts gives the mean, by as much of its end as agrees with the last seconds.
//! Whenever some newest part of the window fits its own rate so much better than the window's
//! that chance does not explain it, the rest is forgotten: a five-fold jump is seen within a
//! tick, a drift is followed within seconds, while a steady rate keeps its long window and
//! little noise. Deliberately absent: seasons (see `season`) and forecasts beyond a start-up lead.

use std::collections::VecDeque;

use super::variability::Dispersion;

/// The window is at least this long, in seconds …
const SHORTEST_WINDOW_S: f64 = 15.0;
/// … longer until it holds this many arrivals (7 % standard error) …
const WINDOW_ARRIVALS: f64 = 200.0;
/// … but not beyond this, in seconds.
const LONGEST_WINDOW_S: f64 = 60.0;
/// Shorter intervals are counted together, in seconds: each is a chance for a jump that is none.
const SHORTEST_COUNT_S: f64 = 0.099;
/// A count of an ordinary tick, in seconds, is forgotten as a whole: the window may be longer by it.
const WHOLE_COUNT_S: f64 = 1.0;
/// Counts kept apart; beyond, the oldest two become one.
const MOST_COUNTS: usize = 64;
/// Twice the log-likelihood ratio is chi-squared with one degree of freedom (Wilks 1938): 7
/// is chance once in 5,500 tests, of which there are some ten independent ones a window.
const JUMP_LOG_LIKELIHOOD: f64 = 7.0;
/// Standard errors within which a part of the window is like a shorter, newer one. With 2.25 the
/// arena costs a hundredth less, and a constant load sees more than a change of the pool a minute.
const LIKE_ERRORS: f64 = 2.8;
/// Shorter parts say nothing, in seconds.
const SHORTEST_S: f64 = 1.0;
/// Of counts that vary more than Poisson ones so much is believed there: a rate that drifts makes
/// them vary too, and shall be noticed.
const MOST_IRREGULAR: f64 = 2.0;
/// What is kept of the time before a jump: at the old rate, as long as this many arrivals take
/// at the new one. A jump is noticed when chance exaggerates it; with few arrivals this
/// tempers what is made of them, with many it is nothing.
const KEPT_ARRIVALS: f64 = 10.0;
/// Share of the standard error that a trend must exceed before its excess counts: a steady
/// rate shows more than twice by chance in one tick of forty.
const TREND_ERRORS: f64 = 2.0;

/// One count.
#[derive(Clone, Copy, Debug)]
struct Count {
    length_s: f64,
    arrivals: f64,
}

/// Estimates a rate from counts over intervals.
#[derive(Clone, Debug, Default)]
pub struct ArrivalRate {
    /// Newest last.
    window: VecDeque<Count>,
    dispersion: Dispersion,
}

/// What is believed of a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateEstimate {
    /// Arrivals per second, over the part of the window that counts.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Growth per second of the rate that chance does not explain; 0 or more.
    pub growth: f64,
    /// Length of that part, in seconds.
    pub window_s: f64,
    /// Index of dispersion of the counts.
    pub dispersion: f64,
}

impl RateEstimate {
    /// The rate expected `lead_s` seconds from now.
    #[must_use]
    pub fn ahead(&self, lead_s: f64) -> f64 {
        self.mean + self.growth * (self.window_s / 2.0 + lead_s)
    }
}

impl ArrivalRate {
    /// Takes the arrivals of an interval. One without length says nothing.
    pub fn observe(&mut self, length_s: f64, arrivals: f64) {
        if length_s <= 0.0 {
            return;
        }
        match self.window.back_mut() {
            Some(last) if last.length_s < SHORTEST_COUNT_S => {
                last.length_s += length_s;
                last.arrivals += arrivals;
            }
            _ => self.window.push_back(Count { length_s, arrivals }),
        }
        self.forget_before_a_jump();
        self.forget_what_is_old();
        let mean = self.estimate().mean;
        self.dispersion.observe(arrivals, mean * length_s);
    }

    /// The present belief; zeros before anything was observed.
    #[must_use]
    pub fn estimate(&self) -> RateEstimate {
        let (arrivals, length_s) = self.like_the_newest();
        if length_s <= 0.0 {
            return RateEstimate {
                mean: 0.0,
                error: 0.0,
                growth: 0.0,
                window_s: 0.0,
                dispersion: self.dispersion.index(),
            };
        }
        let mean = arrivals / length_s;
        let dispersion = self.dispersion.index();
        // The quarter keeps an error where nothing has arrived yet.
        let error = (dispersion.max(1.0) * (arrivals + 0.25)).sqrt() / length_s;
        RateEstimate {
            mean,
            error,
            growth: self.growth(mean, dispersion),
            window_s: length_s,
            dispersion,
        }
    }

    /// Arrivals and length of the longest newest part of the window whose rate lies within the
    /// error of every shorter one's (Lepski 1991): all of it while the rate is steady, the last
    /// seconds while it drifts.
    fn like_the_newest(&self) -> (f64, f64) {
        let (mut arrivals, mut length_s) = (0.0, 0.0);
        let (mut lowest, mut highest) = (0.0_f64, f64::INFINITY);
        let variance = self.dispersion.index().clamp(1.0, MOST_IRREGULAR);
        for count in self.window.iter().rev() {
            let (more, longer_s) = (arrivals + count.arrivals, length_s + count.length_s);
            let rate = more / longer_s;
            if !(lowest..=highest).contains(&rate) {
                break;
            }
            (arrivals, length_s) = (more, longer_s);
            if length_s >= SHORTEST_S {
                let error = LIKE_ERRORS * (variance * (arrivals + 1.0)).sqrt() / length_s;
                lowest = lowest.max(rate - error);
                highest = highest.min(rate + error);
            }
        }
        (arrivals, length_s)
    }

    fn totals(&self) -> (f64, f64) {
        (self.window.iter()).fold((0.0, 0.0), |(arrivals, length), count| {
            (arrivals + count.arrivals, length + count.length_s)
        })
    }

    /// Least-squares slope of the rate, less what chance may give it.
    fn growth(&self, mean: f64, dispersion: f64) -> f64 {
        if self.window.len() < 4 {
            return 0.0;
        }
        let (mut sum_t, mut sum_tt, mut sum_tx) = (0.0, 0.0, 0.0);
        let (mut end, mut arrivals) = (0.0, 0.0);
        for count in &self.window {
            let t = end + count.length_s / 2.0;
            end += count.length_s;
            sum_t += count.length_s * t;
            sum_tt += count.length_s * t * t;
            sum_tx += count.arrivals * t;
            arrivals += count.arrivals;
        }
        let centre = sum_t / end;
        let spread = sum_tt - sum_t * centre;
        if spread <= 0.0 {
            return 0.0;
        }
        let slope = (sum_tx - arrivals * centre) / spread;
        let error = (mean * dispersion.max(1.0) / spread).sqrt();
        (slope - TREND_ERRORS * error).max(0.0)
    }

    /// Tests every split of the window into an older and a newest part, and drops the older if
    /// the best split beats chance: log-likelihood ratio of the newest counts under their own
    /// Poisson rate against the older part's rate, over the dispersion.
    fn forget_before_a_jump(&mut self) {
        let (all, length_s) = self.totals();
        let chance = JUMP_LOG_LIKELIHOOD * self.dispersion.index().max(1.0);
        if all <= 0.0 {
            return;
        }
        let (mut arrivals, mut newest_s) = (0.0, 0.0);
        let mut best = (chance, 0);
        for (kept, count) in (1..self.window.len()).zip(self.window.iter().rev()) {
            arrivals += count.arrivals;
            newest_s += count.length_s;
            // Half an arrival more, in the time that it takes, keeps an empty past from making
            // the first arrival a jump.
            let half_s = length_s / all / 2.0;
            let older_rate = (all - arrivals + 0.5) / (length_s - newest_s + half_s);
            let expected = older_rate * newest_s;
            let log = if arrivals > 0.0 {
                arrivals * (arrivals / expected).ln()
            } else {
                0.0
            };
            let ratio = log - (arrivals - expected);
            if ratio > best.0 {
                best = (ratio, kept);
            }
        }
        if best.1 > 0 {
            self.forget_but(best.1);
        }
    }

    /// Forgets all but the newest `kept` counts and a little of the rate before them.
    fn forget_but(&mut self, kept: usize) {
        let newest = self.window.split_off(self.window.len() - kept);
        let (older_arrivals, older_s) = self.totals();
        self.window = newest;
        let (arrivals, newest_s) = self.totals();
        let kept_s = (KEPT_ARRIVALS * newest_s / arrivals.max(1.0))
            .min(newest_s)
            .min(older_s);
        self.window.push_front(Count {
            length_s: kept_s,
            arrivals: older_arrivals / older_s * kept_s,
        });
    }

    fn forget_what_is_old(&mut self) {
        let (mut arrivals, mut length_s) = self.totals();
        while let Some(&oldest) = self.window.front() {
            let rest_s = length_s - oldest.length_s;
            let enough = rest_s >= SHORTEST_WINDOW_S
                && arrivals - oldest.arrivals >= WINDOW_ARRIVALS
                || rest_s >= LONGEST_WINDOW_S;
            if !enough || self.window.len() == 1 {
                break;
            }
            self.window.pop_front();
            arrivals -= oldest.arrivals;
            length_s = rest_s;
        }
        // What was put together below is cut, since it cannot go one by one.
        if let Some(oldest) = self.window.front_mut()
            && length_s > LONGEST_WINDOW_S + oldest.length_s.min(WHOLE_COUNT_S)
        {
            let kept_s = (oldest.length_s + LONGEST_WINDOW_S - length_s).max(0.0);
            oldest.arrivals *= kept_s / oldest.length_s;
            oldest.length_s = kept_s;
        }
        if self.window.len() > MOST_COUNTS
            && let Some(oldest) = self.window.pop_front()
            && let Some(next) = self.window.front_mut()
        {
            next.length_s += oldest.length_s;
            next.arrivals += oldest.arrivals;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts that alternate around `rate`, about as Poisson ones do.
    fn steady(rate: f64, seconds: u32) -> ArrivalRate {
        let mut estimator = ArrivalRate::default();
        for k in 0..seconds {
            let noise = if k % 2 == 0 { 0.7 } else { -0.7 };
            estimator.observe(1.0, (rate + noise * rate.sqrt()).round());
        }
        estimator
    }

    #[test]
    fn knows_a_steady_rate_and_its_error() {
        let estimate = steady(100.0, 60).estimate();
        assert!((estimate.mean - 100.0).abs() < 1.0);
        assert!((estimate.error - 2.6).abs() < 0.3, "{estimate:?}");
        assert!(estimate.growth < 0.01);
    }

    #[test]
    fn sees_a_jump_either_way_within_a_tick() {
        let mut estimator = steady(100.0, 60);
        estimator.observe(1.0, 500.0);
        assert!((estimator.estimate().mean - 500.0).abs() < 30.0);
        for _ in 0..20 {
            estimator.observe(1.0, 500.0);
        }
        estimator.observe(1.0, 100.0);
        assert!((estimator.estimate().mean - 100.0).abs() < 40.0);
        estimator.observe(1.0, 100.0);
        assert!((estimator.estimate().mean - 100.0).abs() < 20.0);
    }

    #[test]
    fn half_a_tick_is_enough_for_a_jump() {
        let mut estimator = steady(100.0, 60);
        estimator.observe(0.3, 150.0);
        assert!((estimator.estimate().mean - 500.0).abs() < 30.0);
    }

    #[test]
    fn few_arrivals_are_not_taken_at_their_word() {
        let mut estimator = steady(2.0, 120);
        estimator.observe(1.0, 10.0);
        let mean = estimator.estimate().mean;
        assert!((4.0..8.0).contains(&mean), "{mean}");
    }

    /// With the whole window the mean lagged by half of it.
    #[test]
    fn a_drift_too_slow_for_a_jump_is_followed_within_seconds() {
        let mut estimator = steady(7.0, 60);
        for count in [9.0, 11.0, 13.0, 15.0, 17.0, 19.0] {
            estimator.observe(1.0, count);
        }
        let estimate = estimator.estimate();
        assert!(estimate.mean > 14.0, "{estimate:?}");
        assert!(steady(7.0, 60).estimate().window_s > 20.0);
    }

    /// What was put together beyond the counts kept apart was never forgotten.
    #[test]
    fn the_window_ends_however_short_the_intervals() {
        let mut estimator = ArrivalRate::default();
        for tick in 0..6_000 {
            estimator.observe(0.1, f64::from(u8::from(tick % 2 == 0)));
        }
        let (arrivals, length_s) = estimator.totals();
        assert!(length_s <= LONGEST_WINDOW_S + 1.0, "{length_s}");
        assert!((arrivals / length_s - 5.0).abs() < 0.5, "{arrivals}");
    }

    /// A thousand intervals a second were a thousand chances for a false jump.
    #[test]
    fn short_intervals_are_no_jumps() {
        let mut estimator = ArrivalRate::default();
        let (mut state, mut largest) = (1_u64, 0.0_f64);
        for millisecond in 0..60_000 {
            // Knuth's generator: twenty arrivals a second, by chance.
            state = state.wrapping_mul(6_364_136_223_846_793_005) + 1;
            let arrivals = f64::from(u8::from((state >> 33) % 50 == 0));
            estimator.observe(0.001, arrivals);
            if millisecond > 20_000 {
                largest = largest.max(estimator.estimate().mean);
            }
        }
        assert!(largest < 40.0, "{largest}");
    }

    #[test]
    fn a_slow_rate_gets_a_long_window() {
        let mut estimator = ArrivalRate::default();
        for k in 0..300 {
            estimator.observe(1.0, f64::from(u8::from(k % 2 == 0)));
        }
        let estimate = estimator.estimate();
        assert!(estimate.window_s >= LONGEST_WINDOW_S, "{estimate:?}");
        assert!((estimate.mean - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_gentle_ramp_is_carried_ahead() {
        let mut estimator = ArrivalRate::default();
        for second in 0..12 {
            estimator.observe(1.0, 400.0 + 6.0 * f64::from(second));
        }
        let ahead = estimator.estimate().ahead(2.0);
        assert!((440.0..490.0).contains(&ahead), "{ahead}");
    }

    #[test]
    fn a_steep_ramp_is_followed_closely() {
        let mut estimator = ArrivalRate::default();
        for second in 0..40 {
            estimator.observe(1.0, 200.0 + 20.0 * f64::from(second));
        }
        let ahead = estimator.estimate().ahead(2.0);
        assert!((900.0..1040.0).contains(&ahead), "{ahead}");
    }

    #[test]
    fn nothing_and_absurdity_stay_finite() {
        let mut estimator = ArrivalRate::default();
        assert_eq!(estimator.estimate().mean, 0.0);
        for count in [0.0, 1.8e19, 0.0, 1.8e19, 3.0] {
            estimator.observe(1e-9, count);
            estimator.observe(0.0, count);
            estimator.observe(1.8e10, count);
            let estimate = estimator.estimate();
            assert!(estimate.mean.is_finite() && estimate.error.is_finite());
            assert!(estimate.ahead(1e3).is_finite());
        }
    }
}
