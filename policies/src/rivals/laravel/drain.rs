//! Workers that drain the backlog before the objective is breached (`BacklogDrainCalculator`).

/// Workers for `backlog` jobs of `job_s` seconds when `signal_s` of an objective of `objective_s`
/// have passed; whole seconds count, and nothing below `threshold` of it.
pub(super) fn workers(
    backlog: f64,
    signal_s: f64,
    objective_s: f64,
    job_s: f64,
    threshold: f64,
) -> f64 {
    if backlog == 0.0 || job_s <= 0.0 {
        return 0.0;
    }
    let signal_s = signal_s.floor();
    if signal_s == 0.0 {
        // No age is known.
        return backlog / (objective_s / job_s).max(1.0);
    }
    let progress = (signal_s / objective_s).min(1.5);
    if progress < threshold {
        return 0.0;
    }
    let left_s = objective_s - signal_s;
    let base = if left_s > 0.0 {
        backlog / (left_s / job_s).max(1.0)
    } else {
        backlog / job_s.max(0.1)
    };
    base * urgency(progress)
}

/// Below half of the objective there is none, whatever the threshold.
fn urgency(progress: f64) -> f64 {
    if progress < 0.5 {
        return 0.0;
    }
    (1.0 + 8.0 * (progress - 0.5).powi(2)).min(5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_objective_the_more() {
        // Computed: 100 jobs of 1 s, objective 30 s.
        let cases = [
            (0.0, 3.33),
            (10.0, 0.0),
            (15.0, 6.67),
            (24.0, 28.67),
            (29.0, 274.0),
            (30.0, 300.0),
            (45.0, 500.0),
        ];
        for (signal_s, expected) in cases {
            let workers = workers(100.0, signal_s, 30.0, 1.0, 0.5);
            assert!(
                (workers - expected).abs() < 0.005 + 0.002 * expected,
                "{signal_s}: {workers}"
            );
        }
        // With two seconds to spawn: at 14 s it is half of what is left.
        assert!((workers(100.0, 14.0, 28.0, 1.0, 0.5) - 7.14).abs() < 0.01);
        assert_eq!(workers(100.0, 14.0, 30.0, 1.0, 0.5), 0.0);
        assert_eq!(workers(0.0, 40.0, 30.0, 1.0, 0.5), 0.0);
    }
}
