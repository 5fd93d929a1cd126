//! A row of a case and what became of it, as a line.

use ebbtide_measure::Estimate;
use ebbtide_sim::theory::{Judgement, Row};

/// The line of a row that was judged.
pub(super) fn text(row: &Row, judgement: &Judgement) -> String {
    match judgement {
        Judgement::Pass(found) => line(row, found, "pass"),
        Judgement::Off(found) => line(row, found, "fail: the interval misses the value"),
        Judgement::TooWide(found) => {
            let asked = format!(
                "fail: the interval is wider than ±{} %",
                row.rel_tol * 100.0
            );
            line(row, found, &asked)
        }
        Judgement::Inexpressible(why) => inexpressible(row, why),
    }
}

/// The line of a row that cannot be expressed: a failure.
pub(super) fn inexpressible(row: &Row, why: &str) -> String {
    let expected = digits(row.value);
    format!(
        "  {:<18} expected {expected:>10}  fail: cannot be expressed: line {}: {why}\n",
        row.metric, row.line
    )
}

fn line(row: &Row, found: &Estimate, verdict: &str) -> String {
    let shown = |value: Option<f64>| value.map_or("–".to_owned(), digits);
    format!(
        "  {:<18} expected {:>10}  simulated {:>10}  interval {:>10} … {:<10}  {verdict}\n",
        row.metric,
        digits(row.value),
        shown(found.mean),
        shown(found.ci_low),
        shown(found.ci_high),
    )
}

/// Five significant digits: tolerances are per cents.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (4.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_digits_tell_a_row_from_its_tolerance() {
        assert_eq!(digits(7.824_046_01), "7.8240");
        assert_eq!(digits(0.027_352_472_1), "0.027352");
        assert_eq!(digits(12_345.678), "12346");
        assert_eq!(digits(0.0), "0");
    }
}
