//! Numbers for people: at most three significant digits, always with their unit.
//!
//! Apart from the figures because report, tables, summaries and axes must write the same
//! number in the same way. Exact numbers are in the run's JSON.

use ebbtide_measure::Estimate;
use ebbtide_measure::metric::Unit;

/// How far a share below 1 may be rounded: what happened to a few must not read as "never".
const ALMOST_ALL: f64 = 0.9995;
/// Below, zeros after the point would have to be counted.
const SMALLEST: f64 = 1e-4;
/// From here on a time in seconds says nothing to anybody.
const LONG: f64 = 1e5;
/// From here on digits would have to be counted.
const LARGEST: f64 = 1e15;

/// `value` with three significant digits and no trailing zeros: "0.0412", "41.2", "4120" → "4120".
pub(crate) fn three(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() < SMALLEST || value.abs() >= LARGEST {
        return format!("{value:.2e}").replace('-', "−");
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let scale = 10f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    let text = format!("{rounded:.*}", digits.max(0) as usize);
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    text.replace('-', "−")
}

/// A plain quantity: "950", "12.3 k", "4.1 M".
pub(crate) fn quantity(value: f64) -> String {
    let (scaled, prefix) = match value.abs() {
        v if v >= 999.5e6 => (value / 1e9, " G"),
        v if v >= 999.5e3 => (value / 1e6, " M"),
        v if v >= 9995.0 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    three(scaled) + prefix
}

/// A rate: "412 /s".
pub(crate) fn per_second(value: f64) -> String {
    let text = quantity(value);
    if text.contains(' ') {
        text + "/s"
    } else {
        text + " /s"
    }
}

/// A length of time: "85 µs", "412 ms", "1.3 s", "7.5 min", "2.1 h".
pub(crate) fn seconds(value: f64) -> String {
    let (length, unit) = time_unit(value);
    format!("{} {unit}", three(value / length))
}

/// The unit in which a time reads best, and its length in seconds.
fn time_unit(value: f64) -> (f64, &'static str) {
    match value.abs() {
        // Times are whole nanoseconds; less is a rounding error of their differences.
        v if v < 0.5e-9 => (f64::INFINITY, "s"),
        v if v < 999.5e-9 => (1e-9, "ns"),
        v if v < 999.5e-6 => (1e-6, "µs"),
        v if v < 0.9995 => (1e-3, "ms"),
        v if v < 599.5 => (1.0, "s"),
        v if v < 3.0 * 3600.0 => (60.0, "min"),
        v if v < 96.0 * 3600.0 => (3600.0, "h"),
        _ => (86400.0, "d"),
    }
}

/// The unit in which a time is told among others.
fn figure_unit(value: f64) -> (f64, &'static str) {
    if (0.9995..LONG).contains(&value.abs()) {
        return (1.0, "s");
    }
    time_unit(value)
}

/// A share as a percentage: "12.5 %", and "> 99.9 %" rather than a rounded "100 %".
pub(crate) fn percent(share: f64) -> String {
    if share > ALMOST_ALL && share < 1.0 {
        return "> 99.9 %".to_owned();
    }
    three(share * 100.0) + " %"
}

/// A relative difference: "+12.5 %", "−3 %".
pub(crate) fn change(share: f64) -> String {
    let sign = if share > 0.0 { "+" } else { "" };
    format!("{sign}{} %", three(share * 100.0))
}

/// A point in time since the start: "7 min", "7 min 30 s", "45 s", "1 h 5 min".
pub(crate) fn clock(at_s: f64) -> String {
    if at_s < 60.0 {
        return seconds(at_s);
    }
    let whole = at_s.round() as u64;
    let (large, small, units) = if whole < 3600 {
        (whole / 60, whole % 60, ("min", "s"))
    } else {
        (whole / 3600, whole % 3600 / 60, ("h", "min"))
    };
    if small == 0 {
        format!("{large} {}", units.0)
    } else {
        format!("{large} {} {small} {}", units.0, units.1)
    }
}

/// "1 message", "2 messages".
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", quantity(count as f64))
}

/// A figure in its unit. Times are in seconds at most, so that those of one column compare at a glance.
pub(crate) fn in_unit(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => {
            let (length, unit) = figure_unit(value);
            format!("{} {unit}", three(value / length))
        }
        Unit::PerSecond => per_second(value),
        Unit::Share => percent(value),
        Unit::Count => quantity(value),
    }
}

