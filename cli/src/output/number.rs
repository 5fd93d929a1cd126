//! Numbers for people: three significant digits and a unit. Programs read the JSON.

/// A time in seconds, in the unit that suits its size.
pub(crate) fn seconds(value: f64) -> String {
    let (scale, unit) = time_unit(value);
    format!("{} {unit}", significant(value * scale))
}

/// A time with the half-width of its interval, both in the mean's unit: `157 ± 4 ms`.
pub(crate) fn seconds_within(mean: f64, half_width: f64) -> String {
    let (scale, unit) = time_unit(mean);
    format!("{} {unit}", within(mean * scale, half_width * scale))
}

/// A share of one, in per cent. What is not quite all never reads as all.
pub(crate) fn percent(value: f64) -> String {
    let text = significant(value * 100.0);
    if value < 1.0 && text.starts_with("100") {
        return format!("{:.4} %", (value * 1e6).floor() / 1e4);
    }
    format!("{text} %")
}

/// A share of one with the half-width of its interval, in per cent.
pub(crate) fn percent_within(mean: f64, half_width: f64) -> String {
    format!("{} %", within(mean * 100.0, half_width * 100.0))
}

/// A plain number to three significant digits; whole numbers keep all theirs, in groups.
pub(crate) fn significant(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return count(value);
    }
    let decimals = decimals(value);
    if decimals > 6 {
        return format!("{value:.2e}");
    }
    if decimals == 0 {
        return count(value);
    }
    format!("{value:.decimals$}")
}

/// A number with the half-width of its interval, to the digits of the mean, or to the first
/// digit of the half-width where that is finer.
pub(crate) fn within(mean: f64, half_width: f64) -> String {
    if half_width == 0.0 {
        return significant(mean);
    }
    let decimals = decimals(mean).max(first_decimal(half_width)).min(6);
    if mean.abs() >= 1000.0 && half_width >= 1.0 {
        return format!("{} ± {}", count(mean), count(half_width));
    }
    format!("{mean:.decimals$} ± {half_width:.decimals$}")
}

/// A count that is only an estimate, to two digits: `2.1 million`.
pub(crate) fn rough(value: f64) -> String {
    match value {
        v if v >= 9.95e8 => format!("{} billion", two_digits(v / 1e9)),
        v if v >= 9.95e5 => format!("{} million", two_digits(v / 1e6)),
        v if v >= 100.0 => {
            let unit = 10_f64.powf(v.log10().floor() - 1.0);
            count((v / unit).round() * unit)
        }
        v => format!("{v:.0}"),
    }
}

fn two_digits(value: f64) -> String {
    if value < 9.95 {
        format!("{value:.1}")
    } else {
        count(value)
    }
}

/// A length of wall time: `40 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn long_time(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, 0) => "under a second".to_owned(),
        (0, 0, secs) => format!("{secs} s"),
        (0, mins, secs) => format!("{mins} min {secs} s"),
        (hours, mins, _) => format!("{} h {mins} min", count(hours as f64)),
    }
}

/// A whole number in groups of three.
pub(crate) fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        s if s == 0.0 || s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    }
}

/// Decimals that show three significant digits, also where rounding adds one in front.
fn decimals(value: f64) -> usize {
    if value == 0.0 {
        return 2;
    }
    let magnitude = value.abs().log10();
    // 9.995 is 10.0 to three digits.
    let rounded = (magnitude + ROUNDS_UP).floor().max(magnitude.floor());
    (2.0 - rounded).max(0.0) as usize
}

/// `log10(1000 / 999.5)`: how far below a power of ten three digits round up to it.
const ROUNDS_UP: f64 = 0.000_217_2;

/// Decimals that show the first digit of `value`.
fn first_decimal(value: f64) -> usize {
    (-value.abs().log10().floor()).max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text, expected);
    }

    #[test]
    fn times_take_the_unit_that_suits_them() {
        check(&seconds(0.0), "0 s");
        check(&seconds(0.157_4), "157 ms");
        check(&seconds(12.345), "12.3 s");
        check(&seconds(0.000_045_67), "45.7 µs");
        check(&seconds(0.000_000_1), "100 ns");
        check(&seconds(12_345.6), "12,346 s");
    }

    #[test]
    fn a_half_width_never_reads_as_nothing() {
        check(&seconds_within(0.157, 0.004), "157 ± 4 ms");
        check(&seconds_within(0.157, 0.000_3), "157.0 ± 0.3 ms");
        check(&seconds_within(0.157, 0.0), "157 ms");
        check(&within(2.345, 0.1), "2.35 ± 0.10");
        check(&within(123_456.0, 789.0), "123,456 ± 789");
        check(&percent_within(0.123_4, 0.01), "12.3 ± 1.0 %");
    }

    #[test]
    fn not_quite_all_never_reads_as_all() {
        check(&percent(1.0), "100 %");
        check(&percent(0.999_9), "99.9900 %");
        check(&percent(0.999), "99.9 %");
        check(&percent(0.123_4), "12.3 %");
    }

    #[test]
    fn an_estimate_shows_two_digits() {
        check(&rough(12.0), "12");
        check(&rough(12_345.0), "12,000");
        check(&rough(2_123_456.0), "2.1 million");
        check(&rough(45e9), "45 billion");
    }

    #[test]
    fn wall_time_reads_as_a_clock_would() {
        check(&long_time(0.2), "under a second");
        check(&long_time(40.2), "40 s");
        check(&long_time(200.0), "3 min 20 s");
        check(&long_time(7_500.0), "2 h 5 min");
    }

    #[test]
    fn whole_numbers_are_grouped() {
        check(&count(0.0), "0");
        check(&count(999.0), "999");
        check(&count(1_234_567.0), "1,234,567");
        check(&count(-1_000.0), "-1,000");
        check(&significant(112_000.0), "112,000");
        check(&significant(999.7), "1,000");
        check(&significant(9.999), "10.0");
        check(&significant(9.99), "9.99");
    }
}
