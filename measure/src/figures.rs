//! The figures of one group of messages as a struct with a field each, generic over what
//! stands in the field: one run's [`Sample`], or the [`Estimate`] over replications.
//!
//! The field names are the JSON's. What does not apply to a group (the workers of a lane) is
//! `None` and absent from the JSON; what applies but may not be printed is null.
//!
//! [`Estimate`]: crate::interval::Estimate

use serde::{Deserialize, Serialize};

use crate::metric::{Metric, Stat};

/// One run's value of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The value; `None` where nothing was counted or too few lie beyond a quantile.
    pub value: Option<f64>,
    /// Whether the true value may be larger: unfinished messages are in it.
    pub at_least: bool,
}

impl Sample {
    /// A value that is known.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self {
            value: Some(value),
            at_least: false,
        }
    }
}

/// The figures of a run, an agent, a lane or a class. [`Metric`] says what each means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`Metric` documents each under the same name")]
pub struct Figures<T> {
    pub offered_per_s: T,
    pub throughput_per_s: T,
    pub success_rate: T,
    pub loss_share: T,
    pub dead_share: T,
    pub waiting_share: T,
    pub wait_s: Times<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub service_s: Option<Times<T>>,
    pub sojourn_s: Times<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub utilisation: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub workers_mean: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub workers_max: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub worker_seconds: Option<T>,
    pub lateness_s: T,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub calls: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub batch_mean: Option<T>,
    pub queue_mean: T,
    pub queue_max: T,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub scale_actions: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub events_simulated: Option<T>,
}

/// `serde`'s own default for an option asks for `T: Default`.
fn none<T>() -> Option<T> {
    None
}

/// Figures of many times, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`Stat` documents each under the same name")]
pub struct Times<T> {
    pub mean: T,
    pub p50: T,
    pub p90: T,
    pub p95: T,
    pub p99: T,
    pub p999: T,
    pub max: T,
}

impl<T> Times<T> {
    /// The times whose figures are `of` each.
    pub fn from_fn(mut of: impl FnMut(Stat) -> T) -> Self {
        Self {
            mean: of(Stat::Mean),
            p50: of(Stat::P50),
            p90: of(Stat::P90),
            p95: of(Stat::P95),
            p99: of(Stat::P99),
            p999: of(Stat::P999),
            max: of(Stat::Max),
        }
    }

    /// The figure `stat`.
    pub const fn get(&self, stat: Stat) -> &T {
        match stat {
            Stat::Mean => &self.mean,
            Stat::P50 => &self.p50,
            Stat::P90 => &self.p90,
            Stat::P95 => &self.p95,
            Stat::P99 => &self.p99,
            Stat::P999 => &self.p999,
            Stat::Max => &self.max,
        }
    }
}

impl<T> Figures<T> {
    /// The figure `metric`; `None` where it does not apply to this group.
    pub fn get(&self, metric: Metric) -> Option<&T> {
        match metric {
            Metric::OfferedPerS => Some(&self.offered_per_s),
            Metric::ThroughputPerS => Some(&self.throughput_per_s),
            Metric::SuccessRate => Some(&self.success_rate),
            Metric::LossShare => Some(&self.loss_share),
            Metric::DeadShare => Some(&self.dead_share),
            Metric::WaitingShare => Some(&self.waiting_share),
            Metric::Wait(stat) => Some(self.wait_s.get(stat)),
            Metric::Service(stat) => self.service_s.as_ref().map(|times| times.get(stat)),
            Metric::Sojourn(stat) => Some(self.sojourn_s.get(stat)),
            Metric::Utilisation => self.utilisation.as_ref(),
            Metric::WorkersMean => self.workers_mean.as_ref(),
            Metric::WorkersMax => self.workers_max.as_ref(),
            Metric::WorkerSeconds => self.worker_seconds.as_ref(),
            Metric::LatenessS => Some(&self.lateness_s),
            Metric::Calls => self.calls.as_ref(),
            Metric::BatchMean => self.batch_mean.as_ref(),
            Metric::QueueMean => Some(&self.queue_mean),
            Metric::QueueMax => Some(&self.queue_max),
            Metric::ScaleActions => self.scale_actions.as_ref(),
            Metric::EventsSimulated => self.events_simulated.as_ref(),
        }
    }

    /// The figures that apply where these do, each made from its name and present value.
    pub fn map<U>(&self, mut of: impl FnMut(Metric, &T) -> U) -> Figures<U> {
        let mut of = |metric| self.get(metric).map(|value| of(metric, value));
        let mut always = |metric| of(metric).expect("this field is not optional");
        let offered_per_s = always(Metric::OfferedPerS);
        let throughput_per_s = always(Metric::ThroughputPerS);
        let success_rate = always(Metric::SuccessRate);
        let loss_share = always(Metric::LossShare);
        let dead_share = always(Metric::DeadShare);
        let waiting_share = always(Metric::WaitingShare);
        let wait_s = Times::from_fn(|stat| always(Metric::Wait(stat)));
        let sojourn_s = Times::from_fn(|stat| always(Metric::Sojourn(stat)));
        let lateness_s = always(Metric::LatenessS);
        let queue_mean = always(Metric::QueueMean);
        let queue_max = always(Metric::QueueMax);
        let service_s = self.service_s.as_ref();
        Figures {
            offered_per_s,
            throughput_per_s,
            success_rate,
            loss_share,
            dead_share,
            waiting_share,
            wait_s,
            service_s: service_s.map(|_| Times::from_fn(|stat| always(Metric::Service(stat)))),
            sojourn_s,
            utilisation: of(Metric::Utilisation),
            workers_mean: of(Metric::WorkersMean),
            workers_max: of(Metric::WorkersMax),
            worker_seconds: of(Metric::WorkerSeconds),
            lateness_s,
            calls: of(Metric::Calls),
            batch_mean: of(Metric::BatchMean),
            queue_mean,
            queue_max,
            scale_actions: of(Metric::ScaleActions),
            events_simulated: of(Metric::EventsSimulated),
        }
    }
}
