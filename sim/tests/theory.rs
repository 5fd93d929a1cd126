//! A few cases of queueing theory, cheap and at loose tolerance, so that a broken simulator is
//! seen in seconds; `ebbtide validate` tries all of them with sharp ones.
//!
//! Values are of textbooks' formulas, worked out beside each. A figure passes if its 99.9 %
//! interval over replications covers the value and is narrower than the tolerance.

use ebbtide_measure::summary::{estimate, summarise};
use ebbtide_measure::{Detail, Selector};
use ebbtide_policies::units::Duration;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::files::Files;
use ebbtide_sim::{Monitor, Plan, Sinks};
use rayon::prelude::*;

const REPLICATIONS: u32 = 16;
const LEVEL: f64 = 0.999;

/// The broker of theory: nothing that protects, no limit, no tick.
const BROKER: &str = r#"
    policy: "fixed", max_workers: 100, reserve: 0, bulkhead: "off", breaker: "off",
    retry_budget: "off", call_timeout_ms: 31536000000, control_interval_ms: 31536000000,
    lane_max_wait_ms: (critical: "off", high: "off", normal: "off", low: "off", bulk: "off"),
    delivery_parallelism: 1, batch_timeout_ms: 0"#;

/// Runs `length` of this traffic and broker, the first tenth not counted, and compares figures
/// with values, each with its relative tolerance.
#[track_caller]
fn check(length_s: u64, scenario: &str, broker: &str, expected: &[(&str, f64, f64)]) {
    let text =
        format!("(run: (length: \"{length_s}s\"), {scenario}, broker: ({BROKER}, {broker}))");
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let warm_up = Duration::from_secs(length_s / 10);
    let monitor = Monitor::default();
    let runs: Vec<_> = (0..REPLICATIONS)
        .into_par_iter()
        .filter_map(|number| {
            let sinks = Sinks::default();
            replicate(&plan, 0, number, warm_up, Detail::Summary, &sinks, &monitor)
        })
        .collect();
    let outcomes = summarise(&runs).total.counts.outcomes;
    assert_eq!(outcomes.unfinished, 0, "the tail is long enough");
    for &(figure, value, tolerance) in expected {
        let selector: Selector = figure.parse().unwrap_or_else(|error| panic!("{error}"));
        let found = estimate(&runs, &selector, LEVEL);
        let (mean, half) = (found.mean, found.half_width());
        let (mean, half) = mean
            .zip(half)
            .unwrap_or_else(|| panic!("{figure} has no value"));
        eprintln!("{figure}: {mean:.5} ± {half:.5}, theory {value:.5}");
        assert!(
            half <= tolerance * value,
            "{figure}: ± {half} is too wide for {value}"
        );
        assert!(
            (mean - value).abs() <= half.max(tolerance * value / 10.0),
            "seed 1: {figure} is {mean} ± {half}, not {value}"
        );
    }
}

