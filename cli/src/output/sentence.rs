//! The last line of a run: one sentence that says what a person wanted to know.

use ebbtide_measure::{
    Estimate, Group, Metric, PolicyResults, Report, Stat, Threshold, ThresholdResult,
    ThresholdVerdict,
};

use crate::output::{figure, number};

/// Where fewer than this share of the messages is delivered, it is said.
const MOST_DELIVERED: f64 = 0.98;

/// What the run found, in a sentence.
///
/// It speaks of the threshold that decides: the first that failed, else the first that is
/// inconclusive, else the first. Other policies are told by the same measure.
pub(crate) fn conclusion(report: &Report) -> String {
    let first = &report.first;
    let Some(deciding) = deciding(&report.thresholds) else {
        return without_threshold(report);
    };
    let is_open = deciding.verdict == ThresholdVerdict::Inconclusive;
    if let (1, true, Ok(threshold)) = (first.replications, is_open, deciding.expect.parse()) {
        return of_one_replication(report, &threshold);
    }
    let others = report.policies.iter().skip(1);
    let mut text = match deciding.expect.parse::<Threshold>() {
        Ok(threshold) => {
            let mut text = first_clause(first, &threshold, deciding);
            for other in others {
                text += &other_clause(other, &threshold, deciding.verdict);
            }
            text += &cheapest_clause(&report.policies, &threshold).unwrap_or_default();
            text
        }
        Err(_) => format!("{}: {}", deciding.expect, verb(deciding.verdict)),
    };
    let failed = |result: &&ThresholdResult| result.verdict == ThresholdVerdict::Fail;
    let further = report.thresholds.iter().filter(failed).count();
    if further > 1 {
        text += &format!("; {further} thresholds failed in all");
    }
    text
}

fn deciding(thresholds: &[ThresholdResult]) -> Option<&ThresholdResult> {
    let first = |verdict| thresholds.iter().find(|result| result.verdict == verdict);
    first(ThresholdVerdict::Fail)
        .or_else(|| first(ThresholdVerdict::Inconclusive))
        .or_else(|| thresholds.first())
}

/// "adaptive holds p95(sojourn) < 500 ms (157 ± 4 ms) with 2.3 workers on average".
fn first_clause(policy: &PolicyResults, threshold: &Threshold, result: &ThresholdResult) -> String {
    format!(
        "{} {} {} ({}){}{}",
        policy.policy,
        verb(result.verdict),
        goal(threshold),
        found(threshold, &result.value),
        workers(policy).map_or(String::new(), |workers| format!(
            " with {workers} on average"
        )),
        shortfall(policy),
    )
}

/// "; remote holds it too (140 ± 4 ms) with 5 workers".
fn other_clause(other: &PolicyResults, threshold: &Threshold, first: ThresholdVerdict) -> String {
    let result = threshold.judge(&other.results);
    let too = if result.verdict == first { " too" } else { "" };
    format!(
        "; {} {} it{too} ({}){}{}",
        other.policy,
        verb(result.verdict),
        found(threshold, &result.value),
        workers(other).map_or(String::new(), |workers| format!(" with {workers}")),
        shortfall(other),
    )
}

/// "; of the 2 that hold it adaptive needs the fewest workers"; nothing where only one holds it,
/// or where their intervals touch.
fn cheapest_clause(policies: &[PolicyResults], threshold: &Threshold) -> Option<String> {
    let holds = |it: &&PolicyResults| {
        let verdict = threshold.judge(&it.results).verdict;
        verdict == ThresholdVerdict::Pass && shortfall(it).is_empty()
    };
    let mut holding = Vec::new();
    for policy in policies.iter().filter(holds) {
        let workers = policy.results.total.figures.workers_mean.as_ref()?;
        let mean = workers.mean?;
        let half = workers.half_width().unwrap_or(0.0);
        holding.push((mean, half, &policy.policy));
    }
    holding.sort_by(|one, other| one.0.total_cmp(&other.0));
    let [(least, half, policy), (next, next_half, _), ..] = holding[..] else {
        return None;
    };
    let count = holding.len();
    (least + half < next - next_half)
        .then(|| format!("; of the {count} that hold it {policy} needs the fewest workers"))
}

/// What was found once, which may be luck.
fn of_one_replication(report: &Report, threshold: &Threshold) -> String {
    let mut text = format!("one replication: no verdict on {}", goal(threshold));
    for policy in &report.policies {
        let result = threshold.judge(&policy.results);
        let with = workers(policy).map_or(String::new(), |w| format!(" with {w} on average"));
        let found = found(threshold, &result.value);
        let shortfall = shortfall(policy);
        text += &format!("; {} had {found}{with}{shortfall}", policy.policy);
    }
    text
}

