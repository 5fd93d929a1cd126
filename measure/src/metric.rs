//! The figures a run is judged by: one table that gives each its path in the JSON, its word
//! in a threshold, its unit, and which way is better.
//!
//! Apart from the values, because thresholds, intervals, comparisons and plots all name a
//! figure before they read it. Deliberately absent: how a figure is computed (`ledger.rs`).

use std::fmt;

use ebbtide_policies::objective::{Measure, Objective};

use crate::books::Scope;

/// One figure of a run, of an agent, of a lane or of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Messages sent in the window, accepted or not, per second.
    OfferedPerS,
    /// Messages delivered in the window, per second.
    ThroughputPerS,
    /// Delivered ÷ offered, of the messages sent in the window.
    SuccessRate,
    /// Refused ÷ offered, of the messages sent in the window.
    LossShare,
    /// Dead-lettered ÷ messages with an outcome, of those sent in the window.
    DeadShare,
    /// Share of the messages that had to wait at all.
    WaitingShare,
    /// Sent until the first call starts.
    Wait(Stat),
    /// A call's length.
    Service(Stat),
    /// Sent until the outcome.
    Sojourn(Stat),
    /// Slots with a call ÷ slots of ready and draining workers, over time.
    Utilisation,
    /// Workers, from their order until they are gone, averaged over the window.
    WorkersMean,
    /// Most workers at once in the whole run, each from its order until it is gone.
    WorkersMax,
    /// Workers, from their order until they are gone, summed over the window.
    WorkerSeconds,
    /// Seconds beyond the objective, summed over messages.
    LatenessS,
    /// Calls started in the window.
    Calls,
    /// Messages per call to a batch agent.
    BatchMean,
    /// Waiting messages, averaged over the window.
    QueueMean,
    /// Most waiting messages at once in the whole run.
    QueueMax,
    /// Applied changes of the workers wanted.
    ScaleActions,
    /// Events that the simulator handled in the whole run.
    EventsSimulated,
}

/// One figure of many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stat {
    /// The mean.
    Mean,
    /// The median.
    P50,
    /// 90 % are shorter.
    P90,
    /// 95 % are shorter.
    P95,
    /// 99 % are shorter.
    P99,
    /// 99.9 % are shorter.
    P999,
    /// The longest.
    Max,
}

impl Stat {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Mean,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
    ];

    /// The quantile it is, if it is one.
    #[must_use]
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::Mean | Self::Max => None,
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
        }
    }
}

/// What a figure counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Per second.
    PerSecond,
    /// A share, 0–1.
    Share,
    /// A plain number.
    Count,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preference {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: it describes the load or the means.
    Neither,
}

struct Row {
    metric: Metric,
    path: &'static str,
    word: &'static str,
    unit: Unit,
    preference: Preference,
}

const fn row(
    metric: Metric,
    path: &'static str,
    word: &'static str,
    unit: Unit,
    preference: Preference,
) -> Row {
    Row {
        metric,
        path,
        word,
        unit,
        preference,
    }
}

#[rustfmt::skip]
const TABLE: [Row; 38] = {
    use Metric::*;
    use Preference::*;
    use Stat::*;
    use Unit::*;
    [
        row(OfferedPerS, "offered_per_s", "offered", PerSecond, Neither),
        row(ThroughputPerS, "throughput_per_s", "throughput", PerSecond, Higher),
        row(SuccessRate, "success_rate", "success_rate", Share, Higher),
        row(LossShare, "loss_share", "loss_share", Share, Lower),
        row(DeadShare, "dead_share", "dead_share", Share, Lower),
        row(WaitingShare, "waiting_share", "waiting_share", Share, Lower),
        row(Wait(Mean), "wait_s.mean", "mean(wait)", Seconds, Lower),
        row(Wait(P50), "wait_s.p50", "p50(wait)", Seconds, Lower),
        row(Wait(P90), "wait_s.p90", "p90(wait)", Seconds, Lower),
        row(Wait(P95), "wait_s.p95", "p95(wait)", Seconds, Lower),
        row(Wait(P99), "wait_s.p99", "p99(wait)", Seconds, Lower),
        row(Wait(P999), "wait_s.p999", "p99.9(wait)", Seconds, Lower),
        row(Wait(Max), "wait_s.max", "max(wait)", Seconds, Lower),
        row(Service(Mean), "service_s.mean", "mean(service)", Seconds, Lower),
        row(Service(P50), "service_s.p50", "p50(service)", Seconds, Lower),
        row(Service(P90), "service_s.p90", "p90(service)", Seconds, Lower),
        row(Service(P95), "service_s.p95", "p95(service)", Seconds, Lower),
        row(Service(P99), "service_s.p99", "p99(service)", Seconds, Lower),
        row(Service(P999), "service_s.p999", "p99.9(service)", Seconds, Lower),
        row(Service(Max), "service_s.max", "max(service)", Seconds, Lower),
        row(Sojourn(Mean), "sojourn_s.mean", "mean(sojourn)", Seconds, Lower),
        row(Sojourn(P50), "sojourn_s.p50", "p50(sojourn)", Seconds, Lower),
        row(Sojourn(P90), "sojourn_s.p90", "p90(sojourn)", Seconds, Lower),
        row(Sojourn(P95), "sojourn_s.p95", "p95(sojourn)", Seconds, Lower),
        row(Sojourn(P99), "sojourn_s.p99", "p99(sojourn)", Seconds, Lower),
        row(Sojourn(P999), "sojourn_s.p999", "p99.9(sojourn)", Seconds, Lower),
        row(Sojourn(Max), "sojourn_s.max", "max(sojourn)", Seconds, Lower),
        row(Utilisation, "utilisation", "utilisation", Share, Neither),
        row(WorkersMean, "workers_mean", "workers_mean", Count, Lower),
        row(WorkersMax, "workers_max", "workers_max", Count, Lower),
        row(WorkerSeconds, "worker_seconds", "worker_seconds", Seconds, Lower),
        row(LatenessS, "lateness_s", "lateness", Seconds, Lower),
        row(Calls, "calls", "calls", Count, Lower),
        row(BatchMean, "batch_mean", "batch_mean", Count, Neither),
        row(QueueMean, "queue_mean", "queue_mean", Count, Lower),
        row(QueueMax, "queue_max", "queue_max", Count, Lower),
        row(ScaleActions, "scale_actions", "scale_actions", Count, Lower),
        row(EventsSimulated, "events_simulated", "events_simulated", Count, Neither),
    ]
};

