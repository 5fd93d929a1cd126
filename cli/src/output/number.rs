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
        return format!("{} %", (value * 1e6).floor() / 1e4);
    }
    format!("{text} %")
}

/// A relative difference in hundredths, with its sign: `+1.25`; what rounds to nothing has none.
pub(crate) fn signed_hundredths(share: f64) -> String {
    unsigned_nothing(format!("{:+.2}", share * 100.0))
}

/// A number's text, without a sign if it shows nothing but zeros.
fn unsigned_nothing(text: String) -> String {
    let is_nothing = text.chars().all(|c| "+-0.".contains(c));
    if is_nothing {
        return text.trim_start_matches(['+', '-']).to_owned();
    }
    text
}

/// A share of one with the half-width of its interval, in per cent.
pub(crate) fn percent_within(mean: f64, half_width: f64) -> String {
    let text = within(mean * 100.0, half_width * 100.0);
    if text.contains('±') {
        return format!("{text} %");
    }
    percent(mean)
}

/// A plain number to three significant digits; whole numbers keep all theirs, in groups.
pub(crate) fn significant(value: f64) -> String {
    let is_long = value.abs() >= LONGEST;
    if value.fract() == 0.0 && !is_long {
        return count(value);
    }
    let places = places(value);
    if places > FINEST || is_long {
        return format!("{value:.2e}");
    }
    to_places(value, places)
}

/// A number with the half-width of its interval, to the digits of the number; without, where
/// those digits would show a half-width of nothing.
pub(crate) fn within(mean: f64, half_width: f64) -> String {
    let places = places(mean).min(FINEST);
    let smallest = 0.5 * 10_f64.powi(-places);
    if half_width < smallest {
        return significant(mean);
    }
    let half_width = to_places(half_width, places);
    format!("{} ± {half_width}", to_places(mean, places))
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
    if value.abs() >= LONGEST {
        return format!("{value:.2e}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 && digits != "0" {
        "-"
    } else {
        ""
    });
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

/// From here on whole digits say nothing more.
const LONGEST: f64 = 1e15;
/// Decimals beyond which a number is written with its power of ten.
const FINEST: i32 = 6;
/// `log10(1000 / 999.5)`: how far below a power of ten three digits round up to it.
const ROUNDS_UP: f64 = 0.000_217_2;

/// Decimals that show three significant digits, also where rounding adds one in front;
/// negative where even whole digits are too many.
fn places(value: f64) -> i32 {
    if value == 0.0 {
        return 2;
    }
    2 - (value.abs().log10() + ROUNDS_UP).floor() as i32
}

/// A number to so many decimals, or rounded before its point.
fn to_places(value: f64, places: i32) -> String {
    if places > 0 {
        return unsigned_nothing(format!("{value:.*}", places as usize));
    }
    let unit = 10_f64.powi(-places);
    count((value / unit).round() * unit)
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
        check(&seconds(12_345.6), "12,300 s");
    }

    #[test]
    fn a_half_width_has_the_digits_of_its_mean() {
        check(&seconds_within(0.157, 0.004), "157 ± 4 ms");
        check(&seconds_within(0.157, 0.000_3), "157 ms");
        check(&seconds_within(0.157, 0.0), "157 ms");
        check(&within(2.345, 0.1), "2.35 ± 0.10");
        check(&within(123_456.0, 2_789.0), "123,000 ± 3,000");
        check(&within(1_504.0, 254.0), "1,500 ± 250");
        check(&percent_within(0.123_4, 0.01), "12.3 ± 1.0 %");
        check(&within(6.72, 12.3), "6.72 ± 12.30");
    }

    #[test]
    fn not_quite_all_never_reads_as_all() {
        check(&percent(1.0), "100 %");
        check(&percent(0.999_9), "99.99 %");
        check(&percent_within(0.999_9, 0.000_01), "99.99 %");
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
    fn nothing_has_no_sign() {
        check(&signed_hundredths(0.0125), "+1.25");
        check(&signed_hundredths(-0.5), "-50.00");
        check(&signed_hundredths(-0.000_01), "0.00");
        check(&signed_hundredths(0.0), "0.00");
        check(&within(-1e-9, 0.5), "0.000000 ± 0.500000");
        check(&percent(-0.0), "0 %");
    }

    #[test]
    fn no_number_fills_the_page() {
        check(&significant(f64::MAX), "1.80e308");
        check(&significant(-3e20), "-3.00e20");
        check(&count(f64::MAX), "1.80e308");
        check(&seconds(1e300), "1.00e300 s");
        check(&within(1e300, 1e299), "1.00e300 ± 1.00e299");
    }

    #[test]
    fn whole_numbers_are_grouped() {
        check(&count(0.0), "0");
        check(&count(999.0), "999");
        check(&count(1_234_567.0), "1,234,567");
        check(&count(-1_000.0), "-1,000");
        check(&count(-0.3), "0");
        check(&count(-0.0), "0");
        check(&significant(112_000.0), "112,000");
        check(&significant(999.7), "1,000");
        check(&significant(9.999), "10.0");
        check(&significant(9.99), "9.99");
    }
}
