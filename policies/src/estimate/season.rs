//! Loads that come back: after what period, and how far that can be relied on.
//!
//! Each count of arrivals is held against that of one period before, for every period that there may be. The one that
//! fits best says how the rate will change from here: as it did then. So much of such a change is believed as of those
//! forecast lately has come true beyond what the trend had told, less what chance explains: a load without a season, or
//! one whose season breaks off, is left to its trend. Deliberately absent: periods of hours. Against a start-up of
//! seconds a load that changes over hours is steady, and its trend says as much.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::arrival_rate::RateEstimate;

/// Length of a count, in seconds: an ordinary control interval.
const COUNT_S: f64 = 1.0;
/// Counts kept: two of the longest periods, and more of shorter ones.
const MOST_COUNTS: usize = 800;
/// So many more are kept for a while, since they are forgotten together.
const FORGOTTEN: usize = 200;
/// More arrivals in an interval are absurd, and would drown all others in sums.
const MOST_ARRIVALS: f64 = 1e9;
/// A longer interval is a rest: what is beyond the ticks that core makes up after one. With a season that is trusted nobody
/// rests, so that none is lost.
const REST_S: f64 = 60.0;
/// Periods held against each other, in counts.
const PERIODS: RangeInclusive<usize> = 2..=400;
/// A shorter one is noise to a pool that takes a second to change.
const SHORTEST_PERIOD: usize = 8;
/// A period stands out if its misfit is below this share of some shorter one's. Any load is like what it was a moment ago;
/// one with a season is less so at some time between.
const STANDS_OUT: f64 = 0.5;
/// A period is known once this share of it has come back.
const COME_BACK: f64 = 0.5;
/// Of two that fit alike the shorter has come back more often: a longer one must fit better, by this power of the
/// periods' ratio.
const SHORTER: f64 = 0.2;
/// So many past periods are averaged, and this much around a moment, in counts: 24 counts have a fifth of one's noise.
const AVERAGED: u32 = 8;
const SMOOTHED: f64 = 3.0;
/// Forecasts are judged no more counts ahead than this.
const MOST_AHEAD: usize = 120;
/// What is kept of misfits each count: about eight minutes are remembered, more than the longest period.
const KEEP: f64 = 1.0 - 1.0 / 512.0;
/// What is kept of the record with each count of which more was foretold than noise.
const KEEP_TOLD: f64 = 1.0 - 1.0 / 128.0;

/// Watches one agent's arrivals for a season.
#[derive(Clone, Debug, Default)]
pub struct Season {
    /// Arrivals in all by the end of each count, newest last; the first is where they begin.
    totals: Vec<f64>,
    /// The count under way: its seconds, its arrivals.
    open_s: f64,
    open: f64,
    /// By period, how far counts were from those of one period before.
    misfits: Vec<Misfit>,
    /// The period that fits best, in counts.
    period: Option<usize>,
    /// Forecasts of the counts to come, soonest first.
    forecasts: VecDeque<Forecast>,
    record: Record,
}

/// Squares of what came less what came before, and how many; fading.
#[derive(Clone, Copy, Debug, Default)]
struct Misfit {
    squares: f64,
    counts: f64,
}

/// Arrivals of a count that is to come.
#[derive(Clone, Copy, Debug)]
struct Forecast {
    by_trend: f64,
    /// What the season adds.
    change: f64,
}

/// How changes forecast agreed with what came; sums of squares and products, fading.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    changes: f64,
    agreed: f64,
    noise: f64,
}

impl Season {
    /// Takes the arrivals of an interval, what is believed of the rate after it, and how far ahead forecasts are used.
    pub fn observe(&mut self, length_s: f64, arrivals: f64, rate: &RateEstimate, ahead_s: f64) {
        let is_silent = self.totals.is_empty() && arrivals <= 0.0;
        if length_s <= 0.0 || is_silent {
            return;
        }
        if length_s > REST_S || arrivals > MOST_ARRIVALS {
            *self = Self::default();
            return;
        }
        let (per_s, known) = (arrivals / length_s, self.totals.len());
        let mut rest_s = length_s;
        while rest_s > 0.0 {
            let part_s = rest_s.min(COUNT_S - self.open_s);
            self.open += per_s * part_s;
            self.open_s += part_s;
            rest_s -= part_s;
            if self.open_s >= COUNT_S - 1e-9 {
                self.close();
            }
        }
        if self.totals.len() > known {
            self.forget_what_is_old();
            self.period = self.best_period();
            self.foretell(rate, ahead_s);
        }
    }