/// The mean of an estimate, "≥" before it where the true one may be larger.
pub(crate) fn mean(unit: Unit, estimate: &Estimate) -> String {
    let least = if estimate.at_least { "≥ " } else { "" };
    let text = |mean| format!("{least}{}", in_unit(unit, mean));
    estimate.mean.map_or("–".to_owned(), text)
}

/// Half a width of an interval around `mean`: two digits say enough, and a time is told in the
/// mean's own unit, so that the two compare at a glance.
pub(crate) fn half_width(unit: Unit, mean: f64, half: f64) -> String {
    if half == 0.0 {
        return "0".to_owned();
    }
    match unit {
        Unit::Seconds if mean != 0.0 => {
            let (length, unit) = figure_unit(mean);
            format!("{} {unit}", three(two_digits(half / length)))
        }
        _ => in_unit(unit, two_digits(half)),
    }
}

fn two_digits(value: f64) -> f64 {
    let scale = 10f64.powi(1 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// The interval of an estimate.
pub(crate) fn interval(unit: Unit, estimate: &Estimate) -> String {
    let [low, high] = [estimate.ci_low, estimate.ci_high].map(|end| end.map(|v| in_unit(unit, v)));
    match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("≥ {low}"),
        (None, _) => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_no_idle_zeros() {
        let shown = [0.041_23, 41.25, 412.0, 4123.0, 0.5, 999.6, -2.5, 0.0].map(three);
        let wanted = ["0.0412", "41.3", "412", "4120", "0.5", "1000", "−2.5", "0"];
        assert_eq!(shown, wanted);
        assert_eq!([f64::MAX, 0.000_01].map(three), ["1.80e308", "1.00e−5"]);
    }

    #[test]
    fn every_quantity_has_its_unit() {
        assert_eq!(quantity(12_345.0), "12.3 k");
        assert_eq!(per_second(412.3), "412 /s");
        assert_eq!(per_second(12_345.0), "12.3 k/s");
        assert_eq!(percent(0.125), "12.5 %");
        assert_eq!(change(0.02), "+2 %");
    }

    #[test]
    fn times_take_the_unit_that_fits() {
        let shown = [0.000_085, 0.4123, 0.9999, 1.25, 450.0, 900.0, 86_400.0].map(seconds);
        let wanted = [
            "85 µs", "412 ms", "1 s", "1.25 s", "450 s", "15 min", "24 h",
        ];
        assert_eq!(shown, wanted);
        assert_eq!(clock(450.0), "7 min 30 s");
        assert_eq!(clock(3900.0), "1 h 5 min");
        assert_eq!(clock(3599.9), "1 h");
    }

    /// 94.8 h ± 10.9 d, it said, and 13.8 min ± 390 s; and times of one column are in one unit, if it can be.
    #[test]
    fn half_a_width_is_told_in_its_means_unit() {
        let told = |mean, half| half_width(Unit::Seconds, mean, half);
        assert_eq!(told(341_280.0, 939_000.0), "260 h");
        assert_eq!(told(828.0, 390.0), "390 s");
        // 57.5 min ± 0.317 min, it said.
        assert_eq!(in_unit(Unit::Seconds, 3_450.4), "3450 s");
        assert_eq!(told(3_450.4, 19.02), "19 s");
        assert_eq!(told(0.157, 0.004), "4 ms");
        assert_eq!(told(0.0, 0.004), "4 ms");
        assert_eq!(half_width(Unit::Count, 5.0, 0.049), "0.049");
    }

    #[test]
    fn a_share_of_almost_all_is_not_rounded_to_all() {
        assert_eq!(percent(0.999_99), "> 99.9 %");
        assert_eq!(percent(1.0), "100 %");
    }

    #[test]
    fn next_to_nothing_is_written_as_a_power() {
        assert_eq!(three(0.000_001_234), "1.23e−6");
        assert_eq!(seconds(-8.3e-17), "0 s");
    }

    #[test]
    fn what_is_not_a_number_is_a_dash() {
        assert_eq!(three(f64::NAN), "–");
        assert_eq!(three(f64::INFINITY), "–");
    }
}
