//! Runs of the main job that never were, made by hand.
//!
//! Plots know nothing of brokers, so nor do their tests; numbers are plausible, no more.

use ebbtide_measure::compare::Comparison;
use ebbtide_measure::run::{CurvePoint, Curves, FaultBand, PoolState, RunDetail, SettingChange};
use ebbtide_measure::series::{Bin, Series, SojournBin, SojournSeries};
use ebbtide_measure::steps::Steps;
use ebbtide_measure::units::{Duration, Time};
use ebbtide_measure::{
    Estimate, Outcomes, PolicyResults, Reason, Report, Results, Setting, ThresholdResult,
    ThresholdVerdict, Verdict,
};
use ebbtide_plots::{Course, ReportInput};

/// An experiment with all that a report is made from.
pub(crate) struct Experiment {
    pub(crate) results: Report,
    pub(crate) courses: Vec<(String, RunDetail)>,
    pub(crate) note: String,
    pub(crate) headline: String,
    pub(crate) warnings: Vec<String>,
}

impl Experiment {
    /// Hands the experiment to `with` as plots take it.
    pub(crate) fn with<T>(&self, with: impl FnOnce(&ReportInput<'_>) -> T) -> T {
        let course = |(policy, detail)| Course { policy, detail };
        let courses: Vec<_> = self
            .courses
            .iter()
            .map(|(p, d)| course((p.as_str(), d)))
            .collect();
        with(&ReportInput {
            results: &self.results,
            courses: &courses,
            note: &self.note,
            headline: &self.headline,
            command: "ebbtide simulate remote-agents --policy adaptive,remote --out run",
            warnings: &self.warnings,
        })
    }
}

pub(crate) fn at(secs: f64) -> Time {
    Time::ZERO + Duration::from_secs_f64(secs)
}

/// Something like luck: between −1 and 1, the same each time.
fn luck(index: usize) -> f64 {
    ((index as f64 * 12.9898).sin() * 43_758.545).fract()
}

/// Messages per second of the main job, 11 minutes long.
fn load(at_s: f64) -> f64 {
    match at_s {
        s if s < 180.0 => 100.0,
        s if s < 300.0 => 500.0,
        s if s < 480.0 => 250.0,
        s if s < 540.0 => 1000.0,
        _ => 100.0,
    }
}

pub(crate) fn setting(workers: u32, batch_size: u32) -> Setting {
    Setting {
        workers,
        batch_size,
        batch_timeout: Duration::from_millis(if batch_size > 10 { 100 } else { 0 }),
    }
}

/// The main job in `bins` bins under a policy that is `factor` times as slow as the best.
pub(crate) fn main_job(bins: usize, factor: f64) -> RunDetail {
    let end_s = 660.0;
    let width_s = end_s / bins as f64;
    RunDetail {
        warm_up: Time::ZERO,
        length: at(end_s),
        end: at(end_s),
        parallelism: 10,
        objective: Some("p95(sojourn) < 500ms".parse().expect("an objective")),
        faults: vec![FaultBand {
            label: "write: brown-out".to_owned(),
            from: at(360.0),
            to: at(400.0),
        }],
        series: series(bins, width_s, factor),
        sojourns: sojourns(bins, width_s, factor),
        pool: pool(),
        decisions: decisions(),
        curves: curves(factor),
    }
}

fn series(bins: usize, width_s: f64, factor: f64) -> Series {
    let mut all: Vec<Bin> = Vec::new();
    for i in 0..bins {
        let at_s = i as f64 * width_s;
        let rate = load(at_s);
        let hard = rate > 600.0 && factor > 2.0;
        let offered = (rate * width_s * (1.0 + 0.1 * luck(i))) as u64;
        let lost = if hard { offered / 4 } else { 0 };
        let waiting = if hard {
            9_000
        } else {
            (rate * 0.02 * (1.0 + luck(i))) as u64
        };
        let outcomes = Outcomes {
            delivered: offered - lost,
            expired: lost,
            ..Outcomes::default()
        };
        let workers = (rate / 200.0).ceil() as u32;
        let tick = i % 4 == 0 && waiting > 0;
        all.push(Bin {
            offered,
            outcomes,
            waiting,
            waiting_max: waiting + waiting / 3,
            delayed: if (360.0..420.0).contains(&at_s) {
                40
            } else {
                0
            },
            oldest_wait: tick.then(|| Duration::from_secs_f64(waiting as f64 / rate)),
            busy_slot_time: Duration::from_secs_f64(f64::from(workers) * width_s * 6.0),
            busy_worker_time: Duration::from_secs_f64(f64::from(workers) * width_s * 0.8),
            ready: workers,
            wanted: workers,
            batch_size: 10,
            ..Bin::default()
        });
    }
    Series::from_bins(Duration::from_secs_f64(width_s), all)
}

fn sojourns(bins: usize, width_s: f64, factor: f64) -> SojournSeries {
    let bin = |i: usize| {
        let rate = load(i as f64 * width_s);
        let base = factor * 0.06 * (rate / 100.0).powf(0.4) * (1.0 + 0.2 * luck(i));
        let time = |times: f64| Some(Duration::from_secs_f64(base * times));
        SojournBin {
            count: (rate * width_s) as u64,
            unfinished: 0,
            p50: time(1.0),
            p95: time(2.2),
            p99: time(3.1),
            max: time(5.0),
        }
    };
    SojournSeries {
        width: Duration::from_secs_f64(width_s),
        bins: (0..bins).map(bin).collect(),
    }
}

fn pool() -> Steps<PoolState> {
    let state = |at_s: f64, wanted, ready, batch| {
        let state = PoolState {
            setting: setting(wanted, batch),
            starting: u32::saturating_sub(wanted, ready),
            ready,
            draining: 0,
        };
        (at(at_s), state)
    };
    Steps::from_points(vec![
        state(0.0, 5, 5, 20),
        state(3.0, 2, 2, 8),
        state(14.0, 1, 1, 8),
        state(181.0, 3, 1, 10),
        state(182.0, 3, 3, 10),
        state(310.0, 2, 2, 6),
        state(481.0, 5, 2, 20),
        state(482.0, 5, 5, 20),
        state(550.0, 2, 2, 8),
        state(560.0, 1, 1, 4),
    ])
}

fn decisions() -> Steps<SettingChange> {
    let change = |at_s: f64, before: (u32, u32), after: (u32, u32), text: &'static str| {
        let change = SettingChange {
            before: setting(before.0, before.1),
            after: setting(after.0, after.1),
            reason: Reason {
                code: "made-up".into(),
                text: text.into(),
            },
        };
        (at(at_s), change)
    };
    let fell = "the load fell to 104 /s; one worker fewer is predicted to hold 212 ms";
    Steps::from_points(vec![
        change(3.0, (5, 20), (2, 8), fell),
        change(14.0, (2, 8), (1, 8), fell),
        change(
            181.0,
            (1, 8),
            (3, 10),
            "the objective is at stake: 1.1 s predicted with 1 worker",
        ),
        change(310.0, (3, 10), (2, 6), fell),
        change(
            481.0,
            (2, 6),
            (5, 20),
            "the objective is at stake: 4.2 s predicted with 2 workers",
        ),
        change(550.0, (5, 20), (2, 8), fell),
        change(560.0, (2, 8), (1, 4), fell),
    ])
}

