//! `holt-winters`: a forecast of the arrival rate, and square-root staffing for it.
//!
//! Textbook methods without one reference implementation: Holt–Winters' additive exponential
//! smoothing for the forecast (`forecast`), Halfin and Whitt (1981) for the staffing,
//! c = ⌈R + β√R⌉ slots for R erlangs of offered load. The formulas are from memory and secondary
//! sources; the computed cases hold them. No constants are published: the weights here are
//! those of the computed cases, buckets and horizon are ours.
//!
//! Mapping: arrivals are first arrivals a second in buckets; a slot is a server, so slots round
//! up to workers; the service time is call time over messages at the batch in use. The horizon
//! is a worker's start and one bucket; it staffs for the forecast or the rate of the last
//! bucket, whichever is more. Alone the method is blind to a backlog: what waits is added as
//! work to be done within `catch_up`, as Flink's autoscaler does (our addition; "0s" leaves it
//! out). The season is a day unless set, as in the products that forecast; until two of them
//! were seen there is none (Holt's method). Shrinks as soon as the forecast falls.

mod forecast;

use forecast::Forecast;
use serde::Deserialize;

use super::demand::{ServiceTimes, workers};
use super::pool::wish;
use crate::decision::Decision;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::settings::{Configured, SettingError, within};
use crate::units::Duration;

/// Service times are averaged over this long.
const SERVICE_MEMORY: Duration = Duration::from_secs(60);

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Weight of the newest bucket in the level, 0–1.
    pub alpha: f64,
    /// Weight of the newest change in the trend, 0–1.
    pub trend: f64,
    /// Weight of the newest bucket in its place of the season, 0–1.
    pub gamma: f64,
    /// Arrivals are counted over this long.
    pub bucket: Duration,
    /// Length of the season; less than two buckets: none.
    pub season: Duration,
    /// Slots beyond the load, in its square roots.
    pub beta: f64,
    /// Within which a backlog should be gone; zero: it does not count.
    pub catch_up: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alpha: 0.5,
            trend: 0.1,
            gamma: 0.3,
            bucket: Duration::from_secs(5),
            season: Duration::from_secs(86_400),
            beta: 1.0,
            catch_up: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Buckets of a season, at most what fits a week of seconds.
    fn season(&self) -> usize {
        let buckets = self.season.as_secs_f64() / self.bucket.as_secs_f64();
        buckets.round().min(604_800.0) as usize
    }
}

impl crate::settings::Settings for Settings {
    const BARE: Option<&'static str> = Some("beta");

    fn check(&self) -> Result<(), SettingError> {
        let (hour, week) = (Duration::from_secs(3_600), Duration::from_secs(604_800));
        within("alpha", self.alpha, 0.0..=1.0)?;
        within("trend", self.trend, 0.0..=1.0)?;
        within("gamma", self.gamma, 0.0..=1.0)?;
        within("bucket", self.bucket, Duration::from_millis(10)..=hour)?;
        within("season", self.season, Duration::ZERO..=week)?;
        within("beta", self.beta, 0.0..=100.0)?;
        within("catch_up", self.catch_up, Duration::ZERO..=hour)
    }
}

/// Servers for `load` erlangs: ⌈R + β√R⌉; none without load.
fn staffed(load: f64, beta: f64) -> f64 {
    // A load that is whole but for rounding is whole.
    (load + beta * load.sqrt() - 1e-9).ceil()
}

/// Staffs for the forecast.
#[derive(Clone, Debug)]
pub struct HoltWinters {
    settings: Settings,
    service: ServiceTimes,
    forecast: Forecast,
    /// The bucket that fills: its seconds and arrivals.
    bucket: (f64, f64),
    /// Arrivals a second that were last staffed for; `None` before the first bucket.
    rate: Option<f64>,
}

impl Configured for HoltWinters {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self {
            settings,
            service: ServiceTimes::new(SERVICE_MEMORY),
            forecast: Forecast::new(settings.season()),
            bucket: (0.0, 0.0),
            rate: None,
        }
    }
}

impl HoltWinters {
    /// Takes the arrivals in; forecasts anew at the end of a bucket.
    fn note_arrivals(&mut self, seen: &Observation) {
        self.bucket.0 += seen.interval.as_secs_f64();
        self.bucket.1 += seen.flow.arrivals as f64;
        let bucket_s = self.settings.bucket.as_secs_f64();
        // Ticks end on the nanosecond, buckets of a tenth of a second may not.
        if self.bucket.0 < bucket_s - 1e-9 {
            return;
        }
        let (length_s, arrivals) = std::mem::take(&mut self.bucket);
        let rate = arrivals / length_s;
        self.forecast.observe(&self.settings, rate);
        let ahead = 1.0 + (seen.worker_start.as_secs_f64() / bucket_s).ceil();
        self.rate = Some(self.forecast.ahead(ahead).max(rate));
    }
}

impl Policy for HoltWinters {
    fn name(&self) -> &str {
        "holt-winters"
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.service.observe(observation);
        self.note_arrivals(observation);
        let (Some(rate), Some(service_s)) = (self.rate, self.service.mean()) else {
            let present = f64::from(observation.setting.workers);
            return wish(
                present,
                observation,
                "no bucket is full yet, or no call has ended",
            );
        };
        let catch_up_s = self.settings.catch_up.as_secs_f64();
        let backlog = if catch_up_s > 0.0 {
            observation.queue.waiting as f64 / catch_up_s
        } else {
            0.0
        };
        let load = (rate + backlog) * service_s;
        let slots = staffed(load, self.settings.beta);
        let why = format!("{slots} slots for a load of {load:.1}, {rate:.1} arrivals a second");
        wish(workers(slots, observation), observation, why)
    }
}

#[cfg(test)]
mod tests;