    /// The rate expected in `ahead_s` seconds: by the trend, and by the season as far as it has come true by more than
    /// `errors` standard errors.
    #[must_use]
    pub fn ahead(&self, rate: &RateEstimate, ahead_s: f64, errors: f64) -> f64 {
        let by_trend = rate.ahead(ahead_s);
        let trust = self.trust(errors);
        if trust <= 0.0 {
            return by_trend;
        }
        by_trend + trust * self.change(rate, ahead_s)
    }

    /// Share of what the season foretells that comes true, by more than `errors` standard errors; from 0 to 1.
    #[must_use]
    pub fn trust(&self, errors: f64) -> f64 {
        self.record.trust(errors)
    }

    /// The period that fits best, in seconds.
    #[must_use]
    pub fn period_s(&self) -> Option<f64> {
        self.period.map(|counts| counts as f64 * COUNT_S)
    }

    /// Ends the count under way.
    fn close(&mut self) {
        let came = std::mem::take(&mut self.open);
        self.open_s = 0.0;
        if let Some(forecast) = self.forecasts.pop_front() {
            self.record.take(forecast, came);
        }
        self.compare(came);
        if self.totals.is_empty() {
            self.totals.push(0.0);
        }
        let before = self.totals[self.totals.len() - 1];
        self.totals.push(before + came);
    }

    /// Holds what came against what came before, smoothed, for every period.
    fn compare(&mut self, came: f64) {
        self.misfits.resize(PERIODS.count(), Misfit::default());
        let shortest = *PERIODS.start();
        let Some(latest) = self.totals.len().checked_sub(shortest + 1) else {
            return;
        };
        // Three counts from each of these on: the one of the period before in their midst.
        let froms = self.totals[..latest].iter().rev();
        let untils = self.totals[..latest + 3].iter().rev();
        for ((from, until), misfit) in froms.zip(untils).zip(&mut self.misfits) {
            let before = (until - from) / 3.0;
            misfit.squares = KEEP * misfit.squares + (came - before) * (came - before);
            misfit.counts = KEEP * misfit.counts + 1.0;
        }
    }

    fn forget_what_is_old(&mut self) {
        if self.totals.len() > MOST_COUNTS + FORGOTTEN {
            self.totals.drain(..FORGOTTEN);
            let first = self.totals[0];
            self.totals.iter_mut().for_each(|total| *total -= first);
        }
    }

    fn best_period(&self) -> Option<usize> {
        let known = self.totals.len() as f64 / (1.0 + COME_BACK);
        let fits = PERIODS.zip(&self.misfits);
        let (mut worst, mut best) = (0.0_f64, None::<(usize, f64)>);
        for (period, misfit) in fits.take_while(|(period, _)| (*period as f64) < known) {
            let fit = misfit.squares / misfit.counts.max(1.0);
            worst = worst.max(fit);
            if period < SHORTEST_PERIOD || fit >= STANDS_OUT * worst {
                continue;
            }
            let is_better = |(shorter, best): (usize, f64)| {
                fit < best && fit * (period as f64 / shorter as f64).powf(SHORTER) < best
            };
            if best.is_none_or(is_better) {
                best = Some((period, fit));
            }
        }
        best.map(|(period, _)| period)
    }

    /// Forecasts the counts to come, each as far ahead as forecasts are used.
    fn foretell(&mut self, rate: &RateEstimate, ahead_s: f64) {
        // Whole and small by the clamp.
        let far = (ahead_s / COUNT_S).ceil().clamp(1.0, MOST_AHEAD as f64) as usize;
        while self.forecasts.len() < far {
            let middle = self.forecasts.len() as f64 + 0.5;
            let at_s = middle * COUNT_S - self.open_s;
            self.forecasts.push_back(Forecast {
                by_trend: rate.ahead(at_s) * COUNT_S,
                change: self.change(rate, at_s) * COUNT_S,
            });
        }
    }

