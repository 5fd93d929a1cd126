//! Rivals with settings that were tuned on the arena's tuned half.
//!
//! Found by ranking each with twelve settings of its own on those scenarios, `ebbtide arena … --policies 'NAME(…),…'`: eight
//! drawn up from what its source says may be set, one replication, then four around the best of these, three
//! replications. What counts is the least geometric mean of regret at the broker's own price, 10. Where none of them
//! beats what its source documents, a rival is not listed.

/// A rival's name, and how the registry is asked for it with tuned settings.
const TUNED: &[(&str, &str)] = &[
    ("threshold", r#"threshold(target: 2, shrink_window: "15s")"#),
    ("simple", r#"simple(load: 0.9, shrink_window: "10s")"#),
    ("knative", r#"knative(target: 0.85, stable_window: "12s")"#),
    ("celery", r#"celery(keepalive: "2s")"#),
    (
        "spring",
        concat!(
            r#"spring(start_interval: "1s", active_trigger: 3, "#,
            r#"stop_interval: "10s", idle_trigger: 3)"#,
        ),
    ),
    (
        "ray-serve",
        concat!(
            r#"ray-serve(per_slot: true, target: 1.2, upscale_delay: "0s", "#,
            r#"downscale_delay: "15s", look_back: "5s", metrics_interval: "1s")"#,
        ),
    ),
    (
        "temporal-rate",
        concat!(
            r#"temporal-rate(metrics_interval: "1s", material_backlog: 5, "#,
            r#"cool_down_down: "10s", quiet: "10s", drain_rate: 4)"#,
        ),
    ),
    (
        "temporal-poller",
        r#"temporal-poller(backlog_age: "100ms")"#,
    ),
    (
        "laravel",
        r#"laravel(cool_down: "3s", interval: "1s", window: "10s", horizon: "3s")"#,
    ),
    (
        "azure",
        r#"azure(concurrency: 2, interval: "1s", max_step_up: 10)"#,
    ),
    (
        "flink",
        concat!(
            r#"flink(window: "5s", stabilization: "0s", interval: "1s", "#,
            r#"scale_down_interval: "15s", catch_up: "5s", restart: "1s", utilization_target: 0.8)"#,
        ),
    ),
    (
        "ds2",
        r#"ds2(interval: "2s", warm_up: 0, scaling_factor: 0.3)"#,
    ),
    (
        "holt-winters",
        r#"holt-winters(alpha: 0.5, trend: 0.02, bucket: "1s", catch_up: "2s", beta: 0.7)"#,
    ),
    ("hill-climbing", r#"hill-climbing(bias: 0)"#),
    ("gradient2", r#"gradient2(release: "5s")"#),
    ("failsafe", r#"failsafe(release: "5s")"#),
    (
        "wva",
        r#"wva(interval: "1s", rate_window: "5s", margin: 1.4)"#,
    ),
    ("chiron", r#"chiron(theta: 0.7, delta: 0.1)"#),
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