fn without_threshold(report: &Report) -> String {
    let clauses = report.policies.iter().map(|policy| {
        let group = &policy.results.total;
        let with = workers(policy).map_or(String::new(), |w| format!(" with {w} on average"));
        let sojourn = [Stat::P95, Stat::Mean].map(Metric::Sojourn).into_iter();
        let sojourn = sojourn.map(|metric| (metric, figure::of_group(metric, group)));
        let at = match sojourn
            .into_iter()
            .find(|(_, found)| found != figure::NOTHING)
        {
            Some((metric, found)) => format!(" at {metric} {found}"),
            None => String::new(),
        };
        format!("{} delivers {}{at}{with}", policy.policy, delivered(group))
    });
    clauses.collect::<Vec<_>>().join("; ")
}

/// A rate; of a run so short that everything was delivered after it, how many messages.
fn delivered(group: &Group<Estimate>) -> String {
    let rate = &group.figures.throughput_per_s;
    if rate.mean.is_some_and(|rate| rate > 0.0) {
        return figure::of_group(Metric::ThroughputPerS, group);
    }
    let counts = &group.counts;
    let sent = counts.accepted + counts.refused + counts.blocked;
    format!(
        "{} of {} messages",
        number::count(counts.outcomes.delivered as f64),
        number::count(sent as f64)
    )
}

const fn verb(verdict: ThresholdVerdict) -> &'static str {
    match verdict {
        ThresholdVerdict::Pass => "holds",
        ThresholdVerdict::Fail => "misses",
        ThresholdVerdict::Inconclusive => "may or may not hold",
    }
}

/// The threshold for people: `p95(sojourn) < 500 ms`.
fn goal(threshold: &Threshold) -> String {
    let limit = figure::limit(threshold.selector.metric.unit(), threshold.limit);
    format!(
        "{} {} {limit}",
        threshold.selector,
        threshold.relation.sign()
    )
}

fn found(threshold: &Threshold, value: &Estimate) -> String {
    match value.mean {
        Some(_) => figure::estimate(threshold.selector.metric.unit(), value),
        None => "too few messages to tell".to_owned(),
    }
}

/// ", but delivers only 3 % of the messages": a sojourn is of those that are delivered, and quick where all others
/// expire.
fn shortfall(policy: &PolicyResults) -> String {
    match policy.results.total.figures.success_rate.mean {
        Some(share) if share < MOST_DELIVERED => {
            let share = number::percent(share);
            format!(", but delivers only {share} of the messages")
        }
        _ => String::new(),
    }
}