    /// By how much the rate will be other in `at_s` seconds than its trend says, if it changes as it did one period
    /// before.
    fn change(&self, rate: &RateEstimate, at_s: f64) -> f64 {
        let Some(period) = self.period.map(|counts| counts as f64) else {
            return 0.0;
        };
        let now = (self.totals.len() - 1) as f64 + self.open_s / COUNT_S;
        let at = now + at_s / COUNT_S;
        // What is believed of the present rate is its mean over this.
        let window = rate.window_s.max(COUNT_S) / COUNT_S;
        let change_after = |ago: f64| {
            let then = self.mean(at - SMOOTHED / 2.0 - ago, at + SMOOTHED / 2.0 - ago)?;
            Some(then - self.mean(now - window - ago, now - ago)?)
        };
        // The latest periods whose part of this is past already.
        let first = ((at_s / COUNT_S + SMOOTHED / 2.0) / period).ceil().max(1.0);
        let changes =
            (0..AVERAGED).map_while(|more| change_after((first + f64::from(more)) * period));
        let (sum, count) = changes.fold((0.0, 0.0), |(sum, count), it| (sum + it, count + 1.0));
        if count == 0.0 {
            return 0.0;
        }
        (rate.mean + sum / count / COUNT_S).max(0.0) - rate.ahead(at_s)
    }

    /// Arrivals a count from one time until another, in counts since the first that is kept; `None` outside.
    fn mean(&self, from: f64, until: f64) -> Option<f64> {
        let total = |at: f64| {
            // Not negative, and whole.
            let before = *self.totals.get(at.floor() as usize)?;
            let after = *self.totals.get(at.ceil() as usize)?;
            Some(before + (after - before) * at.fract())
        };
        (from >= 0.0).then_some(())?;
        Some((total(until)? - total(from)?) / (until - from))
    }
}

impl Record {
    /// A count of which no more was foretold than noise says nothing of the season, and makes nobody forget.
    fn take(&mut self, forecast: Forecast, came: f64) {
        if forecast.change * forecast.change < forecast.by_trend.max(1.0) {
            return;
        }
        let agreed = forecast.change * (came - forecast.by_trend);
        self.changes = KEEP_TOLD * self.changes + forecast.change.powi(2);
        self.agreed = KEEP_TOLD * self.agreed + agreed;
        self.noise = KEEP_TOLD * self.noise + agreed * agreed;
    }