impl Metric {
    /// Every figure, in the order of the JSON.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.metric)
    }

    /// The figure at `path` of the JSON's `results`, such as `sojourn_s.p95`.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.path == path)
            .map(|row| row.metric)
    }

    /// The figure that a threshold calls `word`, such as `p95(sojourn)`, without spaces.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.word == word)
            .map(|row| row.metric)
    }

    /// The quantile it is, if it is one.
    #[must_use]
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::Wait(stat) | Self::Service(stat) | Self::Sojourn(stat) => stat.quantile(),
            _ => None,
        }
    }

    /// Whether it is the most of a run: of several runs the largest is told, and no interval.
    #[must_use]
    pub const fn is_maximum(self) -> bool {
        match self {
            Self::Wait(stat) | Self::Service(stat) | Self::Sojourn(stat) => {
                matches!(stat, Stat::Max)
            }
            Self::WorkersMax | Self::QueueMax => true,
            _ => false,
        }
    }

    /// Whether it is kept for such a part of a run: only the whole run has workers, and only
    /// it and agents have calls.
    #[must_use]
    pub const fn is_kept_for(self, scope: &Scope) -> bool {
        match self {
            Self::WorkersMean
            | Self::WorkersMax
            | Self::WorkerSeconds
            | Self::ScaleActions
            | Self::EventsSimulated => matches!(scope, Scope::Total),
            Self::Service(_) | Self::Utilisation | Self::Calls | Self::BatchMean => {
                matches!(scope, Scope::Total | Scope::Agent(_))
            }
            _ => true,
        }
    }

    /// Every figure's word, for messages about words that are none.
    pub(crate) fn vocabulary() -> String {
        let words = TABLE.iter().map(|row| row.word);
        let plain: Vec<&str> = words.filter(|word| !word.contains('(')).collect();
        format!(
            "mean, p50, p90, p95, p99, p99.9 or max of wait, service or sojourn (such as \
             p95(sojourn)), or {}",
            plain.join(", ")
        )
    }

    /// The figure that an objective limits; `None` unless its quantile is one that is kept.
    #[must_use]
    pub fn of_objective(objective: &Objective) -> Option<Self> {
        let limited = |stat: &Stat| {
            let quantile = stat.quantile();
            quantile.is_some_and(|q| (q - objective.quantile).abs() < 1e-9)
        };
        let stat = Stat::ALL.into_iter().find(limited)?;
        Some(match objective.measure {
            Measure::Wait => Self::Wait(stat),
            Measure::Sojourn => Self::Sojourn(stat),
        })
    }

    /// Where it stands in the JSON's `results`, such as `sojourn_s.p95`.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.row().path
    }

    /// What a threshold calls it, such as `p95(sojourn)`.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What it counts in.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// Which way is better.
    #[must_use]
    pub fn preference(self) -> Preference {
        self.row().preference
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.metric == self)
            .expect("the table has every metric: a test walks them")
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Figures, Sample, Times};

    #[test]
    fn every_metric_is_found_by_its_path_and_by_its_word() {
        for metric in Metric::all() {
            assert_eq!(Metric::from_path(metric.path()), Some(metric));
            assert_eq!(Metric::from_word(metric.word()), Some(metric));
        }
    }

    #[test]
    fn every_metric_names_the_field_at_its_path() {
        let figures = Figures::<Sample> {
            service_s: Some(Times::default()),
            utilisation: Some(Sample::default()),
            workers_mean: Some(Sample::default()),
            workers_max: Some(Sample::default()),
            worker_seconds: Some(Sample::default()),
            calls: Some(Sample::default()),
            batch_mean: Some(Sample::default()),
            scale_actions: Some(Sample::default()),
            events_simulated: Some(Sample::default()),
            ..Figures::default()
        };
        let place = |metric: Metric| Metric::all().position(|other| other == metric);
        let numbered = figures.map(|metric, _| place(metric));
        let json = serde_json::to_value(&numbered).expect("plain maps");
        let mut found = 0;
        for metric in Metric::all() {
            let pointer = format!("/{}", metric.path().replace('.', "/"));
            let at_path = json.pointer(&pointer).and_then(serde_json::Value::as_u64);
            assert_eq!(at_path.map(|n| n as usize), place(metric), "{pointer}");
            assert_eq!(numbered.get(metric), Some(&place(metric)));
            found += 1;
        }
        assert_eq!(found, json.to_string().matches(':').count() - 3);
    }

    #[test]
    fn an_objective_names_the_figure_it_limits() {
        let of = |text: &str| Metric::of_objective(&text.parse().expect("an objective"));
        assert_eq!(of("p95(sojourn) < 500ms"), Some(Metric::Sojourn(Stat::P95)));
        assert_eq!(of("p99.9(wait) < 1s"), Some(Metric::Wait(Stat::P999)));
        assert_eq!(of("p75(wait) < 1s"), None);
    }
}
