//! Policies compared pairwise on the same messages: differences by replication, with verdicts.
//!
//! Every policy meets the same draws in replication k, so differences are taken replication by
//! replication and what the draws have in common cancels. A verdict is a test of Student's t:
//! that the mean difference lies beyond the tie margin (either side), or that it lies within
//! (two one-sided tests, Schuirmann 1987). Only one of the two claims can be false, so testing
//! the one that the mean suggests costs nothing; all claims of an experiment together are
//! held to 5 % by Holm's correction (Holm 1979).

use std::cmp::Ordering;

use ebbtide_policies::objective::Objective;
use serde::{Deserialize, Serialize};

use crate::figures::Sample;
use crate::interval::{Estimate, LEVEL, Spread, t_exceeds};
use crate::metric::{Metric, Preference, Stat};
use crate::run::Run;
use crate::selector::Selector;
use crate::summary::samples;

/// Differences smaller than this share of the second policy's mean are a tie.
pub const TIE_MARGIN: f64 = 0.02;

/// One figure of two policies, replication by replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The policy that is judged.
    pub policy: String,
    /// The one it is judged against.
    pub against: String,
    /// The figure, as a threshold names it: `p95(sojourn)`.
    pub metric: String,
    /// `policy` minus `against`, in the figure's unit; the interval is this one's alone, not
    /// corrected for the number of comparisons.
    pub difference: Estimate,
    /// The same as a share of `against`'s mean; null where that is 0.
    pub relative: Estimate,
    /// Probability of so clear a difference (or, for a tie, of so close an agreement) by luck,
    /// corrected for the number of comparisons; null without two replications.
    pub p_value: Option<f64>,
    /// The judgement.
    pub verdict: Verdict,
}

/// How a policy compares with another in one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better by more than the margin.
    Better,
    /// Worse by more than the margin.
    Worse,
    /// Within the margin.
    Tie,
    /// The replications do not tell.
    Unsure,
}

impl Verdict {
    /// Its word in the JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Tie => "tie",
            Self::Unsure => "unsure",
        }
    }
}

/// The figures that policies are compared in when nobody says which: what the objective
/// limits (p95 of sojourn without one), the lateness beyond it, the mean sojourn, what was
/// delivered, and what it took.
#[must_use]
pub fn usual_selectors(objective: Option<&Objective>) -> Vec<Selector> {
    let limited = objective.and_then(Metric::of_objective);
    let first = limited.unwrap_or(Metric::Sojourn(Stat::P95));
    let lateness = objective.map(|_| Metric::LatenessS);
    let rest = [
        Metric::Sojourn(Stat::Mean),
        Metric::SuccessRate,
        Metric::WorkerSeconds,
    ];
    let metrics = [first].into_iter().chain(lateness).chain(rest);
    metrics.map(Selector::total).collect()
}

/// Two policies in one figure, to be judged.
#[derive(Clone, Debug)]
pub struct Contest<'n> {
    /// The policy that is judged.
    pub policy: &'n str,
    /// The one it is judged against.
    pub against: &'n str,
    /// The figure's name.
    pub metric: String,
    /// Which way it is better.
    pub preference: Preference,
    /// What `policy` had in each replication; of no use if one is missing.
    pub samples: Vec<Sample>,
    /// What `against` had in the same ones.
    pub against_samples: Vec<Sample>,
}

/// Compares each of `policies`, given by name with its replications in their order, with each
/// that follows it, in each of the figures of `selectors` that has a better side.
#[must_use]
pub fn compare(policies: &[(&str, &[Run])], selectors: &[Selector]) -> Vec<Comparison> {
    let mut contests = Vec::new();
    for (first, (policy, runs)) in policies.iter().enumerate() {
        for (against, others) in &policies[first + 1..] {
            for selector in selectors {
                if selector.metric.preference() != Preference::Neither {
                    contests.push(Contest {
                        policy,
                        against,
                        metric: selector.to_string(),
                        preference: selector.metric.preference(),
                        samples: samples(runs, selector),
                        against_samples: samples(others, selector),
                    });
                }
            }
        }
    }
    judge(contests)
}

/// Judges all `contests` together: Holm's correction is over all of them.
#[must_use]
pub fn judge(contests: Vec<Contest<'_>>) -> Vec<Comparison> {
    let pairs: Vec<Pairs> = contests.iter().map(Pairs::of).collect();
    let claims: Vec<Option<Claim>> = pairs.iter().map(Pairs::claim).collect();
    let p_values = holm(&claims);
    let judged = contests.into_iter().zip(pairs).zip(claims).zip(p_values);
    judged
        .map(|(((contest, pairs), claim), p_value)| {
            let claim = claim.filter(|_| p_value.is_some_and(|p| p <= 1.0 - LEVEL));
            let preference = contest.preference;
            Comparison {
                policy: contest.policy.to_owned(),
                against: contest.against.to_owned(),
                metric: contest.metric,
                difference: pairs.difference(1.0),
                relative: match pairs.baseline {
                    0.0 => Estimate::default(),
                    baseline => pairs.difference(baseline.abs()),
                },
                p_value,
                verdict: claim.map_or(Verdict::Unsure, |claim| claim.verdict(preference)),
            }
        })
        .collect()
}

