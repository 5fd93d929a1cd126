//! One figure, simulated and live, and how far the two may be apart.

use ebbtide_measure::interval::LEVEL;
use ebbtide_measure::summary::samples;
use ebbtide_measure::{Estimate, Metric, Run, Selector, Stat};
use ebbtide_policies::units::Duration;
use serde::{Serialize, Serializer};

use crate::live::Pace;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which.
    #[serde(serialize_with = "by_path")]
    pub metric: Metric,
    /// Simulated.
    pub simulated: Estimate,
    /// Live.
    pub live: Estimate,
    /// Mean of live minus simulated, as a share of simulated, over the replications that have
    /// the figure on both sides.
    pub difference: Estimate,
    /// How far they may be apart, as a share of simulated; `None`: it is shown, and not judged.
    pub limit: Option<f64>,
}

/// The figures that are compared, and how far they may be apart, as a share of the simulated.
/// The tail of a run by the clock on the wall is the machine's: a process that gets no processor
/// for some milliseconds holds up all messages of these.
pub(crate) const fn limits(pace: Pace) -> [(Metric, Option<f64>); 5] {
    let [throughput, workers, p50, tail] = match pace {
        Pace::Paused => [Some(0.02), Some(0.02), Some(0.02), Some(0.05)],
        Pace::Wall => [Some(0.05), Some(0.02), Some(0.10), None],
    };
    [
        (Metric::ThroughputPerS, throughput),
        (Metric::WorkersMean, workers),
        (Metric::Sojourn(Stat::P50), p50),
        (Metric::Sojourn(Stat::P95), tail),
        (Metric::Sojourn(Stat::P99), tail),
    ]
}

impl Row {
    /// `late` is how late a message's sender and its handler were woken, which a sojourn may be
    /// longer by besides.
    pub(crate) fn of(
        (metric, limit): (Metric, Option<f64>),
        late: Duration,
        (simulated, live): (&[Run], &[Run]),
    ) -> Self {
        let selector = Selector::total(metric);
        let (theirs, mine) = (samples(simulated, &selector), samples(live, &selector));
        let both = mine.iter().zip(&theirs);
        let both = both.filter_map(|(live, simulated)| Some((live.value?, simulated.value?)));
        let relative = |(live, simulated): (f64, f64)| match live == simulated {
            true => 0.0,
            false => live / simulated - 1.0,
        };
        let differences: Vec<f64> = both.map(relative).collect();
        let simulated = Estimate::over(&theirs, LEVEL);
        let slack = match (metric, simulated.mean) {
            (Metric::Sojourn(_), Some(mean)) if mean > 0.0 => late.as_secs_f64() / mean,
            _ => 0.0,
        };
        Self {
            metric,
            simulated,
            live: Estimate::over(&mine, LEVEL),
            difference: Estimate::of_values(&differences, LEVEL),
            limit: limit.map(|limit| limit + slack),
        }
    }

    /// Whether the figures are as close as they must be; `None`: neither side has the figure, or
    /// it is not judged.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        let limit = self.limit?;
        match (self.simulated.mean, self.live.mean, self.difference.mean) {
            (None, None, _) => None,
            (Some(_), Some(_), Some(difference)) => Some(difference.abs() <= limit),
            _ => Some(false),
        }
    }
}

/// As `results` of a report name it.
fn by_path<S: Serializer>(metric: &Metric, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(metric.path())
}
