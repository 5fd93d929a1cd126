//! From the runs of all replications to results: counts are summed, figures estimated.
//!
//! One replication gives one value per figure. A quantile that may not be printed in one of
//! them may not be printed at all; a mean is taken over those that counted anything.

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
    Estimate::over(samples, level)
}