/// Two policies' values of one figure, replication by replication.
struct Pairs {
    /// First minus second.
    differences: Vec<f64>,
    /// Mean of the second.
    baseline: f64,
    /// Whether the first's values are lower bounds, and the second's.
    at_least: (bool, bool),
}

/// What the mean difference suggests, and how likely luck alone would suggest it so clearly.
struct Claim {
    /// Above or below the tie zone, or equal: within it.
    side: Ordering,
    p_value: f64,
}

impl Pairs {
    /// No differences where a replication has no value.
    fn of(contest: &Contest<'_>) -> Self {
        let (mine, theirs) = (&contest.samples, &contest.against_samples);
        let values = |samples: &[Sample]| -> Option<Vec<f64>> {
            samples.iter().map(|sample| sample.value).collect()
        };
        let open = |samples: &[Sample]| samples.iter().any(|sample| sample.at_least);
        let (a, b) = match (values(mine), values(theirs)) {
            (Some(a), Some(b)) => (a, b),
            _ => (Vec::new(), Vec::new()),
        };
        Self {
            differences: a.iter().zip(&b).map(|(a, b)| a - b).collect(),
            baseline: Spread::of(&b).map_or(0.0, |spread| spread.mean),
            at_least: (open(mine), open(theirs)),
        }
    }

    /// The mean difference, in units of `scale`.
    fn difference(&self, scale: f64) -> Estimate {
        let scaled: Vec<f64> = self.differences.iter().map(|d| d / scale).collect();
        let mut estimate = Estimate::of_values(&scaled, LEVEL);
        let (mine_open, theirs_open) = self.at_least;
        estimate.at_least = mine_open && !theirs_open;
        estimate.ci_high = estimate.ci_high.filter(|_| !mine_open);
        estimate.ci_low = estimate.ci_low.filter(|_| !theirs_open);
        estimate
    }

    /// `None` without two replications, and where lower bounds forbid what the mean suggests.
    fn claim(&self) -> Option<Claim> {
        let spread = Spread::of(&self.differences)?;
        let error = spread.error?;
        let margin = TIE_MARGIN * self.baseline.abs();
        let beyond = spread.mean.abs() - margin;
        let side = match (beyond > 0.0, spread.mean > 0.0) {
            (false, _) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (true, true) => Ordering::Greater,
        };
        // A lower bound that may be larger still supports only that it is the larger one.
        let supported = match self.at_least {
            (false, false) => true,
            (true, false) => side == Ordering::Greater,
            (false, true) => side == Ordering::Less,
            (true, true) => false,
        };
        let tails = if side == Ordering::Equal { 1.0 } else { 2.0 };
        let p_value = if error > 0.0 {
            tails * t_exceeds(beyond.abs() / error, self.differences.len() - 1)
        } else {
            0.0
        };
        supported.then_some(Claim { side, p_value })
    }
}

impl Claim {
    fn verdict(&self, preference: Preference) -> Verdict {
        let better = match preference {
            Preference::Lower => Ordering::Less,
            Preference::Higher => Ordering::Greater,
            Preference::Neither => return Verdict::Unsure,
        };
        match self.side {
            Ordering::Equal => Verdict::Tie,
            side if side == better => Verdict::Better,
            _ => Verdict::Worse,
        }
    }
}

