//! What was expected of a run, and what became of it.

use ebbtide_measure::metric::Unit;
use ebbtide_measure::{Threshold, ThresholdResult, ThresholdVerdict};
use maud::{Markup, html};

use crate::format::{change, counted, in_unit, interval, mean};

/// The verdict of a whole run: that of its worst threshold; `None` without thresholds.
pub(super) fn overall(thresholds: &[ThresholdResult]) -> Option<ThresholdVerdict> {
    let worst = |verdict: &ThresholdVerdict| match verdict {
        ThresholdVerdict::Fail => 2,
        ThresholdVerdict::Inconclusive => 1,
        ThresholdVerdict::Pass => 0,
    };
    thresholds
        .iter()
        .map(|threshold| threshold.verdict)
        .max_by_key(worst)
}

/// `✗ 1 of 3 thresholds missed, 1 inconclusive`; `None` without thresholds.
pub(super) fn verdict(thresholds: &[ThresholdResult]) -> Option<String> {
    let count = |verdict| thresholds.iter().filter(|t| t.verdict == verdict).count();
    let [missed, open] = [ThresholdVerdict::Fail, ThresholdVerdict::Inconclusive].map(count);
    let word = match overall(thresholds)? {
        ThresholdVerdict::Pass => "✓",
        ThresholdVerdict::Fail => "✗",
        ThresholdVerdict::Inconclusive => "?",
    };
    let all = counted(thresholds.len(), "threshold");
    let of = |count: usize, what: &str| match thresholds.len() {
        1 => format!("threshold {what}"),
        _ => format!("{count} of {all} {what}"),
    };
    let text = match (missed, open) {
        (0, 0) if thresholds.len() == 1 => "threshold met".to_owned(),
        (0, 0) => format!("all {all} met"),
        (0, open) => of(open, "inconclusive"),
        (missed, 0) => of(missed, "missed"),
        (missed, open) => format!("{}, {open} inconclusive", of(missed, "missed")),
    };
    Some(format!("{word} {text}"))
}

pub(super) const fn class(verdict: Option<ThresholdVerdict>) -> &'static str {
    match verdict {
        Some(ThresholdVerdict::Pass) => "pass",
        Some(ThresholdVerdict::Fail) => "fail",
        Some(ThresholdVerdict::Inconclusive) => "inconclusive",
        None => "",
    }
}

const fn verdict_word(verdict: ThresholdVerdict) -> &'static str {
    match verdict {
        ThresholdVerdict::Pass => "✓ pass",
        ThresholdVerdict::Fail => "✗ fail",
        ThresholdVerdict::Inconclusive => "? inconclusive",
    }
}

pub(super) fn section(thresholds: &[ThresholdResult]) -> Markup {
    html! {
        section aria-labelledby="thresholds" {
            h2 #thresholds { "Thresholds" }
            @if thresholds.is_empty() {
                p { "Nothing was expected of this run." }
            } @else {
                div.scroll { table {
                    thead { tr {
                        @for title in ["verdict", "expected", "limit", "value", "95 % interval", "margin"] {
                            th scope="col" { (title) }
                        }
                    } }
                    tbody { @for threshold in thresholds { (threshold_row(threshold)) } }
                } }
            }
        }
    }
}

fn threshold_row(threshold: &ThresholdResult) -> Markup {
    let unit = unit_of(&threshold.expect);
    html! {
        tr class=(class(Some(threshold.verdict))) {
            td.verdict { (verdict_word(threshold.verdict)) }
            th.name scope="row" { (threshold.expect) }
            td { (in_unit(unit, threshold.limit)) }
            td { (mean(unit, &threshold.value)) }
            td { (interval(unit, &threshold.value.cut(unit))) }
            td { (threshold.margin.map_or("–".to_owned(), change)) }
        }
    }
}

/// The unit of the figure that a threshold's text speaks of.
fn unit_of(expect: &str) -> Unit {
    let threshold: Result<Threshold, _> = expect.parse();
    threshold.map_or(Unit::Count, |threshold| threshold.selector.metric.unit())
}

#[cfg(test)]
mod tests {
    use ebbtide_measure::Estimate;

    use super::*;

    fn judged(verdicts: &[ThresholdVerdict]) -> Vec<ThresholdResult> {
        let one = |verdict: &ThresholdVerdict| ThresholdResult {
            expect: "p95(sojourn) < 1s".to_owned(),
            verdict: *verdict,
            limit: 1.0,
            value: Estimate::default(),
            margin: None,
        };
        verdicts.iter().map(one).collect()
    }

    #[test]
    fn the_worst_threshold_speaks_for_the_run() {
        use ThresholdVerdict::{Fail, Inconclusive, Pass};
        for (verdicts, text) in [
            (vec![], None),
            (vec![Pass], Some("✓ threshold met")),
            (vec![Pass, Pass], Some("✓ all 2 thresholds met")),
            (vec![Inconclusive], Some("? threshold inconclusive")),
            (
                vec![Pass, Inconclusive],
                Some("? 1 of 2 thresholds inconclusive"),
            ),
            (vec![Fail], Some("✗ threshold missed")),
            (
                vec![Fail, Inconclusive, Pass],
                Some("✗ 1 of 3 thresholds missed, 1 inconclusive"),
            ),
        ] {
            assert_eq!(verdict(&judged(&verdicts)).as_deref(), text);
        }
    }

    #[test]
    fn a_threshold_is_printed_in_the_unit_of_its_figure() {
        for (expect, unit) in [
            ("p95(sojourn) < 500ms", Unit::Seconds),
            ("p99(sojourn, class=chat) < 2s", Unit::Seconds),
            ("throughput(agent=write) > 40/s", Unit::PerSecond),
            ("success_rate >= 0.99", Unit::Share),
            ("by_class.chat.sojourn_s.p95 < 1s", Unit::Seconds),
            ("nonsense", Unit::Count),
            ("workers_mean < 3", Unit::Count),
        ] {
            assert_eq!(unit_of(expect), unit, "{expect}");
        }
    }
}
