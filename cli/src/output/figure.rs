//! A figure of the results as text for people: its mean, its interval and its unit.

use ebbtide_measure::metric::Unit;
use ebbtide_measure::{Estimate, Group, Metric, Threshold, ThresholdResult};

use crate::output::number;

/// What stands where there is no figure.
pub(crate) const NOTHING: &str = "–";

/// As [`difference`], of a figure that cannot be negative: where its interval reaches beyond what it can be, the part
/// that is left is told instead, `0.2 [0 to 0.7]`, since half a width would promise what cannot happen.
pub(crate) fn estimate(unit: Unit, estimate: &Estimate) -> String {
    let (text, cut) = (difference(unit, estimate), estimate.cut(unit));
    match (cut.mean, cut.ci_low, cut.ci_high) {
        (Some(mean), Some(low), Some(high)) if cut != *estimate && text.contains('±') => {
            format!(
                "{} [{} to {}]",
                plain(unit, mean),
                limit(unit, low),
                limit(unit, high)
            )
        }
        _ => text,
    }
}

/// `157 ± 4 ms`; "≥" where the true value may be larger; a dash where nothing may be printed.
fn difference(unit: Unit, estimate: &Estimate) -> String {
    let Some(mean) = estimate.mean else {
        return NOTHING.to_owned();
    };
    if estimate.at_least {
        return format!("≥ {}", plain(unit, mean));
    }
    match estimate.half_width() {
        None => plain(unit, mean),
        Some(half) => match unit {
            Unit::Seconds => number::seconds_within(mean, half),
            Unit::PerSecond => format!("{}/s", number::within(mean, half)),
            Unit::Share => number::percent_within(mean, half),
            Unit::Count => number::within(mean, half),
        },
    }
}

/// A difference, of which growth has its sign, `+12 ± 3 %` and `≥ +9,860 %`; where its interval reaches below what it can
/// be, `least`, the part that is left is told, as of an [`estimate`].
pub(crate) fn signed(unit: Unit, value: &Estimate, least: f64) -> String {
    let grown = |mean: f64| if mean > 0.0 { "+" } else { "" };
    match (value.mean, value.ci_low, value.ci_high) {
        (Some(mean), ..) if value.at_least => format!("≥ {}{}", grown(mean), plain(unit, mean)),
        (Some(mean), Some(low), Some(high)) if low < least => {
            let end = |value: f64| grown(value).to_owned() + &limit(unit, value);
            let (mean, low, high) = (
                grown(mean).to_owned() + &plain(unit, mean),
                end(least),
                end(high),
            );
            format!("{mean} [{low} to {high}]")
        }
        (Some(mean), ..) => grown(mean).to_owned() + &difference(unit, value),
        (None, ..) => NOTHING.to_owned(),
    }
}

/// The figure `metric` of `group`; a dash where it does not apply.
pub(crate) fn of_group(metric: Metric, group: &Group<Estimate>) -> String {
    match group.figures.get(metric) {
        Some(value) => estimate(metric.unit(), value),
        None => NOTHING.to_owned(),
    }
}

/// What a threshold found, in the unit of its figure.
pub(crate) fn of_threshold(result: &ThresholdResult) -> String {
    match result.expect.parse::<Threshold>() {
        Ok(threshold) => estimate(threshold.selector.metric.unit(), &result.value),
        Err(_) => NOTHING.to_owned(),
    }
}

/// A value in a metric's unit, without an interval.
pub(crate) fn plain(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => number::seconds(value),
        Unit::PerSecond => format!("{}/s", number::significant(value)),
        Unit::Share => number::percent(value),
        Unit::Count => number::significant(value),
    }
}

/// A limit in a metric's unit, as a person would write it: `1.5 s`, not `1.50 s`.
pub(crate) fn limit(unit: Unit, value: f64) -> String {
    let text = plain(unit, value);
    let (digits, unit) = text.split_at(text.find([' ', '/']).unwrap_or(text.len()));
    let digits = match digits.split_once('.') {
        Some(_) => digits.trim_end_matches('0').trim_end_matches('.'),
        None => digits,
    };
    format!("{digits}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mean: Option<f64>, half: Option<f64>, at_least: bool, expected: &str) {
        let value = Estimate {
            mean,
            ci_low: mean.zip(half).map(|(mean, half)| mean - half),
            ci_high: mean.zip(half).map(|(mean, half)| mean + half),
            at_least,
        };
        assert_eq!(estimate(Unit::Seconds, &value), expected);
    }

    #[test]
    fn an_estimate_says_how_sure_it_is() {
        check(Some(0.157), Some(0.004), false, "157 ± 4 ms");
        check(Some(0.157), None, false, "157 ms");
        check(Some(0.157), None, true, "≥ 157 ms");
        check(None, None, false, "–");
    }

    /// `9.57 ± 96.73 ms`, it said of a wait.
    #[test]
    fn an_interval_of_what_cannot_be_negative_is_not_told_to_be() {
        check(Some(0.157), Some(0.2), false, "157 ms [0 s to 357 ms]");
        let share = Estimate {
            mean: Some(0.99),
            ci_low: Some(0.97),
            ci_high: Some(1.01),
            at_least: false,
        };
        assert_eq!(estimate(Unit::Share, &share), "99 % [97 % to 100 %]");
        assert_eq!(difference(Unit::Share, &share), "99.0 ± 2.0 %");
    }

    /// `+≥ 9,860 %`, it said, and that a figure had fallen by 134 % of itself.
    #[test]
    fn a_difference_has_its_sign_before_its_number() {
        let relative = |mean, half: Option<f64>, at_least| {
            let value = Estimate {
                mean: Some(mean),
                ci_low: half.map(|half| mean - half),
                ci_high: half.map(|half| mean + half),
                at_least,
            };
            signed(Unit::Share, &value, -1.0)
        };
        assert_eq!(relative(98.6, None, true), "≥ +9,860 %");
        assert_eq!(relative(0.12, Some(0.03), false), "+12.0 ± 3.0 %");
        assert_eq!(relative(-0.54, Some(0.01), false), "-54.0 ± 1.0 %");
        assert_eq!(relative(-0.54, Some(0.8), false), "-54 % [-100 % to +26 %]");
        assert_eq!(relative(0.0, None, false), "0 %");
    }
}