/// The claims' p-values, each raised so that all claims accepted at 5 % are together wrong in
/// at most 5 % of experiments (Holm 1979, step-down).
fn holm(claims: &[Option<Claim>]) -> Vec<Option<f64>> {
    let p_value = |index: &usize| claims[*index].as_ref().map(|claim| claim.p_value);
    let mut order: Vec<(usize, f64)> = (0..claims.len())
        .filter_map(|index| Some((index, p_value(&index)?)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; claims.len()];
    let mut least = 0.0_f64;
    for (rank, (index, p)) in order.iter().enumerate() {
        let left = (order.len() - rank) as f64;
        least = least.max((p * left).min(1.0));
        corrected[*index] = Some(least);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Books;
    use crate::cost::Cost;
    use crate::run::Run;

    fn runs(lateness: &[f64]) -> Vec<Run> {
        let run = |value: &f64| {
            let mut books = Books::default();
            books.total.figures.lateness_s = Sample::exact(*value);
            Run {
                books,
                cost: Cost::default(),
                late_messages: 0,
                detail: None,
            }
        };
        lateness.iter().map(run).collect()
    }

    fn compared(a: &[Run], b: &[Run]) -> Comparison {
        let selectors = [Selector::total(Metric::LatenessS)];
        let mut all = compare(&[("a", a), ("b", b)], &selectors);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[track_caller]
    fn check(a: &[f64], b: &[f64], verdict: Verdict) {
        assert_eq!(compared(&runs(a), &runs(b)).verdict, verdict);
    }

    #[test]
    fn pairing_shows_what_the_noise_of_the_load_would_hide() {
        // The load makes lateness range from 10 to 40; a is always a tenth below b.
        let b = [10.0, 40.0, 20.0, 30.0, 25.0];
        let a = b.map(|value| value * 0.9);
        check(&a, &b, Verdict::Better);
        check(&b, &a, Verdict::Worse);
    }

    #[test]
    fn differences_within_the_margin_are_a_tie_and_noisy_ones_unsure() {
        check(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], Verdict::Tie);
        check(&[0.0, 0.0], &[0.0, 0.0], Verdict::Tie);
        check(&[100.1, 100.2, 99.9], &[100.0, 100.0, 100.0], Verdict::Tie);
        check(
            &[90.0, 115.0, 99.0],
            &[100.0, 100.0, 100.0],
            Verdict::Unsure,
        );
        check(&[1.0], &[2.0], Verdict::Unsure);
        check(&[], &[], Verdict::Unsure);
    }

    #[test]
    fn a_difference_is_given_in_the_unit_and_as_a_share() {
        let comparison = compared(&runs(&[9.0, 19.0]), &runs(&[10.0, 20.0]));
        assert_eq!(comparison.difference.mean, Some(-1.0));
        assert_eq!(comparison.difference.ci_low, Some(-1.0));
        assert_eq!(comparison.relative.mean, Some(-1.0 / 15.0));
        assert_eq!(compared(&runs(&[1.0]), &runs(&[0.0])).relative.mean, None);
    }

    #[test]
    fn a_lower_bound_may_be_worse_but_never_better() {
        let (mut high, mut low) = (runs(&[50.0, 51.0, 52.0]), runs(&[5.0, 5.1, 5.2]));
        let known = runs(&[20.0, 20.1, 20.2]);
        for run in high.iter_mut().chain(&mut low) {
            run.books.total.figures.lateness_s.at_least = true;
        }
        assert_eq!(compared(&high, &known).verdict, Verdict::Worse);
        assert_eq!(compared(&low, &known).verdict, Verdict::Unsure);
        assert_eq!(compared(&known, &high).verdict, Verdict::Better);
        assert_eq!(compared(&high, &low).verdict, Verdict::Unsure);
    }

    #[test]
    fn a_replication_without_a_value_leaves_the_pair_unsure() {
        let mut gap = runs(&[1.0, 2.0, 3.0]);
        gap[1].books.total.figures.lateness_s.value = None;
        let comparison = compared(&gap, &runs(&[5.0, 6.0, 7.0]));
        assert_eq!(comparison.verdict, Verdict::Unsure);
        assert_eq!(
            (comparison.difference.mean, comparison.p_value),
            (None, None)
        );
    }

    #[test]
    fn holm_raises_each_p_value_by_the_claims_left() {
        let claim = |p_value| {
            Some(Claim {
                side: Ordering::Equal,
                p_value,
            })
        };
        let claims = [claim(0.01), claim(0.04), None, claim(0.03), claim(0.005)];
        let expected = [Some(0.03), Some(0.06), None, Some(0.06), Some(0.02)];
        assert_eq!(holm(&claims), expected);
        assert_eq!(holm(&[claim(0.7), claim(0.8)]), [Some(1.0), Some(1.0)]);
    }

    #[test]
    fn every_pair_is_compared_in_every_figure_that_has_a_better_side() {
        let (a, b, c) = (runs(&[1.0, 1.0]), runs(&[2.0, 2.0]), runs(&[3.0, 3.0]));
        let selectors = [Metric::LatenessS, Metric::OfferedPerS, Metric::QueueMax];
        let selectors = selectors.map(Selector::total);
        let all = compare(&[("a", &a), ("b", &b), ("c", &c)], &selectors);
        let named: Vec<_> = all
            .iter()
            .map(|c| format!("{}-{} {}", c.policy, c.against, c.metric))
            .collect();
        let expected = [
            "a-b lateness",
            "a-b queue_max",
            "a-c lateness",
            "a-c queue_max",
            "b-c lateness",
            "b-c queue_max",
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn the_usual_figures_follow_the_objective() {
        let words = |objective: Option<&Objective>| {
            let selectors = usual_selectors(objective);
            selectors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let rest = "mean(sojourn) success_rate worker_seconds";
        assert_eq!(words(None), format!("p95(sojourn) {rest}"));
        let objective = "p99(wait) < 1s".parse().expect("an objective");
        assert_eq!(
            words(Some(&objective)),
            format!("p99(wait) lateness {rest}")
        );
    }
}
