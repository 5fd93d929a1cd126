//! Unit tests of arrival processes: rates, gaps, batches, bursts, replays.

use super::*;
use crate::files::{FileKind, Named};

const SEED: u64 = 3;

fn read(text: &str) -> Arrivals {
    ron::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn files(kind: FileKind, content: &str) -> Files {
    let mut files = Files::default();
    let named = Named {
        path: "file.csv".to_owned(),
        kind,
    };
    files
        .add(&named, content.as_bytes())
        .unwrap_or_else(|error| panic!("{error}"));
    files
}

/// Seconds at which a process sends within `length_s`.
fn times_of(text: &str, files: &Files, length_s: u64) -> Vec<f64> {
    let end = Time::ZERO + Duration::from_secs(length_s);
    let started = read(text).start(files, Streams::new(SEED, 0), 0, end);
    let mut process = started.expect("an open process");
    let mut times = Vec::new();
    while let Some(at) = process.next().filter(|at| *at < end) {
        times.push(at.as_secs_f64());
    }
    assert!(times.is_sorted(), "{text} goes back in time");
    times
}

fn times(text: &str, length_s: u64) -> Vec<f64> {
    times_of(text, &Files::default(), length_s)
}

fn count(times: &[f64], from: f64, to: f64) -> f64 {
    times.iter().filter(|at| (from..to).contains(*at)).count() as f64
}

/// Within five standard deviations of a Poisson count.
#[track_caller]
fn poisson(found: f64, wanted: f64) {
    assert!(
        (found - wanted).abs() < 5.0 * wanted.sqrt() + 1e-9,
        "{found} is not near {wanted}"
    );
}

fn gaps(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn mean_and_cv2(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
    (mean, square / (mean * mean) - 1.0)
}

/// Variance over mean of counts in windows of a second: 1 for Poisson.
fn dispersion(times: &[f64], length_s: u64) -> f64 {
    let mut counts = vec![0.0; length_s as usize];
    for at in times {
        counts[*at as usize] += 1.0;
    }
    let (mean, cv2) = mean_and_cv2(&counts);
    cv2 * mean
}

#[test]
fn deterministic_times_do_not_drift() {
    let times = times(r#"Deterministic("3/s")"#, 1000);
    assert_eq!(times.len(), 2999);
    assert_eq!(times[0], 0.333_333_333);
    assert_eq!(times[2], 1.0);
    assert_eq!(times[2996], 999.0);
}

#[test]
fn poisson_gaps_are_exponential() {
    let times = times(r#"Poisson("100/s")"#, 1000);
    poisson(times.len() as f64, 100_000.0);
    let (mean, cv2) = mean_and_cv2(&gaps(&times));
    assert!(
        (mean - 0.01).abs() < 0.0002 && (cv2 - 1.0).abs() < 0.05,
        "{mean} {cv2}"
    );
    let dispersion = dispersion(&times, 1000);
    assert!((dispersion - 1.0).abs() < 0.25, "{dispersion}");
}

#[test]
fn renewal_gaps_have_their_distribution() {
    let times = times(r#"Renewal(Gamma(mean: "10ms", cv2: 4))"#, 1000);
    let (mean, cv2) = mean_and_cv2(&gaps(&times));
    assert!(
        (mean - 0.01).abs() < 0.0005 && (cv2 - 4.0).abs() < 0.4,
        "{mean} {cv2}"
    );
}

#[test]
fn batches_come_together() {
    let times = times(r#"BatchPoisson(rate: "10/s", size: Constant(5))"#, 1000);
    for batch in times.chunks(5) {
        assert!(batch.iter().all(|at| *at == batch[0]));
    }
    poisson(times.len() as f64 / 5.0, 10_000.0);
    let geometric = self::times(r#"BatchPoisson(rate: "10/s", size: Geometric(6))"#, 4000);
    let mut starts = geometric.clone();
    starts.dedup();
    poisson(starts.len() as f64, 40_000.0);
    let mean = geometric.len() as f64 / starts.len() as f64;
    assert!((mean - 6.0).abs() < 0.15, "{mean}");
    let ones = self::times(r#"BatchPoisson(rate: "10/s", size: Geometric(1))"#, 100);
    let mut starts = ones.clone();
    starts.dedup();
    assert_eq!(starts, ones);
}

#[test]
fn phases_follow_one_another() {
    let times = times(
        r#"Phases([("100/s", "60s"), ("0/s", "30s"), ("1000/s", "10s")])"#,
        200,
    );
    poisson(count(&times, 0.0, 60.0), 6_000.0);
    poisson(count(&times, 60.0, 90.0), 0.0);
    poisson(count(&times, 90.0, 100.0), 10_000.0);
    poisson(count(&times, 100.0, 200.0), 0.0);
}

#[test]
fn a_ramp_goes_up_or_down_evenly_and_then_stays() {
    let up = times(r#"Ramp(from: "0/s", to: "100/s", over: "100s")"#, 200);
    poisson(count(&up, 0.0, 50.0), 1_250.0);
    poisson(count(&up, 50.0, 100.0), 3_750.0);
    poisson(count(&up, 100.0, 200.0), 10_000.0);
    let down = times(r#"Ramp(from: "100/s", to: "0/s", over: "100s")"#, 200);
    poisson(count(&down, 0.0, 50.0), 3_750.0);
    poisson(count(&down, 50.0, 100.0), 1_250.0);
    poisson(count(&down, 100.0, 200.0), 0.0);
}

#[test]
fn a_day_has_a_crest_and_a_trough() {
    let text = r#"Diurnal(mean: "100/s", amplitude: 0.8, period: "100s")"#;
    let wave = times(text, 1000);
    poisson(wave.len() as f64, 100_000.0);
    // Half a wave holds 1 ± 2·amplitude/π of its share.
    let half = |from: f64| {
        let halves = (0..10).map(|day| f64::from(day) * 100.0 + from);
        halves
            .map(|from| count(&wave, from, from + 50.0))
            .sum::<f64>()
    };
    poisson(half(0.0), 50_000.0 * (1.0 + 1.6 / std::f64::consts::PI));
    poisson(half(50.0), 50_000.0 * (1.0 - 1.6 / std::f64::consts::PI));
    let text = r#"Diurnal(mean: "100/s", amplitude: 1, period: "100s", phase: "50s")"#;
    poisson(
        count(&times(text, 100), 0.0, 50.0),
        5_000.0 * (1.0 - 2.0 / std::f64::consts::PI),
    );
}

#[test]
fn bursts_come_at_the_start_of_each_interval_but_the_first() {
    let text = r#"Bursts(base: "10/s", burst: "500/s", every: "100s", length: "10s")"#;
    let times = times(text, 1000);
    poisson(count(&times, 0.0, 100.0), 1_000.0);
    for interval in 1..10 {
        let begun = f64::from(interval) * 100.0;
        poisson(count(&times, begun, begun + 10.0), 5_000.0);
        poisson(count(&times, begun + 10.0, begun + 100.0), 900.0);
    }
}

#[test]
fn a_modulated_process_is_burstier_than_poisson() {
    let text = r#"Mmpp([("300/s", "2s"), ("50/s", "4s")])"#;
    let times = times(text, 10_000);
    let rate = times.len() as f64 / 10_000.0;
    assert!((rate - 400.0 / 3.0).abs() < 5.0, "{rate}");
    assert!(dispersion(&times, 10_000) > 20.0);
}

#[test]
fn a_series_is_followed_at_any_speed_and_load() {
    let files = files(FileKind::Series, "t_s,rate_per_s\n0,10\n600,40\n1200,0\n");
    let text = r#"Series(file: "file.csv", speed: 10, load: 5)"#;
    let times = times_of(text, &files, 300);
    poisson(count(&times, 0.0, 60.0), 3_000.0);
    poisson(count(&times, 60.0, 120.0), 12_000.0);
    assert_eq!(count(&times, 120.0, 300.0), 0.0);
}

#[test]
fn clients_have_their_own_rate_and_variability() {
    let mut content = "t_s,class,rate_per_s,cv,gaps\n".to_owned();
    for window in 0..10 {
        let begun = window * 600;
        content.push_str(&format!("{begun},a,5,3,gamma\n"));
        if window % 2 == 1 {
            content.push_str(&format!("{begun},b,20,0.5,weibull\n"));
        }
    }
    let files = files(FileKind::Series, &content);
    let end = Time::ZERO + Duration::from_secs(6_000);
    let started = read(r#"Series(file: "file.csv")"#).start(&files, Streams::new(SEED, 0), 0, end);
    let mut process = started.expect("an open process");
    let mut by_class = [Vec::new(), Vec::new()];
    while let Some(at) = process.next() {
        let class = process.row().and_then(|row| row.class).expect("named");
        by_class[class as usize].push(at.as_secs_f64());
    }
    let (mean, cv2) = mean_and_cv2(&gaps(&by_class[0]));
    assert!(
        (mean - 0.2).abs() < 0.02 && (cv2 - 9.0).abs() < 1.5,
        "{mean} {cv2}"
    );
    assert_eq!(count(&by_class[1], 0.0, 600.0), 0.0);
    let window: Vec<f64> = by_class[1]
        .iter()
        .copied()
        .filter(|at| (600.0..1200.0).contains(at))
        .collect();
    let (mean, cv2) = mean_and_cv2(&gaps(&window));
    assert!(
        (mean - 0.05).abs() < 0.001 && (cv2 - 0.25).abs() < 0.03,
        "{mean} {cv2}"
    );
}

#[test]
fn a_trace_is_thinned_or_repeated_evenly() {
    let rows: String = (0..20_000).map(|n| format!("{n},10\n")).collect();
    let files = files(FileKind::Trace, &format!("t_s,size\n{rows}"));
    assert_eq!(
        times_of(r#"Trace(file: "file.csv")"#, &files, 10)[..3],
        [0.0, 1.0, 2.0]
    );
    let thinned = times_of(
        r#"Trace(file: "file.csv", speed: 2, load: 0.2)"#,
        &files,
        10_000,
    );
    assert!(
        (thinned.len() as f64 - 4_000.0).abs() < 300.0,
        "{}",
        thinned.len()
    );
    let repeated = times_of(r#"Trace(file: "file.csv", load: 2.5)"#, &files, 20_000);
    assert!(
        (repeated.len() as f64 - 50_000.0).abs() < 400.0,
        "{}",
        repeated.len()
    );
}

#[test]
fn loads_agree_with_what_is_sent() {
    for text in [
        r#"Deterministic("40/s")"#,
        r#"Poisson("40/s")"#,
        r#"Renewal(Erlang(k: 2, mean: "20ms"))"#,
        r#"BatchPoisson(rate: "20/s", size: Geometric(3))"#,
        r#"Mmpp([("90/s", "2s"), ("15/s", "4s")])"#,
        r#"Phases([("10/s", "900s"), ("100/s", "1s")])"#,
        r#"Ramp(from: "10/s", to: "50/s", over: "600s")"#,
        r#"Diurnal(mean: "40/s", amplitude: 0.5, period: "200s", phase: "30s")"#,
        r#"Bursts(base: "10/s", burst: "200/s", every: "90s", length: "20s")"#,
    ] {
        let end = Time::ZERO + Duration::from_secs(1_000);
        let load = read(text).load(&Files::default(), end);
        let sent = times(text, 1_000).len() as f64;
        assert!(
            (sent / load.messages - 1.0).abs() < 0.1,
            "{text}: {sent}, not {load:?}"
        );
        assert!(
            load.peak_per_s * 1_000.0 >= load.messages * 0.999,
            "{text}: {load:?}"
        );
    }
}

#[test]
fn what_cannot_be_is_refused() {
    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let error = ron::from_str::<Arrivals>(text).expect_err(text).to_string();
        assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
    }
    check(r#"Poisson("-1/s")"#, "out of range");
    check(r#"Poisson("1.1e8/s")"#, "rates from 0/s to 1e8/s");
    check("Poisson(40)", "write \"40/s\"");
    check(r#"Renewal(Constant("0s"))"#, "mean gap below 10ns");
    check("Mmpp([])", "at least one state");
    check(r#"Mmpp([("1/s", "0s")])"#, "no mean hold may be 0s");
    check(
        r#"Bursts(base: "1/s", burst: "1/s", every: "1s", length: "1s")"#,
        "not below every",
    );
    check(
        r#"Diurnal(mean: "1/s", amplitude: 1.5, period: "1s")"#,
        "allowed are 0 to 1",
    );
    check(
        r#"BatchPoisson(rate: "1/s", size: Constant(0))"#,
        "1 to 1000000",
    );
    check(r#"Trace(file: "x", load: 0)"#, "finite numbers above 0");
}

#[test]
fn a_rate_of_zero_sends_nothing() {
    for text in [r#"Poisson("0/s")"#, r#"Deterministic("0/s")"#] {
        assert!(times(text, 1_000).is_empty(), "{text}");
    }
}
