//! What costs are held against: oracles, where some are known, and what was unavoidable.

use ebbtide_policies::observation::Setting;

use super::oracle::Replication;

/// The fixed batch rules that are best in hindsight, as the registry takes them: that of each replication at each
/// price, each once. None if no oracle was ever asked.
pub(super) fn batch_rules(known: &[Replication]) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for at in known.iter().flat_map(|replication| &replication.prices) {
        let Setting {
            batch_size,
            batch_timeout,
            ..
        } = at.fixed.schedule.start();
        let rule = format!("batch(size: {batch_size}, timeout: \"{batch_timeout}\")");
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// What the costs of a scenario are held against at one price.
pub(super) struct Yardstick {
    /// What regret is against.
    pub(super) label: &'static str,
    /// What the oracle cost, for the first replications.
    pub(super) oracle: Vec<f64>,
    /// What the best fixed setting cost, for the same.
    pub(super) fixed: Vec<f64>,
    /// The cost of the lateness that nobody avoided, for each replication.
    pub(super) unavoidable: Vec<f64>,
}

impl Yardstick {
    /// Cost over the oracle's, both less what is unavoidable, summed over the replications that have an oracle.
    pub(super) fn regret(&self, costs: &[f64]) -> f64 {
        self.net(costs, self.oracle.len()) / self.net(&self.oracle, self.oracle.len())
    }

    /// The same against the best fixed setting; `None` if none is known.
    pub(super) fn over_fixed(&self, costs: &[f64]) -> Option<f64> {
        let known = self.fixed.len();
        (known > 0).then(|| self.net(costs, known) / self.net(&self.fixed, known))
    }

    /// The same against another policy, over all replications.
    pub(super) fn over(&self, costs: &[f64], other: &[f64]) -> f64 {
        self.net(costs, costs.len()) / self.net(other, other.len())
    }

    /// One run's cost less what was unavoidable in it.
    pub(super) fn net_of(&self, cost: f64, replication: usize) -> f64 {
        cost - self.unavoidable[replication]
    }

    /// Share of the oracle's cost that nobody avoided.
    pub(super) fn unavoidable_share(&self) -> f64 {
        let unavoidable: f64 = self.unavoidable[..self.oracle.len()].iter().sum();
        unavoidable / self.oracle.iter().sum::<f64>()
    }

    /// The first so many costs, less what was unavoidable.
    fn net(&self, costs: &[f64], replications: usize) -> f64 {
        let first = costs.iter().take(replications).enumerate();
        first.map(|(number, cost)| self.net_of(*cost, number)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{found}, expected {expected}"
        );
    }

    #[test]
    fn what_is_unavoidable_is_taken_from_both_sides() {
        let yardstick = Yardstick {
            label: "paced",
            oracle: vec![100.0, 140.0],
            fixed: vec![150.0, 190.0],
            unavoidable: vec![20.0, 60.0, 0.0],
        };
        // (130 − 20) + (160 − 60) over (100 − 20) + (140 − 60).
        let costs = [130.0, 160.0, 90.0];
        close(yardstick.regret(&costs), 210.0 / 160.0);
        close(
            yardstick.over_fixed(&costs).expect("it is known"),
            210.0 / 260.0,
        );
        close(
            yardstick.over(&costs, &[120.0, 160.0, 100.0]),
            300.0 / 300.0,
        );
        close(yardstick.unavoidable_share(), 80.0 / 240.0);
    }
}