fn curves(factor: f64) -> Curves {
    let messages = 188_000.0;
    let point = |i: usize| {
        let quantile = 1.0 - 10f64.powf(-(i as f64) * 5.0 / 120.0);
        let tail = -(1.0 - quantile).ln();
        CurvePoint {
            quantile: if i == 120 { 1.0 } else { quantile },
            value: Duration::from_secs_f64(factor * (0.02 + 0.05 * tail)),
            beyond: (messages * (1.0 - quantile)) as u64,
            at_least: false,
        }
    };
    let sojourn: Vec<_> = (0..=120).map(point).collect();
    Curves {
        wait: sojourn.clone(),
        service: sojourn.clone(),
        sojourn,
    }
}

pub(crate) fn estimate(mean: f64, half: f64) -> Estimate {
    Estimate {
        mean: Some(mean),
        ci_low: Some(mean - half),
        ci_high: Some(mean + half),
        at_least: false,
    }
}

/// Results of a policy `factor` times as slow as the best.
pub(crate) fn results(factor: f64) -> Results {
    let mut results = Results::default();
    let total = &mut results.total;
    let lost = if factor > 2.0 { 51_200 } else { 0 };
    total.counts.accepted = 1_880_412;
    total.counts.outcomes.delivered = 1_880_412 - lost - 17;
    total.counts.outcomes.expired = lost;
    total.counts.outcomes.dead_lettered = 17;
    total.counts.refused = if factor > 3.0 { 120 } else { 0 };
    let figures = &mut total.figures;
    figures.sojourn_s.p50 = estimate(0.032 * factor, 0.000_4);
    figures.sojourn_s.p95 = estimate(0.157 * factor, 0.004);
    figures.sojourn_s.p99 = estimate(0.188 * factor, 0.009);
    figures.throughput_per_s = estimate(284.9, 0.8);
    figures.success_rate = estimate(0.999_99 - lost as f64 / 1_880_412.0, 0.000_01);
    figures.lateness_s = estimate(12.0 * factor, 3.0);
    figures.workers_mean = Some(estimate(2.3 / factor, 0.1));
    figures.workers_max = Some(Estimate {
        mean: Some((6.0 / factor).ceil()),
        ..Estimate::default()
    });
    figures.worker_seconds = Some(estimate(1518.0, 20.0));
    figures.utilisation = Some(estimate(0.62, 0.01));
    figures.batch_mean = Some(estimate(6.4, 0.2));
    figures.scale_actions = Some(estimate(7.0, 0.0));
    for agent in ["lookup", "rank", "write"] {
        let mut group = results.total.clone();
        group.figures.workers_mean = None;
        group.figures.workers_max = None;
        group.figures.worker_seconds = None;
        group.figures.scale_actions = None;
        results.by_agent.insert(agent.to_owned(), group);
    }
    results
}

