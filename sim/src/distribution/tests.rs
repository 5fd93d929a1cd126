//! Unit tests of distributions: moments against draws, texts, ranges.

use super::*;
use crate::streams::Streams;

const N: u64 = 400_000;

fn read(text: &str) -> Result<Distribution, String> {
    ron::from_str(text).map_err(|error| error.to_string())
}

/// The sample's mean and cv² agree with the computed ones, and these with the given.
#[track_caller]
fn check(text: &str, mean_ms: f64, cv2: f64) {
    let distribution = read(text).expect(text);
    let near = |found: f64, wanted: f64, tolerance: f64, what: &str| {
        let error = (found - wanted).abs() / wanted.max(0.01);
        assert!(error < tolerance, "{text}: {what} is {found}, not {wanted}");
    };
    near(distribution.mean() / 1e6, mean_ms, 1e-6, "computed mean");
    near(distribution.cv2(), cv2, 1e-6, "computed cv²");
    let stream = Streams::new(5, 0).stream("distribution", 0);
    let sampler = distribution.sampler();
    let (mut sum, mut squares) = (0.0, 0.0);
    for n in 0..N {
        let value = sampler.duration(&mut stream.draw(n, 0)).as_nanos() as f64 / 1e6;
        sum += value;
        squares += value * value;
    }
    let mean = sum / N as f64;
    near(mean, mean_ms, 0.01, "sampled mean");
    near(
        squares / N as f64 / (mean * mean) - 1.0,
        cv2,
        0.06,
        "sampled cv²",
    );
}

#[test]
fn samples_have_the_moments_that_the_formulas_give() {
    check(r#"Constant("35ms")"#, 35.0, 0.0);
    check(
        r#"Uniform(low: "10ms", high: "100ms")"#,
        55.0,
        0.223_140_496,
    );
    check(r#"Exponential("50ms")"#, 50.0, 1.0);
    check(r#"Erlang(k: 4, mean: "50ms")"#, 50.0, 0.25);
    check(r#"Gamma(mean: "50ms", cv2: 0.5)"#, 50.0, 0.5);
    check(r#"Gamma(mean: "50ms", cv2: 3)"#, 50.0, 3.0);
    check(
        r#"LogNormal(median: "10ms", sigma: 0.3)"#,
        10.460_278_60,
        0.094_174_284,
    );
    check(r#"LogNormalMean(mean: "50ms", cv2: 2)"#, 50.0, 2.0);
    check(r#"Weibull(shape: 0.7, mean: "50ms")"#, 50.0, 2.138_685_632);
    check(
        r#"HyperExponential([(0.9, "20ms"), (0.1, "300ms")])"#,
        48.0,
        7.125,
    );
    check(
        r#"Mixture([(1, Constant("10ms")), (3, Exponential("20ms"))])"#,
        17.5,
        625.0 / 306.25 - 1.0,
    );
    check(
        r#"Empirical(["1ms", "2ms", "6ms"])"#,
        3.0,
        41.0 / 27.0 - 1.0,
    );
}

#[test]
fn a_pareto_is_cut_off_at_both_ends() {
    let text = r#"Pareto(shape: 2.2, low: "10ms", high: "10s")"#;
    // The mean of the theory case "M/G/1 pareto rho=0.5": 0.5 / 27.279572741 s.
    let distribution = read(text).expect(text);
    assert!((distribution.mean() / 1e9 - 0.5 / 27.279_572_741).abs() < 1e-11);
    check(
        r#"Pareto(shape: 1, low: "10ms", high: "1s")"#,
        46.516_870_565,
        3.621_458_106,
    );
    let stream = Streams::new(5, 0).stream("distribution", 0);
    let sampler = distribution.sampler();
    for n in 0..N {
        let value = sampler.duration(&mut stream.draw(n, 0)).as_secs_f64();
        assert!((0.01..=10.0).contains(&value), "{value} is outside");
    }
}

#[test]
fn sizes_and_counts_have_distributions_too() {
    let sizes: Distribution<Bytes> =
        ron::from_str(r#"LogNormal(median: "4KiB", sigma: 0)"#).expect("valid");
    let mut rng = Streams::new(0, 0).stream("", 0).draw(0, 0);
    assert_eq!(sizes.sampler().count(&mut rng), 4096);
    let units: Distribution<u32> = ron::from_str("Uniform(low: 3, high: 3)").expect("valid");
    assert_eq!(units.sampler().count(&mut rng), 3);
}

#[test]
fn what_is_written_reads_back() {
    let text =
        r#"Mixture([(1.0,Erlang(k:4,mean:"50ms")),(3.0,Pareto(shape:2.2,low:"10ms",high:"10s"))])"#;
    let distribution = read(text).expect(text);
    assert_eq!(ron::to_string(&distribution).as_deref(), Ok(text));
}

#[test]
fn faults_name_place_found_and_allowed() {
    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let error = read(text).expect_err(text);
        assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
    }
    check("Exponential(50)", "write \"50ms\" or \"50s\"");
    check("LogNormal(\n median: \"1ms\",\n sigma: -1)", "3:9");
    check(
        "LogNormal(median: \"1ms\", sigma: 1e999)",
        "allowed are 0 to 10",
    );
    check("Gamma(mean: \"1ms\", cv2: 0)", "finite numbers above 0");
    check("Uniform(low: \"2ms\", high: \"1ms\")", "low above high");
    check("Pareto(shape: 1, low: \"0s\", high: \"1s\")", "low above 0");
    check("Pareto(shape: 101, low: \"1s\", high: \"2s\")", "up to 100");
    check("Mixture([])", "at least one part");
    check("Erlang(k: 0, mean: \"1ms\")", "1 to 1000000");
    check("Expnential(\"1s\")", "Expnential");
}

#[test]
fn a_mean_of_zero_draws_zeros() {
    let mut rng = Streams::new(0, 0).stream("", 0).draw(0, 0);
    for text in [r#"Exponential("0s")"#, r#"Gamma(mean: "0s", cv2: 2)"#] {
        let distribution = read(text).expect(text);
        assert_eq!(distribution.sampler().duration(&mut rng), Duration::ZERO);
        assert_eq!(distribution.cv2(), 0.0);
    }
}