fn poisson(rate: &str, call: &str) -> String {
    format!(
        "traffic: [(arrivals: Poisson(\"{rate}\"), classes: [(name: \"a\", to: Agent(\"it\"))])],
         agents: [(name: \"it\", {call})]"
    )
}

/// ρ = 0.5: W = ρ / (μ − λ) = 0.5 / (100 − 50); P95 of sojourn = ln 20 / (μ − λ); Lq = ρ²/(1 − ρ).
#[test]
fn mm1_wait_matches_the_formula() {
    let expected = [
        ("mean(wait)", 0.01, 0.05),
        ("p95(sojourn)", 20_f64.ln() / 50.0, 0.05),
        ("waiting_share", 0.5, 0.03),
        ("utilisation", 0.5, 0.03),
        ("queue_mean", 0.5, 0.06),
    ];
    let traffic = poisson("50/s", "call: Exponential(\"10ms\")");
    check(600, &traffic, "num_workers: 1", &expected);
}

/// Five workers at ρ = 0.8, a = 4: Erlang C is 0.554113 (Erlang B 0.199067, C = B / (1 − ρ(1 − B))),
/// W = C / (cμ − λ).
#[test]
fn mm5_wait_matches_erlang_c() {
    let c = 0.554_112_554;
    let expected = [
        ("waiting_share", c, 0.05),
        ("mean(wait)", c / (50.0 - 40.0), 0.1),
        ("utilisation", 0.8, 0.03),
    ];
    let traffic = poisson("40/s", "call: Exponential(\"100ms\")");
    check(2_500, &traffic, "num_workers: 5", &expected);
}

/// Pollaczek–Khinchine with constant calls: half of M/M/1's wait, ρ / (2 (μ − λ)) at ρ = 0.7.
#[test]
fn md1_wait_is_half_of_mm1s() {
    let expected = [("mean(wait)", 0.7 / (2.0 * 30.0), 0.05)];
    let traffic = poisson("70/s", "call: Constant(\"10ms\")");
    check(200, &traffic, "num_workers: 1", &expected);
}

/// M/M/2/2: two slots, no places, a = 2: B = (a²/2) / (1 + a + a²/2) = 2 / 5.
#[test]
fn a_bound_of_none_loses_what_erlang_b_says() {
    let expected = [
        ("loss_share", 0.4, 0.03),
        ("throughput", 12.0, 0.03),
        ("utilisation", 0.6, 0.03),
    ];
    let traffic = poisson("20/s", "call: Exponential(\"100ms\")");
    check(
        600,
        &traffic,
        "num_workers: 2, max_queue_size: 0",
        &expected,
    );
}

/// Messages in threes: M^[X]/M/1 with a batch of 3 at ρ = 0.6. The sojourn's mean is
/// (1 + (3 − 1)/2) / (μ − λ) with λ counted in messages: L = ρ (1 + K)/2 / (1 − ρ) = 3 messages,
/// by Little 3 / 60 s.
#[test]
fn arrivals_in_threes_wait_as_the_formula_says() {
    let expected = [
        ("mean(sojourn)", 3.0 / 60.0, 0.06),
        ("utilisation", 0.6, 0.03),
    ];
    let traffic = "
        traffic: [(
            arrivals: BatchPoisson(rate: \"20/s\", size: Constant(3)),
            classes: [(name: \"a\", to: Agent(\"it\"))],
        )],
        agents: [(name: \"it\", call: Exponential(\"10ms\"))]";
    check(300, traffic, "num_workers: 1", &expected);
}

/// Bulk service of up to two at once, a server that starts with whoever is there, and calls whose
/// length does not depend on their size (Bailey 1954): λ = μ = 100/s. With n waiting while busy,
/// the balance `2 pₙ = pₙ₋₁ + pₙ₊₂` has pₙ = p₀ rⁿ with `r³ − 2r + 1 = 0`, so `r = (√5 − 1)/2`; idle
/// is p₀ too, and all of them sum to 1: `p₀ (1 + 1/(1 − r)) = 1`. Lq = p₀ r/(1 − r)².
#[test]
fn a_server_that_takes_two_at_once_matches_bulk_service_theory() {
    let r = (5_f64.sqrt() - 1.0) / 2.0;
    let p_0 = 1.0 / (1.0 + 1.0 / (1.0 - r));
    let queue = p_0 * r / (1.0 - r).powi(2);
    let expected = [
        ("queue_mean", queue, 0.06),
        ("mean(wait)", queue / 100.0, 0.06),
        ("utilisation", 1.0 - p_0, 0.03),
    ];
    let traffic = poisson(
        "100/s",
        "per_call: \"10ms\", per_item: Constant(\"0s\"), noise: Exponential",
    );
    check(150, &traffic, "num_workers: 1, batch_size: 2", &expected);
}

/// Two strict classes of 30/s each at one server of 100/s (Cobham 1954): W₀ = ρ/μ = 0.6 / 100;
/// the high lane waits W₀ / (1 − ρ₁), the low one W₀ / ((1 − ρ₁)(1 − ρ)).
#[test]
fn strict_priority_waits_match_cobham() {
    let w_0 = 0.006;
    let expected = [
        ("mean(wait, lane=high)", w_0 / 0.7, 0.05),
        ("mean(wait, lane=low)", w_0 / (0.7 * 0.4), 0.06),
    ];
    let traffic = "
        traffic: [
            (arrivals: Poisson(\"30/s\"),
             classes: [(name: \"h\", to: Agent(\"it\"), lane: high)]),
            (arrivals: Poisson(\"30/s\"),
             classes: [(name: \"l\", to: Agent(\"it\"), lane: low)]),
        ],
        agents: [(name: \"it\", call: Exponential(\"10ms\"))]";
    check(
        300,
        traffic,
        "num_workers: 1, discipline: Strict",
        &expected,
    );
}
