//! Additive exponential smoothing: a level, its trend, and a season around them.

use super::Settings;

/// Level, trend and season of a series.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    level: f64,
    trend: f64,
    /// Offsets from the level by place in the season; the first two seasons as they come
    /// before there are two, empty if there is no season.
    season: Vec<f64>,
    first: Vec<f64>,
    places: usize,
    seen: usize,
}

impl Forecast {
    /// Nothing seen yet; `places` values a season, fewer than two for none.
    pub(super) fn new(places: usize) -> Self {
        Self {
            level: 0.0,
            trend: 0.0,
            season: Vec::new(),
            first: Vec::new(),
            places: if places < 2 { 0 } else { places },
            seen: 0,
        }
    }

    /// Takes the next value in.
    pub(super) fn observe(&mut self, settings: &Settings, value: f64) {
        let offset = self.offset(self.seen);
        if self.seen == 0 {
            self.level = value;
        } else {
            let level = settings.alpha * (value - offset)
                + (1.0 - settings.alpha) * (self.level + self.trend);
            let change = level - self.level;
            self.trend = settings.trend * change + (1.0 - settings.trend) * self.trend;
            self.level = level;
        }
        if self.season.is_empty() {
            self.learn_season(value);
        } else {
            let place = self.seen % self.places;
            self.season[place] =
                settings.gamma * (value - self.level) + (1.0 - settings.gamma) * offset;
        }
        self.seen += 1;
    }

    /// Starts the season once two were seen: the level is the mean of the first, the trend the
    /// mean change from one to the other.
    fn learn_season(&mut self, value: f64) {
        if self.places == 0 {
            return;
        }
        self.first.push(value);
        if self.first.len() < 2 * self.places {
            return;
        }
        let first = std::mem::take(&mut self.first);
        let (one, two) = first.split_at(self.places);
        let places = self.places as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / places;
        self.level = mean(one);
        self.trend = (mean(two) - mean(one)) / places;
        self.season = one.iter().map(|value| value - self.level).collect();
    }

    fn offset(&self, at: usize) -> f64 {
        if self.season.is_empty() {
            return 0.0;
        }
        self.season[at % self.places]
    }

    /// The value expected `steps` values from now, at least 0.
    pub(super) fn ahead(&self, steps: f64) -> f64 {
        let place = self.seen.saturating_add(steps as usize).saturating_sub(1);
        (self.level + steps * self.trend + self.offset(place)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    #[test]
    fn follows_the_computed_series() {
        let settings = Settings::default(); // 0.5, 0.1, 0.3
        let mut it = Forecast::new(2);
        for value in [10.0, 20.0, 12.0, 22.0] {
            it.observe(&settings, value);
        }
        check_near(it.level, 15.0);
        check_near(it.trend, 1.0);
        assert_eq!(it.season, [-5.0, 5.0]);
        for (forecast, value, level, trend, offset) in [
            (11.0, 12.0, 16.5, 1.05, -4.85),
            (22.55, 22.0, 17.275, 1.0225, 4.9175),
            (13.4475, 16.0, 19.57375, 1.150_125, -4.467_125),
        ] {
            check_near(it.ahead(1.0), forecast);
            let place = it.seen % 2;
            it.observe(&settings, value);
            check_near(it.level, level);
            check_near(it.trend, trend);
            check_near(it.season[place], offset);
        }
        check_near(it.ahead(1.0), 25.641_375);
    }

    #[test]
    fn without_a_season_it_is_holts_line() {
        let settings = Settings::default();
        let mut it = Forecast::new(0);
        for k in 0..200 {
            it.observe(&settings, 100.0 + 3.0 * f64::from(k));
        }
        check_near(it.ahead(4.0), 100.0 + 3.0 * 203.0);
        it.observe(&settings, 0.0);
        it.observe(&settings, 0.0);
        it.observe(&settings, 0.0);
        assert_eq!(it.ahead(1e6), 0.0, "a falling line stops at nothing");
    }
}
