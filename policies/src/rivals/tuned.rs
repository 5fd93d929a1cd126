//! Rivals with settings that were tuned on the arena's tuned half.
//!
//! Found by `cargo run --release -p ebbtide-sim --example tune`: a hundred settings of each, drawn from what its source
//! says may be set, and scored at all three prices (`docs/tuning.md` has the method and the scores). They name no batch
//! rule: the arena tries every rule with each. Where no setting beats what its source documents, a rival is not listed.

/// A rival's name, and how the registry is asked for it with tuned settings.
const TUNED: &[(&str, &str)] = &[
    ("fixed", "fixed(workers: 10)"),
    (
        "threshold",
        concat!(
            "threshold(target: 2, per_slot: true, tolerance: 0.0, ",
            r#"shrink_window: "30s", growth_workers: 10)"#
        ),
    ),
    (
        "knative",
        concat!(
            r#"knative(target: 0.9, stable_window: "6s", panic_threshold: 10.0, "#,
            r#"max_scale_down_rate: 1.2, tick: "1s")"#
        ),
    ),
    ("celery", r#"celery(keepalive: "1s")"#),
    (
        "spring",
        concat!(
            r#"spring(active_trigger: 2, start_interval: "0s", idle_trigger: 5, "#,
            r#"stop_interval: "15s", receive_timeout: "300ms")"#
        ),
    ),
    (
        "ray-serve",
        concat!(
            r#"ray-serve(target: 1.0, per_slot: true, metrics_interval: "1s", "#,
            r#"look_back: "5s", upscale_delay: "0s", downscale_delay: "5s", "#,
            "upscaling_factor: 1.5, downscaling_factor: 0.5)"
        ),
    ),
    (
        "temporal-rate",
        concat!(
            r#"temporal-rate(metrics_interval: "2s", alpha: 0.2, "#,
            "initial_capacity: 20.0, utilisation: 1.0, beta: 0.0, max_step: 2, ",
            r#"cool_down_up: "0s", cool_down_down: "15s", quiet: "5s")"#
        ),
    ),
    (
        "temporal-poller",
        r#"temporal-poller(min: 2, backlog_age: "500ms", ratio: 1.05, sdk: Go)"#,
    ),
    (
        "laravel",
        concat!(
            r#"laravel(window: "30s", min_samples: 100, min_r2: 0.8, "#,
            r#"forecast_weight: 0.25, interval: "1s", cool_down: "0s")"#
        ),
    ),
    (
        "simple",
        r#"simple(load: 0.95, drain: "500ms", memory: "10s", shrink_window: "0s")"#,
    ),
    (
        "azure",
        r#"azure(cpu_threshold: 1.0, interval: "1s", max_step_up: 10)"#,
    ),
    (
        "ds2",
        r#"ds2(interval: "3s", warm_up: 0, scaling_factor: 0.5)"#,
    ),
    (
        "flink",
        concat!(
            r#"flink(utilization_target: 0.9, utilization_min: 0.5, window: "120s", "#,
            r#"stabilization: "0s", scale_down_interval: "300s", catch_up: "900s", "#,
            r#"restart: "60s", speed: 120)"#
        ),
    ),
    (
        "holt-winters",
        concat!(
            r#"holt-winters(alpha: 0.2, trend: 0.0, bucket: "1s", beta: 0.3, "#,
            r#"catch_up: "1s")"#
        ),
    ),
    (
        "hill-climbing",
        concat!(
            "hill-climbing(bias: 0.0, max_change_per_second: 2, max_wave: 4, ",
            r#"starvation: "100ms", idle_exit: "5s")"#
        ),
    ),
    (
        "gradient2",
        concat!(
            "gradient2(initial_limit: 4, min_limit: 1, queue_size: 8, ",
            r#"smoothing: 1.0, tolerance: 1.0, window_samples: 1, release: "2s")"#
        ),
    ),
    (
        "failsafe",
        concat!(
            "failsafe(min_samples: 20, quantile: 0.75, baseline_age: 5, ",
            r#"correlation_window: 10, release: "2s")"#
        ),
    ),
    (
        "wva",
        r#"wva(interval: "1s", rate_window: "2s", margin: 3.0)"#,
    ),
    (
        "chiron",
        r#"chiron(theta: 0.9, delta: 0.3, after_growth: true, deadline: "1s")"#,
    ),
];

/// The rival `name` with tuned settings, as the registry takes it; `None` where the documented ones are best.
#[must_use]
pub fn tuned(name: &str) -> Option<&'static str> {
    let row = TUNED.iter().find(|(rival, _)| *rival == name);
    row.map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn each_is_a_policy_of_that_name_with_other_settings() {
        for (rival, text) in TUNED {
            assert!(text.starts_with(&format!("{rival}(")), "{text}");
            let built = registry::build(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(built.name(), *text);
            assert_eq!(tuned(rival), Some(*text));
        }
        assert_eq!(tuned("adaptive"), None);
    }
}