pub(crate) fn report(scenario: &str, policies: Vec<PolicyResults>) -> Report {
    Report {
        schema: 1,
        engine_version: "0.1.0".to_owned(),
        scenario: scenario.to_owned(),
        seed: 42,
        wall_s: 1.5,
        first: policies[0].clone(),
        policies,
        comparisons: Vec::new(),
        thresholds: Vec::new(),
    }
}

/// The main job under `names`, each slower than the one before, in `bins` bins.
pub(crate) fn experiment(names: &[&str], bins: usize) -> Experiment {
    let factor = |i: usize| 1.0 + 0.6 * i as f64;
    let entry = |(i, name): (usize, &&str)| PolicyResults::new(*name, 10, results(factor(i)));
    let mut results = report(
        "remote-agents",
        names.iter().enumerate().map(entry).collect(),
    );
    results.comparisons = comparisons(names);
    results.thresholds = vec![
        threshold(
            "p95(sojourn) < 500ms",
            ThresholdVerdict::Pass,
            0.5,
            estimate(0.157, 0.004),
        ),
        threshold(
            "success_rate > 0.999",
            ThresholdVerdict::Pass,
            0.999,
            estimate(0.99999, 1e-5),
        ),
        threshold(
            "p99(sojourn, agent=rank) < 190ms",
            ThresholdVerdict::Inconclusive,
            0.19,
            estimate(0.188, 0.009),
        ),
    ];
    let course = |(i, name): (usize, &&str)| ((*name).to_owned(), main_job(bins, factor(i)));
    Experiment {
        results,
        courses: names.iter().enumerate().map(course).collect(),
        note: "Three agents, equal shares; the load rises from 100/s to 1000/s and falls again.\n\
               Look at how workers follow the load, and at what the batch does to the median."
            .to_owned(),
        headline: "adaptive holds p95(sojourn) < 500ms (157 ± 4 ms) with 2.3 workers on average; \
                   remote uses 5"
            .to_owned(),
        warnings: Vec::new(),
    }
}

fn threshold(
    expect: &str,
    verdict: ThresholdVerdict,
    limit: f64,
    value: Estimate,
) -> ThresholdResult {
    ThresholdResult {
        expect: expect.to_owned(),
        verdict,
        limit,
        value,
        margin: value.mean.map(|mean| 1.0 - mean / limit),
    }
}

/// Every pair in three figures, from clear to unsure.
fn comparisons(names: &[&str]) -> Vec<Comparison> {
    let metrics = ["p95(sojourn)", "worker_seconds", "success_rate"];
    let mut all = Vec::new();
    for metric in metrics {
        for (i, policy) in names.iter().enumerate() {
            for (j, against) in names.iter().enumerate().skip(i + 1) {
                let mean = match metric {
                    "p95(sojourn)" => -0.4 * (j - i) as f64,
                    "worker_seconds" => 3.0 * (j - i) as f64 - 3.1,
                    _ => 0.001,
                };
                let verdict = match metric {
                    "p95(sojourn)" => Verdict::Better,
                    "worker_seconds" if mean > 0.2 => Verdict::Worse,
                    "worker_seconds" => Verdict::Unsure,
                    _ => Verdict::Tie,
                };
                all.push(Comparison {
                    policy: (*policy).to_owned(),
                    against: (*against).to_owned(),
                    metric: metric.to_owned(),
                    difference: estimate(mean, 0.1),
                    relative: estimate(mean, 0.15 * mean.abs()),
                    p_value: Some(0.0012),
                    verdict,
                });
            }
        }
    }
    all
}