    /// Least squares.
    fn trust(&self, errors: f64) -> f64 {
        let sure = self.agreed - errors * self.noise.sqrt();
        if sure > 0.0 {
            (sure / self.changes).min(1.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::arrival_rate::ArrivalRate;

    /// A start-up and an interval.
    const AHEAD_S: f64 = 2.0;

    /// Counts by second, and what is believed after them.
    #[derive(Default)]
    struct Watch {
        rate: ArrivalRate,
        season: Season,
    }

    impl Watch {
        fn observe(&mut self, length_s: f64, arrivals: f64) {
            self.rate.observe(length_s, arrivals);
            let rate = self.rate.estimate();
            self.season.observe(length_s, arrivals, &rate, AHEAD_S);
        }

        fn ahead(&self, ahead_s: f64) -> f64 {
            self.season.ahead(&self.rate.estimate(), ahead_s, 1.0)
        }
    }

    /// Noise about as large as chance makes it, always the same.
    fn noisy(rate: f64, second: u32) -> f64 {
        // A step of SplitMix64 (Steele et al. 2014).
        let mut bits = u64::from(second).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let noise = ((bits >> 40) as f64 / f64::from(1 << 23)) - 1.0;
        (rate + 1.7 * noise * rate.sqrt()).round().max(0.0)
    }

    /// Ten a second, and sixty in twelve seconds of each minute.
    fn busy_minutes(second: u32) -> f64 {
        noisy(if second % 60 < 12 { 60.0 } else { 10.0 }, second)
    }

    fn after(seconds: u32, count: impl Fn(u32) -> f64) -> Watch {
        let mut watch = Watch::default();
        (0..seconds).for_each(|second| watch.observe(1.0, count(second)));
        watch
    }

    #[test]
    fn what_comes_back_is_foreseen_both_ways() {
        let before_it_rises = after(479, busy_minutes);
        assert_eq!(before_it_rises.season.period_s(), Some(60.0));
        assert!(
            before_it_rises.ahead(2.0) > 35.0,
            "{}",
            before_it_rises.ahead(2.0)
        );
        let before_it_falls = after(491, busy_minutes);
        assert!(
            before_it_falls.ahead(2.0) < 35.0,
            "{}",
            before_it_falls.ahead(2.0)
        );
        let in_between = after(510, busy_minutes).ahead(2.0);
        assert!((7.0..13.0).contains(&in_between), "{in_between}");
    }

    #[test]
    fn without_a_season_the_trend_is_left_alone() {
        let loads: [fn(u32) -> f64; 4] = [
            |second| noisy(30.0, second),
            |second| noisy(f64::from(second) / 10.0, second),
            |second| noisy(if second < 300 { 10.0 } else { 50.0 }, second),
            // Steps at times that follow no clock.
            |second| {
                noisy(
                    if (second * second / 977) % 3 == 0 {
                        60.0
                    } else {
                        10.0
                    },
                    second,
                )
            },
        ];
        for (number, load) in loads.into_iter().enumerate() {
            let (mut watch, mut off) = (Watch::default(), 0.0);
            for second in 0..900 {
                watch.observe(1.0, load(second));
                let trend = watch.rate.estimate().ahead(2.0);
                off += (watch.ahead(2.0) - trend).abs() / trend.max(1.0) / 900.0;
            }
            assert!(off < 0.01, "load {number} is off by {off} on the mean");
        }
    }

    #[test]
    fn a_season_that_breaks_off_is_soon_forgotten() {
        let mut watch = after(600, busy_minutes);
        (600..720).for_each(|second| watch.observe(1.0, noisy(10.0, second)));
        // Once it has failed to come twice.
        let foreseen = (720..900).map(|second| {
            watch.observe(1.0, noisy(10.0, second));
            watch.ahead(2.0)
        });
        let most = foreseen.fold(0.0, f64::max);
        assert!(most < 25.0, "{most}");
    }

    #[test]
    fn a_timetable_is_foreseen_where_the_load_stops_in_between() {
        let watch = after(539, |second| {
            f64::from(u8::from(second % 90 < 12)) * noisy(30.0, second)
        });
        assert_eq!(watch.rate.estimate().mean, 0.0);
        assert!(watch.ahead(2.0) > 10.0, "{}", watch.ahead(2.0));
    }

    #[test]
    fn what_is_rare_is_remembered_until_it_comes_back() {
        for period in [120, 240, 360] {
            let burst = |second| noisy(if second % period < 12 { 60.0 } else { 10.0 }, second);
            let watch = after(6 * period - 1, burst);
            let trust = watch.season.trust(1.0);
            assert!(trust > 0.4, "every {period} s: {trust}");
        }
    }

    #[test]
    fn a_start_up_may_be_longer_than_the_period() {
        let watch = after(479, busy_minutes);
        let (soon, later) = (watch.ahead(2.0), watch.ahead(62.0));
        assert!(
            (soon - later).abs() < 0.1 * soon,
            "{soon}, a minute later {later}"
        );
    }

    #[test]
    fn a_rest_has_no_season() {
        let mut watch = after(600, busy_minutes);
        watch.observe(36_000.0, 0.0);
        assert_eq!(
            (watch.season.period_s(), watch.season.trust(0.0)),
            (None, 0.0)
        );
    }

    #[test]
    fn one_absurd_count_is_outlived() {
        let mut watch = after(10, busy_minutes);
        watch.observe(1.0, 1.8e19);
        (11..3_000).for_each(|second| watch.observe(1.0, busy_minutes(second)));
        assert_eq!(watch.season.period_s(), Some(60.0));
    }

    #[test]
    fn intervals_may_be_of_any_length() {
        let (mut short, mut long) = (Watch::default(), Watch::default());
        for second in 0..600 {
            let part = busy_minutes(second) / 4.0;
            (0..4).for_each(|_| short.observe(0.25, part));
            if second % 2 == 1 {
                long.observe(2.0, busy_minutes(second - 1) + busy_minutes(second));
            }
        }
        for watch in [short, long] {
            let period_s = watch.season.period_s().expect("a minute");
            assert!((period_s - 60.0).abs() <= 1.0, "{period_s}");
        }
    }

    #[test]
    fn nothing_and_absurdity_stay_finite() {
        let mut watch = Watch::default();
        for _ in 0..50 {
            for count in [0.0, 1.8e19, 0.0, 3.0] {
                for length_s in [1e-9, 0.0, 1.0, 1.8e10] {
                    watch.observe(length_s, count);
                    assert!(watch.ahead(1e3).is_finite());
                }
            }
        }
    }
}