/// "2.3 workers".
fn workers(policy: &PolicyResults) -> Option<String> {
    let figures = &policy.results.total.figures;
    let mean = figures.workers_mean.as_ref()?.mean?;
    let plural = if mean == 1.0 { "" } else { "s" };
    Some(format!("{} worker{plural}", number::significant(mean)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebbtide_measure::Results;

    fn policy(name: &str, p95: f64, workers: f64) -> PolicyResults {
        let around = |mean: f64, half: f64| Estimate {
            mean: Some(mean),
            ci_low: Some(mean - half),
            ci_high: Some(mean + half),
            at_least: false,
        };
        let mut results = Results::default();
        results.total.figures.sojourn_s.p95 = around(p95, 0.004);
        results.total.figures.throughput_per_s = around(312.0, 2.0);
        results.total.figures.workers_mean = Some(around(workers, 0.1));
        PolicyResults::new(name, 10, results)
    }

    #[track_caller]
    fn check(policies: &[PolicyResults], expect: &[&str], expected: &str) {
        let threshold = |text: &&str| {
            let threshold: Threshold = text.parse().expect("a threshold");
            threshold.judge(&policies[0].results)
        };
        let report = Report {
            schema: 1,
            engine_version: String::new(),
            scenario: String::new(),
            seed: 1,
            wall_s: 0.0,
            first: policies[0].clone(),
            policies: policies.to_vec(),
            comparisons: Vec::new(),
            thresholds: expect.iter().map(threshold).collect(),
        };
        assert_eq!(conclusion(&report), expected);
    }

    #[test]
    fn who_holds_it_and_with_how_many_workers() {
        let limit = &["p95(sojourn) < 500ms"];
        check(
            &[policy("adaptive", 0.157, 2.31), policy("remote", 0.14, 5.0)],
            limit,
            "adaptive holds p95(sojourn) < 500 ms (157 ± 4 ms) with 2.31 workers on average; \
             remote holds it too (140 ± 4 ms) with 5 workers; \
             of the 2 that hold it adaptive needs the fewest workers",
        );
        check(
            &[
                policy("adaptive", 0.157, 2.31),
                policy("in_process", 3.5, 1.0),
            ],
            limit,
            "adaptive holds p95(sojourn) < 500 ms (157 ± 4 ms) with 2.31 workers on average; \
             in_process misses it (3.50 s) with 1 worker",
        );
        check(
            &[policy("remote", 0.5, 5.0)],
            limit,
            "remote may or may not hold p95(sojourn) < 500 ms (500 ± 4 ms) with 5 workers on average",
        );
    }

    /// Deadlines of 100 ms on an agent of 300 ms: one message in 360,000 was delivered, in time.
    #[test]
    fn what_is_not_delivered_is_told_where_the_limit_is_held() {
        let mut expiring = policy("adaptive", 0.157, 1.0);
        expiring.results.total.figures.success_rate.mean = Some(0.031);
        check(
            &[expiring.clone(), policy("remote", 0.14, 5.0), expiring],
            &["p95(sojourn) < 500ms"],
            "adaptive holds p95(sojourn) < 500 ms (157 ± 4 ms) with 1 worker on average, but delivers only 3.10 % of the \
             messages; remote holds it too (140 ± 4 ms) with 5 workers; adaptive holds it too (157 ± 4 ms) with 1 \
             worker, but delivers only 3.10 % of the messages",
        );
    }

    #[test]
    fn one_replication_is_no_verdict() {
        let once = |name, p95, workers| {
            let mut once = policy(name, p95, workers);
            once.replications = 1;
            let figures = &mut once.results.total.figures;
            (figures.sojourn_s.p95.ci_low, figures.sojourn_s.p95.ci_high) = (None, None);
            once
        };
        check(
            &[once("remote", 0.14, 5.0), once("in_process", 201.0, 1.0)],
            &["p95(sojourn) < 500ms"],
            "one replication: no verdict on p95(sojourn) < 500 ms; remote had 140 ms with 5 workers on \
             average; in_process had 201 s with 1 worker on average",
        );
        let mut expiring = once("remote", 0.14, 5.0);
        expiring.results.total.figures.success_rate.mean = Some(0.031);
        check(
            &[expiring],
            &["p95(sojourn) < 500ms"],
            "one replication: no verdict on p95(sojourn) < 500 ms; remote had 140 ms with 5 workers on \
             average, but delivers only 3.10 % of the messages",
        );
    }

    #[test]
    fn where_the_first_misses_the_others_are_told_whether_they_do() {
        check(
            &[policy("remote", 3.5, 5.0), policy("adaptive", 0.9, 7.0)],
            &["p95(sojourn) < 500ms"],
            "remote misses p95(sojourn) < 500 ms (3.50 s) with 5 workers on average; \
             adaptive misses it too (900 ± 4 ms) with 7 workers",
        );
    }

    #[test]
    fn pools_that_may_be_alike_are_not_ranked() {
        check(
            &[
                policy("adaptive", 0.157, 4.9),
                policy("remote", 0.14, 5.0),
                policy("fixed(7)", 0.13, 7.0),
            ],
            &["p95(sojourn) < 500ms"],
            "adaptive holds p95(sojourn) < 500 ms (157 ± 4 ms) with 4.90 workers on average; \
             remote holds it too (140 ± 4 ms) with 5 workers; \
             fixed(7) holds it too (130 ± 4 ms) with 7 workers",
        );
    }

    #[test]
    fn a_failed_threshold_is_told_before_one_that_holds() {
        check(
            &[policy("adaptive", 0.157, 2.0)],
            &["p95(sojourn) < 500ms", "workers_mean < 1.5"],
            "adaptive misses workers_mean < 1.5 (2.00 ± 0.10) with 2 workers on average",
        );
    }

    /// A trace of one message: it is over before the message is delivered.
    #[test]
    fn a_run_too_short_for_a_rate_says_how_many_it_delivered() {
        let mut one = policy("adaptive", 0.157, 2.0);
        let total = &mut one.results.total;
        total.figures.throughput_per_s.mean = Some(0.0);
        total.figures.sojourn_s.p95 = Estimate::default();
        total.figures.sojourn_s.mean.mean = Some(0.05);
        total.counts.accepted = 9;
        total.counts.refused = 1;
        total.counts.outcomes.delivered = 8;
        check(
            &[one],
            &[],
            "adaptive delivers 8 of 10 messages at mean(sojourn) 50 ms with 2 workers on average",
        );
    }

    #[test]
    fn without_a_threshold_it_says_what_was_delivered() {
        check(
            &[policy("adaptive", 0.157, 2.0)],
            &[],
            "adaptive delivers 312 ± 2/s at p95(sojourn) 157 ± 4 ms with 2 workers on average",
        );
    }
}
