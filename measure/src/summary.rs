//! From the runs of all replications to results: counts are summed, figures estimated.
//!
//! One replication gives one value per figure. A quantile that may not be printed in one of
//! them may not be printed at all; a mean is taken over those that counted anything. Of maxima the largest is told:
//! their mean is nothing that anybody saw, and its interval would reach beyond what a pool can be.

use std::collections::BTreeMap;

use crate::books::{Books, Group};
use crate::figures::Sample;
use crate::interval::{Estimate, LEVEL};
use crate::metric::Metric;
use crate::results::Results;
use crate::run::Run;
use crate::selector::Selector;

type Groups<T> = BTreeMap<String, Group<T>>;

/// The results of `runs`, the replications of one policy in their order; 95 % intervals.
/// Lanes without messages are left out.
#[must_use]
pub fn summarise(runs: &[Run]) -> Results {
    let total: Vec<_> = runs.iter().map(|run| &run.books.total).collect();
    let mut by_lane = combine_all(runs, |books| &books.by_lane);
    by_lane.retain(|_, lane| {
        let counts = lane.counts;
        counts.accepted + counts.refused + counts.blocked > 0
    });
    Results {
        total: combine(&total),
        by_agent: combine_all(runs, |books| &books.by_agent),
        by_lane,
        by_class: combine_all(runs, |books| &books.by_class),
    }
}

/// One figure over `runs`, with its interval at `level` (0–1). Nothing but null if there is
/// no such part or the figure does not apply to it.
#[must_use]
pub fn estimate(runs: &[Run], selector: &Selector, level: f64) -> Estimate {
    over(selector.metric, &samples(runs, selector), level)
}

/// One figure of each of `runs`; of none if there is no such part or the figure does not apply
/// to it.
#[must_use]
pub fn samples(runs: &[Run], selector: &Selector) -> Vec<Sample> {
    let figure = |run: &Run| run.books.figure(&selector.scope, selector.metric).copied();
    runs.iter().filter_map(figure).collect()
}

fn combine_all(runs: &[Run], of: impl Fn(&Books<Sample>) -> &Groups<Sample>) -> Groups<Estimate> {
    let names = runs.iter().flat_map(|run| of(&run.books).keys());
    let mut combined: Groups<Estimate> =
        names.map(|name| (name.clone(), Group::default())).collect();
    for (name, group) in &mut combined {
        let same = runs.iter().filter_map(|run| of(&run.books).get(name));
        *group = combine(&same.collect::<Vec<_>>());
    }
    combined
}

fn combine(groups: &[&Group<Sample>]) -> Group<Estimate> {
    let Some(first) = groups.first() else {
        return Group::default();
    };
    let figures = first.figures.map(|metric, _| {
        let figure = |group: &&Group<Sample>| group.figures.get(metric).copied();
        let samples: Vec<Sample> = groups.iter().filter_map(figure).collect();
        over(metric, &samples, LEVEL)
    });
    let mut combined = Group {
        figures,
        ..Group::default()
    };
    for group in groups {
        combined.counts.add(&group.counts);
    }
    combined
}

fn over(metric: Metric, samples: &[Sample], level: f64) -> Estimate {
    let missing = samples.iter().any(|sample| sample.value.is_none());
    if missing && metric.quantile().is_some() {
        return Estimate::default();
    }
    if metric.is_maximum() {
        return Estimate::largest(samples);
    }
    Estimate::over(samples, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Cost;
    use crate::figures::Figures;
    use crate::metric::Stat;

    fn group(p95: Option<f64>, max: Option<f64>) -> Group<Sample> {
        let sample = |value| Sample {
            value,
            at_least: false,
        };
        let mut figures = Figures::<Sample>::default();
        figures.sojourn_s.p95 = sample(p95);
        figures.sojourn_s.max = sample(max);
        let mut group = Group {
            figures,
            ..Group::default()
        };
        group.counts.accepted = 10;
        group.counts.outcomes.delivered = 10;
        group
    }

    fn run(p95: Option<f64>, max: Option<f64>) -> Run {
        let mut books = Books {
            total: group(p95, max),
            ..Books::default()
        };
        for lane in ["bulk", "normal"] {
            books.by_lane.insert(lane.to_owned(), group(p95, max));
        }
        let empty = Group::default();
        books.by_lane.insert("high".to_owned(), empty);
        Run {
            books,
            cost: Cost::default(),
            late_messages: 0,
            detail: None,
        }
    }

    #[test]
    fn counts_are_summed_and_figures_averaged() {
        let results = summarise(&[run(Some(1.0), Some(4.0)), run(Some(3.0), Some(8.0))]);
        let total = &results.total;
        assert_eq!(
            (total.counts.accepted, total.counts.outcomes.delivered),
            (20, 20)
        );
        let p95 = total.figures.sojourn_s.p95;
        assert_eq!(p95.mean, Some(2.0));
        // s/√n = 1, t(0.975, 1) = 12.7062.
        assert!(
            p95.half_width()
                .is_some_and(|half| (half - 12.706_204_736).abs() < 1e-6)
        );
    }

    /// `workers max: 8 [0 to 62.7]`, it said of a pool of 10 at most.
    #[test]
    fn a_maximum_is_the_largest_of_all_and_has_no_interval() {
        let runs = [run(None, Some(4.0)), run(None, Some(8.0))];
        let most = Estimate {
            mean: Some(8.0),
            ..Estimate::default()
        };
        let results = summarise(&runs);
        assert_eq!(results.total.figures.sojourn_s.max, most);
        assert_eq!(results.by_lane["bulk"].figures.sojourn_s.max, most);
        let max = Selector::total(Metric::Sojourn(Stat::Max));
        assert_eq!(estimate(&runs, &max, LEVEL), most);
    }

    #[test]
    fn a_quantile_missing_once_is_missing_and_a_mean_is_not() {
        let results = summarise(&[run(Some(1.0), Some(4.0)), run(None, None)]);
        let sojourn = &results.total.figures.sojourn_s;
        assert_eq!(sojourn.p95, Estimate::default());
        assert_eq!((sojourn.max.mean, sojourn.max.ci_low), (Some(4.0), None));
    }

    #[test]
    fn a_lower_bound_in_one_replication_bounds_the_mean() {
        let (exact, mut bound) = (run(Some(1.0), Some(1.0)), run(Some(3.0), Some(3.0)));
        bound.books.total.figures.sojourn_s.p95.at_least = true;
        let runs = [exact, bound];
        let p95 = Selector::total(Metric::Sojourn(Stat::P95));
        let estimate = estimate(&runs, &p95, LEVEL);
        assert!(estimate.at_least && estimate.ci_low.is_some());
        assert_eq!((estimate.mean, estimate.ci_high), (Some(2.0), None));
    }

    #[test]
    fn lanes_without_messages_are_left_out() {
        let results = summarise(&[run(None, None)]);
        assert_eq!(
            results.by_lane.keys().collect::<Vec<_>>(),
            ["bulk", "normal"]
        );
        assert_eq!(summarise(&[]), Results::default());
    }

    #[test]
    fn a_figure_that_is_not_kept_has_no_samples() {
        let runs = [run(None, None)];
        assert!(samples(&runs, &Selector::total(Metric::Calls)).is_empty());
        let nobody = "p95(sojourn, agent=nobody)".parse().expect("a selector");
        assert_eq!(estimate(&runs, &nobody, LEVEL), Estimate::default());
    }
}
